"""Which transitions an event enables: SCXML's selectTransitions and removeConflictingTransitions.

All guards are asked against one configuration, before anything moves.
"""

from collections.abc import Callable
from dataclasses import dataclass

from settle.core.configuration import iterate
from settle.core.definition import Definition, Transition
from settle.core.memo import remember
from settle.core.plan import HistoryValues, find_exits
from settle.core.spec import ANY_EVENT, EVENTLESS

GuardCheck = Callable[[Transition], bool]


def matches(descriptor: str, event_type: str) -> bool:
    """Tell whether a transition's descriptor takes an event type.

    Names match exactly, or by `*` and `name.*`. SCXML's prefix rule is left out on purpose: with dotted node paths
    `done.state.fulfil` would also take `done.state.fulfil.pay` and close a parallel node too early.
    """
    if descriptor == event_type:
        return True
    if EVENTLESS in {descriptor, event_type}:
        return False
    return descriptor == ANY_EVENT or (descriptor.endswith(".*") and event_type.startswith(descriptor[:-1]))


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
    for leaf in iterate(definition, mask):
        if not leaf.is_leaf:
            continue
        own = tuple(
            definition.transitions[number]
            for index in (leaf.index, *leaf.ancestors)
            for number in definition.nodes[index].transitions
            if matches(definition.transitions[number].event, event_type)
        )
        if own and own not in found:
            found.append(own)
    return Candidates(by_leaf=tuple(found), certain=_find_certain(definition, mask, [own[0] for own in found]))


def _find_certain(definition: Definition, mask: int, first: list[Transition]) -> tuple[Transition, ...] | None:
    if any(transition.guards or (transition.targets and transition.domain < 0) for transition in first):
        return None
    return _remove_conflicts(definition, mask, list(dict.fromkeys(first)), {})


def select(
    definition: Definition, mask: int, event_type: str, history: HistoryValues, allows: GuardCheck
) -> tuple[Transition, ...]:
    """Return the transitions to take together, in document order of the leaves that enabled them."""
    candidates = find_candidates(definition, mask, event_type)
    if candidates.certain is not None:
        return candidates.certain
    if len(candidates.by_leaf) == 1:
        for transition in candidates.by_leaf[0]:
            if not transition.guards or allows(transition):
                return (transition,)
        return ()
    enabled: list[Transition] = []
    answers: dict[int, bool] = {}
    for own in candidates.by_leaf:
        for transition in own:
            answer = answers.get(transition.index)
            if answer is None:
                answer = answers[transition.index] = not transition.guards or allows(transition)
            if answer:
                if transition not in enabled:
                    enabled.append(transition)
                break
    return _remove_conflicts(definition, mask, enabled, history)


def _remove_conflicts(
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
        claims = find_exits(definition, mask, transition, history)
        if transition.targets:
            claims |= definition.nodes[transition.source].bit
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
