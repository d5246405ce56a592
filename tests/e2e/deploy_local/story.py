"""What the run tells a person: each step, how long it took, and what was looked at."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

LOOK_EVERY_SECONDS: Final = 0.2
Found = TypeVar("Found")


class CheckFailedError(AssertionError):
    """Something is not as it must be."""


class Story:
    """Writes to standard output; time is counted from its creation."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self.checks = 0

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._begin

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Tell what begins, and how long it took once it has ended well."""
        self.say(title)
        begin = time.monotonic()
        yield
        self.say(f"  done in {time.monotonic() - begin:.1f} s")

    def say(self, text: str) -> None:
        """Write a line."""
        sys.stdout.write(f"{self.seconds:6.1f} s  {text}\n")
        sys.stdout.flush()

    def check(self, fact: str, holds: bool, seen: object = "") -> None:
        """Tell a fact that was looked at.

        Raises:
            CheckFailedError: it is not so; the message tells what was seen instead.
        """
        if not holds:
            raise CheckFailedError(f"not so: {fact}; seen: {seen}")
        self.checks += 1
        self.say(f"  - {fact}")

    def wait(self, fact: str, look: Callable[[], Found | None], seconds: float) -> Found:
        """Look until there is something to see, and return it.

        Raises:
            CheckFailedError: there was nothing for so long.
        """
        begin = time.monotonic()
        while (found := look()) is None:
            if time.monotonic() - begin > seconds:
                raise CheckFailedError(f"not so within {seconds:g} s: {fact}")
            time.sleep(LOOK_EVERY_SECONDS)
        self.checks += 1
        self.say(f"  - {fact}, after {time.monotonic() - begin:.1f} s")
        return found
