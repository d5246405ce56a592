"""The rule about rounds that nothing can stop: unguarded eventless transitions, and ends that begin again.

Only what is certain counts. Where a guard, a history node, a raised event or another region may have a say, there may
be a way out.
"""

from collections import deque
from collections.abc import Iterator
from itertools import chain

from settle.core.bits import iterate
from settle.core.certainty import is_unguarded
from settle.core.definition import Node, Transition
from settle.core.errors import Finding
from settle.core.event import DONE_STATE, ERROR_EXECUTION
from settle.core.event_names import matching
from settle.core.reachability import find_entered, find_widest_domain
from settle.core.spec import EVENTLESS, ErrorPolicy, NodeKind
from settle.core.validation.graph import Edges, find_parts
from settle.core.validation.survey import Survey, error


def check_cycles(survey: Survey) -> Iterator[Finding]:
    """Name rounds of leaves, each of whose only way on is to the next."""
    edges = dict(find_certain_ways(survey))
    parts = (part for part in find_parts(edges, edges) if len(part) > 1 or part[0] in edges.get(part[0], ()))
    for way in sorted(_find_way(min(part), edges, frozenset(part)) for part in parts):
        shown = " -> ".join(survey.nodes[index].path for index in (*way, way[0]))
        message = f"it goes round for ever, which needs no event from outside ({shown}); guard one of these transitions"
        yield error("eventless-cycle", survey.nodes[way[0]], message)


def find_certain_ways(survey: Survey) -> Iterator[tuple[int, list[int]]]:
    """Yield the leaves that are left at once, whatever happens, with the leaves that are entered then."""
    first_eventless = _find_first_eventless(survey)
    ended_by = _find_ended(survey)
    ends_count = _ends_count(survey, first_eventless)
    for leaf in survey.leaves(survey.nodes[0]):
        transition = first_eventless[leaf.index]
        if _may_end_machine(survey, leaf) or ended_by[leaf.index] & survey.company[leaf.index]:
            continue
        if transition is None and ends_count:
            transition = _find_next_after_end(survey, leaf)
        if transition is not None and is_unguarded(survey.definition, transition):
            yield leaf.index, _list_entered(survey, leaf, transition)


def _find_first_eventless(survey: Survey) -> list[Transition | None]:
    """Return for each node the eventless transition that is asked first, its own or that of the nearest node around."""
    found: list[Transition | None] = []
    for node in survey.nodes:
        above = found[node.parent] if node.index else None
        found.append(next((each for each in survey.transitions(node) if each.event == EVENTLESS), above))
    return found


def _find_ended(survey: Survey) -> list[int]:
    """Return for each node the nodes with an eventless transition that may end a parallel node around both."""
    ending = [0] * len(survey.nodes)
    for transition in survey.definition.transitions:
        if transition.event == EVENTLESS:
            for parallel in iterate(survey.nodes, survey.find_ended(transition)):
                ending[parallel.index] |= survey.source(transition).bit
    found: list[int] = []
    for node in survey.nodes:
        found.append(found[node.parent] | ending[node.parent] if node.index else 0)
    return found


def _ends_count(survey: Survey, first_eventless: list[Transition | None]) -> bool:
    """Whether the done event of a final node is certainly the next event: nothing else can be in the queue."""
    finals = (node for node in survey.nodes if node.kind is NodeKind.FINAL)
    errors = survey.definition.errors is ErrorPolicy.EVENT and survey.find_listeners(ERROR_EXECUTION)
    return not survey.may_raise and not errors and all(first_eventless[node.index] is None for node in finals)


def _may_end_machine(survey: Survey, leaf: Node) -> bool:
    return leaf.kind is NodeKind.FINAL and (leaf.parent == 0 or survey.nodes[0].kind is NodeKind.PARALLEL)


def _find_next_after_end(survey: Survey, leaf: Node) -> Transition | None:
    """Return what is asked first when a final node has ended the node around it, if that leaves the final node."""
    if leaf.kind is not NodeKind.FINAL or survey.company[leaf.index]:
        return None
    event, selection = DONE_STATE + survey.nodes[leaf.parent].path, survey.definition.selection
    asked = (matching(selection, survey.transitions(holder), event) for holder in survey.lineage(leaf))
    transition = next(chain.from_iterable(asked), None)
    if transition is None or not transition.targets:
        return None
    domain = survey.nodes[find_widest_domain(survey.definition, transition)]
    return transition if domain.within & leaf.bit else None


def _list_entered(survey: Survey, leaf: Node, transition: Transition) -> list[int]:
    """Return the leaves that a transition enters; none where a history node may have recorded others."""
    if not transition.targets:
        return [leaf.index]
    entered = find_entered(survey.definition, transition.targets, find_widest_domain(survey.definition, transition))
    nodes = list(iterate(survey.nodes, entered))
    return [] if any(node.kind.is_history for node in nodes) else [node.index for node in nodes if node.is_leaf]


def _find_way(start: int, edges: Edges, part: frozenset[int]) -> list[int]:
    """Return a shortest way from a leaf back to itself."""
    came_from: dict[int, int] = {}
    to_visit = deque([start])
    while start not in came_from:
        leaf = to_visit.popleft()
        for after in edges.get(leaf, ()):
            if after in part and after not in came_from:
                came_from[after] = leaf
                to_visit.append(after)
    way = [came_from[start]]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]
