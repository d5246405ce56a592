"""Why an event does what it does: every transition that might have taken it, and what became of each."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from settle.core.definition import Definition, Transition
from settle.core.errors import StepError
from settle.core.event import Event, EventKind
from settle.core.event_data import load_data
from settle.core.interpreter import Received, load_snapshot, receive, step
from settle.core.macrostep import Macrostep
from settle.core.plan import plan_microstep
from settle.core.run import Run
from settle.core.selection import find_candidates, find_claims
from settle.core.snapshot import Snapshot, Status
from settle.core.spec import Selection


class Verdict(StrEnum):
    """What became of a transition that might have taken an event."""

    TAKEN = "taken"
    REFUSED = "refused"
    """A condition does not hold."""
    SHADOWED = "shadowed"
    """It was not asked: another one, further in or written before it, takes the event."""
    CONFLICT = "conflict"
    """It would leave what another one, further in or first in the document, is about to leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A transition that might have taken the event.

    Attributes:
        transition: its index in the definition.
        source: path of the node that holds it.
        event: its descriptor.
        targets: paths; empty for one that stays.
        verdict: what became of it.
        reason: for a refused one the condition that does not hold; for a conflict the source of the one that won, empty
            when that one lost to a third.
        exits: paths that it would leave by itself, inner first.
        enters: paths that it would enter by itself, outer first.
    """

    transition: int
    source: str
    event: str
    targets: tuple[str, ...]
    verdict: Verdict
    reason: str = ""
    exits: tuple[str, ...] = ()
    enters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What an event would do, and why.

    Attributes:
        event: its type.
        note: why nothing is asked, where nothing is: the machine has ended, or the invoke or timer is not live.
        candidates: transitions that might take it, in the order in which active leaves find them.
        macrostep: what would happen; None when it fails.
        error: why it fails.
    """

    event: str
    note: str = ""
    candidates: tuple[Candidate, ...] = ()
    macrostep: Macrostep | None = None
    error: str = ""


def explain(definition: Definition, snapshot: Snapshot, event: Event, now: float = 0.0) -> Explanation:
    """Say what an event would do, and why; nothing is changed.

    Args:
        definition: the compiled machine that the snapshot belongs to.
        snapshot: where the instance stands.
        event: what might happen.
        now: seconds since the epoch, as for `step`.

    Raises:
        EventInvalidError: the data does not fit the model of its type.
        SnapshotInvalidError: the snapshot names an illegal configuration.
    """
    mask = load_snapshot(definition, snapshot)
    note = _find_note(snapshot, event)
    if note:
        return Explanation(event=event.type, note=note, macrostep=step(definition, snapshot, event, now))
    candidates: tuple[Candidate, ...] = ()
    seen = event
    try:
        data: Any
        if event.kind in {EventKind.RESULT, EventKind.TIMER}:
            snapshot_then, seen, data = cast("Received", receive(definition, snapshot, event))
        else:
            snapshot_then, data = snapshot, load_data(definition, event.type, event.data)
        run = Run(definition, snapshot_then, mask, seen, data, now)
        candidates = _judge(run, snapshot, run.select(seen.type))
        return Explanation(event=seen.type, candidates=candidates, macrostep=step(definition, snapshot, event, now))
    except StepError as error:
        return Explanation(event=seen.type, candidates=candidates, error=str(error))


def _find_note(snapshot: Snapshot, event: Event) -> str:
    """Say why no transition is asked; nothing when they are."""
    if snapshot.status is not Status.ACTIVE:
        return f"the machine is {snapshot.status}: no event changes it any more"
    if event.kind is EventKind.RESULT and snapshot.find_invoke(event.key) is None:
        return f"the invoke {event.key!r} is not live: its result changes nothing"
    if event.kind is EventKind.TIMER:
        timer = snapshot.find_timer(event.key)
        if timer is None:
            return f"the timer {event.key!r} is not live: it changes nothing"
        if timer.target:
            return f"the timer {event.key!r} sends {timer.type!r} to {timer.target!r}"
    return ""


def _judge(run: Run, snapshot: Snapshot, taken: tuple[Transition, ...]) -> tuple[Candidate, ...]:
    """Say what became of each candidate, from what the selection asked and chose."""
    definition, mask, event_type = run.definition, run.mask, run.event.type
    refused = {transition.index: condition for transition, condition in run.refusals}
    judged: dict[int, Candidate] = {}
    for own in find_candidates(definition, mask, event_type).by_leaf:
        decided = False
        for transition in own:
            if transition.index in refused:
                verdict, reason = Verdict.REFUSED, refused[transition.index]
            elif transition in taken:
                verdict, reason, decided = Verdict.TAKEN, "", True
            elif decided:
                verdict, reason = Verdict.SHADOWED, ""
            else:
                verdict, reason, decided = *_conflict(run, snapshot, transition, taken), True
            found = _describe(run, snapshot, transition, verdict, reason)
            if transition.index not in judged or verdict is not Verdict.SHADOWED:
                judged[transition.index] = found
    return tuple(judged.values())


def _conflict(
    run: Run, snapshot: Snapshot, transition: Transition, taken: tuple[Transition, ...]
) -> tuple[Verdict, str]:
    """Return that it lost to another, and to which; or that another leaf's choice hid it, as XState has it."""
    nodes = run.definition.nodes
    if run.definition.selection is Selection.XSTATE and any(
        nodes[transition.source].within >> winner.source & 1 for winner in taken
    ):
        return Verdict.SHADOWED, ""
    claims = find_claims(run.definition, run.mask, transition, snapshot.history)
    winners = (
        nodes[winner.source].path
        for winner in taken
        if claims & find_claims(run.definition, run.mask, winner, snapshot.history)
    )
    return Verdict.CONFLICT, next(winners, "")


def _describe(run: Run, snapshot: Snapshot, transition: Transition, verdict: Verdict, reason: str) -> Candidate:
    definition = run.definition
    plan = plan_microstep(definition, run.mask, (transition,), run.event.type, snapshot.history)
    return Candidate(
        transition=transition.index,
        source=definition.nodes[transition.source].path,
        event=transition.event,
        targets=tuple(definition.nodes[target].path for target in transition.targets),
        verdict=verdict,
        reason=reason,
        exits=plan.report.exited,
        enters=plan.report.entered,
    )
