"""Uvicorn's parser of HTTP, which gives up on a head that does not end."""

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of a request line and headers that are still under way. The parser itself would keep all that comes."""


class BoundedProtocol(HttpToolsProtocol):
    """Counts what comes before the headers are complete."""

    _in_head, _head = True, 0

    def data_received(self, data: bytes) -> None:
        """Parse; refuse a head that is too large already."""
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        self._head += len(data)
        if self._head > MAX_HEAD_BYTES:
            self.send_400_response("The head of the request is too large.")

    def on_headers_complete(self) -> None:
        """Go on with the body."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Go on with the next request of this connection."""
        self._in_head, self._head = True, 0
        super().on_message_complete()
