"""What a set of transitions leaves and enters: SCXML's computeExitSet and computeEntrySet, as data.

A plan depends only on the configuration, the transitions and, where a history node is involved, what it recorded; so
it is computed once and remembered.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter

from settle.core.definition import Definition, Node, Transition
from settle.core.domain import find_domain
from settle.core.errors import SnapshotInvalidError
from settle.core.macrostep import Microstep
from settle.core.memo import remember
from settle.core.spec import Action, NodeKind

HistoryValues = Mapping[str, tuple[str, ...]]
Records = tuple[tuple[str, tuple[str, ...]], ...]
ActionsByNode = tuple[tuple[Node, tuple[Action, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One microstep, worked out.

    Only what has something to do is listed; `report` names every node.

    Attributes:
        mask: the configuration afterwards.
        records: for each history node to record, the paths it will restore.
        before: actions before anything is left, with the node that holds the transition.
        exited: nodes to leave, inner first.
        actions: actions between leaving and entering.
        entered: nodes to enter, outer first.
        finals: bits of the final nodes among them.
        after: actions after everything is entered.
        report: what to say about it.
        quiet: whether it changes the configuration and nothing else.
    """

    mask: int
    records: Records
    before: ActionsByNode
    exited: tuple[Node, ...]
    actions: ActionsByNode
    entered: tuple[Node, ...]
    finals: int
    after: ActionsByNode
    report: Microstep
    quiet: bool


def find_exits(definition: Definition, mask: int, transition: Transition, history: HistoryValues) -> int:
    """Return the active nodes that one transition leaves."""
    if not transition.targets:
        return 0
    return mask & definition.nodes[_find_domain(definition, transition, history)].within


def _find_domain(definition: Definition, transition: Transition, history: HistoryValues) -> int:
    if transition.domain >= 0:
        return transition.domain
    targets = tuple(effective for target in transition.targets for effective in _effective(definition, target, history))
    return find_domain(definition.nodes, transition.source, targets, transition.kind)


def _effective(definition: Definition, target: int, history: HistoryValues) -> tuple[int, ...]:
    """Return what a target stands for: itself, or what a history node recorded or falls back to."""
    node = definition.nodes[target]
    if not node.kind.is_history:
        return (target,)
    recorded = history.get(node.path)
    if recorded is not None:
        return tuple(_find_recorded(definition, node, path) for path in recorded)
    if node.history_default:
        return tuple(e for default in node.history_default for e in _effective(definition, default, history))
    parent = definition.nodes[node.parent]
    return parent.initial or parent.children


def _find_recorded(definition: Definition, history: Node, path: str) -> int:
    index = definition.numbers.get(path, 0)
    if not definition.nodes[history.parent].within >> index & 1:
        raise SnapshotInvalidError(f"the history {history.path!r} of {definition.machine} names {path!r}")
    return index


def plan_microstep(
    definition: Definition, mask: int, transitions: tuple[Transition, ...], event_type: str, history: HistoryValues
) -> Plan:
    """Work out one microstep. With no transitions it is the initial entry of the machine."""
    key = (mask, transitions, event_type, tuple(sorted(history.items())) if history else ())
    plan: Plan | None = definition.memo.plans.get(key)
    if plan is None:
        plan = _compute(definition, mask, transitions, event_type, history)
        remember(definition.memo.plans, key, plan)
    return plan


def _compute(
    definition: Definition, mask: int, transitions: tuple[Transition, ...], event_type: str, history: HistoryValues
) -> Plan:
    exits = 0
    for transition in transitions:
        exits |= find_exits(definition, mask, transition, history)
    exited = tuple(node for node in reversed(definition.nodes) if exits & node.bit)
    records = tuple(_record(definition, mask, exited))
    stays = mask & ~exits
    entered = _find_entered(definition, stays, transitions, history, records)
    before, actions, after = (
        _list_actions(definition, transitions, attrgetter(slot)) for slot in ("before", "actions", "after")
    )
    leaving = tuple(node for node in exited if node.exit or node.invokes)
    entering = tuple(node for node in entered if node.entry or node.invokes or node.kind is NodeKind.FINAL)
    return Plan(
        mask=stays | sum(node.bit for node in entered),
        records=records,
        before=before,
        exited=leaving,
        actions=actions,
        entered=entering,
        finals=sum(node.bit for node in entering if node.kind is NodeKind.FINAL),
        after=after,
        report=Microstep(
            event=event_type,
            transitions=tuple(transition.index for transition in transitions),
            exited=tuple(node.path for node in exited),
            entered=tuple(node.path for node in entered if node.index),
        ),
        quiet=not (records or before or leaving or actions or entering or after),
    )


def _find_entered(
    definition: Definition, stays: int, transitions: tuple[Transition, ...], history: HistoryValues, records: Records
) -> tuple[Node, ...]:
    entry = _EntrySet(definition, {**history, **dict(records)}, stays)
    if not stays:
        entry.enter(0)
    for transition in transitions:
        if transition.targets:
            entry.enter_targets(transition, _find_domain(definition, transition, history))
    return tuple(node for node in definition.nodes if entry.bits & ~stays & node.bit)


def _list_actions(
    definition: Definition, transitions: tuple[Transition, ...], slot: Callable[[Transition], tuple[Action, ...]]
) -> ActionsByNode:
    return tuple(
        (definition.nodes[transition.source], slot(transition)) for transition in transitions if slot(transition)
    )


def _record(definition: Definition, mask: int, exited: tuple[Node, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """Return what the history nodes of the exited nodes remember: deep ones leaves, shallow ones children."""
    records = []
    for node in exited:
        for index in node.history:
            history = definition.nodes[index]
            deep = history.kind is NodeKind.DEEP_HISTORY
            remembered = tuple(
                other.path
                for other in definition.nodes
                if mask & node.within & other.bit and (other.is_leaf if deep else other.parent == node.index)
            )
            records.append((history.path, remembered))
    return records


class _EntrySet:
    """Collects the nodes to enter. SCXML's addDescendantStatesToEnter and addAncestorStatesToEnter.

    A region that stays active does not begin by default. SCXML's text forgets that where a history node lies further
    out than what its transition leaves, and would then have two children of one region active.
    """

    def __init__(self, definition: Definition, history: HistoryValues, stays: int) -> None:
        self._definition, self._nodes, self._history, self._stays = definition, definition.nodes, history, stays
        self.bits = 0

    def enter_targets(self, transition: Transition, domain: int) -> None:
        for target in transition.targets:
            self.enter(target)
        for target in transition.targets:
            for effective in _effective(self._definition, target, self._history):
                self._enter_ancestors(effective, domain)

    def enter(self, index: int) -> None:
        node = self._nodes[index]
        if node.kind.is_history:
            self._enter_inside(_effective(self._definition, index, self._history), node.parent)
            return
        self.bits |= node.bit
        if node.kind is NodeKind.COMPOUND:
            self._enter_inside(node.initial, index)
        elif node.kind is NodeKind.PARALLEL:
            self._enter_regions(node)

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
