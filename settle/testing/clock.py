"""A clock that stands still until it is moved."""

from typing import Final

FIRST_MOMENT: Final = 1_700_000_000.0
"""When time begins, unless a test says otherwise: 14 November 2023, 22:13:20 UTC."""


class ManualClock:
    """Tells the time that it was told. Who waits by it moves it."""

    def __init__(self, now: float = FIRST_MOMENT) -> None:
        self._now = now

    def now(self) -> float:
        """Return seconds since the epoch."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds
