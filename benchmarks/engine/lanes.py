"""Lanes: what is timed, in turn and round after round, so that all of them meet the same neighbours.

CPU time, not wall time; the smallest round counts, because another process can only make a round slower.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

EVENTS_PER_ROUND: Final = 60
"""So few that a round often fits between two interruptions."""
_MICROSECONDS: Final = 1e6

Timer = Callable[[int], float]
"""Runs so many passes and returns the seconds of CPU time that they took."""


@dataclass(kw_only=True, eq=False)
class Lane:
    """One thing to time.

    Attributes:
        timer: runs passes.
        events: events in one pass.
        per_round: events in one round, about.
        best: microseconds per event in the best round.
    """

    timer: Timer
    events: int
    per_round: int = EVENTS_PER_ROUND
    best: float = field(default=float("inf"))

    def measure(self) -> None:
        """Run one round."""
        passes = max(1, self.per_round // self.events)
        self.best = min(self.best, self.timer(passes) / (passes * self.events) * _MICROSECONDS)


def measure(lanes: Sequence[Lane], rounds: int) -> None:
    """Run every lane once a round, beginning with another one each time.

    A lane first runs a pass that is not timed, or it would pay for what its neighbour left in the processor's caches.
    """
    for number in range(rounds):
        first = number % len(lanes)
        for lane in (*lanes[first:], *lanes[:first]):
            lane.timer(1)
            lane.measure()


def in_process(run: Callable[[], object]) -> Timer:
    """Return a timer for a pass that this process runs."""

    def timer(passes: int) -> float:
        begin = time.process_time()
        for _ in range(passes):
            run()
        return time.process_time() - begin

    return timer
