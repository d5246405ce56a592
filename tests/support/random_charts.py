"""Random machines, in which everything that the step knows meets everything else.

A machine is decided by bytes, one for each choice: drawn in one go, which is fast, and shrunk by hypothesis to few and
small ones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from hypothesis import strategies as st

from settle.core.codec import PlainCodec
from settle.core.event import Event
from settle.core.spec import (
    SEPARATOR,
    Action,
    Guard,
    InvokeSpec,
    MachineSpec,
    NodeKind,
    NodeSpec,
    TransitionKind,
    TransitionSpec,
)
from tests.support.loud import SILENCED, amplify

EVENTS = ("A", "B", "B.x")
DESCRIPTORS = ("A", "A", "B", "B", "B.x", "B.*", "*", "", "")
DEPTH, WIDTH, FUEL = 3, 3, 40
"""Deepest nesting, most children, and how long a log may grow before guarded transitions give up."""

T = TypeVar("T")


class Choices:
    """Choices made by bytes; when they run out, the first option is taken."""

    def __init__(self, data: bytes) -> None:
        self._data = iter(data)

    def pick(self, options: Sequence[T]) -> T:
        return options[next(self._data, 0) % len(options)]

    def one_in(self, n: int) -> bool:
        return next(self._data, 0) % n == n - 1


def machines() -> st.SearchStrategy[MachineSpec]:
    """Legal machines."""
    return st.binary(min_size=60, max_size=400).map(lambda data: make_machine(Choices(data)))


def walks() -> st.SearchStrategy[list[str]]:
    """Events to send; a digit stands for the result of a live service, if there is one."""
    return st.lists(st.sampled_from((*EVENTS, *EVENTS, "0", "1")), max_size=8)


def make_machine(choices: Choices) -> MachineSpec:
    kind = choices.pick([NodeKind.COMPOUND, NodeKind.COMPOUND, NodeKind.PARALLEL])
    root = _add_references(choices, _make_inside(choices, "", kind, 0))
    return MachineSpec(id="m", version=1, root=amplify(root, ""), context=PlainCodec(), silenced=SILENCED)


# Nodes ---------------------------------------------------------------------------------------------------------------


def _make_inside(choices: Choices, name: str, kind: NodeKind, depth: int) -> NodeSpec:
    fewest = 1 if kind is NodeKind.COMPOUND else 2
    children = [_make_node(choices, letter, depth + 1) for letter in "abc"[: choices.pick(range(fewest, WIDTH + 1))]]
    if choices.one_in(3):
        place = choices.pick(range(len(children) + 1))
        children.insert(place, NodeSpec(name="h", kind=choices.pick([NodeKind.SHALLOW_HISTORY, NodeKind.DEEP_HISTORY])))
    return NodeSpec(name=name, kind=kind, children=tuple(children), invokes=_make_invokes(choices, name, depth))


def _make_node(choices: Choices, name: str, depth: int) -> NodeSpec:
    inner = [NodeKind.COMPOUND, NodeKind.COMPOUND, NodeKind.PARALLEL] if depth < DEPTH else []
    kind = choices.pick([NodeKind.ATOMIC, NodeKind.ATOMIC, NodeKind.FINAL, *inner])
    if kind in inner:
        return _make_inside(choices, name, kind, depth)
    if kind is NodeKind.FINAL:
        return NodeSpec(name=name, kind=kind, output=choices.pick([None, 1, {"a": [1]}]))
    return NodeSpec(name=name, kind=kind, invokes=_make_invokes(choices, name, depth))


def _make_invokes(choices: Choices, name: str, depth: int) -> tuple[InvokeSpec, ...]:
    """Make an invoke whose id is still to get the path of its node."""
    return (InvokeSpec(id=name, src=f"service {depth}", fn=_serve),) if choices.one_in(5) else ()


def _serve(_: object) -> None:
    """The step never calls it."""


# What refers to other nodes ------------------------------------------------------------------------------------------


def _add_references(choices: Choices, root: NodeSpec) -> NodeSpec:
    """Add what names other nodes: initial nodes, defaults, transitions."""
    return _link(choices, root, "", _list_paths(root, ""))


def _list_paths(spec: NodeSpec, path: str) -> dict[str, NodeSpec]:
    found = {path: spec}
    for child in spec.children:
        found |= _list_paths(child, _join(path, child.name))
    return found


def _join(path: str, name: str) -> str:
    return f"{path}{SEPARATOR}{name}" if path else name


def _link(choices: Choices, spec: NodeSpec, path: str, paths: Mapping[str, NodeSpec]) -> NodeSpec:
    inside = [each for each in paths if path == "" or each.startswith(path + SEPARATOR)]
    inside = [each for each in inside if each not in {"", path} and not paths[each].kind.is_history]
    initial: tuple[str, ...] = ()
    if spec.kind is NodeKind.COMPOUND and choices.one_in(3):
        initial = (choices.pick(inside),)
    children = []
    for child in spec.children:
        linked = _link(choices, child, _join(path, child.name), paths)
        if child.kind.is_history and choices.one_in(2):
            linked = replace(linked, history_default=(choices.pick(inside),))
            if spec.kind is NodeKind.COMPOUND and choices.one_in(2):
                initial = (_join(path, child.name),)
        children.append(linked)
    acts = spec.kind is not NodeKind.FINAL and not spec.kind.is_history
    return replace(
        spec,
        children=tuple(children),
        initial=initial,
        invokes=tuple(replace(each, id=path or "root") for each in spec.invokes),
        transitions=tuple(_make_transition(choices, paths) for _ in range(choices.pick(range(4)) if acts else 0)),
    )


# Transitions ---------------------------------------------------------------------------------------------------------


def _make_transition(choices: Choices, paths: Mapping[str, NodeSpec]) -> TransitionSpec:
    ends = [f"done.state.{path}" for path, spec in paths.items() if path and spec.children]
    invokes = [f"done.invoke.{path or 'root'}" for path, spec in paths.items() if spec.invokes]
    event = choices.pick([*DESCRIPTORS, *ends, *invokes])
    return TransitionSpec(
        event=event,
        targets=_make_targets(choices, paths),
        guards=_make_guards(choices, may_be_endless=event != "" or choices.one_in(10)),
        before=(_noting("before"),) if choices.one_in(6) else (),
        actions=(_raising(choices.pick(EVENTS)),) if choices.one_in(4) else (),
        after=(_noting("after"),) if choices.one_in(6) else (),
        kind=choices.pick(list(TransitionKind)),
    )


def _make_targets(choices: Choices, paths: Mapping[str, NodeSpec]) -> tuple[str, ...]:
    if choices.one_in(7):
        return ()
    parallels = [path for path, spec in paths.items() if spec.kind is NodeKind.PARALLEL]
    if parallels and choices.one_in(5):
        return _make_one_per_region(choices, choices.pick(parallels), paths)
    return (choices.pick([path for path in paths if path]),)


def _make_one_per_region(choices: Choices, path: str, paths: Mapping[str, NodeSpec]) -> tuple[str, ...]:
    regions = [_join(path, child.name) for child in paths[path].children if not child.kind.is_history]
    if len(regions) > 2 and choices.one_in(2):
        regions.remove(choices.pick(regions))
    return tuple(
        choices.pick([each for each in paths if each == region or each.startswith(region + SEPARATOR)])
        for region in regions
    )


def _make_guards(choices: Choices, *, may_be_endless: bool) -> tuple[Guard, ...]:
    guards = () if may_be_endless else (FUELLED,)
    if choices.one_in(3):
        guards = (*guards, replace(choices.pick(PARITIES), negated=choices.one_in(2)))
    return guards


def _asking(name: str, answer: Callable[[int], bool]) -> Guard:
    return Guard(name=name, fn=lambda context, _event: answer(len(context.get("log", ()))))


PARITIES = (_asking("even", lambda heard: heard % 2 == 0), _asking("third", lambda heard: heard % 3 == 0))
FUELLED = _asking("fuel", lambda heard: heard < FUEL)


def _raising(event: str) -> Action:
    def act(context: dict[str, Any], _event: Event, do: Any) -> None:
        if len(context["log"]) < FUEL:
            do.raise_(event, {"heard": len(context["log"])})

    return Action(name=f"raise {event}", fn=act)


def _noting(text: str) -> Action:
    def act(context: dict[str, Any], _event: Event, _do: object) -> None:
        context["log"].append(text)

    return Action(name=text, fn=act)
