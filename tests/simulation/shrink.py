"""Making a failing history short: acts are left out, and faults taken away, as long as the same promise is broken."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from tests.simulation.acts import Act

SHRINK_SECONDS: Final = 60.0
"""How long a history is made shorter; what has been reached by then is shown."""

Acts = Sequence[Act]


class Shrinker:
    """Makes a history short.

    Args:
        fails: whether a history still breaks the promise.
        seconds: of processor time that may be used.
    """

    def __init__(self, fails: Callable[[Acts], bool], seconds: float = SHRINK_SECONDS) -> None:
        self._fails, self._until = fails, time.process_time() + seconds
        self.tries = 0

    def shrink(self, acts: Acts) -> tuple[Act, ...]:
        """Return a shorter history; given the time, none of its acts and none of its faults can be left out alone."""
        before: Acts = ()
        while len(acts) != len(before):
            before = acts
            acts = self._without_acts(acts)
        return tuple(self._without_faults(acts))

    def _try(self, acts: Acts) -> bool:
        if time.process_time() >= self._until:
            return False
        self.tries += 1
        return self._fails(acts)

    def _without_acts(self, acts: Acts) -> Acts:
        """Leave out halves, then quarters, and so on, from the end on: what comes last matters least."""
        size = max(1, len(acts) // 2)
        while True:
            start = len(acts)
            while start > 0:
                first = max(0, start - size)
                candidate = [*acts[:first], *acts[start:]]
                if self._try(candidate):
                    acts = candidate
                start = first
            if size == 1:
                return acts
            size //= 2

    def _without_faults(self, acts: Acts) -> Acts:
        for index, act in enumerate(acts):
            plain = replace(act, fault="", seconds=act.seconds if act.kind == "wait" else 0.0)
            candidate = [*acts[:index], plain, *acts[index + 1 :]]
            if plain != act and self._try(candidate):
                acts = candidate
        return acts
