"""When requests go out: as soon as the one before is answered, or at a rate, whatever becomes of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from tests.load.http_client import Connection
from tests.load.traffic import Instance, Traffic, send

SILENT_SECONDS: Final = 10.0
"""Without any answer for so long, the system is taken for dead."""
LOOK_SECONDS: Final = 0.25
PAUSE_SECONDS: Final = 0.05
"""After a request that was not accepted."""


class DeadSystemError(Exception):
    """Nothing answers any more."""


async def run_closed(
    port: int, instances: Sequence[Instance], traffic: Traffic, *, clients: int, seconds: float, wait_every: int
) -> None:
    """Have clients send without a pause, each to instances of its own, each request after the answer to the last.

    Args:
        port: of the system.
        instances: to go round.
        traffic: where to note what comes of it.
        clients: how many.
        seconds: for how long.
        wait_every: each how manieth request of a client waits until its event is applied; 0 for none.

    Raises:
        DeadSystemError: nothing answers any more.
    """
    end = time.monotonic() + seconds

    async def run(number: int) -> None:
        mine = instances[number::clients]
        turn = number
        async with Connection(port) as connection:
            while time.monotonic() < end and mine:
                turn += 1
                instance = mine[turn % len(mine)]
                wait = _waits(turn, len(mine), wait_every)
                if not await send(connection, instance, traffic, wait=wait, due=time.monotonic()):
                    await asyncio.sleep(PAUSE_SECONDS)

    async with _watched(traffic), asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(run(number))


async def run_open(
    port: int,
    instances: Sequence[Instance],
    traffic: Traffic,
    *,
    clients: int,
    seconds: float,
    rate: float,
    wait_every: int,
) -> None:
    """Send at a rate. A request whose turn has come waits for a connection if need be, and that counts.

    Were the latency measured from when it could go out, a system that hangs would keep its clients from asking, and
    so from noticing. See `run_closed` for the arguments; `clients` are connections here.
    """
    begin = time.monotonic()
    free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()

    async def run(instance: Instance, due: float, *, wait: bool) -> None:
        async with instance.lock:
            connection = await free.get()
            try:
                await send(connection, instance, traffic, wait=wait, due=due)
            finally:
                free.put_nowait(connection)

    async with AsyncExitStack() as stack:
        for _ in range(clients):
            free.put_nowait(await stack.enter_async_context(Connection(port)))
        async with _watched(traffic), asyncio.TaskGroup() as group:
            for number in range(int(rate * seconds)):
                due = begin + number / rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                wait = _waits(number, len(instances), wait_every)
                group.create_task(run(instances[number % len(instances)], due, wait=wait))


def _waits(turn: int, instances: int, wait_every: int) -> bool:
    """Whether a request waits: now and then one of each instance, as it comes up for another time."""
    return bool(wait_every) and (turn + turn // instances) % wait_every == 0


@asynccontextmanager
async def _watched(traffic: Traffic) -> AsyncIterator[None]:
    """Give up when nothing answers any more."""

    async def watch() -> None:
        while time.monotonic() - traffic.answered < SILENT_SECONDS:  # noqa: ASYNC110 - silence tells nobody
            await asyncio.sleep(LOOK_SECONDS)
        raise DeadSystemError(f"no answer for {SILENT_SECONDS:g} s: {dict(traffic.errors)}")

    traffic.answered = time.monotonic()
    dead: list[BaseException] = []
    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watch())
            yield
            watching.cancel()
    except* DeadSystemError as errors:
        dead += errors.exceptions
    if dead:
        raise dead[0]
