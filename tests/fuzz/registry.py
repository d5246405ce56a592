"""The fuzzers of `python -m tests.fuzz`: a name, and where to find what runs it. One line each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a fuzzer came to.

    Attributes:
        lines: its figures.
        faults: what it found; empty when all is well.
    """

    lines: tuple[str, ...]
    faults: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How long a fuzzer may run, and where it begins.

    Attributes:
        begin: first seed.
        spent: tells how many seconds have passed.
        seconds: that it has.
    """

    begin: int
    spent: Callable[[], float]
    seconds: float

    def rounds(self) -> Iterator[int]:
        """Yield seeds until the time is over; at least one."""
        seed = self.begin
        while True:
            yield seed
            seed += 1
            if self.is_over():
                return

    def is_over(self) -> bool:
        """Whether the time is over."""
        return self.spent() >= self.seconds

    def share(self, part: float) -> "Budget":
        """Return a part of it, which begins now."""
        return Budget(begin=self.begin, spent=self.spent, seconds=self.spent() + part * self.seconds)


Fuzzer = Callable[[Budget], Report]
"""Tries things until its budget is spent. It reports faults; it does not raise them."""

FUZZERS: Final = {
    "http": "tests.fuzz.http.campaign:run",
    "loaders": "tests.fuzz.loaders.campaign:run",
}
"""`module:function` of each `Fuzzer`, by name."""
