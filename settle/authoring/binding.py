"""From names in a configuration to functions, bound once, with the arguments that each of them wants."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType, SimpleNamespace
from typing import Any, Final

from settle.authoring.findings import Findings, did_you_mean
from settle.authoring.fitting import (
    bind_params,
    count_arguments,
    hint_of_self,
    signature_of,
    with_arguments,
    with_params,
)
from settle.core.conditions import Guard
from settle.core.delay import Delay, format_duration, parse_duration
from settle.core.spec import Action

_SIGNATURES: Final = {
    "guard": ("(ctx)", "(ctx, event)", "(ctx, event, active)"),
    "action": ("(ctx)", "(ctx, event)", "(ctx, event, do)"),
    "service": ("()", "(call)"),
    "output": ("(ctx)", "(ctx, event)"),
    "input": ("(ctx)", "(ctx, event)"),
    "delay": ("(ctx)", "(ctx, event)"),
}
"""How a function of each role may be written; the last one is how it is called."""
_FEWEST: Final = {"guard": 1, "action": 1, "service": 0, "output": 1, "input": 1, "delay": 1}
_MOST: Final = {"guard": 3, "action": 3, "service": 1, "output": 2, "input": 2, "delay": 2}
_NOT_FOUND: Final = object()
_NO_PARAMS: Final[Mapping[str, Any]] = {}
_STAND_IN: Final[Callable[..., Any]] = bool
"""Takes the place of a function that a finding is about; the build fails, so it is never called."""
INSTANT: Final = "instant"
"""Role of what gives an absolute time; its reference is the time as text."""
MADE: Final = "made"
"""Role of a function that a front end made by itself; its reference names the one that makes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """How a function of a definition came about, so that it can be had again without what led to it.

    Attributes:
        role: of the function.
        reference: what the configuration said: a name, or the function itself.
        node: path of the node whose definition says it.
        params: that it was bound to.
        name: the name it has in the definition.
        fn: what was bound, as its role calls it.
    """

    role: str
    reference: object
    node: str
    params: Mapping[str, Any]
    name: str
    fn: Callable[..., Any]


class Binder:
    """Finds functions and fits them to their roles.

    Args:
        implementations: where names are looked up, in this order: the chart's own, then those of the charts it reuses.
            Each is a class, a module, an object, or a dict from names to functions.
        findings: where mistakes go.
        document: whether the names come from a file that somebody else may have written, which then reaches only what
            an implementation offers: nothing that begins with an underscore, nothing that a module merely imports.

    Attributes:
        bindings: everything bound so far.
    """

    def __init__(self, implementations: Sequence[object], findings: Findings, *, document: bool = False) -> None:
        self._implementations = [
            _as_namespace(found, findings) if isinstance(found, Mapping) else found
            for found in implementations
            if found is not None
        ]
        self._findings, self._document = findings, document
        self._named: dict[tuple[str, str], Callable[..., Any]] = {}
        self.bindings: list[Binding] = []

    def guard(self, reference: object, node: str, params: Mapping[str, Any] = _NO_PARAMS) -> Guard:
        """Bind a condition; `params` become keyword arguments of its function."""
        name, fn = self.bind("guard", reference, node, params)
        return Guard(name=name, fn=fn, params=params)

    def action(self, reference: object, node: str, params: Mapping[str, Any] = _NO_PARAMS) -> Action:
        """Bind an action; `params` become keyword arguments of its function."""
        name, fn = self.bind("action", reference, node, params)
        return Action(name=name, fn=fn, params=params)

    def service(self, reference: object, node: str) -> tuple[str, Callable[[Any], Any]]:
        """Bind a service; return its name and what to call."""
        return self.bind("service", reference, node)

    def value(self, role: str, function: Callable[..., Any], node: str) -> Callable[[Any, Any], Any]:
        """Bind what computes an `output` or an `input`."""
        return self.bind(role, function, node)[1]

    def delay(self, written: object, node: str) -> Delay:
        """Read a delay: a duration, an absolute time, a function that gives one, or its name."""
        if isinstance(written, datetime) and written.tzinfo is None:
            self._findings.error("bad-delay", node, f"an absolute time has a time zone, {written!r} has none; add one")
        if isinstance(written, datetime):
            name, fn = self.bind(INSTANT, written.isoformat(), node)
            return Delay(name=name, fn=fn)
        if not callable(written):
            try:
                seconds = parse_duration(written)
            except ValueError as error:
                if not (isinstance(written, str) and written.isidentifier()):
                    self._findings.error("bad-delay", node, f"{error}; correct it")
                    return Delay(name=str(written), seconds=0.0)
            else:
                return Delay(
                    name=written.strip() if isinstance(written, str) else format_duration(seconds), seconds=seconds
                )
        name, fn = self.bind("delay", written, node)
        return Delay(name=name, fn=fn)

    def bind(
        self, role: str, reference: object, node: str, params: Mapping[str, Any] = _NO_PARAMS
    ) -> tuple[str, Callable[..., Any]]:
        """Bind a function of any role; return its name in the definition and what to call."""
        if role == INSTANT:
            name, fn = str(reference), _always(datetime.fromisoformat(str(reference)))
        elif role == MADE:
            name, fn = str(reference), _make(str(reference), params)
        else:
            name, fn = self._find(role, reference, node, params)
        fn = _named(name, fn) if role in {"output", "input"} else fn
        self.bindings.append(Binding(role=role, reference=reference, node=node, params=params, name=name, fn=fn))
        return name, fn

    # Finding ---------------------------------------------------------------------------------------------------------

    def _find(
        self, role: str, reference: object, node: str, params: Mapping[str, Any]
    ) -> tuple[str, Callable[..., Any]]:
        """Return a name and a function; when there is none, a stand-in, so that the rest can still be checked."""
        function = self._look_up(role, reference, node) if isinstance(reference, str) else reference
        if function is _NOT_FOUND:
            return str(reference), _STAND_IN
        if not callable(function):
            message = f"the {role} {reference!r} is no function; pass a function, or the name of one"
            self._findings.error("not-callable", node, message)
            return str(reference), _STAND_IN
        name = reference if isinstance(reference, str) else self._name(role, function, node)
        self._check_unambiguous(role, name, function, node)
        return name, self._fit(role, name, function, node, params)

    def _look_up(self, role: str, name: str, node: str) -> object:
        found = [getattr(holder, name) for holder in self._implementations if _offers(holder, name, self._document)]
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
            hint = did_you_mean(name, known) or self._explain(name)
            message = f"{where} defines no {role} {name!r}{hint}"
        if role == "action" and _is_duration(name):
            message += "; if it is to be a delay, write it as `delay`, without a `trigger`"
        self._findings.error("unknown-name", node, message)
        return _NOT_FOUND

    def _explain(self, name: str) -> str:
        """Say why a name is out of reach that an implementation may well have."""
        if not self._document or not any(hasattr(holder, name) for holder in self._implementations):
            return "; define it there"
        return (
            " that a file may name; names with an underscore in front and what a module only imports are kept from it:"
            " define it there, or pass a dict of what the file may use"
        )

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

    def _fit(
        self, role: str, name: str, function: Callable[..., Any], node: str, params: Mapping[str, Any]
    ) -> Callable[..., Any]:
        """Return the function as its role calls it, whichever arguments it takes."""
        called = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004
        if role == "action" and inspect.isgeneratorfunction(called):
            self._findings.error(
                "bad-signature", node, f"the action {name!r} is a generator, which only makes one; drop `yield`"
            )
            return _STAND_IN
        if inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called):
            mend = "take `async` out" if role == "service" else "make what waits a service, under `invoke`"
            self._findings.error("async-function", node, f"the {role} {name!r} is asynchronous; {mend}")
            return _STAND_IN
        taken = count_arguments(function, _FEWEST[role], _MOST[role], params)
        if taken is None:
            forms = " or ".join(name + with_params(form, params) for form in _SIGNATURES[role])
            message = f"the {role} {name!r} takes {signature_of(function)}; write {forms}{hint_of_self(function)}"
            self._findings.error("bad-signature", node, message)
            return _STAND_IN
        return with_arguments(bind_params(function, params), taken, _MOST[role])


def _always(instant: datetime) -> Callable[[Any, Any], datetime]:
    return lambda _context, _event: instant


def _make(maker: str, params: Mapping[str, Any]) -> Callable[..., Any]:
    """Make a function that is complete without user code."""
    from settle.authoring.built_in import MAKERS  # noqa: PLC0415 - no other front end makes any

    return MAKERS[maker](**params)


def _named(name: str, fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function under its name in the definition, whose table shows it."""

    def compute(context: Any, event: Any) -> Any:  # noqa: ANN401 - user data
        return fn(context, event)

    compute.__name__ = name
    return compute


def _as_namespace(functions: Mapping[object, object], findings: Findings) -> SimpleNamespace:
    """Return a dict from names to functions as an object that has them."""
    for name in functions:
        if not isinstance(name, str):
            findings.error("bad-implementation", "", f"`implementation` as a dict has names as keys, not {name!r}")
    return SimpleNamespace(**{name: fn for name, fn in functions.items() if isinstance(name, str)})


def _offers(holder: object, name: str, document: bool) -> bool:
    """Whether a chart may use what an implementation has under a name.

    Not what Python itself gives every object and class (`__class__`, `__new__`, `mro`): nobody wrote that for a chart.
    """
    if isinstance(holder, SimpleNamespace) and name in vars(holder):
        return True  # somebody has put it there by its name
    if name.startswith("__") and name.endswith("__"):
        return False
    if isinstance(holder, type) and not any(name in vars(base) for base in holder.__mro__):
        return False
    if not document:
        return hasattr(holder, name)
    return not name.startswith("_") and hasattr(holder, name) and _is_of(holder, name)


def _is_of(holder: object, name: str) -> bool:
    """Whether a name belongs to a holder; a module has what it defines, and what it lists in `__all__`."""
    if not isinstance(holder, ModuleType):
        return True
    listed = getattr(holder, "__all__", None)
    return name in listed if listed is not None else getattr(vars(holder)[name], "__module__", "") == holder.__name__


def _is_duration(text: str) -> bool:
    try:
        parse_duration(text)
    except ValueError:
        return False
    return True


def _describe(holder: object) -> str:
    if isinstance(holder, SimpleNamespace):
        return "the implementation"
    name = getattr(holder, "__name__", None)
    return str(name) if name is not None else f"the {type(holder).__name__} instance"
