"""What the rules ask about a definition, each worked out once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from settle.core.definition import Definition, Node, Transition
from settle.core.errors import Finding
from settle.core.event import DONE_INVOKE, DONE_STATE, ERROR_INVOKE
from settle.core.event_names import matches
from settle.core.reachability import find_leaves, find_reachable, find_widest_domain
from settle.core.spec import ANY_EVENT, EVENTLESS, NodeKind
from settle.core.suggestion import find_closest
from settle.core.validation.raising import may_raise

INNER_KINDS: Final = frozenset({NodeKind.COMPOUND, NodeKind.PARALLEL})
"""Kinds that have children."""


class Survey:
    """A definition, and what follows from it. Sets of nodes are bits, as in the definition."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.nodes = definition.nodes

    # The tree --------------------------------------------------------------------------------------------------------

    @cached_property
    def reachable(self) -> int:
        """Nodes that are ever active."""
        return find_reachable(self.definition)

    @cached_property
    def parallels(self) -> int:
        """Parallel nodes."""
        return sum(node.bit for node in self.nodes if node.kind is NodeKind.PARALLEL)

    @cached_property
    def company(self) -> tuple[int, ...]:
        """For each node, those that may be active together with it and lie neither in nor around it."""
        company = [0] * len(self.nodes)
        for node in self.nodes[1:]:
            parent = self.nodes[node.parent]
            company[node.index] = company[parent.index]
            if parent.kind is NodeKind.PARALLEL:
                company[node.index] |= parent.within & ~(node.bit | node.within)
        return tuple(company)

    def lineage(self, node: Node) -> tuple[Node, ...]:
        """Return a node and its ancestors, innermost first."""
        return (node, *(self.nodes[ancestor] for ancestor in node.ancestors))

    def find_region(self, parallel: Node, index: int) -> Node:
        """Return the region of a parallel node in which a node lies."""
        node = self.nodes[index]
        while node.parent != parallel.index:
            node = self.nodes[node.parent]
        return node

    def leaves(self, node: Node) -> tuple[Node, ...]:
        """Return the leaves that are ever active at or inside a node."""
        return find_leaves(self.definition, (node.bit | node.within) & self.reachable)

    @cached_property
    def written(self) -> tuple[Mapping[str, Any], ...]:
        """The nodes as the definition's table has them: with what the compiler has no use for."""
        found: list[Mapping[str, Any]] = []
        to_visit = [self.definition.table["root"]]
        while to_visit:
            described = to_visit.pop()
            found.append(described)
            to_visit += reversed(described.get("children", ()))
        return tuple(found)

    # Transitions -----------------------------------------------------------------------------------------------------

    def transitions(self, node: Node) -> tuple[Transition, ...]:
        """Return a node's own transitions, in the order written."""
        return tuple(self.definition.transitions[index] for index in node.transitions)

    def source(self, transition: Transition) -> Node:
        """Return the node that holds a transition."""
        return self.nodes[transition.source]

    def find_ended(self, transition: Transition) -> int:
        """Return the parallel nodes around its source whose regions a transition may end, all of them."""
        if not transition.targets:
            return 0
        domain = self.nodes[find_widest_domain(self.definition, transition)]
        return self.parallels & self.source(transition).up & (domain.bit | domain.within)

    def restored(self, transition: Transition) -> bool:
        """Whether what a transition leaves depends on what a history node recorded."""
        targets = (self.nodes[target] for target in transition.targets)
        return any(
            target.kind.is_history and self.nodes[target.parent].within >> transition.source & 1 for target in targets
        )

    # Events ----------------------------------------------------------------------------------------------------------

    @cached_property
    def may_raise(self) -> bool:
        """Whether some action may put events on the queue, so that any transition may be taken at any moment."""
        return may_raise(self.definition)

    @cached_property
    def parents_of_children(self) -> int:
        """Nodes that start child machines, whose messages are taken at once."""
        return sum(node.bit for node in self.nodes if any(invoke.machine for invoke in node.invokes))

    @cached_property
    def raisers(self) -> dict[str, int]:
        """For each event that the runtime makes, the nodes that it is about."""
        raisers: dict[str, int] = {}
        for node in self.nodes:
            events = [prefix + invoke.id for invoke in node.invokes for prefix in (DONE_INVOKE, ERROR_INVOKE)]
            events += [timer.event for timer in node.timers]
            if node.kind in INNER_KINDS and node.index:
                events.append(DONE_STATE + node.path)
            for event in events:
                raisers[event] = raisers.get(event, 0) | node.bit
        return raisers

    def find_raisers(self, descriptor: str) -> int:
        """Return the nodes about which the runtime makes events that a descriptor takes."""
        if not descriptor.endswith(ANY_EVENT):
            return self.raisers.get(descriptor, 0)
        if descriptor not in self._raisers_by_pattern:
            found = 0
            for event, bits in self.raisers.items():
                if matches(descriptor, event):
                    found |= bits
            self._raisers_by_pattern[descriptor] = found
        return self._raisers_by_pattern[descriptor]

    @cached_property
    def _raisers_by_pattern(self) -> dict[str, int]:
        return {}

    def find_listeners(self, event: str) -> int:
        """Return the nodes that have a transition for an event."""
        found = self._listeners.get(event, 0)
        for pattern in self._patterns:
            if pattern != event and matches(pattern, event):
                found |= self._listeners[pattern]
        return found

    @cached_property
    def _listeners(self) -> dict[str, int]:
        listeners: dict[str, int] = {}
        for transition in self.definition.transitions:
            listeners[transition.event] = listeners.get(transition.event, 0) | self.source(transition).bit
        return listeners

    @cached_property
    def _patterns(self) -> tuple[str, ...]:
        return tuple(descriptor for descriptor in self._listeners if descriptor.endswith(ANY_EVENT))

    def comes_by_itself(self, transition: Transition) -> bool:
        """Whether a transition may be taken although nobody sends anything."""
        return transition.event == EVENTLESS or bool(self.find_raisers(transition.event))


Rule = Callable[[Survey], Iterator[Finding]]


# Findings ------------------------------------------------------------------------------------------------------------


def error(code: str, node: Node, message: str) -> Finding:
    """Return a finding that stops the build."""
    return Finding(code=code, node=node.path, message=message)


def warning(code: str, node: Node, message: str) -> Finding:
    """Return a finding that does not."""
    return Finding(code=code, node=node.path, message=message, severity="warning")


def suggest(name: str, known: Iterable[str]) -> str:
    """Return `(did you mean 'x'?)` when something known is close, else nothing."""
    closest = find_closest(name, known)
    return f" (did you mean {closest!r}?)" if closest else ""


def name_event(transition: Transition) -> str:
    """Return what a transition waits for, in words."""
    if transition.delay is not None:
        return f"the delay {transition.delay.name!r}"
    return repr(transition.event) if transition.event else "an eventless transition"


def name_node(node: Node) -> str:
    """Return a node's path in quotes; the machine itself has none."""
    return repr(node.path) if node.index else "the machine itself"


def list_names(nodes: Iterable[Node], most: int = 4) -> str:
    """Return the paths of nodes in quotes, not more than so many."""
    names = [name_node(node) for node in nodes]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
