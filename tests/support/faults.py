"""The moments at which a port may die, as parameters of tests."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from settle.testing.deaths import KilledError, Mortal, Plan, record

__all__ = ["KilledError", "Mortal", "Plan", "moments", "record"]


def moments(recorded: Iterable[tuple[tuple[Any, ...], Iterable[str]]]) -> Iterator[Any]:
    """Yield the moments to die at, before and after each call, as parameters of a test.

    Args:
        recorded: the scenario, with what else the test is given, and the calls that it makes.
    """
    for given, calls in recorded:
        for at, name in enumerate(calls):
            for after in (False, True):
                side = "after" if after else "before"
                yield pytest.param(*given, at, after, id=f"{given[0].__name__}-{side}-{at}-{name}")
