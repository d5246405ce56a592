"""Verdicts: what became of an event that was taken and not held, and the receipt that says so."""

from dataclasses import dataclass

from settle.runtime.incoming import IncomingEvent
from settle.runtime.instance import Instance
from settle.runtime.ledger import LEDGER_MARK
from settle.runtime.receipt import Outcome, Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of an event.

    Attributes:
        outcome: in a word.
        code: what decided it.
        before: active leaf nodes before it.
        effects: ids of what it asked for.
        reason: a sentence, where a refusal needs one.
    """

    outcome: Outcome
    code: str = ""
    before: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    reason: str = ""


def make_receipt(instance: Instance, event: IncomingEvent, verdict: Verdict, upcoming: tuple[str, ...] = ()) -> Receipt:
    """Return everything known about a finished event."""
    return Receipt(
        event_id=event.id,
        type=event.type,
        outcome=verdict.outcome,
        version=instance.version,
        code=verdict.code,
        before=verdict.before,
        after=instance.snapshot.configuration,
        effects=verdict.effects,
        next_events=upcoming,
        incarnation="" if event.body_hash == LEDGER_MARK else instance.incarnation,
        edited=instance.find_edit(event.position),
    )
