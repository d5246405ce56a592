"""The embedded system end to end: a real process tree, real HTTP, real commits on disk.

    python -m benchmarks.embedded

Events per second count until the last event is applied, not only accepted. Processor time is that of the whole tree of
the system; the client's is told apart. The flat machine shows the system, `count` with its two services of 20 ms shows
what a machine adds. A row is worth as much as its last column is small: that is the share of the machine which other
processes took meanwhile.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.http_client import Orders
from benchmarks.tables import print_table
from tests.e2e.local_system import LocalSystem

MACHINES: Final = Path(__file__).with_name("machines")
WARM_UP_EVENTS: Final = 200
PATIENCE_SECONDS: Final = 120.0
IDLE_FIELDS: Final = slice(3, 5)
"""Of the first line of `/proc/stat`: idle, and waiting for a disk."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """One row."""

    name: str
    machine: str = "flat"
    event: str = "NEXT"
    instances: int = 200
    clients: int
    events: int = 2000
    wait: bool = False


LOADS: Final = (
    Load(name="one instance, in sequence, waiting", instances=1, clients=1, events=300, wait=True),
    Load(name="one instance, in sequence", instances=1, clients=1, events=1000),
    Load(name="200 instances, 8 clients, waiting", clients=8, wait=True),
    Load(name="200 instances, 8 clients", clients=8),
    Load(name="200 instances, 32 clients, waiting", clients=32, wait=True),
    Load(name="200 instances, 32 clients", clients=32),
    Load(name="count, 200 instances, 32 clients", machine="count", event="COUNT", clients=32),
)


def measure(system: LocalSystem, load: Load, number: int) -> list[object]:
    """Return the row of one load."""
    _send(system, load, f"warm-{number}", WARM_UP_EVENTS)
    before, cpu, machine = _applied(system), system.cpu_seconds(), _machine_seconds()
    seen = _send(system, load, f"run-{number}", load.events)
    applied = _applied(system) - before
    seconds, cpu = time.perf_counter() - seen["begun"], system.cpu_seconds() - cpu
    busy, available = (after - earlier for after, earlier in zip(_machine_seconds(), machine, strict=True))
    neighbours = max(0.0, busy - cpu - seen["cpu_seconds"]) / available
    assert applied == load.events, f"{applied} of {load.events} events were applied"
    latencies = sorted(seen["milliseconds"])
    return [
        load.name,
        load.events,
        f"{load.events / seconds:.0f}",
        f"{load.events / seen['seconds']:.0f}",
        f"{_at(latencies, 0.5):.1f}",
        f"{_at(latencies, 0.99):.1f}",
        seen["unsettled"],
        f"{cpu / load.events * 1000:.2f}",
        f"{seen['cpu_seconds'] / load.events * 1000:.2f}",
        f"{neighbours:.0%}",
    ]


def _send(system: LocalSystem, load: Load, prefix: str, events: int) -> dict[str, Any]:
    """Send events from a process of their own, and wait until they are applied."""
    wanted = _applied(system) + events
    orders = Orders(
        port=system.port,
        machine=load.machine,
        event=load.event,
        prefix=prefix,
        instances=load.instances,
        clients=load.clients,
        events=events,
        wait=load.wait,
    )
    command = [sys.executable, "-m", "benchmarks.http_client", json.dumps(asdict(orders))]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout  # noqa: S603 - our own module
    deadline = time.monotonic() + PATIENCE_SECONDS
    while _applied(system) < wanted and time.monotonic() < deadline:
        time.sleep(0.03)
    seen: dict[str, Any] = json.loads(output)
    return seen


def _applied(system: LocalSystem) -> int:
    """Return how many messages were processed and deleted; each carries one event."""
    mapping = system.report()["counters"]["mapping"]
    return int(mapping["messages"]) - int(mapping["failed_messages"])


def _machine_seconds() -> tuple[float, float]:
    """Return the processor time that was used on this machine since it started, and that there was."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    busy = sum(ticks) - sum(ticks[IDLE_FIELDS])
    return busy / os.sysconf("SC_CLK_TCK"), sum(ticks) / os.sysconf("SC_CLK_TCK")


def _at(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="settle-benchmark-") as folder:
        arguments = ["--machines", str(MACHINES)]
        with LocalSystem(Path(folder) / "data", *arguments) as system:
            rows = [measure(system, load, number) for number, load in enumerate(LOADS)]
    print_table(
        "The embedded system",
        [
            "load",
            "events",
            "applied/s",
            "accepted/s",
            "p50 ms",
            "p99 ms",
            "not waited out",
            "CPU ms/event",
            "client CPU ms/event",
            "neighbours",
        ],
        rows,
    )


if __name__ == "__main__":
    main()
