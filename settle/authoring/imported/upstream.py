"""The objects of `transitions`, as far as they are read.

They are recognised by the names of the classes that theirs derive from, so that nothing has to be imported: a machine
object can only come from a process in which `transitions` is loaded already.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

_PACKAGE: Final = "transitions"
_HOOKS: Final = {
    "Machine": ("callback", "callbacks", "resolve_callable", "trigger_event", "set_state", "_process", "_get_trigger"),
    "State": ("enter", "exit", "scoped_enter", "scoped_exit"),
    "Event": ("trigger", "trigger_nested", "_trigger", "_process"),
    "Transition": ("execute", "_change_state", "_eval_conditions"),
    "Condition": ("check",),
}
"""By kind of object, the methods by which `transitions` runs a machine, and which nothing calls here."""


class UpstreamCondition(Protocol):
    """A condition, or with `target` False one of `unless`."""

    func: object
    target: bool


class UpstreamTransition(Protocol):
    """A transition; its names are those of the scope it was written in."""

    source: str
    dest: str | None
    prepare: Sequence[object]
    conditions: Sequence[UpstreamCondition]
    before: Sequence[object]
    after: Sequence[object]


class UpstreamEvent(Protocol):
    """The transitions of one trigger, by source."""

    transitions: Mapping[str, Sequence[UpstreamTransition]]


class UpstreamState(Protocol):
    """A state; nested ones have more, which `getattr` asks for."""

    on_enter: Sequence[object]
    on_exit: Sequence[object]


class UpstreamMachine(Protocol):
    """A machine."""

    states: Mapping[str, UpstreamState]
    events: Mapping[str, UpstreamEvent]
    models: Sequence[object]
    model_attribute: str
    name: str
    send_event: bool
    auto_transitions: bool
    prepare_event: Sequence[object]
    before_state_change: Sequence[object]
    after_state_change: Sequence[object]
    finalize_event: Sequence[object]
    on_exception: Sequence[object]
    on_final: Sequence[object]


def families(thing: object) -> frozenset[str]:
    """Return the names of the classes of `transitions` that an object derives from."""
    return frozenset(cls.__name__ for cls in type(thing).__mro__ if _is_upstream(cls))


def find_overrides(thing: object, kind: str) -> list[str]:
    """Return the methods of a kind of object, such as `State`, that a class of the author's own replaces."""
    own = [vars(cls) for cls in type(thing).__mro__ if not _is_upstream(cls)]
    return [hook for hook in _HOOKS[kind] if any(hook in words for words in own)]


def _is_upstream(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == _PACKAGE
