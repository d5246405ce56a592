"""Bytes on a socket: the local HTTP front, in front of the world, as `make start` serves it."""

import asyncio
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from settle.adapters.shifted_clock import ShiftedClock
from settle.local.clock_control import ClockControl
from settle.local.dev_routes import DevRoutes
from settle.local.gate import Gate
from settle.local.http_front import HttpFront
from settle.local.http_server import HttpServer, bind
from tests.fuzz.http.audit import FaultError
from tests.fuzz.http.figures import Figures
from tests.fuzz.http.leaks import find_leaks
from tests.fuzz.http.world import World

SECONDS: Final = 5.0
"""In which every request is answered or its connection closed."""
DEEP: Final = b"[" * 5_000
POST: Final = b"POST /callbacks/x HTTP/1.1\r\nHost: localhost\r\n"
GET: Final = b"GET /machines HTTP/1.1\r\nHost: localhost\r\n"
OK: Final = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST: Final = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

WIRE: Final[dict[str, bytes]] = {
    "nothing": b"",
    "a line break": b"\r\n\r\n",
    "no HTTP": b"hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /health\r\n\r\n",
    "HTTP/9.9": b"GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "another method": b"BREW /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "CONNECT": b"CONNECT x:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an upgrade": b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "a path that is not ASCII": b"GET /machines/\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "escapes that are no UTF-8": b"GET /machines/%ff%fe%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "escapes that are none": b"GET /machines/%zz%4 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a whole URL": b"GET http://evil/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a long path": b"GET /" + b"a" * 50_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a long header": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 50_000 + b"\r\n\r\n",
    "many headers": b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"X: 1\r\n" * 5_000 + b"\r\n",
    "a head without an end": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000,
    "a header without a name": b"GET /health HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n",
    "a header with a NUL": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
    "a folded header": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n",
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "a length and chunks": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length below nothing": POST + b"Content-Length: -1\r\n\r\n",
    "a length that is none": POST + b"Content-Length: ten\r\n\r\n",
    "a length in hex": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "a huge length": POST + b"Content-Length: 99999999999\r\n\r\n{}",
    "a length beyond all": POST + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n{}",
    "a body that is cut off": POST + b"Content-Length: 50\r\n\r\n{}",
    "a body that goes on": POST + b"Content-Length: 2\r\n\r\n{}{}{}{}\r\n\r\n",
    "chunks that are none": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "a chunk of a huge size": POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n{}",
    "an encoding that nobody knows": POST + b"Transfer-Encoding: gzip\r\n\r\n{}",
    "an expectation": POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    "two requests": OK + OK,
    "a request and rubbish": OK + b"\xff\xff\xff\xff",
    "claims that are deep": GET + b"X-Dev-Principal: a\r\nX-Dev-Claims: " + DEEP + b"\r\n\r\n",
    "claims that are NaN": GET + b'X-Dev-Principal: a\r\nX-Dev-Claims: {"a": NaN}\r\n\r\n',
    "claims of nobody": GET + b"X-Dev-Claims: {}1\r\n\r\n",
    "a principal that is no UTF-8": GET + b"X-Dev-Principal: \xff\xfe\r\n\r\n",
    "another local route": b"GET /dev/" + b"x" * 3_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "another local method": b"DELETE /dev/clock HTTP/1.1\r\nHost: localhost\r\n\r\n",
    **{
        f"the clock: {name}": b"POST /dev/clock HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
        % (len(body), body)
        for name, body in {
            "nothing": b"",
            "deep": b"[" * 100_000,
            "huge": b'{"advance": ' + b"9" * 4_000 + b"}",
            "a float beyond all": b'{"advance": 1e400}',
            "below nothing": b'{"advance": -1}',
            "a long text": b'{"advance": "' + b"1h" * 200_000 + b'"}',
            "a long text of nothing": b'{"advance": "' + b"x" * 2_000_000 + b'"}',
            "centuries": b'{"advance": "P999Y"}',
            "no UTF-8": b'{"advance": "\xff"}',
        }.items()
    },
}
"""What is sent, by what is bad about it."""


class _InProcess:
    """Runs the ingress of a world where the local system runs a function."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def invoke(self, event: object, *, request_id: str, waits: bool) -> Any:
        del request_id, waits
        assert isinstance(event, dict)
        return dict(self._world.resolve(event).raw)


class Wire:
    """A running front.

    Args:
        port: that it listens on.
        patience: seconds that an answer may take before it is told that no more will come: uvicorn then hangs up.
    """

    def __init__(self, port: int, patience: float = 0.0) -> None:
        self._port, self._patience = port, patience

    def send(self, data: bytes) -> bytes:
        """Send bytes, say that no more will come, and return all that comes back.

        Raises:
            FaultError: the front neither answers nor closes the connection.
        """
        with socket.create_connection(("127.0.0.1", self._port), timeout=SECONDS) as connection:
            with suppress(OSError):  # it may have closed the connection already
                connection.sendall(data)
            received = self._listen(connection)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            connection.settimeout(SECONDS)
            return received + _receive(connection, data)

    def goes_on(self) -> bool:
        """Whether it answers a request that is fine."""
        with self.open() as connection:
            connection.sendall(LAST)
            return _receive(connection, LAST).startswith(b"HTTP/1.1 200")

    def _listen(self, connection: socket.socket) -> bytes:
        """Return what comes before patience is lost."""
        if not self._patience:
            return b""
        connection.settimeout(self._patience)
        with suppress(OSError):
            return connection.recv(65_536)
        return b""

    def open(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self._port), timeout=SECONDS)


def _receive(connection: socket.socket, data: bytes) -> bytes:
    received = bytearray()
    try:
        while chunk := connection.recv(65_536):
            received += chunk
    except TimeoutError:
        raise FaultError(f"no end of an answer within {SECONDS} s to {data[:500]!r}") from None
    except ConnectionError:
        pass
    return bytes(received)


@contextmanager
def open_wire(world: World, clock_file: Path) -> Iterator[Wire]:
    """Serve a world on a socket."""
    clock = ShiftedClock(str(clock_file))
    control = ClockControl(clock, Gate(), wake=lambda: None, drain_seconds=1, idle_seconds=0)
    front = HttpFront(
        _InProcess(world),
        max_waiting=1,
        dev=DevRoutes(lambda: {"processes": []}, control),
        clock=world.system.clock,
        identities=True,
    )
    server, listener = HttpServer(front, drain_seconds=0), bind(0)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    try:
        yield Wire(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(SECONDS * 2)


def check_wire(wire: Wire, data: bytes, figures: Figures, route: str) -> None:
    """Send bytes; the front answers in order, tells nothing of its inside, and goes on.

    Raises:
        FaultError: it does not.
    """
    received = wire.send(data)
    statuses = [
        int(line[9:12]) for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.") and line[9:12].isdigit()
    ]
    for status in statuses or [0]:
        figures.note(route, status)
    faults = [f"status {status}" for status in statuses if status >= 500]
    faults += find_leaks(received.decode("latin-1"), {"body": data.decode("latin-1")})
    if len(received) > 100_000:
        faults.append(f"an answer of {len(received)} bytes")
    if not wire.goes_on():
        faults.append("it does not go on")
    if faults:
        raise FaultError(f"{data[:500]!r}\n-> {received[:500]!r}\n" + "\n".join(faults))


def mutants(begin: int) -> Iterator[bytes]:
    """Yield the requests of the table, each damaged somewhere, without end."""
    choose = random.Random(begin)  # noqa: S311 - damage, and the same again for the same number
    seeds = [each for each in WIRE.values() if 0 < len(each) < 10_000]
    while True:
        data = bytearray(choose.choice(seeds))
        for _ in range(choose.randint(1, 6)):
            at = choose.randrange(len(data) + 1)
            match choose.randrange(4):
                case 0:
                    data[at:at] = choose.choice([b"\r\n", b"\x00", b" ", b":", b"\xff", b"9" * 30, b"%", b"/", b"\t"])
                case 1:
                    del data[at : at + choose.randint(1, 8)]
                case 2:
                    data[at:at] = data[: choose.randint(0, 40)]
                case _:
                    data[at : at + 1] = bytes([choose.randrange(256)])
        yield bytes(data)
