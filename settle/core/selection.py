"""Which transitions an event enables: SCXML's selectTransitions and removeConflictingTransitions.

All guards are asked against one configuration, before anything moves.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from settle.core.bits import iterate
from settle.core.definition import Definition, Node, Transition
from settle.core.event_names import matching
from settle.core.history import HistoryValues
from settle.core.memo import remember
from settle.core.plan import find_exits
from settle.core.spec import EVENTLESS, NodeKind, Selection

GuardCheck = Callable[[Transition], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The transitions that may take an event in a configuration.

    Attributes:
        by_leaf: for each active leaf in document order, its own and its ancestors', innermost first; leaves whose
            candidates are the same appear once.
        certain: the transitions to take, where no guard and no history has a say in it.
    """

    by_leaf: tuple[tuple[Transition, ...], ...]
    certain: tuple[Transition, ...] | None


def find_candidates(definition: Definition, mask: int, event_type: str) -> Candidates:
    """Return the transitions that may take an event."""
    key = (mask, event_type)
    candidates: Candidates | None = definition.memo.candidates.get(key)
    if candidates is None:
        candidates = _compute(definition, mask, event_type)
        remember(definition.memo.candidates, key, candidates)
    return candidates


def _compute(definition: Definition, mask: int, event_type: str) -> Candidates:
    found: list[tuple[Transition, ...]] = []
    for leaf in iterate(definition.nodes, mask):
        if not leaf.is_leaf:
            continue
        holders = (leaf, *(definition.nodes[ancestor] for ancestor in leaf.ancestors))
        own = tuple(transition for holder in holders for transition in _own(definition, holder, event_type))
        if own and own not in found:
            found.append(own)
    by_leaf = tuple(found)
    return Candidates(by_leaf=by_leaf, certain=_find_certain(definition, mask, event_type, by_leaf))


def _own(definition: Definition, node: Node, event_type: str) -> Iterator[Transition]:
    """Yield the transitions of one node that may take an event, in the order in which they are asked."""
    transitions = [definition.transitions[number] for number in node.transitions]
    return matching(definition.selection, transitions, event_type)


def _find_certain(
    definition: Definition, mask: int, event_type: str, by_leaf: tuple[tuple[Transition, ...], ...]
) -> tuple[Transition, ...] | None:
    first = [own[0] for own in by_leaf]
    if any(transition.guards or (transition.targets and transition.domain < 0) for transition in first):
        return None
    if _asks_regions(definition, event_type) and len(by_leaf) > 1:
        first = _search_regions(definition, mask, event_type, lambda transition: not transition.guards)
    return remove_conflicts(definition, mask, list(dict.fromkeys(first)), {})


def select(  # noqa: PLR0913, PLR0917 - what was found already, and what has a say
    definition: Definition,
    mask: int,
    event_type: str,
    candidates: Candidates,
    history: HistoryValues,
    allows: GuardCheck,
) -> tuple[Transition, ...]:
    """Return the transitions to take together, in document order of the leaves that enabled them.

    For events of which the candidates are not certain: guards, or what history nodes recorded, have a say.
    """
    if len(candidates.by_leaf) == 1:
        for transition in candidates.by_leaf[0]:
            if not transition.guards or allows(transition):
                return (transition,)
        return ()
    asked = _ask_once(allows)
    if _asks_regions(definition, event_type):
        enabled = _search_regions(definition, mask, event_type, asked)
    else:
        enabled = [t for own in candidates.by_leaf if (t := next(filter(asked, own), None)) is not None]
    return remove_conflicts(definition, mask, list(dict.fromkeys(enabled)), history)


def _asks_regions(definition: Definition, event_type: str) -> bool:
    """Whether a parallel node's transitions wait for what its regions have; XState's rule, but for eventless ones."""
    return definition.selection is Selection.XSTATE and event_type != EVENTLESS


def _ask_once(allows: GuardCheck) -> GuardCheck:
    """Return a check that asks the guards of each transition only once, whichever leaves lead to it."""
    answers: dict[int, bool] = {}

    def check(transition: Transition) -> bool:
        answer = answers.get(transition.index)
        if answer is None:
            answer = answers[transition.index] = not transition.guards or allows(transition)
        return answer

    return check


def _search_regions(definition: Definition, mask: int, event_type: str, check: GuardCheck) -> list[Transition]:
    """Return what XState enables: of the regions of a parallel node what each has, and its own where none has any."""

    def search(node: Node) -> list[Transition]:
        found: list[Transition] = []
        if node.kind in {NodeKind.COMPOUND, NodeKind.PARALLEL}:
            for child in node.children:
                if mask >> child & 1:
                    found += search(definition.nodes[child])
        if found:
            return found
        own = next(filter(check, _own(definition, node, event_type)), None)
        return [] if own is None else [own]

    return search(definition.nodes[0])


def remove_conflicts(
    definition: Definition, mask: int, enabled: list[Transition], history: HistoryValues
) -> tuple[Transition, ...]:
    """Keep the transitions that can be taken together.

    Two conflict when they leave a common node; then the one whose source lies deeper wins, else the first. A targeted
    transition also claims its source, so that two that leave nothing cannot both enter different children of it.
    """
    if len(enabled) < 2:  # noqa: PLR2004 - one transition conflicts with nothing
        return tuple(enabled)
    kept: list[tuple[Transition, int]] = []
    for transition in enabled:
        claims = find_claims(definition, mask, transition, history)
        preempted: list[Transition] = []
        for other, taken in kept:
            if not claims & taken:
                continue
            if definition.nodes[other.source].within >> transition.source & 1:
                preempted.append(other)
            else:
                break
        else:
            kept = [(other, taken) for other, taken in kept if other not in preempted]
            kept.append((transition, claims))
    return tuple(transition for transition, _ in kept)


def find_claims(definition: Definition, mask: int, transition: Transition, history: HistoryValues) -> int:
    """Return the nodes that no other transition of the same microstep may touch."""
    claims = find_exits(definition, mask, transition, history)
    return claims | definition.nodes[transition.source].bit if transition.targets else claims
