"""Which transitions the second interpreter takes, and what they leave: SCXML's appendix D on sets of paths."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from settle.core.snapshot import LiveInvoke, LiveTimer, Status
from settle.core.spec import NodeKind, Selection, TransitionKind
from tests.support.reference_tree import Arrow, Tree

Allows = Callable[[Arrow], bool]


@dataclass
class State:
    """What the second interpreter keeps between macrosteps."""

    context: Any = field(default_factory=dict)
    active: set[str] = field(default_factory=set)
    history: dict[str, tuple[str, ...]] = field(default_factory=dict)
    invokes: list[LiveInvoke] = field(default_factory=list)
    timers: list[LiveTimer] = field(default_factory=list)
    status: Status = Status.ACTIVE
    output: Any = None
    entries: int = 0


class Choice:
    """Chooses among the transitions of a machine, for the state as it is when asked."""

    def __init__(self, tree: Tree, selection: Selection, state: State) -> None:
        self._tree, self._selection, self._state = tree, selection, state

    def select(self, name: str, allows: Allows) -> list[Arrow]:
        """Return the transitions to take together; `name` is empty for eventless ones."""
        answers: dict[Arrow, bool] = {}

        def asks_once(arrow: Arrow) -> bool:
            if arrow not in answers:
                answers[arrow] = allows(arrow)
            return answers[arrow]

        if name and self._selection is Selection.XSTATE:
            return self._without_conflicts(self._search_down("", name, asks_once))
        found: list[Arrow] = []
        for leaf in self._tree.sort(path for path in self._state.active if self._tree.is_leaf(path)):
            for path in (leaf, *self._tree.ancestors(leaf)):
                arrow = self._first(path, name, asks_once)
                if arrow is not None:
                    found += [arrow] if arrow not in found else []
                    break
        return self._without_conflicts(found)

    def _search_down(self, path: str, name: str, allows: Allows) -> list[Arrow]:
        """Ask the active children; the node itself only where none of them has a transition."""
        children = [child for child in self._tree.children(path) if child in self._state.active]
        found = [arrow for child in children for arrow in self._search_down(child, name, allows)]
        if found:
            return found
        own = self._first(path, name, allows)
        return [] if own is None else [own]

    def _first(self, path: str, name: str, allows: Allows) -> Arrow | None:
        own = [arrow for arrow in self._tree.arrows if arrow.source == path and self._takes(arrow.event, name)]
        if self._selection is Selection.XSTATE:
            own.sort(key=lambda arrow: (arrow.event != name, -len(arrow.event)))
        return next((arrow for arrow in own if allows(arrow)), None)

    def _takes(self, descriptor: str, name: str) -> bool:
        if not descriptor or not name:
            return descriptor == name
        if not descriptor.endswith(".*"):
            return descriptor in {"*", name}
        begins = descriptor.removesuffix("*")
        return name.startswith(begins) or (self._selection is Selection.XSTATE and f"{name}." == begins)

    # Conflicts -------------------------------------------------------------------------------------------------------

    def _without_conflicts(self, enabled: list[Arrow]) -> list[Arrow]:
        kept: list[Arrow] = []
        for one in enabled:
            rivals = []
            for two in kept:
                if not self._claims(one) & self._claims(two):
                    continue
                if not self._tree.is_inside(one.source, two.source):
                    break
                rivals.append(two)
            else:
                kept = [*(each for each in kept if each not in rivals), one]
        return kept

    def _claims(self, arrow: Arrow) -> set[str]:
        return self.exit_set([arrow]) | {arrow.source} if arrow.spec.targets else set()

    # What is left ----------------------------------------------------------------------------------------------------

    def exit_set(self, arrows: list[Arrow]) -> set[str]:
        domains = [self.domain(arrow) for arrow in arrows if arrow.spec.targets]
        return {path for path in self._state.active for domain in domains if self._tree.is_inside(path, domain)}

    def domain(self, arrow: Arrow) -> str:
        targets = [path for target in arrow.spec.targets for path in self.effective(target)]
        source, kind, is_inside = arrow.source, arrow.spec.kind, self._tree.is_inside
        all_inside = all(is_inside(target, source) for target in targets)
        if kind is TransitionKind.INTERNAL and self._tree.kind(source) is NodeKind.COMPOUND and all_inside:
            return source
        if kind is TransitionKind.LOCAL and all(target == source or is_inside(target, source) for target in targets):
            return source
        around = self._tree.ancestors(source)
        return next((path for path in around if all(is_inside(target, path) for target in targets)), "")

    def effective(self, target: str) -> list[str]:
        """Return what a target stands for now."""
        if not self._tree.kind(target).is_history:
            return [target]
        if target in self._state.history:
            return list(self._state.history[target])
        return [path for default in self._tree.default(target) for path in self.effective(default)]
