"""A client that costs little: plain sockets and just enough HTTP, so that it does not take the processor it measures.

    python -m benchmarks.http_client '{"port": 8000, "machine": "flat", ...}'

Reads its orders from the command line and writes what it saw as one line of JSON.
"""

import asyncio
import json
import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Final

HOST: Final = "127.0.0.1"
ACCEPTED: Final = {200, 202}


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What to send.

    Attributes:
        port: of the system.
        machine: that the instances belong to.
        event: type.
        prefix: of the instance ids.
        instances: over how many the events go round.
        clients: connections, each with one request at a time.
        events: all in all.
        wait: whether each request waits for the outcome.
    """

    port: int
    machine: str
    event: str
    prefix: str
    instances: int
    clients: int
    events: int
    wait: bool


@dataclass(kw_only=True)
class Seen:
    """What came of it.

    Attributes:
        milliseconds: latency of each request.
        unsettled: requests that waited and were answered with 202 all the same.
        begun: when the first request went out, by the clock that all processes share (`time.perf_counter` on Linux).
        seconds: from the first request to the last answer.
        cpu_seconds: of this process.
    """

    milliseconds: list[float] = field(default_factory=list)
    unsettled: int = 0
    begun: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0


async def run(orders: Orders) -> Seen:
    """Send everything."""
    seen = Seen(begun=time.perf_counter())
    async with asyncio.TaskGroup() as group:
        for client in range(orders.clients):
            group.create_task(_run_client(orders, client, seen))
    seen.seconds = time.perf_counter() - seen.begun
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seen.cpu_seconds = usage.ru_utime + usage.ru_stime
    return seen


async def _run_client(orders: Orders, client: int, seen: Seen) -> None:
    reader, writer = await asyncio.open_connection(HOST, orders.port)
    for number in range(client, orders.events, orders.clients):
        request = _request(orders, number % orders.instances)
        begin = time.perf_counter()
        writer.write(request)
        status = await _read_status(reader)
        seen.milliseconds.append((time.perf_counter() - begin) * 1000)
        assert status in ACCEPTED, status
        seen.unsettled += orders.wait and status != 200
    writer.close()


def _request(orders: Orders, instance: int) -> bytes:
    body = json.dumps({"type": orders.event})
    prefer = "Prefer: wait=20\r\n" if orders.wait else ""
    return (
        f"POST /machines/{orders.machine}/instances/{orders.prefix}-{instance}/events HTTP/1.1\r\n"
        f"Host: {HOST}\r\nContent-Type: application/json\r\n{prefer}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def _read_status(reader: asyncio.StreamReader) -> int:
    """Read one answer, which has a length; return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(lines[0].split()[1])


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(run(Orders(**json.loads(sys.argv[1])))))))
