"""The relay: does what a commit promised, then takes it off the outbox.

Every entry may be done more than once; its id makes that harmless to whoever receives it.
"""

from typing import Final, assert_never

from settle.runtime.errors import ConflictError
from settle.runtime.instance import FinishEvent, OutboxEntry, SendMessage
from settle.runtime.ports import Clock, EventQueue, InstanceStore
from settle.runtime.turn import Turn

MAX_CONFLICTS: Final = 10
"""How often an entry's removal is tried again because somebody else stored the instance meanwhile."""


def relay_outbox(turn: Turn, store: InstanceStore, queue: EventQueue, clock: Clock) -> None:
    """Do everything in the outbox, in order, and take off what was done.

    Args:
        turn: committed; on return its outbox is empty.
        store: of the instance and its ledger.
        queue: that messages go to.
        clock: for the write.

    Raises:
        UnavailableError: something could not be done; the rest stays in the outbox.
        ConflictError: the instance changed under every attempt to take the entries off.
    """
    entries = turn.instance.outbox if turn.instance else ()
    if not entries:
        return
    for entry in entries:
        _perform(turn, entry, store, queue)
    done = {entry.id for entry in entries}
    for attempt in range(MAX_CONFLICTS):
        try:
            if attempt:
                turn.reload()
            left = tuple(entry for entry in turn.existing.outbox if entry.id not in done)
            if left != turn.existing.outbox:
                turn.update(outbox=left)
                turn.commit(clock.now())
        except ConflictError:
            continue
        return
    raise ConflictError(f"{turn.key} changed under {MAX_CONFLICTS} attempts to clear its outbox")


def _perform(turn: Turn, entry: OutboxEntry, store: InstanceStore, queue: EventQueue) -> None:
    match entry:
        case FinishEvent():
            store.finish(turn.key, entry.entry)
        case SendMessage():
            queue.send(group=entry.group, deduplication_id=entry.id, body=entry.body)
        case _ as never:
            assert_never(never)
