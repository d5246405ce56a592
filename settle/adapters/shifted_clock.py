"""A clock that a developer can advance, to see tomorrow's timer today.

How far it is ahead stands in a file of eight bytes that every process of the local system maps into its memory. All of
them see an advance at once, forked ones too, and reading it costs no system call. It only ever goes forwards, and the
file stays beside the database: what was stored would otherwise lie in the future.
"""

import math
import mmap
import os
import time
from os import PathLike
from typing import Final

from settle.core.delay import MAX_DELAY_SECONDS

MAX_AHEAD_SECONDS: Final = MAX_DELAY_SECONDS
"""A hundred years: no timer waits for longer, and dates still hold what is then added to the time."""
_SHIFT_BYTES: Final = 8
_SHIFT_FORMAT: Final = "d"


class ShiftedClock:
    """A `Clock`: the time of this machine, and how far it was advanced.

    Args:
        path: of the file, made when absent.

    Raises:
        OSError: the file can be neither opened nor made.
        ValueError: it says what no advance can have left there.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_size < _SHIFT_BYTES:
                os.ftruncate(descriptor, _SHIFT_BYTES)
            self._mapped = mmap.mmap(descriptor, _SHIFT_BYTES)
        finally:
            os.close(descriptor)
        # One aligned number: no reader ever finds half of it.
        self._shift = memoryview(self._mapped).cast(_SHIFT_FORMAT)
        if not 0 <= self.ahead <= MAX_AHEAD_SECONDS:
            raise ValueError("its content is no time that a clock can be ahead")

    @property
    def ahead(self) -> float:
        """How far it is ahead of this machine, in seconds."""
        return float(self._shift[0])

    def check(self, seconds: float) -> None:
        """Check an advance. Raises `ValueError`."""
        if seconds < 0 or math.isnan(seconds):
            raise ValueError("a clock goes forwards")
        if self.ahead + seconds > MAX_AHEAD_SECONDS:
            raise ValueError("a clock is at most a hundred years ahead")

    def advance(self, seconds: float) -> None:
        """Go forwards; on return it is on disk. Only one process may do that.

        Raises:
            ValueError: backwards, or too far.
        """
        self.check(seconds)
        self._shift[0] = self.ahead + seconds
        self._mapped.flush()

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self.ahead  # noqa: TID251 - this is the clock

    def sleep(self, seconds: float) -> None:
        """Wait, by the time of this machine."""
        time.sleep(seconds)
