"""The connection to a sandbox on an event loop.

Cheaper than asyncio's streams or `sock_recv`, which register the socket anew for every answer: here it is registered
once, and an invocation costs one send, one wake-up and one receive.
"""

import asyncio
import socket
from typing import Any, Final

from settle.local import frames

_CHUNK: Final = 1 << 16


class Channel:
    """Sends frames and receives one answer at a time. All methods are for the loop's own thread.

    Args:
        connection: to the sandbox; stays the caller's to close, after `close`.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._answer: asyncio.Future[Any] = self._loop.create_future()
        self._closed = False
        connection.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self._loop.add_reader(connection, self._on_readable)

    async def send(self, frame: bytes) -> None:
        """Send one frame.

        Raises:
            EOFError: the other side is gone.
        """
        try:
            sent = self._connection.send(frame)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise EOFError from error
        if sent < len(frame):
            try:
                await self._loop.sock_sendall(self._connection, frame[sent:])
            except OSError as error:
                raise EOFError from error

    async def receive(self, timeout: float) -> Any:  # noqa: ANN401, ASYNC109 - any JSON value; Lambda's timeout
        """Wait for the next frame.

        Raises:
            EOFError: the other side is gone.
            TimeoutError: none came in time.
        """
        timer = self._loop.call_later(timeout, self._on_timeout)
        try:
            return await self._answer
        finally:
            timer.cancel()
            self._answer = self._loop.create_future()

    def close(self) -> None:
        """Leave the loop. Repeating it is harmless."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._connection)

    def _on_timeout(self) -> None:
        if not self._answer.done():
            self._answer.set_exception(TimeoutError())

    def _on_readable(self) -> None:
        try:
            chunk = self._connection.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self.close()
            if not self._answer.done():
                self._answer.set_exception(EOFError())
                # Nobody may be waiting: an idle sandbox can end, too.
                self._answer.exception()
            return
        self._received += chunk
        if frames.missing(self._received) == 0 and not self._answer.done():
            self._answer.set_result(frames.unpack(self._received))
            self._received = bytearray()
