"""Uvicorn, set up for the local system: on a socket that is already bound, silent, and stopped by us."""

import contextlib
import socket
from collections.abc import Generator
from typing import Final

import uvicorn

from settle.local.errors import StartError
from settle.local.http_front import HttpFront
from settle.local.http_protocol import BoundedProtocol
from settle.local.options import HOST

BACKLOG: Final = 2048
"""Connections that wait to be accepted."""


class HttpServer(uvicorn.Server):
    """An HTTP server that leaves signals to the supervisor.

    Args:
        front: the application.
        drain_seconds: how long requests in flight may take once it is told to stop.
    """

    def __init__(self, front: HttpFront, *, drain_seconds: float) -> None:
        super().__init__(
            uvicorn.Config(
                front,
                http=BoundedProtocol,
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=int(drain_seconds) + 1,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Do nothing: uvicorn would end the process by the signal, not with status 0."""
        yield


def bind(port: int) -> socket.socket:
    """Take the port before anything is started for it.

    Raises:
        StartError: somebody else has it.
    """
    # The protocol is named because asyncio turns Nagle's algorithm off only then; with it every answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        # At once: only a listening socket keeps others away. Who connects now is answered when all is ready.
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise StartError(
            f"port {port} cannot be used ({error}): choose another one, for example `make start PORT={port + 1}`"
        ) from error
    return listener
