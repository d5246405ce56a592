"""The memory and the processor time of every process of the system, as Linux tells them."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.e2e.local_system import cpu_seconds
from tests.load.http_client import Connection

LOOK_SECONDS: Final = 0.5
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_MEGABYTE: Final = 1 << 20
_IDLE_FIELDS: Final = slice(3, 5)
"""Of the first line of `/proc/stat`: idle, and waiting for a disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The processes at one moment.

    Attributes:
        resident: megabytes of each process, by role and process id; what forked processes share counts in each.
        cpu: processor seconds by process id.
    """

    resident: dict[tuple[str, int], float]
    cpu: dict[int, float]

    def count(self, role: str) -> int:
        """Return how many processes have a role."""
        return sum(one == role for one, _ in self.resident)

    def total(self, role: str) -> float:
        """Return the megabytes of all processes of a role."""
        return sum(megabytes for (one, _), megabytes in self.resident.items() if one == role)


@dataclass(kw_only=True)
class Watch:
    """What was seen while it lasted.

    Attributes:
        looks: at the processes; the first before the load, the last after it.
    """

    looks: list[Look] = field(default_factory=list)

    @property
    def cpu_seconds(self) -> float:
        """Processor time of all processes; of one that ended, up to the last look at it."""
        first = self.looks[0].cpu
        latest: dict[int, float] = {}
        for look in self.looks:
            latest.update(look.cpu)
        return sum(seconds - first.get(pid, 0.0) for pid, seconds in latest.items())

    def rows(self) -> list[Sequence[object]]:
        """Return a row for each role: processes, megabytes of all before, at the peak and after, and of the largest."""
        roles = Counter(role for look in self.looks for role, _ in look.resident)
        first, last = self.looks[0], self.looks[-1]
        return [
            (
                role,
                max(look.count(role) for look in self.looks),
                f"{first.total(role):.0f}",
                f"{max(look.total(role) for look in self.looks):.0f}",
                f"{last.total(role):.0f}",
                f"{max(size for look in self.looks for (one, _), size in look.resident.items() if one == role):.0f}",
            )
            for role in roles
        ]


@asynccontextmanager
async def watched(port: int) -> AsyncIterator[Watch]:
    """Look at the processes before, after, and twice a second meanwhile."""
    watch = Watch()
    async with Connection(port) as connection:
        watch.looks.append(await _look(connection))

        async def go_on() -> None:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                watch.looks.append(await _look(connection))

        looking = asyncio.create_task(go_on())
        try:
            yield watch
        finally:
            looking.cancel()
            await asyncio.wait([looking])
    async with Connection(port) as connection:
        watch.looks.append(await _look(connection))


async def read_counters(connection: Connection) -> dict[str, dict[str, int]]:
    """Return what the system counted since it was started."""
    counters: dict[str, dict[str, int]] = (await _report(connection))["counters"]
    return counters


async def _look(connection: Connection) -> Look:
    found = [(process["role"], process["pid"]) for process in (await _report(connection))["processes"]]
    return Look(
        resident={(role, pid): size for role, pid in found if (size := _resident(pid))},
        cpu={pid: cpu_seconds(pid) for _, pid in found},
    )


async def _report(connection: Connection) -> Any:
    return (await connection.request("GET", "/dev/processes")).json()


def _resident(pid: int) -> float:
    """Return the megabytes of a process; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / _MEGABYTE
    except OSError:
        return 0.0


def machine_seconds() -> tuple[float, float]:
    """Return the processor time that was used on this machine since it started, and that there was."""
    ticks = [int(part) for part in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    busy = sum(ticks) - sum(ticks[_IDLE_FIELDS])
    return busy / os.sysconf("SC_CLK_TCK"), sum(ticks) / os.sysconf("SC_CLK_TCK")
