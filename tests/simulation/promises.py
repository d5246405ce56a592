"""Promises that are checked while a run goes on, and what happened in it."""

import logging
from typing import Any

from settle.runtime.limits import DEDUPLICATION_SECONDS
from tests.support.system import ManualClock


class BrokenError(AssertionError):
    """A promise was broken."""


class Promises:
    """What happened, and which promises it broke.

    Attributes:
        broken: promises that were found broken, by name, and how.
        trace: what happened, a line each.
        checks: how many were made.
    """

    def __init__(self) -> None:
        self.broken: list[tuple[str, str]] = []
        self.trace: list[str] = []
        self.checks = 0

    def tell(self, text: str) -> None:
        self.trace.append(text)

    def expect(self, holds: object, promise: str, text: str) -> None:
        """Break a promise unless it holds."""
        self.checks += 1
        if not holds:
            self.breaks(promise, text)

    def breaks(self, promise: str, text: str) -> None:
        """Raise; also to whoever runs the acts, should the runtime catch this."""
        self.broken.append((promise, text))
        raise BrokenError(f"{promise}: {text}")

    def check(self) -> None:
        """Raise what was found broken inside a function."""
        if self.broken:
            raise BrokenError(": ".join(self.broken[0]))


class Posts:
    """Knows what was sent to the event queue: what is sent once more within five minutes is no second message."""

    def __init__(self, promises: Promises, clock: ManualClock) -> None:
        self._promises, self._clock = promises, clock
        self._first: dict[tuple[str, str], tuple[str, float]] = {}

    def sent(self, named: Any, sequence: str) -> None:
        """Note a message that one of our functions sent."""
        now, place = self._clock.now(), (named["group"], named["body"])
        first, at = self._first.get(place, (sequence, now))
        if now >= at + DEDUPLICATION_SECONDS:
            first, at = sequence, now
        self._first[place] = first, at
        says = f"{named['group']} was sent the same twice in {now - at:g} s"
        self._promises.expect(first == sequence, "one message", says)


class Unexpected(logging.Handler):
    """Hears of errors that nobody foresaw."""

    def __init__(self, promises: Promises) -> None:
        super().__init__(logging.ERROR)
        self._promises = promises

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == "unexpected error" and record.exc_info:
            error = record.exc_info[1]
            if not isinstance(error, BrokenError):
                self._promises.broken.append(("foreseen", repr(error)))
