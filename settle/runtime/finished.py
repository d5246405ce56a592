"""Which events are finished: by the ledger, or by an entry of the outbox that is still to reach it."""

from collections.abc import Container, Sequence

from settle.runtime.incoming import IncomingEvent
from settle.runtime.instance import FinishEvent, InstanceKey
from settle.runtime.ledger import LEDGER_RETENTION_SECONDS, LedgerEntry
from settle.runtime.ports import InstanceStore
from settle.runtime.receipt import Receipt
from settle.runtime.turn import Turn


def find_finished(store: InstanceStore, key: InstanceKey, event_ids: Sequence[str], now: float) -> set[str]:
    """Ask the ledger which of these events are finished, in one request; those that are only accepted are not.

    The instance must have been read before: an event that finished in between is then still in its outbox, or in the
    ledger by now. The other way round it could be in neither.
    """
    if not event_ids:
        return set()
    entries = store.find_entries(key, event_ids, now)
    return {event_id for event_id, entry in entries.items() if entry.receipt is not None}


def is_duplicate(turn: Turn, event: IncomingEvent, finished: Container[str]) -> bool:
    """Whether the event is among those that the ledger knows as finished, or in the outbox."""
    if event.id in finished:
        return True
    entries = turn.existing.outbox
    return any(isinstance(entry, FinishEvent) and entry.entry.event_id == event.id for entry in entries)


def finish_entry(event: IncomingEvent, receipt: Receipt, now: float) -> FinishEvent:
    """Return the outbox entry that makes the ledger know that an event is finished."""
    entry = LedgerEntry(
        event_id=event.id, body_hash=event.body_hash, expires_at=now + LEDGER_RETENTION_SECONDS, receipt=receipt
    )
    return FinishEvent(id=f"finish:{event.id}", entry=entry)
