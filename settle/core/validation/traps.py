"""The proof that an instance comes to rest: from every leaf, a way leads to one that rests.

A way is made of what happens by itself: events from outside wait until the instance rests. Where an action may raise
events, or a child send them, every transition is taken to happen. Guards are taken to hold, and entering a parallel
node counts as entering any of its regions, so what is called a trap is one.
"""

from collections.abc import Collection, Iterator
from typing import Final

from settle.core.bits import iterate
from settle.core.definition import Node
from settle.core.errors import Finding
from settle.core.spec import REJECTED, SETTLED, NodeKind
from settle.core.validation.graph import find_parts
from settle.core.validation.survey import Survey, error, list_names, name_node

_WAITING: Final = frozenset({SETTLED, REJECTED})


def rests(leaf: Node) -> bool:
    """Tell whether an instance may stay at a leaf; a rejected one gives back what was before."""
    return leaf.kind is NodeKind.FINAL or bool(leaf.effective_tags & _WAITING)


def find_traps(survey: Survey, stuck: Collection[int]) -> Iterator[Finding]:
    """Name groups of leaves from which no way leads to one that rests, unless all are known to be stuck."""
    resting = _find_resting_parts(survey)
    for leaves in find_dead_ends(survey):
        if not all(leaf.index in stuck for leaf in leaves):
            yield _name_trap(survey, leaves, resting)


def find_dead_ends(survey: Survey) -> Iterator[list[Node]]:
    """Yield groups of leaves that lead to each other and nowhere else, and do not rest; in document order."""
    return _Ways(survey).find_dead_ends()


def _name_trap(survey: Survey, leaves: list[Node], resting: int) -> Finding:
    first = leaves[0]
    bits = sum(leaf.bit for leaf in leaves)
    for region in survey.lineage(first)[:-1]:
        parallel = survey.nodes[region.parent]
        if parallel.kind is NodeKind.PARALLEL and not bits & ~(region.bit | region.within) and not resting & region.bit:
            message = (
                f"its region {name_node(region)} never rests once it is at {list_names(leaves)}, so that no combination"
                f" of regions does; tag a state of it `settled`, make one final, or lead out of {name_node(parallel)}"
            )
            return error("regions-never-rest", parallel, message)
    if len(leaves) == 1:
        message = (
            "no way leads from it to a state that rests; tag it `settled`, or give it a way to one that is, or that is"
            " final"
        )
    else:
        message = (
            f"the instance goes round {list_names(leaves)} for ever and never rests; tag one of them `settled`, or give"
            " one a way to a state that is, or that is final"
        )
    return error("cannot-settle", first, message)


def _find_resting_parts(survey: Survey) -> int:
    """Return the nodes inside which an instance can rest: in some leaf of each region that is active together."""
    found = 0
    for node in reversed(survey.nodes):
        children = [survey.nodes[child].bit for child in node.children]
        can_rest = {
            NodeKind.COMPOUND: any(found & child for child in children),
            NodeKind.PARALLEL: all(found & child for child in children),
        }.get(node.kind, rests(node))
        if can_rest and survey.reachable & node.bit:
            found |= node.bit
    return found


class _Ways:
    """What leads where. A node stands for being in it, and its number plus the count of nodes for entering it."""

    def __init__(self, survey: Survey) -> None:
        self._survey, self._nodes, self._count = survey, survey.nodes, len(survey.nodes)
        self._everything = survey.may_raise or bool(survey.parents_of_children)
        self._edges: dict[int, list[int]] = {}
        for node in iterate(self._nodes, survey.reachable):
            self._lead_out(node)
            self._edges[self._count + node.index] = list(self._lead_in(node))

    def find_dead_ends(self) -> Iterator[list[Node]]:
        """Yield groups of leaves that lead to each other and nowhere else, in document order."""
        active = [leaf for leaf in iterate(self._nodes, self._survey.reachable) if leaf.is_leaf]
        free = self._find_sources(leaf.index for leaf in active if rests(leaf))
        trapped = {leaf.index for leaf in active if leaf.index not in free}
        leads_on: dict[int, bool] = {}
        found: list[list[Node]] = []
        for part in find_parts(sorted(trapped), self._edges):
            leaves = sorted(trapped.intersection(part))
            onward = any(leads_on.get(after, False) for member in part for after in self._edges.get(member, ()))
            if leaves and not onward:
                found.append([self._nodes[index] for index in leaves])
            leads_on.update(dict.fromkeys(part, onward or bool(leaves)))
        yield from sorted(found, key=lambda leaves: leaves[0].index)

    def _lead_out(self, node: Node) -> None:
        """Note that who is in a node is in its parent too, and takes what its transitions lead to."""
        if node.index:
            self._lead(node.index, [node.parent])
        for transition in self._survey.transitions(node):
            if self._everything or self._survey.comes_by_itself(transition):
                entered = [self._count + target for target in transition.targets]
                self._lead(node.index, entered)
                for parallel in iterate(self._nodes, self._survey.find_ended(transition)):
                    self._lead(parallel.index, entered)

    def _lead(self, start: int, ends: list[int]) -> None:
        self._edges.setdefault(start, []).extend(ends)

    def _lead_in(self, node: Node) -> Iterator[int]:
        """Yield what entering a node leads to."""
        if node.is_leaf:
            yield node.index
        elif node.kind.is_history:
            yield from self._restore(node, self._nodes[node.parent])
        else:
            yield from (self._count + child for child in node.initial or node.children)

    def _restore(self, history: Node, parent: Node) -> Iterator[int]:
        yield from (self._count + target for target in history.history_default or parent.initial or parent.children)
        for node in iterate(self._nodes, parent.within & self._survey.reachable):
            if node.is_leaf and history.kind is NodeKind.DEEP_HISTORY:
                yield node.index
            elif node.parent == parent.index and history.kind is NodeKind.SHALLOW_HISTORY:
                yield self._count + node.index

    def _find_sources(self, ends: Iterator[int]) -> set[int]:
        """Return everything from which a way leads to one of these."""
        back: dict[int, list[int]] = {}
        for start, following in self._edges.items():
            for end in following:
                back.setdefault(end, []).append(start)
        found = set(ends)
        to_visit = list(found)
        while to_visit:
            for start in back.get(to_visit.pop(), ()):
                if start not in found:
                    found.add(start)
                    to_visit.append(start)
        return found
