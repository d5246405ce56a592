"""Time that passes only when an act says so, and clocks that disagree about it."""

from typing import Protocol

from tests.support.system import ManualClock


class Sleeper(Protocol):
    """Lets others go on until a moment has come."""

    def sleep_until(self, moment: float) -> None:
        """Wait."""


class SkewedClock:
    """The clock of one process. Whoever sleeps by it lets others run; time passes for all or for none.

    Args:
        true: the time that everybody else goes by: the queues, the scheduler.
        skew: seconds by which this clock is ahead.
        sleeper: of the process.
    """

    def __init__(self, true: ManualClock, skew: float, sleeper: Sleeper) -> None:
        self._true, self._skew, self._sleeper = true, skew, sleeper

    def now(self) -> float:
        return self._true.now() + self._skew

    def sleep(self, seconds: float) -> None:
        self._sleeper.sleep_until(self._true.now() + seconds)
