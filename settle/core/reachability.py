"""Which nodes a definition can ever enter, and where an entry ends: the graph questions that validation asks.

Guards that are functions are taken to hold and events to come, so the answers err on the side of "reachable". What can
be known for certain is used: a condition on a node that is never active, the end of a node that cannot end, the result
of a service that does not run there.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from settle.core.bits import iterate
from settle.core.certainty import can_be_done, may_both_be_active, may_hold
from settle.core.definition import Definition, Node, Transition
from settle.core.domain import find_domain
from settle.core.event import DONE_INVOKE, DONE_STATE, ERROR_INVOKE
from settle.core.spec import NodeKind

_RESULTS: Final = (DONE_INVOKE, ERROR_INVOKE)


def find_reachable(definition: Definition) -> int:
    """Return the set of nodes, as bits, that some sequence of events might enter; history nodes count when targeted."""
    reachable: int = definition.memo.get("reachable", (), lambda: _Search(definition).run())
    return reachable


def find_entered(definition: Definition, targets: Sequence[int], domain: int = 0) -> int:
    """Return the nodes, as bits, that are active after these targets were entered from outside the domain."""
    entry = _Entry(definition)
    entry.enter_targets(targets, domain)
    return entry.bits


def find_leaves(definition: Definition, bits: int) -> tuple[Node, ...]:
    """Return the leaves of a set of nodes."""
    return tuple(node for node in iterate(definition.nodes, bits) if node.is_leaf)


def find_widest_domain(definition: Definition, transition: Transition) -> int:
    """Return the domain of a targeted transition; the outermost possible one, where that depends on a history node."""
    if transition.domain >= 0:
        return transition.domain
    return find_domain(definition.nodes, transition.source, transition.targets, transition.kind)


# The search ----------------------------------------------------------------------------------------------------------


class _Entry:
    """Collects what entering targets makes active, as the interpreter does, but with no history recorded.

    Attributes:
        bits: nodes that were entered, and history nodes that were targets.
        by_default: those of them that were entered with what follows from them by default.
    """

    def __init__(self, definition: Definition) -> None:
        self._nodes = definition.nodes
        self._regions = {
            node.index: sum(1 << child for child in node.children)
            for node in definition.nodes
            if node.kind is NodeKind.PARALLEL
        }
        self._parallels = sum(1 << index for index in self._regions)
        self._to_expand: list[int] = []
        self.bits = 0
        self.by_default = 0

    def enter_targets(self, targets: Iterable[int], domain: int) -> None:
        """Enter targets, what lies between them and the domain, and what follows by default."""
        self._add(targets, domain)
        while self._to_expand:
            self._expand(self._nodes[self._to_expand.pop()])

    def _add(self, targets: Iterable[int], domain: int) -> None:
        chosen = up = 0
        for target in self._find_effective(targets):
            self._put(target)
            chosen |= self._nodes[target].bit
            up |= self._nodes[target].up
        inside = self._nodes[domain].within | self._nodes[domain].bit
        self.bits |= up & inside
        for parallel in iterate(self._nodes, up & inside & self._parallels):
            for region in iterate(self._nodes, self._regions[parallel.index] & ~(chosen | up | self.by_default)):
                self._put(region.index)

    def _find_effective(self, targets: Iterable[int]) -> Iterator[int]:
        """Yield targets, in place of history nodes what they stand for at first."""
        for target in targets:
            node = self._nodes[target]
            if node.kind.is_history:
                self.bits |= node.bit
                parent = self._nodes[node.parent]
                yield from self._find_effective(node.history_default or parent.initial or parent.children)
            else:
                yield target

    def _put(self, index: int) -> None:
        node = self._nodes[index]
        if not self.by_default & node.bit:
            self.by_default |= node.bit
            self.bits |= node.bit
            self._to_expand.append(index)

    def _expand(self, node: Node) -> None:
        if node.kind is NodeKind.COMPOUND:
            self._add(node.initial, node.index)
        elif node.kind is NodeKind.PARALLEL:
            self._add(node.children, node.index)


class _Search:
    """Follows transitions until nothing new is entered."""

    def __init__(self, definition: Definition) -> None:
        self._definition, self._nodes = definition, definition.nodes
        self._entry = _Entry(definition)
        self._invokers = {invoke.id: node.index for node in self._nodes for invoke in node.invokes}
        self._shallow = sum(node.bit for node in self._nodes if node.kind is NodeKind.SHALLOW_HISTORY)

    def run(self) -> int:
        """Return everything that is ever entered."""
        self._entry.enter_targets([0], 0)
        seen = 0
        blocked: list[Transition] = []
        while True:
            new = self._entry.bits & ~seen
            seen |= new
            if new:
                found = (
                    self._definition.transitions[i] for node in iterate(self._nodes, new) for i in node.transitions
                )
                blocked += [transition for transition in found if not self._follow(transition)]
                continue
            still = [transition for transition in blocked if not self._follow(transition)]
            self._revive()
            if len(still) == len(blocked) and seen == self._entry.bits:
                return seen
            blocked = still

    def _follow(self, transition: Transition) -> bool:
        """Enter the targets of a transition, unless it cannot be taken as far as is known yet."""
        if not self._may_be_taken(transition):
            return False
        if transition.targets:
            self._entry.enter_targets(transition.targets, find_widest_domain(self._definition, transition))
        return True

    def _may_be_taken(self, transition: Transition) -> bool:
        active, source = self._entry.bits, transition.source
        return self._may_come(transition) and all(
            may_hold(self._definition, condition, source, active) for condition in transition.guards
        )

    def _may_come(self, transition: Transition) -> bool:
        """Whether the event can come. One that can never come at all is a finding of its own, and followed here."""
        event = transition.event
        if event.startswith(DONE_STATE):
            index = self._definition.numbers.get(event.removeprefix(DONE_STATE), 0)
            ended = self._nodes[index]
            return not can_be_done(self._definition, ended) or can_be_done(self._definition, ended, self._entry.bits)
        for prefix in _RESULTS:
            invoker = self._invokers.get(event.removeprefix(prefix)) if event.startswith(prefix) else None
            if invoker is not None:
                reached = self._entry.bits >> invoker & 1
                return bool(reached) and may_both_be_active(self._definition, invoker, transition.source)
        return True

    def _revive(self) -> None:
        """Enter by default what shallow history nodes may have recorded: any child that was ever active."""
        for history in iterate(self._nodes, self._entry.bits & self._shallow):
            children = [child for child in self._nodes[history.parent].children if self._entry.bits >> child & 1]
            if any(not self._entry.by_default >> child & 1 for child in children):
                for child in children:
                    self._entry.enter_targets([child], history.parent)
