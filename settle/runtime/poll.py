"""Waiting for what the consumer does: looking again and again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from settle.runtime.ports import Clock

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses:
    """Pauses between two looks, in seconds; each is twice the one before.

    Attributes:
        first: before the first look.
        longest: that they grow to.
    """

    first: float
    longest: float


def poll(clock: Clock, pauses: Pauses, seconds: float, look: Callable[[], tuple[Answer, bool]]) -> Answer:
    """Look again and again, at growing distances, until `look` says that it is done or time runs out.

    The first look comes after a pause: what is waited for takes longer than nothing.
    """
    deadline = clock.now() + seconds
    pause = pauses.first
    while True:
        left = deadline - clock.now()
        clock.sleep(max(0.0, min(pause, left)))
        answer, done = look()
        if done or left <= pause:
            return answer
        pause = min(2 * pause, pauses.longest)
