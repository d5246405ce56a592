"""HTTP over one connection that stays open, at a twentieth of the processor time of a general client.

The client shares the machine with the system that it drives: what it takes, the system does not have. httpx takes more
than the system does. So the connection is asyncio's own, and what it reads goes through httptools, the parser of the
server at the other end.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import httptools

HOST: Final = "127.0.0.1"
"""Never another one: load is for systems on this machine."""
REQUEST_SECONDS: Final = 30.0


class NoAnswerError(Exception):
    """The connection broke, or nothing came in time. What became of the request is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back.

    Attributes:
        status: of it.
        body: as received.
    """

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the document."""
        return json.loads(self.body)


class Connection(asyncio.Protocol):
    """One connection: one request at a time. Made anew by `request` when it broke.

    Args:
        port: of the system.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def request(
        self, method: str, path: str, document: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request and wait for the answer.

        Raises:
            NoAnswerError: there is none.
        """
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                if self._transport is None:
                    await asyncio.get_running_loop().create_connection(lambda: self, HOST, self._port)
                assert self._transport is not None
                self._answer = asyncio.get_running_loop().create_future()
                self._transport.write(_encode(method, path, document, headers or {}))
                return await self._answer
        except (OSError, TimeoutError) as error:
            self.close()
            raise NoAnswerError(f"{method} {path}: {str(error) or type(error).__name__}") from error

    def close(self) -> None:
        """Close it. Repeating it is harmless."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    # What asyncio calls ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError(str(exc or "the connection was closed")))

    # What httptools calls --------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._parts = []

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Answer(status=self._parser.get_status_code(), body=b"".join(self._parts)))


def _encode(method: str, path: str, document: object, headers: Mapping[str, str]) -> bytes:
    body = b"" if document is None else json.dumps(document).encode()
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {HOST}",
        f"Content-Length: {len(body)}",
        *(("Content-Type: application/json",) if body else ()),
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
