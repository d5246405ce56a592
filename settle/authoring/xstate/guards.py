"""Guards: names, and what combines them."""

from collections.abc import Callable, Mapping
from typing import Final

from settle.authoring.findings import did_you_mean
from settle.authoring.lists import listed
from settle.authoring.xstate.reading import Reading, read_params
from settle.authoring.xstate.report import Config
from settle.authoring.xstate.targets import find_by_id
from settle.authoring.xstate.tree import StateNode
from settle.authoring.xstate.values import is_code, shorten
from settle.authoring.xstate.words import GUARD
from settle.core.conditions import AllOf, AnyOf, Condition, InState, Not
from settle.core.spec import SEPARATOR

_PREFIXES: Final = ("xstate.guard:", "xstate.guard.", "xstate.", "@xstate.")
_ANYTHING: Final[Condition] = AllOf(())
"""Takes the place of a guard that a finding is about; the build fails, so it is never asked."""


def read_guard(reading: Reading, source: StateNode, written: object) -> tuple[Condition, ...]:
    """Return what must hold for a transition; nothing when it has no guard."""
    return () if written is None else (_read(reading, source, written),)


def _read(reading: Reading, source: StateNode, written: object) -> Condition:
    if is_code(written):
        message = f"a guard is code, {shorten(written)}; write it in Python, and its name here"
        reading.report.error("inline-code", source.path, message)
        return _ANYTHING
    if isinstance(written, str) or callable(written):
        return reading.binder.guard(written, source.path)
    if isinstance(written, Mapping) and isinstance(written.get("type"), str):
        return _read_object(reading, source, written)
    message = f"a guard is a name, or an object with its `type`, not {shorten(written)}; name a function"
    reading.report.error("bad-guard", source.path, message)
    return _ANYTHING


def _read_object(reading: Reading, source: StateNode, written: Config) -> Condition:
    name = str(written["type"])
    if _is_combination(name, written):
        return _COMBINATIONS[_plain(name)](reading, source, written)
    if name.startswith(_PREFIXES):
        message = f"there is no built-in guard {name!r}; write it in Python, and its name here"
        reading.report.error("bad-guard", source.path, message)
        return _ANYTHING
    GUARD.check(reading.report, source.path, written)
    return reading.binder.guard(
        name, source.path, read_params(reading, source.path, f"the guard {name!r}", written.get("params"))
    )


def _is_combination(name: str, written: Config) -> bool:
    """Tell whether it is one of XState's own, and not a function of the user's that has such a name."""
    if _plain(name) not in _COMBINATIONS:
        return False
    return name != _plain(name) or any(_given(written, key) is not None for key in ("guards", "guard", "stateValue"))


def _plain(name: str) -> str:
    prefix = next((prefix for prefix in _PREFIXES if name.startswith(prefix)), "")
    return name.removeprefix(prefix)


def _given(written: Config, key: str) -> object:
    """Return a part of a combination, which tools put beside `type` or into `params`."""
    params = written.get("params")
    return written.get(key, params.get(key) if isinstance(params, Mapping) else None)


def _read_inner(reading: Reading, source: StateNode, written: Config) -> tuple[Condition, ...]:
    inner = listed(_given(written, "guards")) or listed(_given(written, "guard"))
    if not inner:
        message = f"the guard {written['type']!r} combines others and has none; list them under `guards`"
        reading.report.error("bad-guard", source.path, message)
    return tuple(_read(reading, source, item) for item in inner)


def _read_and(reading: Reading, source: StateNode, written: Config) -> Condition:
    return AllOf(_read_inner(reading, source, written))


def _read_or(reading: Reading, source: StateNode, written: Config) -> Condition:
    return AnyOf(_read_inner(reading, source, written))


def _read_not(reading: Reading, source: StateNode, written: Config) -> Condition:
    inner = _read_inner(reading, source, written)
    if len(inner) > 1:
        message = f"the guard 'not' has {len(inner)} others; negate one of them, or an `and` or `or` of them"
        reading.report.error("bad-guard", source.path, message)
    return Not(inner[0] if inner else _ANYTHING)


def _read_state_in(reading: Reading, source: StateNode, written: Config) -> Condition:
    value = _given(written, "stateValue")
    if isinstance(value, str) and value.startswith("#"):
        node = find_by_id(reading.tree, value)
        paths = [None if node is None else node.path]
    else:
        paths = [path if path in reading.tree.by_path else None for path in _paths_of(value, "")]
    if not paths or None in paths:
        hint = did_you_mean(str(value), [*reading.tree.by_path, *(f"#{name}" for name in reading.tree.by_id)])
        message = f"the guard 'stateIn' names no state by {shorten(value)}{hint or '; write `#id`, or a state value'}"
        reading.report.error("unknown-state", source.path, message)
        return _ANYTHING
    found = tuple(InState(path) for path in paths if path is not None)
    return found[0] if len(found) == 1 else AllOf(found)


def _paths_of(value: object, prefix: str) -> list[str]:
    """Return the paths of the innermost states that a state value names."""
    if isinstance(value, str):
        return [SEPARATOR.join(filter(None, (prefix, value)))]
    if not isinstance(value, Mapping):
        return [] if value is None else [shorten(value)]
    if not value:
        return [prefix]
    return [
        path for key, inner in value.items() for path in _paths_of(inner, SEPARATOR.join(filter(None, (prefix, key))))
    ]


_COMBINATIONS: Final[Mapping[str, Callable[[Reading, StateNode, Config], Condition]]] = {
    "and": _read_and,
    "or": _read_or,
    "not": _read_not,
    "stateIn": _read_state_in,
}
