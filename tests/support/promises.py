"""What searches over schedules share: promises that are checked, and schedules that a seed decides."""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import pytest

from settle.runtime import drain, process_batch, ring
from tests.support.schedules import Scheduler

SHOWN: Final = 400
"""Lines of what happened that a failing seed shows."""


class BrokenError(AssertionError):
    """A promise was broken."""


class Promises:
    """What happened, and which promises it broke.

    Attributes:
        open: promises that are known to be broken; they are not checked.
        broken: promises that were found broken.
        trace: what happened, a line each.
    """

    def __init__(self, open_promises: Iterable[str]) -> None:
        self.open = frozenset(open_promises)
        self.broken: list[str] = []
        self.trace: list[str] = []

    def tell(self, text: str) -> None:
        self.trace.append(text)

    def expect(self, holds: object, promise: str, text: str) -> None:
        """Raise unless a promise holds; also to whoever runs the schedule, should the runtime catch this."""
        if not holds and promise not in self.open:
            self.broken.append(f"{promise}: {text}")
            raise BrokenError(self.broken[-1])

    def check(self) -> None:
        """Raise what was found broken inside a function."""
        if self.broken:
            raise BrokenError(self.broken[0])

    def fail(self, seed: int) -> NoReturn:
        """Fail the test, and show what led to the first broken promise."""
        pytest.fail("\n".join([f"seed {seed}", *self.trace[-SHOWN:], self.broken[0]]), pytrace=False)


class Unexpected(logging.Handler):
    """Hears of errors that nobody foresaw."""

    def __init__(self, promises: Promises) -> None:
        super().__init__(logging.ERROR)
        self._promises = promises

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == "unexpected error" and record.exc_info:
            error = record.exc_info[1]
            if not isinstance(error, BrokenError) and "foreseen" not in self._promises.open:
                self._promises.broken.append(f"foreseen: {error!r}")


@contextmanager
def watching(promises: Promises, scheduler: Scheduler) -> Iterator[None]:
    """Have functions run as the scheduler says, with rings that forget nothing and small pages."""
    logger, unexpected = logging.getLogger("settle"), Unexpected(promises)
    logger.addHandler(unexpected)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(process_batch, "wait", scheduler.wait)
            patch.setattr(ring, "RING_BYTES", 1_000_000)
            patch.setattr(ring, "RING_RECEIPTS", 10_000)
            patch.setattr(drain, "DRAIN_PAGE", 2)
            yield
    finally:
        logger.removeHandler(unexpected)
        scheduler.end()


def seeds(variable: str, count: int) -> list[int]:
    """Return the seeds to run: `first-last` or one number in an environment variable, else the first `count`."""
    first, _, last = os.environ.get(variable, f"0-{count - 1}").partition("-")
    return list(range(int(first), int(last or first) + 1))
