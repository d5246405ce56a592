"""Conditions: what must hold for a transition to be taken, as a tree of guards."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, assert_never

from settle.core.active import Active

GuardFunction = Callable[[Any, Any, Active], Any]
"""`fn(context, event, active)`; whether the answer is true counts, as in an `if`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A function that decides.

    Attributes:
        name: the name it has in the definition.
        fn: the function, its parameters bound already.
        params: what it was bound to, as JSON data.
    """

    name: str
    fn: GuardFunction
    params: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f"{self.name}({', '.join(f'{key}={value!r}' for key, value in self.params.items())})"
            if self.params
            else self.name
        )


@dataclass(frozen=True, slots=True)
class InState:
    """Whether a node is active; SCXML's `In()`, XState's `stateIn`."""

    path: str

    def __str__(self) -> str:
        return f"in {self.path}"


@dataclass(frozen=True, slots=True)
class Not:
    """Whether a condition does not hold."""

    condition: "Condition"

    def __str__(self) -> str:
        return f"not {_inner(self.condition)}"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Whether every condition holds; asked in order, until one does not."""

    conditions: "tuple[Condition, ...]"

    def __str__(self) -> str:
        return " and ".join(map(_inner, self.conditions)) or "always"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Whether some condition holds; asked in order, until one does."""

    conditions: "tuple[Condition, ...]"

    def __str__(self) -> str:
        return " or ".join(map(_inner, self.conditions)) or "never"


Condition = Guard | InState | Not | AllOf | AnyOf


def _inner(condition: Condition) -> str:
    return f"({condition})" if isinstance(condition, (AllOf, AnyOf)) else str(condition)


def holds(condition: Condition, context: Any, event: Any, active: Active) -> bool:  # noqa: ANN401 - user data
    """Ask a condition. Raises whatever its functions raise."""
    match condition:
        case Guard():
            return as_answer(condition.fn(context, event, active))
        case InState():
            return active.in_state(condition.path)
        case Not():
            return not holds(condition.condition, context, event, active)
        case AllOf():
            return all(holds(each, context, event, active) for each in condition.conditions)
        case AnyOf():
            return any(holds(each, context, event, active) for each in condition.conditions)
        case _:
            assert_never(condition)


def as_answer(value: object) -> bool:
    """Return whether a guard said yes. Raises `TypeError` for what would have to be waited for: it is always true."""
    if isawaitable(value):
        raise TypeError("it is asynchronous: a guard never waits")
    return bool(value)


def guards_of(condition: Condition) -> "tuple[Guard | InState, ...]":
    """Return the leaves of a condition, in order."""
    match condition:
        case Guard() | InState():
            return (condition,)
        case Not():
            return guards_of(condition.condition)
        case AllOf() | AnyOf():
            return tuple(leaf for each in condition.conditions for leaf in guards_of(each))
        case _:
            assert_never(condition)


def describe_condition(condition: Condition) -> Any:  # noqa: ANN401 - JSON data
    """Return a condition as JSON data: a name, or one of `type`/`params`, `in`, `not`, `and`, `or`."""
    match condition:
        case Guard():
            return {"type": condition.name, "params": dict(condition.params)} if condition.params else condition.name
        case InState():
            return {"in": condition.path}
        case Not():
            return {"not": describe_condition(condition.condition)}
        case AllOf():
            return {"and": [describe_condition(each) for each in condition.conditions]}
        case AnyOf():
            return {"or": [describe_condition(each) for each in condition.conditions]}
        case _:
            assert_never(condition)
