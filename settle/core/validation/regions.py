"""Rules about regions that get into each other's way."""

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import chain, islice
from operator import attrgetter
from typing import Final

from settle.core.bits import iterate
from settle.core.certainty import is_unguarded
from settle.core.definition import Node, Transition
from settle.core.errors import Finding
from settle.core.event_names import matches
from settle.core.spec import ANY_EVENT, EVENTLESS, TransitionKind
from settle.core.validation.survey import Survey, name_event, name_node, warning

_by_index: Final = attrgetter("index")
_TWO: Final = 2
_NAMED: Final = 3
"""Regions that a message names at most."""
_MEND_OF_CONFLICT: Final = "guard one of them, or take the event in the parallel node itself"

# Regions that take the same event ------------------------------------------------------------------------------------


def check_region_conflicts(survey: Survey) -> Iterator[Finding]:
    """Name pairs of transitions of different regions of which one ends both, so that the other's move is lost."""
    for parallel, transition, rival in find_conflicts(survey):
        yield _conflict(survey, parallel, transition, rival)


def find_conflicts(survey: Survey) -> Iterator[tuple[Node, Transition, Transition]]:
    """Yield parallel nodes with a transition inside that ends them and the first one of another region beside it."""
    moves = [each for each in survey.definition.transitions if _is_certain_move(survey, each)]
    ending: dict[int, list[Transition]] = {}
    for transition in moves:
        for parallel in iterate(survey.nodes, survey.find_ended(transition)):
            ending.setdefault(parallel.index, []).append(transition)
    found: set[frozenset[int]] = set()
    for index, transitions in ending.items():
        parallel = survey.nodes[index]
        inside = _Moves(survey, parallel, moves)
        for transition in transitions:
            rival = inside.find_rival(transition)
            if rival is not None and frozenset({transition.index, rival.index}) not in found:
                found.add(frozenset({transition.index, rival.index}))
                yield parallel, transition, rival


def _is_certain_move(survey: Survey, transition: Transition) -> bool:
    """Whether a transition is taken when its event comes, and what it ends is known."""
    active = bool(transition.targets) and bool(survey.reachable >> transition.source & 1)
    return active and is_unguarded(survey.definition, transition) and not survey.restored(transition)


class _Moves:
    """The transitions inside a parallel node by what they take; of equal moves, those of two regions at most."""

    def __init__(self, survey: Survey, parallel: Node, moves: list[Transition]) -> None:
        self._survey, self._parallel = survey, parallel
        self._by_event: dict[str, list[Transition]] = {}
        self._by_pattern: dict[str, list[Transition]] = {}
        regions: dict[tuple[str, object], set[int]] = {}
        for transition in moves:
            if parallel.within >> transition.source & 1:
                seen = regions.setdefault((transition.event, _describe_move(transition)), set())
                region = survey.find_region(parallel, transition.source).index
                if region not in seen and len(seen) < _TWO:
                    seen.add(region)
                    self._by_event.setdefault(transition.event, []).append(transition)
        self._patterns = [event for event in self._by_event if event.endswith(ANY_EVENT)]

    def find_rival(self, transition: Transition) -> Transition | None:
        """Return the first transition of another region that takes the same event and makes another move."""
        own, move = self._survey.find_region(self._parallel, transition.source), _describe_move(transition)
        for other in self._list_overlapping(transition.event):
            if not _holds(own, other.source) and _describe_move(other) != move:
                return other
        return None

    def _list_overlapping(self, event: str) -> Iterable[Transition]:
        """Return the transitions that take some event that a descriptor takes too, in document order."""
        if event not in self._patterns:
            taking = (self._by_event[pattern] for pattern in self._patterns if matches(pattern, event))
            return merge(self._by_event.get(event, ()), *taking, key=_by_index)
        if event not in self._by_pattern:
            taking = (
                self._by_event[other] for other in self._by_event if matches(event, other) or matches(other, event)
            )
            self._by_pattern[event] = sorted(chain.from_iterable(taking), key=_by_index)
        return self._by_pattern[event]


def _describe_move(transition: Transition) -> object:
    """Return what is equal for transitions of which it makes no difference which one is taken."""
    acts = transition.before or transition.actions or transition.after
    return transition.index if acts else transition.targets


def _holds(region: Node, index: int) -> bool:
    return region.index == index or bool(region.within >> index & 1)


def _conflict(survey: Survey, parallel: Node, transition: Transition, other: Transition) -> Finding:
    source, rival = survey.source(transition), survey.source(other)
    narrow = other if matches(transition.event, other.event) else transition
    what = name_event(narrow) if narrow.event == EVENTLESS else f"a transition on {name_event(narrow)}"
    message = (
        f"it has {what} that ends all regions of {name_node(parallel)}, and {name_node(rival)} has one too;"
        f" only that of {name_node(min(source, rival, key=lambda node: node.index))} is taken, the other is lost;"
        f" {_MEND_OF_CONFLICT}"
    )
    return warning("region-conflict", source, message)


# Regions that begin again --------------------------------------------------------------------------------------------


def check_restarts(survey: Survey) -> Iterator[Finding]:
    """Name external transitions that stay inside their region and yet begin its sibling regions again."""
    for transition, region, others in find_restarts(survey):
        source = survey.source(transition)
        mend = "add `reenter: False` or `internal: True`"
        if source is not region:
            mend = f"name a state inside {name_node(region)} as its target"
        names = " and ".join(map(name_node, others))
        message = f"its transition on {name_event(transition)} begins {names} again too; {mend}"
        yield warning("restarts-regions", source, message)


def find_restarts(survey: Survey) -> Iterator[tuple[Transition, Node, tuple[Node, ...]]]:
    """Yield external transitions that lead into their own region, with that and some of those that they restart."""
    losing: dict[int, list[Node]] = {}
    for transition in survey.definition.transitions:
        if transition.kind is not TransitionKind.EXTERNAL or not transition.targets or transition.domain < 0:
            continue
        parallel = survey.nodes[transition.domain]
        if not survey.parallels & parallel.bit:
            continue
        region = survey.find_region(parallel, transition.source)
        if not all(_holds(region, target) for target in transition.targets):
            continue
        if parallel.index not in losing:
            losing[parallel.index] = list(_list_losing(survey, parallel))
        others = tuple(islice((each for each in losing[parallel.index] if each is not region), _NAMED))
        if others:
            yield transition, region, others


def _list_losing(survey: Survey, parallel: Node) -> Iterator[Node]:
    """Yield the regions for which it makes a difference that they begin again."""
    for node in (survey.nodes[child] for child in parallel.children):
        if node.within or node.entry or node.exit or node.invokes or node.timers:
            yield node
