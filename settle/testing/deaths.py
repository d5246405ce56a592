"""Ports that die at a chosen moment: before a call takes effect, or after it did and before its answer arrived."""

from collections.abc import Callable
from typing import Any


class KilledError(BaseException):
    """The process is gone. Nothing in the product catches it."""


class Plan:
    """Counts calls over several ports and kills at one of them.

    Args:
        at: number of the call to die at; -1 for none.
        after: whether it still takes effect.

    Attributes:
        calls: what was called, in order.
        process: who calls; named in front of each call while it is not empty.
        asleep: whether calls are neither counted nor deadly.
    """

    def __init__(self, at: int = -1, *, after: bool = False) -> None:
        self.at, self.after = at, after
        self.calls: list[str] = []
        self.process = ""
        self.asleep = False

    def call(self, name: str, function: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the call answers
        """Make a call, unless it is the last one of this process.

        Raises:
            KilledError: it was.
        """
        if self.asleep:
            return function()
        number = len(self.calls)
        self.calls.append(f"{self.process}: {name}" if self.process else name)
        if number == self.at and not self.after:
            raise KilledError(f"before {name}")
        answer = function()
        if number == self.at:
            raise KilledError(f"after {name}")
        return answer


class Mortal:
    """Wraps a port so that each of its calls is counted by a plan.

    Args:
        port: any port.
        plan: that counts.
        name: of the port, in front of those of its methods; empty for the methods alone.
    """

    def __init__(self, port: Any, plan: Plan, name: str = "") -> None:  # noqa: ANN401 - any port
        self._port, self._plan, self._name = port, plan, name

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of any port
        attribute = getattr(self._port, name)
        if not callable(attribute):
            return attribute
        told = f"{self._name}.{name}" if self._name else name
        return lambda *args, **kwargs: self._plan.call(told, lambda: attribute(*args, **kwargs))


def record(run: Callable[[Any, Plan], object], scenario: Callable[..., Any]) -> list[str]:
    """Run a scenario in which nobody dies; return the calls that it makes."""
    plan = Plan()
    run(scenario, plan)
    return plan.calls
