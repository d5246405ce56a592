"""The end of an instance: it is stopped, kept for a while, deleted, and those who wait for it are told."""

import logging
import math
from collections.abc import Callable, Iterator
from typing import Final

from settle.core.effects import CancelTimer, Effect, StopChild
from settle.core.errors import SettleError
from settle.core.snapshot import Snapshot, Status
from settle.runtime.addresses import child_key
from settle.runtime.envelope import (
    SECOND_SCHEMA,
    ControlAction,
    ControlEnvelope,
    ResultEnvelope,
    TimerEnvelope,
    TimerKind,
    dump_envelope,
)
from settle.runtime.errors import InstanceTooLargeError
from settle.runtime.incoming import IncomingEvent
from settle.runtime.instance import Instance, OutboxEntry, PurgeItems, SendMessage, ServiceOutcome
from settle.runtime.instance_codec import encode_instance
from settle.runtime.ledger import LEDGER_RETENTION_SECONDS
from settle.runtime.letters import Letters, refusal_of, tell_parent
from settle.runtime.limits import MAX_ITEM_BYTES
from settle.runtime.log_keys import log_keys
from settle.runtime.ports import Definitions
from settle.runtime.promises import Promises, PromiseWriter
from settle.runtime.receipt import Outcome
from settle.runtime.settle_run import run_stop
from settle.runtime.turn import Turn
from settle.runtime.verdict import Verdict

CHILD_DELETED: Final = "child_deleted"
"""Code of the error that a parent is given whose child was deleted before it ended."""

LARGEST_STOPPED_BYTES: Final = MAX_ITEM_BYTES - 20_000
"""What a stopped instance may take; the rest is for the names in its item, and for what else the same commit notes."""

_logger = logging.getLogger("settle")


def stop_instance(
    turn: Turn,
    definitions: Definitions,
    now: float,
    new_token: Callable[[], str],
    *,
    exits: bool = True,
) -> None:
    """Stop an instance: its exit actions run, its children are stopped, its timers and services are of no use any more.

    It stops whatever its exit actions do: should they fail, or ask for more than can be stored, it stops without them.

    Args:
        turn: the instance.
        definitions: the registered machines.
        now: in seconds since the epoch.
        new_token: makes tokens.
        exits: whether exit actions run; not when they seem to kill the process.
    """
    instance = turn.existing
    if instance.snapshot.status is not Status.ACTIVE:
        return
    if instance.snapshot.started:
        stopped = exits and _stop(turn, definitions, now, new_token)
        if not stopped:
            _stop_without_exits(turn, definitions, now, new_token)
    else:
        turn.update(snapshot=instance.snapshot._replace(status=Status.STOPPED))
    turn.update(blocked=None, paused=False, run=None)


def _stop(turn: Turn, definitions: Definitions, now: float, new_token: Callable[[], str]) -> bool:
    instance = turn.existing
    try:
        definition = definitions.definition_for(instance.snapshot)
        writer = PromiseWriter(instance, definition, definitions, None, now, new_token)
        run = run_stop(definition, instance.snapshot, now)
        effects = tuple(effect for effect in run.effects if writer.refuse(effect, run.snapshot) is None)
        _keep(turn, run.snapshot, writer.write(effects, run.snapshot, instance.version + 1))
        _check_size(turn)
    except Exception:  # user code runs here, and nothing that it does may keep an instance from being stopped
        _logger.exception("an instance is stopped without its exit actions", extra=log_keys(instance))
        turn.update(
            snapshot=instance.snapshot, version=instance.version, tokens=instance.tokens, outbox=instance.outbox
        )
        return False
    return True


def _check_size(turn: Turn) -> None:
    size = len(encode_instance(turn.existing).encode())
    if size > LARGEST_STOPPED_BYTES:
        raise InstanceTooLargeError(f"{turn.key} would take {size} bytes; {LARGEST_STOPPED_BYTES} are allowed")


def _stop_without_exits(turn: Turn, definitions: Definitions, now: float, new_token: Callable[[], str]) -> None:
    """End everything that is live; without a definition, as well as can be told from the snapshot alone."""
    instance, snapshot = turn.existing, turn.existing.snapshot
    after = snapshot._replace(status=Status.STOPPED, invokes=(), timers=())
    try:
        definition = definitions.definition_for(snapshot)
    except SettleError:
        _keep(turn, after, Promises(entries=tuple(_stops(instance, now)), tokens={}))
        return
    children = (live.key for live in snapshot.invokes if definition.invokes[live.id].machine)
    effects: tuple[Effect, ...] = (
        *(StopChild(invoke=key) for key in children),
        *(CancelTimer(timer=timer.key) for timer in snapshot.timers),
    )
    writer = PromiseWriter(instance, definition, definitions, None, now, new_token)
    _keep(turn, after, writer.write(effects, after, instance.version + 1))


def _stops(instance: Instance, now: float) -> Iterator[OutboxEntry]:
    """Yield a stop for everything live that could be a child; whoever is none takes no notice."""
    letters = Letters(sender=instance, event=None, now=now)
    for index, live in enumerate(instance.snapshot.invokes):
        if live.key in instance.tokens:
            name = f"{instance.incarnation}:{instance.version + 1}:{index}"
            body = dump_envelope(letters.stop(live, name))
            yield SendMessage(id=name, group=str(child_key(instance, live)), body=body)


def _keep(turn: Turn, snapshot: Snapshot, promises: Promises) -> None:
    turn.update(snapshot=snapshot, version=turn.existing.version + 1, tokens=promises.tokens)
    turn.add_to_outbox(*promises.entries)


def entomb(turn: Turn, cause: str, now: float) -> None:
    """Leave of an instance nothing but its numbers, which go on in a successor.

    A tombstone has a version of its own, above that of every receipt of the life that has ended: by it the ledger
    tells whose an entry is.
    """
    instance = turn.existing
    was = instance.snapshot
    if instance.parent is not None and was.status in {Status.ACTIVE, Status.STOPPED}:
        outcome = ServiceOutcome.failed(CHILD_DELETED, f"{turn.key} was deleted")
        turn.add_to_outbox(tell_parent(str(turn.key), instance.parent, outcome, 1)(f"{cause}-parent"))
    turn.add_to_outbox(
        PurgeItems(id=f"{cause}-purge", until=math.ceil(now) + LEDGER_RETENTION_SECONDS, version=instance.version + 1)
    )
    turn.update(
        version=instance.version + 1,
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
        edits=(),
    )


def retire(turn: Turn, event: IncomingEvent) -> Verdict:
    """Have an instance deleted that has ended and was kept long enough."""
    message_id = f"retire-{turn.existing.incarnation}"
    envelope = ControlEnvelope(
        schema_version=SECOND_SCHEMA,
        machine=turn.key.machine,
        instance=turn.key.instance,
        id=message_id,
        action=ControlAction.DELETE,
        incarnation=turn.existing.incarnation,
    )
    turn.add_to_outbox(SendMessage(id=message_id, group=str(turn.key), body=dump_envelope(envelope)))
    _logger.info("retention is over", extra=log_keys(turn.existing, event.id, event.envelope.trace))
    return Verdict(outcome=Outcome.APPLIED)


def tell_of_refusal(turn: Turn, event: IncomingEvent, code: str, reason: str = "") -> None:
    """Tell the parent whose child did not start."""
    turn.add_to_outbox(refusal_of(str(turn.key), event, code, reason))


def give_up(turn: Turn, definitions: Definitions, event: IncomingEvent) -> None:
    """Have an instance wait no longer for what an operator has skipped, and a child not start by anything else.

    For a background service it goes on to wait: there is a deadline, whose error the machine may know how to take.
    """
    instance, snapshot = turn.existing, turn.existing.snapshot
    match event.live:
        case ResultEnvelope(invoke=key) if _has_deadline(definitions, instance, key):
            return
        case ResultEnvelope(invoke=key) | TimerEnvelope(what=TimerKind.DEADLINE | TimerKind.TIMER, key=key):
            invokes = tuple(live for live in snapshot.invokes if live.key != key)
            timers = tuple(live for live in snapshot.timers if live.key != key)
            tokens = {name: token for name, token in instance.tokens.items() if name != key}
            after = snapshot._replace(invokes=invokes, timers=timers)
            turn.update(snapshot=after, version=instance.version + 1, tokens=tokens)
        case None if event.parent is not None:
            turn.update(snapshot=snapshot._replace(status=Status.STOPPED))
        case _:
            pass


def _has_deadline(definitions: Definitions, instance: Instance, key: str) -> bool:
    live = instance.snapshot.find_invoke(key)
    try:
        definition = definitions.definition_for(instance.snapshot)
    except SettleError:
        return True
    return live is not None and definition.invokes[live.id].background


def log_late(turn: Turn, event: IncomingEvent) -> None:
    """Count a result that nobody waits for any more.

    A timer that comes too late was cancelled, which is what most timers are for.
    """
    keys = {**log_keys(turn.existing, event.id, event.envelope.trace), "event_type": event.type}
    if isinstance(event.live, ResultEnvelope):
        turn.tally.late += 1
        _logger.info("late result", extra=keys)
    else:
        _logger.debug("stale timer", extra=keys)
