"""The gate that every poller goes through: it can be closed, and it knows when nothing is left to do.

Before the clock is advanced the gate is closed until all that was taken has been finished. Otherwise the advance would
end the visibility timeouts of messages that are being worked on: they would be delivered a second time, side by side
with the first. The runtime survives that, as it must on AWS, but a service would be called twice because a developer
wanted to skip a day, and one that may be begun only once would be taken for lost. What nobody is working on, such as a
failed message in its pause, is meant to come again when its time has passed, on an advanced clock too.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from settle.local.errors import BusyError


class Gate:
    """Lets pollers in. Thread-safe.

    A poller enters to look for work and leaves when it found none, or when it has done what it found.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._closed = False
        self._ended = False
        self._inside = 0
        self._working = 0
        self._watchers = 0
        # Raised by everything that may give a poller something to do.
        self._turn = 0
        self._looked: dict[str, int] = {}

    @property
    def is_watched(self) -> bool:
        """Whether somebody waits until all pollers have looked: they had better not dally."""
        return self._watchers > 0

    def expect(self, poller: str) -> None:
        """Make a poller known: nothing counts as idle before it has looked."""
        with self._changed:
            self._looked[poller] = -1

    def enter(self, timeout: float) -> int | None:
        """Enter; returns the turn, for `leave_idle`. None when the gate stayed closed for `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._closed, timeout):
                return None
            self._inside += 1
            return self._turn

    def begin(self) -> None:
        """Say that work was found. It ends with `leave_done`."""
        with self._changed:
            self._working += 1

    def leave_idle(self, poller: str, turn: int) -> None:
        """Leave, having looked in vain."""
        with self._changed:
            self._inside -= 1
            self._looked[poller] = turn
            self._changed.notify_all()

    def leave_done(self) -> None:
        """Leave after work, which may have given others something to do."""
        with self._changed:
            self._inside -= 1
            self._working -= 1
            self._turn += 1
            self._changed.notify_all()

    def leave_failed(self) -> None:
        """Leave without knowing whether there is something to do."""
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    @contextmanager
    def closed(self, timeout: float) -> Iterator[None]:
        """Keep everybody out, once everybody has left.

        Raises:
            BusyError: somebody was still inside after `timeout` seconds, or the system ends. The gate is open again.
        """
        with self._changed:
            self._closed = True
            try:
                self._changed.wait_for(lambda: self._inside == 0 or self._ended, timeout)
                if self._ended:
                    raise BusyError("the system is ending")
                if self._inside:
                    raise BusyError(f"what is being worked on did not end within {timeout:g} seconds")
                yield
            finally:
                self._closed = False
                self._turn += 1
                self._changed.notify_all()

    def wait_until_idle(self, timeout: float) -> bool:
        """Wait until every poller has looked in vain since the last work was done; False when time ran out."""
        with self._changed:
            self._watchers += 1
            try:
                self._changed.wait_for(lambda: self._ended or self._is_idle(), timeout)
                return not self._ended and self._is_idle()
            finally:
                self._watchers -= 1

    def end(self) -> None:
        """Let nobody wait any longer: the system ends."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _is_idle(self) -> bool:
        return not self._working and all(turn == self._turn for turn in self._looked.values())
