"""Which nodes a microstep enters: SCXML's addDescendantStatesToEnter and addAncestorStatesToEnter."""

from collections.abc import Iterator

from settle.core.definition import Definition, Node
from settle.core.history import HistoryValues, find_effective, history_fallback
from settle.core.spec import Action, NodeKind


class EntrySet:
    """Collects the nodes to enter.

    A region that stays active does not begin by default. SCXML's text forgets that where a history node lies further
    out than what its transition leaves, and would then have two children of one region active.

    Attributes:
        bits: the nodes, with those that a target names although they stay active.
    """

    def __init__(self, definition: Definition, history: HistoryValues, stays: int) -> None:
        self._definition, self._nodes, self._history, self._stays = definition, definition.nodes, history, stays
        self._by_default = 0
        self._history_actions: dict[int, tuple[Action, ...]] = {}
        self.bits = 0

    def enter_targets(self, targets: tuple[int, ...], domain: int) -> None:
        """Add targets, what they enter by default, and what lies between them and the domain."""
        for target in targets:
            self.enter(target)
        for target in targets:
            for effective in find_effective(self._definition, target, self._history):
                self._enter_ancestors(effective, domain)

    def enter(self, index: int) -> None:
        """Add a node and what it enters by default."""
        node = self._nodes[index]
        if node.kind.is_history:
            self._enter_history(node)
            return
        self.bits |= node.bit
        if node.kind is NodeKind.COMPOUND:
            self._by_default |= node.bit
            self._enter_inside(node.initial, index)
        elif node.kind is NodeKind.PARALLEL:
            self._enter_regions(node)

    def _enter_history(self, node: Node) -> None:
        """Add what a history node recorded, or else its default, which may be a history node further in."""
        if node.path in self._history:
            self._enter_inside(find_effective(self._definition, node.index, self._history), node.parent)
            return
        if node.history_actions:
            self._history_actions[node.parent] = node.history_actions
        self._enter_inside(history_fallback(self._definition, node), node.parent)

    def default_blocks(self, node: Node) -> Iterator[tuple[Action, ...]]:
        """Yield the actions that follow a node's entry because a default was taken: its own, its history node's."""
        if self._by_default & node.bit:
            yield node.initial_actions
        yield self._history_actions.get(node.index, ())

    def _enter_inside(self, targets: tuple[int, ...], stop: int) -> None:
        for target in targets:
            self.enter(target)
        for target in targets:
            self._enter_ancestors(target, stop)

    def _enter_ancestors(self, index: int, stop: int) -> None:
        if index == stop:  # a local transition onto its source: what lies around it stays as it is
            return
        ancestors = self._nodes[index].ancestors
        for ancestor in ancestors[: ancestors.index(stop) + 1]:
            node = self._nodes[ancestor]
            self.bits |= node.bit
            if node.kind is NodeKind.PARALLEL:
                self._enter_regions(node)

    def _enter_regions(self, node: Node) -> None:
        for child in node.children:
            region = self._nodes[child]
            if not (self.bits | self._stays) & (region.bit | region.within):
                self.enter(child)
