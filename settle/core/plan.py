"""What a set of transitions leaves and enters: SCXML's computeExitSet and computeEntrySet, as data.

A plan depends only on the configuration, the transitions and, where a history node is involved, what it recorded; so
it is computed once and remembered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter

from settle.core.bits import iterate
from settle.core.definition import Definition, Node, Transition
from settle.core.entry_set import EntrySet
from settle.core.history import HistoryValues, Records, find_real_domain, record_history
from settle.core.macrostep import Microstep
from settle.core.memo import remember
from settle.core.spec import Action, NodeKind

Block = tuple[Action, ...]
"""Actions that belong together: what stands in one list. An error in one of them leaves out the rest."""
BlocksByNode = tuple[tuple[Node, Block], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A node to leave, and the configuration while its exit actions run."""

    node: Node
    mask: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entering:
    """A node to enter, the configuration while its entry actions run, and these: its own, then those of defaults."""

    node: Node
    mask: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One microstep, worked out.

    Only what has something to do is listed; `report` names every node.

    Attributes:
        mask: the configuration afterwards.
        stays: the configuration between leaving and entering.
        records: for each history node to record, the paths it will restore.
        before: actions before anything is left, with the node that holds the transition.
        exited: nodes to leave, inner first.
        actions: actions between leaving and entering.
        entered: nodes to enter, outer first.
        after: actions after everything is entered.
        report: what to say about it.
        quiet: whether it changes the configuration and nothing else.
    """

    mask: int
    stays: int
    records: Records
    before: BlocksByNode
    exited: tuple[Leaving, ...]
    actions: BlocksByNode
    entered: tuple[Entering, ...]
    after: BlocksByNode
    report: Microstep
    quiet: bool


def find_exits(definition: Definition, mask: int, transition: Transition, history: HistoryValues) -> int:
    """Return the active nodes that one transition leaves."""
    if not transition.targets:
        return 0
    return mask & definition.nodes[find_real_domain(definition, transition, history)].within


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
    exited = tuple(iterate(definition.nodes, exits))[::-1]
    records = tuple(record_history(definition, mask, exited))
    stays = mask & ~exits
    entries = _find_entries(definition, stays, transitions, {**history, **dict(records)})
    entered = tuple(iterate(definition.nodes, entries.bits & ~stays))
    before, actions, after = (
        _list_blocks(definition, transitions, attrgetter(slot)) for slot in ("before", "actions", "after")
    )
    leaving, entering = _plan_exits(exited, mask), _plan_entries(entered, stays, entries)
    return Plan(
        mask=stays | sum(node.bit for node in entered),
        stays=stays,
        records=records,
        before=before,
        exited=leaving,
        actions=actions,
        entered=entering,
        after=after,
        report=Microstep(
            event=event_type,
            transitions=tuple(transition.index for transition in transitions),
            exited=tuple(node.path for node in exited),
            entered=tuple(node.path for node in entered if node.index),
        ),
        quiet=not (records or before or leaving or actions or entering or after),
    )


def _find_entries(
    definition: Definition, stays: int, transitions: tuple[Transition, ...], history: HistoryValues
) -> EntrySet:
    entries = EntrySet(definition, history, stays)
    if not stays:
        entries.enter(0)
    for transition in transitions:
        if transition.targets:
            entries.enter_targets(transition.targets, find_real_domain(definition, transition, history))
    return entries


def _plan_exits(exited: tuple[Node, ...], mask: int) -> tuple[Leaving, ...]:
    leaving: list[Leaving] = []
    for node in exited:
        if node.exit or node.invokes or node.timers:
            leaving.append(Leaving(node=node, mask=mask))
        mask &= ~node.bit
    return tuple(leaving)


def _plan_entries(entered: tuple[Node, ...], mask: int, entries: EntrySet) -> tuple[Entering, ...]:
    entering: list[Entering] = []
    for node in entered:
        mask |= node.bit
        blocks = tuple(block for block in (node.entry, *entries.default_blocks(node)) if block)
        if blocks or node.invokes or node.timers or node.kind is NodeKind.FINAL:
            entering.append(Entering(node=node, mask=mask, blocks=blocks))
    return tuple(entering)


def _list_blocks(
    definition: Definition, transitions: tuple[Transition, ...], slot: Callable[[Transition], Block]
) -> BlocksByNode:
    return tuple(
        (definition.nodes[transition.source], slot(transition)) for transition in transitions if slot(transition)
    )
