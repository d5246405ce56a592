"""Ports that die at a chosen moment: before a call takes effect, or after it did and before its answer arrived."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest


class KilledError(BaseException):
    """The process is gone. Nothing in the product catches it."""


class Plan:
    """Counts calls over several ports and kills at one of them."""

    def __init__(self, at: int = -1, *, after: bool = False) -> None:
        self.at, self.after = at, after
        self.calls: list[str] = []

    def call(self, name: str, function: Callable[[], Any]) -> Any:
        number = len(self.calls)
        self.calls.append(name)
        if number == self.at and not self.after:
            raise KilledError(f"before {name}")
        answer = function()
        if number == self.at:
            raise KilledError(f"after {name}")
        return answer


class Mortal:
    """Wraps a port so that each of its calls is counted by a plan."""

    def __init__(self, port: Any, plan: Plan) -> None:
        self._port, self._plan = port, plan

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._port, name)
        if not callable(attribute):
            return attribute
        return lambda *args, **kwargs: self._plan.call(name, lambda: attribute(*args, **kwargs))


def record(run: Callable[[Any, Plan], object], scenario: Callable[..., Any]) -> list[str]:
    """Run a scenario in which nobody dies; return the calls that it makes."""
    plan = Plan()
    run(scenario, plan)
    return plan.calls


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
