"""From names in a configuration to functions, bound once, with the arguments that each of them wants."""

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final

from settle.authoring.findings import Findings, did_you_mean
from settle.core.spec import Action, Guard

_SIGNATURES: Final = {
    "guard": ("(ctx)", "(ctx, event)"),
    "action": ("(ctx)", "(ctx, event)", "(ctx, event, do)"),
    "service": ("()", "(call)"),
    "output": ("(ctx)", "(ctx, event)"),
}
"""How a function of each role may be written; the last one is how it is called."""
_FEWEST: Final = {"guard": 1, "action": 1, "service": 0, "output": 1}
_MOST: Final = {"guard": 2, "action": 3, "service": 1, "output": 2}
_STAND_IN: Final[Callable[..., Any]] = bool
"""Takes the place of a function that a finding is about; the build fails, so it is never called."""


class Binder:
    """Finds functions and fits them to their roles.

    Args:
        implementations: where names are looked up, in this order: the chart's own, then those of the charts it reuses.
        findings: where mistakes go.
    """

    def __init__(self, implementations: Sequence[object], findings: Findings) -> None:
        self._implementations = [found for found in implementations if found is not None]
        self._findings = findings
        self._named: dict[tuple[str, str], Callable[..., Any]] = {}

    def guard(self, reference: object, node: str, *, negated: bool = False) -> Guard:
        """Bind a condition."""
        name, fn = self._bind("guard", reference, node)
        return Guard(name=name, fn=fn, negated=negated)

    def action(self, reference: object, node: str) -> Action:
        """Bind an action."""
        name, fn = self._bind("action", reference, node)
        return Action(name=name, fn=fn)

    def service(self, reference: object, node: str) -> tuple[str, Callable[[Any], Any]]:
        """Bind a service; return its name and what to call."""
        return self._bind("service", reference, node)

    def output(self, function: Callable[..., Any], node: str) -> Callable[[Any, Any], Any]:
        """Bind what computes the output of a final node."""
        name, fn = self._bind("output", function, node)

        def output(context: Any, event: Any) -> Any:  # noqa: ANN401 - user data
            return fn(context, event)

        output.__name__ = name  # the definition's table shows it
        return output

    # Finding ---------------------------------------------------------------------------------------------------------

    def _bind(self, role: str, reference: object, node: str) -> tuple[str, Callable[..., Any]]:
        """Return a name and a function; when there is none, a stand-in, so that the rest can still be checked."""
        function = self._look_up(role, reference, node) if isinstance(reference, str) else reference
        if function is None:
            return str(reference), _STAND_IN
        if not callable(function):
            message = f"the {role} {reference!r} is no function; pass a function, or the name of one"
            self._findings.error("not-callable", node, message)
            return str(reference), _STAND_IN
        name = reference if isinstance(reference, str) else self._name(role, function, node)
        self._check_unambiguous(role, name, function, node)
        return name, self._fit(role, name, function, node)

    def _look_up(self, role: str, name: str, node: str) -> object:
        found = [getattr(holder, name) for holder in self._implementations if hasattr(holder, name)]
        if found:
            if any(other != found[0] for other in found[1:]):
                message = f"the chart and one that it reuses both define {name!r}, the chart's own is taken; rename one"
                self._findings.warn("shadowed-name", node, message)
            return found[0]
        if not self._implementations:
            message = (
                f"there is no {role} {name!r}: the machine has no `implementation`; pass the class that defines it"
            )
        else:
            where = " or ".join(_describe(holder) for holder in self._implementations)
            known = [word for holder in self._implementations for word in dir(holder) if not word.startswith("_")]
            message = f"{where} defines no {role} {name!r}{did_you_mean(name, known) or '; define it there'}"
        self._findings.error("unknown-name", node, message)
        return None

    def _name(self, role: str, function: Callable[..., Any], node: str) -> str:
        name = getattr(function, "__name__", None)
        if name is None:
            name = getattr(getattr(function, "func", None), "__name__", type(function).__name__)
        elif name != "<lambda>":
            return str(name)
        message = (
            f"the {role} {name!r} is a function without a name; give it one: the definition's hash cannot see inside"
        )
        self._findings.warn("unnamed-function", node, message)
        return str(name)

    def _check_unambiguous(self, role: str, name: str, function: Callable[..., Any], node: str) -> None:
        """Refuse two functions of one name: receipts and the definition's hash could not tell them apart."""
        first = self._named.setdefault((role, name), function)
        if first != function and name != "<lambda>":
            message = f"two different functions are the {role} {name!r}; rename one (set `__name__` on a made function)"
            self._findings.error("ambiguous-name", node, message)

    # Fitting ---------------------------------------------------------------------------------------------------------

    def _fit(self, role: str, name: str, function: Callable[..., Any], node: str) -> Callable[..., Any]:
        """Return the function as its role calls it, whichever arguments it takes."""
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            mend = "take `async` out" if role == "service" else "make what waits a service, under `invoke`"
            self._findings.error("async-function", node, f"the {role} {name!r} is asynchronous; {mend}")
            return _STAND_IN
        taken = _count_arguments(function, _FEWEST[role], _MOST[role])
        if taken is None:
            forms = " or ".join(f"{name}{signature}" for signature in _SIGNATURES[role])
            message = f"the {role} {name!r} takes {_signature(function)}; write {forms}{_hint_of_self(function)}"
            self._findings.error("bad-signature", node, message)
            return _STAND_IN
        return _with_arguments(function, taken, _MOST[role])


def _count_arguments(function: Callable[..., Any], fewest: int, most: int) -> int | None:
    """Return how many of its role's arguments a function takes, or None when no call would fit."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a builtin that does not tell: it gets the first argument
        return 1
    if next(iter(signature.parameters), "") == "self":
        return None
    for count in range(most, fewest - 1, -1):
        try:
            signature.bind(*(None,) * count)
        except TypeError:
            continue
        return count
    return None


def _with_arguments(function: Callable[..., Any], taken: int, most: int) -> Callable[..., Any]:
    if taken == most:
        return function

    @wraps(function)
    def fitted(*arguments: Any) -> Any:  # noqa: ANN401 - the context, the event, what to do
        return function(*arguments[:taken])

    return fitted


def _signature(function: Callable[..., Any]) -> str:
    return str(inspect.signature(function))


def _hint_of_self(function: Callable[..., Any]) -> str:
    if next(iter(inspect.signature(function).parameters), "") != "self":
        return ""
    return ", as a `@staticmethod`; or pass an instance of the class as `implementation`"


def _describe(holder: object) -> str:
    name = getattr(holder, "__name__", None)
    return str(name) if name is not None else f"the {type(holder).__name__} instance"
