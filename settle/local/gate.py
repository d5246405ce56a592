"""The gate that every poller goes through: it can be closed, and it knows when nothing is left to do.

Before the clock is advanced the gate is closed until all that was taken has been finished. Otherwise the advance would
end the visibility timeouts of messages that are being worked on: they would be delivered a second time, side by side
with the first. The runtime survives that, as it must on AWS, but a service would be called twice because a developer
wanted to skip a day, and one that may be begun only once would be taken for lost. What nobody is working on, such as a
failed message in its pause, is meant to come again when its time has passed, on an advanced clock too.

Whose work may take longest is kept out first, so that the others go on while a service in the background ends.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from settle.local.errors import BusyError


class Gate:
    """Lets pollers in. Thread-safe.

    A poller enters to look for work and leaves when it found none, or when it has done what it found.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ended = False
        self._takes: dict[str, float] = {}
        self._shut: frozenset[str] = frozenset()
        self._inside: Counter[str] = Counter()
        self._working = 0
        self._watchers = 0
        # Raised by everything that may give a poller something to do.
        self._turn = 0
        self._looked: dict[str, int] = {}

    @property
    def is_watched(self) -> bool:
        """Whether somebody waits until all pollers have looked: they had better not dally."""
        return self._watchers > 0

    def expect(self, poller: str, *, takes: float = 0.0) -> None:
        """Make a poller known: nothing counts as idle before it has looked.

        Args:
            poller: its name.
            takes: seconds that its work takes at most.
        """
        with self._changed:
            self._takes[poller] = takes
            self._looked[poller] = -1

    def enter(self, poller: str, timeout: float) -> int | None:
        """Enter; returns the turn, for `leave_idle`. None when the gate stayed closed for `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: poller not in self._shut, timeout):
                return None
            self._inside[poller] += 1
            return self._turn

    def begin(self) -> None:
        """Say that work was found. It ends with `leave_done`."""
        with self._changed:
            self._working += 1

    def leave_idle(self, poller: str, turn: int) -> None:
        """Leave, having looked in vain."""
        with self._changed:
            self._looked[poller] = turn
            self._leave(poller)

    def leave_done(self, poller: str) -> None:
        """Leave after work, which may have given others something to do."""
        with self._changed:
            self._working -= 1
            self._turn += 1
            self._leave(poller)

    def leave_failed(self, poller: str) -> None:
        """Leave without knowing whether there is something to do."""
        with self._changed:
            self._leave(poller)

    @contextmanager
    def closed(self, timeout: float) -> Iterator[None]:
        """Keep everybody out, once everybody has left.

        Raises:
            BusyError: somebody was still inside after `timeout` seconds, or the system ends. The gate is open again.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            try:
                for takes in sorted(set(self._takes.values()), reverse=True):
                    self._shut = frozenset(poller for poller in self._takes if self._takes[poller] >= takes)
                    self._changed.wait_for(self._may_close, max(0.0, deadline - time.monotonic()))
                    if not self._may_close():
                        raise BusyError(f"what is being worked on did not end within {timeout:g} seconds")
                if self._ended:
                    raise BusyError("the system is ending")
                yield
            finally:
                self._shut = frozenset()
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

    def _leave(self, poller: str) -> None:
        self._inside[poller] -= 1
        self._changed.notify_all()

    def _may_close(self) -> bool:
        return self._ended or not any(self._inside[poller] for poller in self._shut)

    def _is_idle(self) -> bool:
        return not self._working and all(turn == self._turn for turn in self._looked.values())
