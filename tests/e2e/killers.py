"""What kills: consumers with messages in flight, or everything at once. When, a seed decides, as far as it can."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx

from tests.e2e.local_system import LocalSystem, kill

LOOK_EVERY_SECONDS: Final = 0.01


@dataclass(kw_only=True)
class Kills:
    """What was killed.

    Attributes:
        consumers: processes of the consumer.
        in_flight: messages that they had in flight when they were looked at.
        crashed_in_flight: invocations that the system itself saw end that way.
        systems: how often everything was.
    """

    consumers: int = 0
    in_flight: int = 0
    crashed_in_flight: int = 0
    systems: int = 0


async def kill_consumers(
    client: httpx.AsyncClient, seed: int, wanted: int, kills: Kills, is_over: Callable[[], bool]
) -> None:
    """Kill consumers at work until so many had messages in flight, or the load is over."""
    choice = random.Random(seed)  # noqa: S311 - moments, not secrets
    while kills.crashed_in_flight < wanted and not is_over():
        await asyncio.sleep(choice.uniform(0.05, 0.6))
        busy = await _find_busy(client, is_over)
        if busy:
            victim = choice.choice(busy)
            if kill(victim["pid"]):
                kills.consumers += 1
                kills.in_flight += victim["in_flight"]
        kills.crashed_in_flight = (await _report(client))["counters"]["consumer"]["crashed_in_flight"]


async def kill_system(system: LocalSystem, seed: int, wanted: int, kills: Kills, progress: Callable[[], float]) -> None:
    """Kill every process and start again, so many times, at chosen shares of the load."""
    choice = random.Random(seed)  # noqa: S311 - moments, not secrets
    for moment in sorted(choice.uniform(0.1, 0.95) for _ in range(wanted)):
        while progress() < moment:  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(LOOK_EVERY_SECONDS)
        await asyncio.to_thread(system.kill)
        kills.systems += 1
        await asyncio.to_thread(system.start)


async def _find_busy(client: httpx.AsyncClient, is_over: Callable[[], bool]) -> list[dict[str, Any]]:
    """Wait for a consumer that has messages; return all of them that do."""
    while not is_over():
        report = await _report(client)
        busy = [process for process in report["processes"] if process["role"] == "consumer" and process["in_flight"]]
        if busy:
            return busy
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    return []


async def _report(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/dev/processes")
    report: dict[str, Any] = answer.json()
    return report
