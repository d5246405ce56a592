"""Length-prefixed JSON over a socket: how the supervisor talks to its zygote and to its sandboxes.

Each side speaks in turn, so at most one frame is on its way and a reader never sees the beginning of the next one.
"""

import json
import socket
import struct
import time
from typing import Any, Final

_LENGTH: Final = struct.Struct(">I")
_CHUNK: Final = 1 << 16
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


def pack(message: object) -> bytes:
    """Encode one message.

    Raises:
        TypeError, ValueError: it is not JSON.
    """
    body = _encode(message).encode("ascii")
    return _LENGTH.pack(len(body)) + body


def receive(connection: socket.socket, timeout: float | None = None) -> Any:  # noqa: ANN401 - any JSON value
    """Read one message.

    Raises:
        EOFError: the other side is gone.
        TimeoutError: the whole message did not arrive in time.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    received = bytearray()
    while (left := missing(received)) > 0:
        if deadline is not None:
            connection.settimeout(max(deadline - time.monotonic(), 1e-6))
        try:
            chunk = connection.recv(max(left, _CHUNK))
        except ConnectionError as error:
            raise EOFError from error
        if not chunk:
            raise EOFError
        received += chunk
    return unpack(received)


def missing(received: bytearray) -> int:
    """Return how many bytes the frame that begins here still lacks, as far as one can tell."""
    if len(received) < _LENGTH.size:
        return _LENGTH.size
    length: int = _LENGTH.unpack_from(received)[0]
    return _LENGTH.size + length - len(received)


def unpack(received: bytearray) -> Any:  # noqa: ANN401 - any JSON value
    """Decode one whole frame."""
    return json.loads(received[_LENGTH.size :])
