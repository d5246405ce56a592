"""The HTTP API, as the commands for operators call it."""

import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

TIMEOUT_SECONDS: Final = 40.0
"""API Gateway gives up after 30."""
TRIES: Final = 5
TRY_AGAIN: Final = frozenset({429, 502, 503, 504})
"""Statuses that pass by themselves."""

Send = Callable[[str, str, dict[str, str], bytes], "Answer"]
"""Sends method, path, headers and body of one request. Raises `ApiUnavailableError`."""
Sign = Callable[[str, str, dict[str, str], bytes], dict[str, str]]
"""Returns the headers of a request with those that say who calls."""


class ApiUnavailableError(Exception):
    """The API cannot be reached. Nobody knows whether it has taken the request."""


class ApiRefusedError(Exception):
    """The API refused a request.

    Attributes:
        status: of the answer.
        code: of the problem; empty when API Gateway itself refused.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail or code or f"status {status}")
        self.status, self.code = status, code


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answers."""

    status: int
    text: str


class HttpSender:
    """Sends requests over one connection, which is opened anew when it was closed.

    Args:
        url: of the API.
        sign: says who calls.
    """

    def __init__(self, url: str, sign: Sign) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is not the address of an API")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
        self._base, self._path, self._sign = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/"), sign

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Send one request. Raises `ApiUnavailableError`."""
        target = self._path + path
        signed = self._sign(method, self._base + target, headers, body)
        try:
            self._connection.request(method, target, body or None, signed)
            answer = self._connection.getresponse()
            return Answer(answer.status, answer.read().decode())
        except (http.client.HTTPException, OSError) as error:
            self._connection.close()
            raise ApiUnavailableError(f"{self._base}: {error or type(error).__name__}") from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class ApiClient:
    """Calls the API.

    Args:
        send: sends one request.
        sleep: waits so many seconds.
    """

    def __init__(self, send: Send, sleep: Callable[[float], None]) -> None:
        self._send, self._sleep = send, sleep

    def get(self, path: str) -> Any:  # noqa: ANN401 - any JSON data
        """Return what is at a path. Raises `ApiRefusedError`, `ApiUnavailableError`."""
        return self._call("GET", path, {}, b"")

    def post(self, path: str, body: Any = None, *, wait: int = 0) -> Any:  # noqa: ANN401 - any JSON data
        """Ask for something that may be asked for twice, and return the answer.

        Args:
            path: of the request.
            body: JSON data; None for none.
            wait: seconds to wait for the receipt.

        Raises:
            ApiRefusedError: the API refused it.
            ApiUnavailableError: the API cannot be reached.
        """
        headers = {"prefer": f"wait={wait}"} if wait else {}
        content = b"" if body is None else json.dumps(body).encode()
        if content:
            headers["content-type"] = "application/json"
        return self._call("POST", path, headers, content)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self._sleep(seconds)

    def _call(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Any:  # noqa: ANN401
        for left in reversed(range(TRIES)):
            try:
                answer = self._send(method, path, {**headers}, body)
            except ApiUnavailableError:
                if not left:
                    raise
            else:
                if answer.status not in TRY_AGAIN or not left:
                    return _read(answer)
            self._sleep(2.0 ** (TRIES - left - 1))
        raise AssertionError("the last try returns or raises")


def _read(answer: Answer) -> Any:  # noqa: ANN401 - any JSON data
    try:
        document = json.loads(answer.text) if answer.text else {}
    except ValueError:
        document = {}
    if answer.status >= http.client.BAD_REQUEST:
        found = document if isinstance(document, dict) else {}
        # API Gateway's own refusals have a `message` alone.
        detail = str(found.get("detail") or found.get("message") or "")
        raise ApiRefusedError(answer.status, str(found.get("code", "")), detail)
    return document
