"""Waiting for what the consumer does: looking again and again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from settle.runtime.ports import Clock

LONGEST_LOOK_SECONDS: Final = 15.0
"""What one look takes at most: a store gives up after that."""
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

    The first look comes after a pause: what is waited for takes longer than nothing. A clock that is moved forward
    meanwhile, as that of the local system may be, ends no wait.
    """
    left, pause = seconds, pauses.first
    while True:
        begun = clock.now()
        clock.sleep(max(0.0, min(pause, left)))
        answer, done = look()
        if done or left <= pause:
            return answer
        left -= min(clock.now() - begun, pause + LONGEST_LOOK_SECONDS)
        pause = min(2 * pause, pauses.longest)
