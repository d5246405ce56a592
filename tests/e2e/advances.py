"""Advances of the clock in the middle of the load: nothing may be delivered twice, forgotten or overtaken by it."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

import httpx

LOOK_EVERY_SECONDS: Final = 0.01
STEP: Final = "20m"
"""Longer than a queue remembers a deduplication id and than any message stays hidden."""


async def advance_clock(client: httpx.AsyncClient, seed: int, wanted: int, progress: Callable[[], float]) -> None:
    """Advance the clock so many times, at chosen shares of the load."""
    choice = random.Random(seed)  # noqa: S311 - moments, not secrets
    for moment in sorted(choice.uniform(0.05, 0.95) for _ in range(wanted)):
        while progress() < moment:  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(LOOK_EVERY_SECONDS)
        answer = await client.post("/dev/clock", json={"advance": STEP})
        answer.raise_for_status()
