"""Fires schedules when they are due, as EventBridge Scheduler does on AWS."""

import logging
import threading
from typing import Final, Protocol

from settle.local.gate import Gate
from settle.runtime.errors import UnavailableError
from settle.runtime.ports import Clock

LOOK_SECONDS: Final = 0.5
"""How long one wait lasts at most: schedules lie a quarter of an hour ahead, and AWS is up to a minute late."""
BACK_OFF_SECONDS: Final = 1.0
"""After the schedules could not be read, or what was due could not be sent."""
POLLER: Final = "schedules"
_LOG: Final = logging.getLogger("settle.local")


class ScheduleSource(Protocol):
    """Schedules, and what sends those that are due. Methods raise `UnavailableError`."""

    def next_at(self) -> float | None:
        """Return when the next schedule is due, in seconds since the epoch; None when there is none."""

    def fire_due(self) -> int:
        """Send what is due, or some of it, and forget it; return how many there were."""


class ScheduleThread:
    """Runs until stopped.

    Args:
        source: the schedules.
        clock: says what is due.
        gate: closed while nothing may be fired.
    """

    def __init__(self, source: ScheduleSource, clock: Clock, gate: Gate) -> None:
        self._source, self._clock, self._gate = source, clock, gate
        self._gate.expect(POLLER)
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=POLLER, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Look at once: the clock was moved."""
        self._woken.set()

    def stop(self, timeout: float) -> None:
        """Fire no more, and end within `timeout` seconds."""
        self._stopping.set()
        self._woken.set()
        self._thread.join(timeout)

    def look(self) -> float:
        """Fire what is due; return the seconds until it is worth looking again."""
        turn = self._gate.enter(POLLER, LOOK_SECONDS)
        if turn is None:
            return 0.0
        try:
            next_at = self._source.next_at()
            left = LOOK_SECONDS if next_at is None else next_at - self._clock.now()
            due = left <= 0 and self._source.fire_due() > 0
        except BaseException:
            self._gate.leave_failed(POLLER)
            raise
        if due:
            self._gate.begin()
            self._gate.leave_done(POLLER)
            return 0.0
        self._gate.leave_idle(POLLER, turn)
        return min(max(left, 0.0), LOOK_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                pause = self.look()
            except UnavailableError as error:
                _LOG.warning("schedules cannot be fired: %s", error)
                pause = BACK_OFF_SECONDS
            except Exception:  # noqa: BLE001 - the entry point of the thread, which must outlive whatever goes wrong
                _LOG.exception("the thread of the schedules met an unexpected error and goes on")
                pause = BACK_OFF_SECONDS
            self._woken.wait(pause)
            self._woken.clear()
