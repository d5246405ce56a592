"""From the callbacks of a machine object to guards and actions.

A name is looked up where `transitions` would look it up on the model: in the implementation, then in the context class,
then as the path of something to import, and last among the triggers, which are methods of a model too.
"""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any, Final

from pydantic import BaseModel

from settle.authoring.binding import Binder
from settle.authoring.findings import Findings
from settle.authoring.imported.members import count_beyond_self, find_member
from settle.authoring.imported.outline import Outline
from settle.authoring.imported.upstream import UpstreamCondition, UpstreamMachine, families
from settle.core.active import Active
from settle.core.conditions import Condition, Guard, GuardFunction, InState, Not
from settle.core.delay import Delay
from settle.core.event import Event
from settle.core.spec import Action

_EVENT_FIRST: Final = frozenset({"event", "event_data"})
"""Names of a first argument that say: written for `transitions`, which passes its `EventData` there."""


class Callbacks:
    """Finds the functions of one machine and fits them to what they are here.

    Args:
        machine: whose callbacks they are.
        outline: its shape.
        implementation: where names are looked up first.
        context: the context class, whose methods, properties and fields come next.
        findings: where mistakes go.
    """

    def __init__(
        self, machine: UpstreamMachine, outline: Outline, *, implementation: object, context: object, findings: Findings
    ) -> None:
        self._machine, self._outline, self._findings = machine, outline, findings
        self._context = context if isinstance(context, type) and issubclass(context, BaseModel) else None
        self._implementation = None if implementation is self._context else implementation
        self._binder = Binder((self._implementation,), findings)
        self._triggers = frozenset(arrow.trigger for arrow in outline.arrows)
        self._members: dict[str, Callable[..., Any] | None] = {}
        self._prepared: set[str] = set()

    # Conditions ------------------------------------------------------------------------------------------------------

    def condition(self, written: UpstreamCondition, node: str) -> Condition:
        """Return a condition, or for one of `unless` its opposite."""
        found = self._find("guard", written.func, node)
        condition: Condition | None = self._in_state(found)
        if condition is None:
            guard = self._binder.guard(found, node)
            condition = replace(guard, fn=_as_compared(guard.fn, wanted=written.target))
        return condition if written.target else Not(condition)

    def preparation(self, reference: object, node: str) -> Guard:
        """Return a `prepare` callback as a condition that always holds, since what comes after it may refuse."""
        guard = self._binder.guard(self._find("guard", reference, node), node)
        if guard.name not in self._prepared:
            self._prepared.add(guard.name)
            message = (
                f"the `prepare` callback {guard.name!r} runs as a first condition that always holds: what it assigns is"
                " dropped when no transition is taken, and it sends nothing; let the conditions work it out themselves"
            )
            self._findings.warn("prepare-is-condition", node, message)
        return replace(guard, name=f"prepare {guard.name}", fn=_as_true(guard.fn))

    def _in_state(self, name: object) -> InState | None:
        """Return what `is_<state>` asks. Not for a state with children: there it means that none of them is active."""
        if not isinstance(name, str) or self._is_implemented(name) or not name.startswith("is_"):
            return None
        path = self._outline.names.get(name.removeprefix("is_"), "")
        return InState(path) if path and not self._outline.children[path] else None

    # Actions ---------------------------------------------------------------------------------------------------------

    def actions(self, references: Iterable[object], node: str, *, alone: bool = False) -> tuple[Action, ...]:
        """Return actions, in order; `alone` says that no transition is under way when they run."""
        return tuple(self._action(reference, node, alone=alone) for reference in references)

    def _action(self, reference: object, node: str, *, alone: bool) -> Action:
        found = self._find("action", reference, node)
        if isinstance(found, str) and not self._is_implemented(found):
            if found in self._triggers:
                return self._raise(found, node, alone=alone)
            if found in self._outline.automatic:
                message = (
                    f"the callback {found!r} is an automatic transition, which is left out; write a transition on a"
                    " trigger of its own, and name that trigger here"
                )
                self._findings.error("unknown-name", node, message)
                return Action(name=found, fn=_do_nothing)
        return self._binder.action(found, node)

    def _raise(self, trigger: str, node: str, *, alone: bool) -> Action:
        if not alone and not getattr(self._machine, "has_queue", False):
            message = (
                f"the callback {trigger!r} is a trigger: here its event comes after this transition, as with"
                " `queued=True`; set that in the machine, and test it"
            )
            self._findings.warn("trigger-in-callback", node, message)

        def act(_ctx: object, event: Event, do: Any) -> None:  # noqa: ANN401 - `Actions`; the core is not asked for it
            data = event.data
            do.raise_(trigger, data.model_dump(mode="json") if isinstance(data, BaseModel) else data)

        return Action(name=f"raise {trigger}", fn=act)

    def delay(self, seconds: float, node: str) -> Delay:
        """Return how long a `timeout` waits."""
        return self._binder.delay(seconds, node)

    # Names -----------------------------------------------------------------------------------------------------------

    def _find(self, role: str, reference: object, node: str) -> object:
        """Return a function, or a name that the implementation has, or one that nothing has."""
        reference = self._unbind(reference, node)
        if not isinstance(reference, str):
            self._check_first_argument(role, reference, node)
            return reference
        if self._is_implemented(reference):
            self._check_first_argument(role, getattr(self._implementation, reference), node)
            return reference
        member = self._find_member(reference, node)
        if member is not None:
            return member
        if reference in self._triggers or reference in self._outline.automatic:
            return reference
        imported = _import(reference)
        self._check_first_argument(role, imported, node)
        return reference if imported is None else imported

    def _is_implemented(self, name: str) -> bool:
        return self._implementation is not None and hasattr(self._implementation, name)

    def _find_member(self, name: str, node: str) -> Callable[..., Any] | None:
        if self._context is None:
            return None
        if name not in self._members:
            self._members[name] = find_member(self._context, name)
        if self._members[name] is not None and not self._machine.send_event and count_beyond_self(self._context, name):
            message = (
                f"the method {name!r} gets the event, not the arguments of a trigger; read `event['amount']` for the"
                " argument `amount`, and build the machine with `send_event=True`"
            )
            self._findings.warn("callback-arguments", node, message)
        return self._members[name]

    def _unbind(self, reference: object, node: str) -> object:
        """Return the name in place of a method of a model object, which all instances would share."""
        owner = getattr(reference, "__self__", None)
        if inspect.ismethod(reference) and any(owner is model for model in (self._machine, *self._machine.models)):
            return reference.__name__
        if isinstance(reference, partial) and families(getattr(reference.func, "__self__", None)):
            message = "a callback is a trigger of the model object; write the trigger's name, as text"
            self._findings.error("bound-trigger", node, message)
            return _do_nothing
        return reference

    def _check_first_argument(self, role: str, function: object, node: str) -> None:
        if not callable(function):
            return
        try:
            parameters = inspect.signature(function).parameters
        except (TypeError, ValueError):  # a builtin that does not tell
            return
        if next(iter(parameters), "") in _EVENT_FIRST:
            name = getattr(function, "__name__", type(function).__name__)
            more = "active" if role == "guard" else "do"
            message = (
                f"the {role} {name!r} takes the event first, as in `transitions`; here the context comes first: write"
                f" {name}(ctx), {name}(ctx, event) or {name}(ctx, event, {more})"
            )
            self._findings.error("bad-signature", node, message)


def _do_nothing(_ctx: object, _event: object, _do: object) -> None:
    """Stands in for a callback that a finding is about; the build fails, so it is never called."""


def _import(path: str) -> object:
    """Return what stands at a dotted path, as `transitions` takes one for a callback; None for nothing."""
    module, _, name = path.rpartition(".")
    if not module:
        return None
    try:
        return getattr(import_module(module), name, None)
    except ImportError:
        return None


def _as_compared(fn: GuardFunction, *, wanted: bool) -> GuardFunction:
    """Return a guard that decides as `transitions` does, which compares: what is neither True nor False never fits."""

    def ask(context: Any, event: Any, active: Active) -> bool:  # noqa: ANN401 - user data
        return bool(fn(context, event, active) == wanted) is wanted

    return ask


def _as_true(fn: GuardFunction) -> GuardFunction:
    def ask(context: Any, event: Any, active: Active) -> bool:  # noqa: ANN401 - user data
        fn(context, event, active)
        return True

    return ask
