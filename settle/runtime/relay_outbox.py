"""The relay: does what a commit promised, then takes it off the outbox.

Every entry may be done more than once; its id makes that harmless to whoever receives it. What is refused for good is
taken off too, and the instance is told in the same commit.
"""

import logging
from collections.abc import Collection
from typing import Final, assert_never

from settle.core.errors import Disposition, SettleError
from settle.runtime.envelope import RefusalEnvelope, dump_envelope
from settle.runtime.errors import ConflictError
from settle.runtime.instance import (
    CancelSchedule,
    FinishEvent,
    OutboxEntry,
    PurgeItems,
    SendMessage,
    SendTask,
    SendTimer,
)
from settle.runtime.ledger import LEDGER_MARK
from settle.runtime.log_keys import log_keys
from settle.runtime.outlets import Outlets, carry_timer
from settle.runtime.ports import Clock, InstanceStore
from settle.runtime.turn import Turn

MAX_CONFLICTS: Final = 10
"""How often an entry's removal is tried again because somebody else stored the instance meanwhile."""
_REFUSED: Final = "-refused"

_logger = logging.getLogger("settle")


def relay_outbox(turn: Turn, store: InstanceStore, outlets: Outlets, clock: Clock) -> None:
    """Do everything in the outbox, in order, and take off what was done.

    Args:
        turn: committed; on return its outbox is empty.
        store: of the instance and its ledger.
        outlets: that messages, timers and services go to.
        clock: for the write, and for how far ahead timers lie.

    Raises:
        UnavailableError: something could not be done; the rest stays in the outbox.
        ConflictError: the instance changed under every attempt to take the entries off.
    """
    while entries := turn.instance.outbox if turn.instance else ():
        refused = [refusal for entry in entries if (refusal := _try(turn, entry, store, outlets, clock))]
        _take_off(turn, {entry.id for entry in entries}, refused, clock)


def _take_off(turn: Turn, done: Collection[str], refused: list[SendMessage], clock: Clock) -> None:
    for attempt in range(MAX_CONFLICTS):
        try:
            if attempt:
                turn.reload()
            if turn.instance is None:  # a tombstone whose time was over meanwhile
                return
            outbox = turn.instance.outbox
            left = tuple(entry for entry in outbox if entry.id not in done)
            if left != outbox:
                turn.update(outbox=(*left, *refused))
                turn.commit(clock.now())
        except ConflictError:
            turn.tally.conflicts += 1
            continue
        return
    raise ConflictError(f"{turn.key} changed under {MAX_CONFLICTS} attempts to clear its outbox")


def _try(turn: Turn, entry: OutboxEntry, store: InstanceStore, outlets: Outlets, clock: Clock) -> SendMessage | None:
    """Do an entry; when it is refused for good, return the message that tells the instance so."""
    try:
        _perform(turn, entry, store, outlets, clock)
    except SettleError as error:
        if error.disposition is Disposition.RETRY:
            raise
        _logger.exception("refused for good", extra={**log_keys(turn.existing), "code": error.code})
        return None if entry.id.endswith(_REFUSED) else _refusal(turn, entry, error)
    return None


def _perform(turn: Turn, entry: OutboxEntry, store: InstanceStore, outlets: Outlets, clock: Clock) -> None:
    match entry:
        case FinishEvent():
            store.finish(turn.key, entry.entry)
        case SendMessage():
            outlets.events.send(group=entry.group, deduplication_id=entry.id, body=entry.body)
        case SendTimer():
            carry_timer(outlets, name=entry.name, body=entry.body, due=entry.due, now=clock.now())
        case CancelSchedule():
            outlets.scheduler.cancel(entry.name)
        case SendTask():
            outlets.tasks.send(body=entry.body)
        case PurgeItems():
            store.purge(turn.key, until=entry.until, version=entry.version)
        case _ as never:
            assert_never(never)


def _refusal(turn: Turn, entry: OutboxEntry, error: SettleError) -> SendMessage:
    name = f"{entry.id}{_REFUSED}"
    envelope = RefusalEnvelope(
        machine=turn.key.machine,
        instance=turn.key.instance,
        id=name,
        incarnation=turn.existing.incarnation,
        data={"code": error.code, "message": str(error), "effect": entry.id},
        body_hash=LEDGER_MARK,
    )
    return SendMessage(id=name, group=str(turn.key), body=dump_envelope(envelope))
