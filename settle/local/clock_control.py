"""How the clock of a running system is advanced: `POST /dev/clock`.

An advance is a jump. What was to happen in between happens at once and not at its own time: a timer that one of them
begins counts from the new time on.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from settle.adapters.shifted_clock import ShiftedClock
from settle.core.delay import format_duration
from settle.local.gate import Gate

IDLE_SECONDS: Final = 10.0
"""How long the answer to an advance waits at most until everything that fell due has been done."""


class ClockControl:
    """The clock as its user sees it. Thread-safe.

    Args:
        clock: of all processes.
        gate: that every poller goes through.
        wake: ends the waits of those who would not notice at once that time has passed.
        drain_seconds: how long what is being worked on may take.
        idle_seconds: how long an advance waits at most for what fell due.
    """

    def __init__(
        self,
        clock: ShiftedClock,
        gate: Gate,
        *,
        wake: Callable[[], None],
        drain_seconds: float,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._clock, self._gate, self._wake = clock, gate, wake
        self._drain_seconds, self._idle_seconds = drain_seconds, idle_seconds
        self._lock = threading.Lock()

    def tell(self) -> dict[str, Any]:
        """Say what time it is, and how far that is ahead of this machine."""
        now = datetime.fromtimestamp(self._clock.now(), UTC).isoformat(timespec="milliseconds")
        return {"now": now.replace("+00:00", "Z"), "ahead": format_duration(self._clock.ahead)}

    def advance(self, seconds: float) -> dict[str, Any]:
        """Advance the clock between two pieces of work, and wait until what fell due has been done.

        Returns:
            What `tell` says, and `idle`: whether nothing was left to do when the wait ended.

        Raises:
            ValueError: backwards, or too far.
            BusyError: something is being worked on that does not end; the clock is where it was.
        """
        with self._lock:
            self._clock.check(seconds)
            with self._gate.closed(self._drain_seconds):
                self._clock.advance(seconds)
            self._wake()
            return {**self.tell(), "idle": self._gate.wait_until_idle(self._idle_seconds)}
