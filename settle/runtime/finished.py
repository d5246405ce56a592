"""Which events are finished: by the ledger, or by an entry of the outbox that is still to reach it.

A client's key is remembered for one incarnation: an instance that was deleted and created again knows nothing of it. A
message of another instance has an id of its own, and is finished for whoever stands under the name.
"""

import math
from collections.abc import Iterator, Mapping, MutableMapping, Sequence

from settle.runtime.incoming import IncomingEvent
from settle.runtime.instance import FinishEvent, InstanceKey
from settle.runtime.ledger import LEDGER_RETENTION_SECONDS, LedgerEntry
from settle.runtime.ports import InstanceStore
from settle.runtime.receipt import Receipt
from settle.runtime.turn import Turn

Finished = MutableMapping[str, str]
"""Incarnation by event id; empty for any."""


def find_finished(store: InstanceStore, key: InstanceKey, event_ids: Sequence[str], now: float) -> Finished:
    """Ask the ledger which of these events are finished, in one request; those that are only accepted are not.

    The instance must have been read before: an event that finished in between is then still in its outbox, or in the
    ledger by now. The other way round it could be in neither.
    """
    if not event_ids:
        return {}
    entries = store.find_entries(key, event_ids, now).values()
    return {entry.event_id: entry.receipt.incarnation for entry in entries if entry.receipt is not None}


def finished_in(turn: Turn) -> Iterator[tuple[str, str]]:
    """Yield the events that the outbox of an instance says are finished, with their incarnations."""
    for entry in turn.existing.outbox:
        if isinstance(entry, FinishEvent) and entry.entry.receipt is not None:
            yield entry.entry.event_id, entry.entry.receipt.incarnation


def is_duplicate(turn: Turn, event: IncomingEvent, finished: Mapping[str, str]) -> bool:
    """Whether the event is among those that the ledger knows as finished, or in the outbox."""
    known = {*finished_in(turn)}
    if event.id in finished:
        known.add((event.id, finished[event.id]))
    return bool(known & {(event.id, ""), (event.id, turn.existing.incarnation)})


def finish_entry(event: IncomingEvent, receipt: Receipt, now: float) -> FinishEvent:
    """Return the outbox entry that makes the ledger know that an event is finished."""
    expires_at = math.ceil(now) + LEDGER_RETENTION_SECONDS
    entry = LedgerEntry(event_id=event.id, body_hash=event.body_hash, expires_at=expires_at, receipt=receipt)
    return FinishEvent(id=f"finish:{event.id}:{receipt.incarnation}", entry=entry)
