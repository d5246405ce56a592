"""Random machines, in which everything that the step knows meets everything else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from hypothesis import strategies as st

from settle.core.codec import ModelCodec, PlainCodec
from settle.core.conditions import Condition
from settle.core.spec import (
    SEPARATOR,
    Action,
    InvokeMode,
    InvokeSpec,
    MachineSpec,
    NodeKind,
    NodeSpec,
    TransitionKind,
    TransitionSpec,
)
from settle.core.validation.silences import JUDGEMENTS
from tests.support.random_choices import Choices, Style, make_style
from tests.support.random_functions import (
    EVENTS,
    FUELLED,
    Numbered,
    make_block,
    make_condition,
    make_delay,
    make_value,
    telling,
)

DESCRIPTORS: Final = ("A", "A", "A", "B", "B", "B", "B.x", "B.*", "*", "", "")
RARE_DESCRIPTORS: Final = ("error.execution", "error.*", "done.*", "settle.*", "A.*")
DEPTH, WIDTH = 3, 3
"""Deepest nesting and most children."""
SILENCED: Final = dict.fromkeys(JUDGEMENTS, "random machines are of no use")
HISTORIES: Final = (NodeKind.SHALLOW_HISTORY, NodeKind.DEEP_HISTORY)

__all__ = ["EVENTS", "Choices", "machines", "make_machine"]


def machines() -> st.SearchStrategy[MachineSpec]:
    """Legal machines."""
    return st.binary(min_size=150, max_size=1200).map(lambda data: make_machine(Choices(data)))


def make_machine(choices: Choices) -> MachineSpec:
    style = make_style(choices)
    kind = choices.pick([NodeKind.COMPOUND, NodeKind.COMPOUND, NodeKind.PARALLEL])
    tree = _make_inside(choices, "", kind, 0)
    paths = _list_paths(tree, "")
    return MachineSpec(
        id="m",
        version=1,
        root=_Linker(choices, style, paths).link(tree, ""),
        context=PlainCodec(),
        initial_context={"log": []},
        events=_make_models(choices, style, paths),
        selection=style.selection,
        errors=style.errors,
        silenced=SILENCED,
    )


def _make_models(choices: Choices, style: Style, paths: Mapping[str, NodeSpec]) -> dict[str, ModelCodec]:
    if not style.models:
        return {}
    ends = [f"done.state.{path}" for path, spec in paths.items() if path and spec.children]
    results = [f"{word}.invoke.{path}" for path in paths for word in ("done", "error")]
    named = [choices.pick(each) for each in (ends, results, ["error.execution"]) if each and choices.one_in(3)]
    return {name: ModelCodec(Numbered) for name in ("B", *named)}


# Nodes ---------------------------------------------------------------------------------------------------------------


def _make_inside(choices: Choices, name: str, kind: NodeKind, depth: int) -> NodeSpec:
    fewest = 1 if kind is NodeKind.COMPOUND else 2
    children = [_make_node(choices, letter, depth + 1) for letter in "abc"[: choices.pick(range(fewest, WIDTH + 1))]]
    for letter in "hg":
        if choices.one_in(4):
            place = choices.pick(range(len(children) + 1))
            children.insert(place, NodeSpec(name=letter, kind=choices.pick(HISTORIES)))
    return NodeSpec(name=name, kind=kind, children=tuple(children))


def _make_node(choices: Choices, name: str, depth: int) -> NodeSpec:
    inner = [NodeKind.COMPOUND, NodeKind.PARALLEL] if depth < DEPTH else []
    final = [] if depth == 1 and choices.one_in(2) else [NodeKind.FINAL]
    kind = choices.pick([NodeKind.ATOMIC, NodeKind.ATOMIC, *inner, *inner, *final])
    return _make_inside(choices, name, kind, depth) if kind in inner else NodeSpec(name=name, kind=kind)


def _list_paths(spec: NodeSpec, path: str) -> dict[str, NodeSpec]:
    found = {path: spec}
    for child in spec.children:
        found |= _list_paths(child, _join(path, child.name))
    return found


def _join(path: str, name: str) -> str:
    return f"{path}{SEPARATOR}{name}" if path else name


# What refers to other nodes ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Linker:
    """Adds what names other nodes, and what does something."""

    choices: Choices
    style: Style
    paths: Mapping[str, NodeSpec]

    def link(self, spec: NodeSpec, path: str) -> NodeSpec:
        if spec.kind.is_history:
            return self._link_history(spec, path)
        children = tuple(self.link(child, _join(path, child.name)) for child in spec.children)
        spec = replace(spec, children=children)
        acts = spec.kind is not NodeKind.FINAL or self.choices.one_in(10)
        names = [each for each, other in self.paths.items() if not other.kind.is_history]
        return replace(
            spec,
            **self._make_initial(spec, path),
            entry=(*self._tell(f"+{path}", names), *make_block(self.choices, self.style, "enter", names)),
            exit=(*self._tell(f"-{path}", names), *make_block(self.choices, self.style, "exit", names)),
            invokes=self._make_invokes(path) if acts else (),
            transitions=tuple(self._make_transition() for _ in range(self.choices.pick((1, 0, 2, 3)) if acts else 0)),
            output=make_value(self.choices, self.style) if not path or spec.kind is NodeKind.FINAL else None,
        )

    def _tell(self, text: str, paths: Sequence[str]) -> tuple[Action, ...]:
        return () if self.style.mute and not self.choices.one_in(3) else (telling(text, self.style, paths),)

    def _link_history(self, spec: NodeSpec, path: str) -> NodeSpec:
        parent = path.rpartition(SEPARATOR)[0]
        if self.choices.one_in(2):
            spec = replace(spec, history_default=self._pick_inside(parent))
        return replace(spec, history_actions=self._make_default_block("history"))

    def _make_initial(self, spec: NodeSpec, path: str) -> dict[str, Any]:
        if spec.kind is not NodeKind.COMPOUND:
            return {}
        with_default = [_join(path, child.name) for child in spec.children if child.history_default]
        initial: tuple[str, ...] = ()
        if self.choices.one_in(2):
            initial = self._pick_inside(path)
        elif with_default and self.choices.one_in(2):
            initial = (self.choices.pick(with_default),)
        return {"initial": initial, "initial_actions": self._make_default_block("initial")}

    def _make_default_block(self, slot: str) -> tuple[Action, ...]:
        return make_block(self.choices, self.style, slot, list(self.paths)) if self.style.defaults else ()

    def _pick_inside(self, path: str) -> tuple[str, ...]:
        """Pick what may be entered by default in a node: one node, or one for each region of a parallel node."""
        inside = [each for each in self.paths if _is_inside(each, path)]
        own_histories = [each for each in inside if each.rpartition(SEPARATOR)[0] == path and self._is_history(each)]
        inside = [each for each in inside if each not in own_histories]
        parallels = [each for each in (path, *inside) if self.paths[each].kind is NodeKind.PARALLEL]
        if parallels and self.choices.one_in(3):
            return self._pick_one_per_region(self.choices.pick(parallels))
        return (self.choices.pick(inside),)

    def _pick_one_per_region(self, path: str) -> tuple[str, ...]:
        children = [_join(path, child.name) for child in self.paths[path].children]
        regions = [child for child in children if not self._is_history(child)]
        if len(regions) > 2 and self.choices.one_in(2):
            regions.remove(self.choices.pick(regions))
        return tuple(
            self.choices.pick([each for each in self.paths if each == region or _is_inside(each, region)])
            for region in regions
        )

    def _is_history(self, path: str) -> bool:
        return self.paths[path].kind.is_history

    # Invokes ---------------------------------------------------------------------------------------------------------

    def _make_invokes(self, path: str) -> tuple[InvokeSpec, ...]:
        if not self.style.invoking:
            return ()
        names = _invoke_names(path)[: self.choices.pick((0, 1, 0, 2, 0))]
        return tuple(
            InvokeSpec(
                id=name,
                src="service",
                machine=self.choices.one_in(3),
                mode=self.choices.pick(list(InvokeMode)),
                input=make_value(self.choices, self.style),
            )
            for name in names
        )

    # Transitions -----------------------------------------------------------------------------------------------------

    def _make_transition(self) -> TransitionSpec:
        choices, paths = self.choices, list(self.paths)
        delay = make_delay(choices, self.style) if self.style.delayed and choices.one_in(4) else None
        event = "" if delay else self._pick_descriptor()
        return TransitionSpec(
            event=event,
            targets=self._make_targets(),
            guards=self._make_guards(may_be_endless=event != "" or delay is not None or choices.one_in(10)),
            before=make_block(choices, self.style, "before", paths),
            actions=(*self._tell(f"*{event}", paths), *make_block(choices, self.style, "act", paths)),
            after=make_block(choices, self.style, "after", paths),
            kind=choices.pick(list(TransitionKind)),
            delay=delay,
        )

    def _pick_descriptor(self) -> str:
        if not self.choices.one_in(4):
            return self.choices.pick(DESCRIPTORS)
        ends = [f"done.state.{path}" for path, spec in self.paths.items() if path and spec.children]
        names = [name for path in self.paths for name in _invoke_names(path)] if self.style.invoking else []
        results = [f"{word}.invoke.{name}" for name in names for word in ("done", "error")]
        return self.choices.pick(self.choices.pick([each for each in (RARE_DESCRIPTORS, ends, results) if each]))

    def _make_targets(self) -> tuple[str, ...]:
        if self.choices.one_in(7):
            return ()
        parallels = [path for path, spec in self.paths.items() if spec.kind is NodeKind.PARALLEL]
        if parallels and self.choices.one_in(5):
            return self._pick_one_per_region(self.choices.pick(parallels))
        paths = list(self.paths)
        return (self.choices.pick([*paths[1:], *paths[1:], *paths]),)

    def _make_guards(self, *, may_be_endless: bool) -> tuple[Condition, ...]:
        guards: tuple[Condition, ...] = () if may_be_endless else (FUELLED,)
        if self.choices.one_in(3):
            guards = (*guards, make_condition(self.choices, self.style, list(self.paths)))
        return guards


def _invoke_names(path: str) -> tuple[str, str]:
    return (path or "root", f"{path or 'root'}!")


def _is_inside(path: str, other: str) -> bool:
    return path != other and (other == "" or path.startswith(other + SEPARATOR))
