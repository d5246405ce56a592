"""Which nodes a definition can ever enter, and where an entry ends: the graph questions that validation asks.

Guards are taken to hold and events to come, so the answers err on the side of "reachable".
"""

from collections.abc import Iterable, Sequence

from settle.core.definition import Definition, Node
from settle.core.spec import NodeKind


def find_reachable(definition: Definition) -> int:
    """Return the set of nodes, as bits, that some sequence of events might enter; history nodes count when targeted."""
    reachable = find_entered(definition, [0])
    grown = True
    while grown:
        grown = False
        for transition in definition.transitions:
            if not reachable >> transition.source & 1:
                continue
            after = reachable | find_entered(definition, transition.targets)
            grown, reachable = grown or after != reachable, after
    return reachable


def find_entered(definition: Definition, targets: Sequence[int]) -> int:
    """Return the nodes, as bits, that are active after these targets were entered from outside everything."""
    entry = _Entry(definition)
    for target in targets:
        entry.enter(target)
    for target in targets:
        entry.enter_ancestors(target)
    return entry.bits


def find_leaves(definition: Definition, bits: int) -> tuple[Node, ...]:
    """Return the leaves of a set of nodes."""
    return tuple(node for node in definition.nodes if bits & node.bit and node.is_leaf)


def may_run_together(definition: Definition, one: int, other: int) -> bool:
    """Tell whether two nodes can be active at the same time without one lying inside the other."""
    nodes = definition.nodes
    if one == other or nodes[one].within >> other & 1 or nodes[other].within >> one & 1:
        return False
    common = next(ancestor for ancestor in nodes[one].ancestors if nodes[ancestor].within >> other & 1)
    return nodes[common].kind is NodeKind.PARALLEL


class _Entry:
    """Collects what entering some targets makes active, like the interpreter does, but with no history recorded."""

    def __init__(self, definition: Definition) -> None:
        self._nodes = definition.nodes
        self.bits = 0

    def enter(self, index: int) -> None:
        node = self._nodes[index]
        if self.bits & node.bit:
            return
        self.bits |= node.bit
        if node.kind.is_history:
            parent = self._nodes[node.parent]
            self._enter_all(node.history_default or parent.initial or parent.children)
        elif node.kind is NodeKind.COMPOUND:
            self._enter_all(node.initial)
        elif node.kind is NodeKind.PARALLEL:
            self._enter_all(node.children)

    def enter_ancestors(self, index: int) -> None:
        for ancestor in self._nodes[index].ancestors:
            node = self._nodes[ancestor]
            self.bits |= node.bit
            if node.kind is NodeKind.PARALLEL:
                for child in node.children:
                    if not self.bits & (self._nodes[child].bit | self._nodes[child].within):
                        self.enter(child)

    def _enter_all(self, indexes: Iterable[int]) -> None:
        for index in indexes:
            self.enter(index)
            self.enter_ancestors(index)
