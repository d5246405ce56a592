"""Creations: how an instance begins, and what becomes of a creation that finds it there already."""

import hashlib
from typing import Final

from settle.core.definition import Definition
from settle.core.snapshot import Snapshot
from settle.runtime.envelope import CreateEnvelope
from settle.runtime.incoming import IncomingEvent
from settle.runtime.instance import Instance
from settle.runtime.liveness import is_parent
from settle.runtime.receipt import Outcome, Position
from settle.runtime.turn import Turn
from settle.runtime.verdict import Verdict

INCARNATION_DIGITS: Final = 16
CHILD_EXISTS: Final = "child_exists"
"""Code of the refusal of a child whose id another instance has."""


def make_unstarted(turn: Turn, definition: Definition, event: IncomingEvent, now: float) -> Instance:
    """Return a new instance that has not started."""
    snapshot = Snapshot(
        machine=definition.machine,
        machine_version=definition.version,
        definition=definition.hash,
        configuration=(),
        context={},
    )
    return Instance(
        key=turn.key,
        incarnation=make_incarnation(turn, event.position),
        revision=0,
        version=0,
        snapshot=snapshot,
        created_at=now,
        updated_at=now,
        parent=event.parent,
    )


def make_incarnation(turn: Turn, position: Position) -> str:
    """Return the incarnation that an event at a position starts.

    It follows from the place of the event in the queue, so that a repetition of its message calls the same services
    with the same keys even when nothing was stored before a crash.
    """
    text = f"{turn.queue}\n{position.sequence}\n{position.index}\n{turn.key}"
    return hashlib.sha256(text.encode()).hexdigest()[:INCARNATION_DIGITS]


def find_origin(event: IncomingEvent) -> str:
    """Return which message brought the creation that an event is or came with; nothing for any other event.

    Not the creation's id: that is the same when a client sends it again.
    """
    return f"{event.position.sequence:x}" if isinstance(event.envelope, CreateEnvelope) else ""


def judge_second_creation(instance: Instance, event: IncomingEvent) -> Verdict:
    """Return the verdict on a creation, or the event that it brought, for which this instance was not made."""
    if not instance.snapshot.started:
        return Verdict(outcome=Outcome.REFUSED, code="not_created")
    if event.parent is not None and not is_parent(instance, event.parent):
        return Verdict(outcome=Outcome.REFUSED, code=CHILD_EXISTS)
    if instance.input_hash == event.input_hash:
        return Verdict(outcome=Outcome.DUPLICATE)
    return Verdict(outcome=Outcome.REFUSED, code="instance_exists")
