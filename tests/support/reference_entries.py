"""What the second interpreter enters: SCXML's addDescendantStatesToEnter and addAncestorStatesToEnter on paths."""

from settle.core.spec import Action, NodeKind
from tests.support.reference_choice import State
from tests.support.reference_tree import Tree


class Entries:
    """Collects what to enter.

    Attributes:
        paths: the nodes, in document order when asked; those that stay active are left out.
    """

    def __init__(self, tree: Tree, state: State) -> None:
        self._tree, self._state = tree, state
        self._found: set[str] = set()
        self._by_default: set[str] = set()
        self._history_actions: dict[str, tuple[Action, ...]] = {}

    @property
    def paths(self) -> list[str]:
        return self._tree.sort(self._found - self._state.active)

    def blocks(self, path: str) -> list[tuple[Action, ...]]:
        """Lists of actions that run when a node is entered."""
        node = self._tree.nodes[path]
        initial = node.initial_actions if path in self._by_default else ()
        return [node.entry, initial, self._history_actions.get(path, ())]

    def add_descendants(self, path: str) -> None:
        kind = self._tree.kind(path)
        if kind.is_history:
            self._add_history(path)
            return
        self._found.add(path)
        if kind is NodeKind.COMPOUND:
            self._by_default.add(path)
            self._add_inside(self._tree.initial(path), path)
        elif kind is NodeKind.PARALLEL:
            self._add_regions(path)

    def add_ancestors(self, path: str, domain: str) -> None:
        if not self._tree.is_inside(path, domain):
            return
        for ancestor in self._tree.ancestors(path):
            if ancestor != domain:
                self._found.add(ancestor)
            if self._tree.kind(ancestor) is NodeKind.PARALLEL:
                self._add_regions(ancestor)
            if ancestor == domain:
                return

    def _add_history(self, path: str) -> None:
        parent, recorded = self._tree.parent(path), self._state.history.get(path)
        if recorded is None and self._tree.nodes[path].history_actions:
            self._history_actions[parent] = self._tree.nodes[path].history_actions
        self._add_inside(self._tree.default(path) if recorded is None else list(recorded), parent)

    def _add_inside(self, targets: list[str], around: str) -> None:
        for target in targets:
            self.add_descendants(target)
        for target in targets:
            self.add_ancestors(target, around)

    def _add_regions(self, path: str) -> None:
        for child in self._tree.children(path):
            taken = self._found | self._state.active
            if not any(each == child or self._tree.is_inside(each, child) for each in taken):
                self.add_descendants(child)
