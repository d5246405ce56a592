"""The end of an instance: it is stopped, kept for a while, deleted, and those who wait for it are told."""

import logging
from collections.abc import Callable
from typing import Final

from settle.core.errors import SettleError
from settle.core.snapshot import Snapshot, Status
from settle.runtime.envelope import ControlAction, ControlEnvelope, ResultEnvelope, dump_envelope
from settle.runtime.incoming import IncomingEvent
from settle.runtime.instance import PurgeItems, SendMessage, ServiceOutcome
from settle.runtime.ledger import LEDGER_RETENTION_SECONDS
from settle.runtime.letters import ENVELOPE_2, tell_parent
from settle.runtime.ports import Definitions
from settle.runtime.promises import PromiseWriter
from settle.runtime.receipt import Outcome
from settle.runtime.settle_run import run_stop
from settle.runtime.turn import Turn, log_keys
from settle.runtime.verdict import Verdict

CHILD_DELETED: Final = "child_deleted"
"""Code of the error that a parent is given whose child was deleted before it ended."""

_logger = logging.getLogger("settle")


def stop_instance(turn: Turn, definitions: Definitions, now: float, new_token: Callable[[], str]) -> None:
    """Stop an instance: its exit actions run, its children are stopped, its timers and services are of no use any more.

    It stops whatever its exit actions do: should they fail, it stops without them.
    """
    instance = turn.existing
    if instance.snapshot.status is not Status.ACTIVE:
        return
    if instance.snapshot.started:
        try:
            _stop(turn, definitions, now, new_token)
        except SettleError:
            _logger.exception("an instance is stopped without its exit actions", extra=log_keys(instance))
    if turn.existing.snapshot.status is Status.ACTIVE:
        turn.update(snapshot=turn.existing.snapshot._replace(status=Status.STOPPED, invokes=(), timers=()), tokens={})
    turn.update(blocked=None, paused=False, run=None)


def _stop(turn: Turn, definitions: Definitions, now: float, new_token: Callable[[], str]) -> None:
    instance = turn.existing
    definition = definitions.definition_for(instance.snapshot)
    writer = PromiseWriter(instance, definition, definitions, None, now, new_token)
    run = run_stop(definition, instance.snapshot, now)
    effects = tuple(effect for effect in run.effects if writer.refuse(effect, run.snapshot) is None)
    version = instance.version + 1
    promises = writer.write(effects, run.snapshot, version)
    turn.update(snapshot=run.snapshot, version=version, tokens=promises.tokens)
    turn.add_to_outbox(*promises.entries)


def entomb(turn: Turn, cause: str, now: float) -> None:
    """Leave of an instance nothing but its numbers, which go on in a successor."""
    instance = turn.existing
    was = instance.snapshot
    if instance.parent is not None and was.status in {Status.ACTIVE, Status.STOPPED}:
        message = f"{turn.key} was deleted"
        outcome = ServiceOutcome(error=CHILD_DELETED, data={"code": CHILD_DELETED, "message": message, "data": {}})
        turn.add_to_outbox(tell_parent(instance, instance.parent, outcome, 1)(f"{cause}-parent"))
    turn.add_to_outbox(PurgeItems(id=f"{cause}-purge", until=now + LEDGER_RETENTION_SECONDS))
    turn.update(
        snapshot=Snapshot(
            machine=was.machine,
            machine_version=was.machine_version,
            definition=was.definition,
            configuration=(),
            context={},
        ),
        input_hash="",
        origin="",
        paused=False,
        blocked=None,
        run=None,
        ring=(),
        parent=None,
        tokens={},
        deleted_at=now,
    )


def retire(turn: Turn, event: IncomingEvent) -> Verdict:
    """Have an instance deleted that has ended and was kept long enough."""
    message_id = f"retire-{turn.existing.incarnation}"
    envelope = ControlEnvelope(
        schema_version=ENVELOPE_2,
        machine=turn.key.machine,
        instance=turn.key.instance,
        id=message_id,
        action=ControlAction.DELETE,
        incarnation=turn.existing.incarnation,
    )
    turn.add_to_outbox(SendMessage(id=message_id, group=str(turn.key), body=dump_envelope(envelope)))
    _logger.info("retention is over", extra=log_keys(turn.existing, event.id))
    return Verdict(outcome=Outcome.APPLIED)


def tell_of_refusal(turn: Turn, event: IncomingEvent, code: str) -> None:
    """Tell the parent whose child did not start."""
    if event.parent is None:
        return
    message = f"{turn.key} was not started: {code}"
    outcome = ServiceOutcome(error=code or "child_refused", data={"code": code, "message": message, "data": {}})
    turn.add_to_outbox(tell_parent(turn.existing, event.parent, outcome, event.hops + 1)(f"{event.id}-refused"))


def log_late(turn: Turn, event: IncomingEvent) -> None:
    """Count a result that nobody waits for any more: the line is what metrics are made from.

    A timer that comes too late was cancelled, which is what most timers are for.
    """
    keys = {**log_keys(turn.existing, event.id), "event_type": event.type}
    if isinstance(event.live, ResultEnvelope):
        _logger.info("late result", extra={**keys, "late": 1})
    else:
        _logger.debug("stale timer", extra=keys)
