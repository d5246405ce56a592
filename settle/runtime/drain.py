"""Held events: which of them may be applied now, and the message by which an instance has that done."""

import hashlib
from collections.abc import Sequence
from typing import Final

from settle.core.configuration import is_settled
from settle.core.errors import SettleError
from settle.runtime.envelope import ControlAction, ControlEnvelope, dump_envelope
from settle.runtime.errors import ConflictError
from settle.runtime.instance import HeldEvent, Instance, InstanceKey, Lane, SendMessage
from settle.runtime.ports import Definitions, InstanceStore
from settle.runtime.turn import Turn

DRAIN_PAGE: Final = 10
"""Held events that are read at once."""
CAUSE_DIGITS: Final = 32
_DRAIN: Final = "drain-"


def next_lane(instance: Instance, definitions: Definitions) -> Lane | None:
    """Return the lane whose oldest event is to be applied next; None when none may be.

    Events are applied in the order in which they came. Only what an instance waits for overtakes the others, and only
    while it is not settled.
    """
    held, urgent = instance.held, instance.urgent
    if instance.paused or instance.blocked is not None:
        return None
    if held is not None and may_take(instance, definitions) and (urgent is None or held.floor < urgent.floor):
        return Lane.EXTERNAL
    return Lane.URGENT if urgent is not None else None


def may_take(instance: Instance, definitions: Definitions) -> bool:
    """Whether an instance may be given an external event now: it is settled, or there is nothing to wait for.

    There is nothing when it has not started, or when an operator has skipped what it waited for.
    """
    snapshot = instance.snapshot
    if not snapshot.started or not (snapshot.invokes or snapshot.timers):
        return True
    try:
        return is_settled(definitions.definition_for(snapshot), snapshot)
    except SettleError:
        return True  # it runs, and the error blocks the instance


def ask_to_drain(turn: Turn, definitions: Definitions, cause: str) -> None:
    """Have the held events applied by a message of its own, which the commit makes certain; one at a time."""
    instance = turn.existing
    if next_lane(instance, definitions) is None or any(_is_drain(instance, entry) for entry in instance.outbox):
        return
    # Not the cause itself: a timer's name may have characters that no message id has.
    message_id = f"{_DRAIN}{hashlib.sha256(cause.encode()).hexdigest()[:CAUSE_DIGITS]}-{instance.revision}"
    envelope = ControlEnvelope(
        machine=turn.key.machine, instance=turn.key.instance, id=message_id, action=ControlAction.DRAIN
    )
    turn.add_to_outbox(SendMessage(id=message_id, group=str(turn.key), body=dump_envelope(envelope)))


def begin_drain(turn: Turn, message_id: str) -> None:
    """Take the message that is processed now off the outbox, should it still be there: it stands for no later drain."""
    outbox = turn.existing.outbox
    if any(entry.id == message_id for entry in outbox):
        turn.update(outbox=tuple(entry for entry in outbox if entry.id != message_id))


def _is_drain(instance: Instance, entry: object) -> bool:
    return isinstance(entry, SendMessage) and entry.id.startswith(_DRAIN) and entry.group == str(instance.key)


class HeldReader:
    """Reads the held events of an instance from their oldest on, a page at a time."""

    def __init__(self, store: InstanceStore, key: InstanceKey) -> None:
        self._store, self._key = store, key
        self._pages: dict[Lane, Sequence[HeldEvent]] = {}

    def oldest(self, instance: Instance, lane: Lane) -> tuple[HeldEvent, HeldEvent | None]:
        """Return the oldest held event of a lane, and the one behind it.

        Raises:
            ConflictError: somebody else has applied it meanwhile.
        """
        held = instance.lane(lane)
        if held is None:
            raise ConflictError(f"{self._key} holds nothing in lane {lane.value}")
        page = [event for event in self._pages.get(lane, ()) if event.number >= held.first]
        if len(page) < min(2, len(held)):
            page = self._store.load_held(self._key, held.first, min(DRAIN_PAGE + 1, len(held)))
            self._pages[lane] = page
        if not page or page[0].number != held.first or len(page) < min(2, len(held)):
            raise ConflictError(f"held event {held.first} of {self._key} is gone")
        return page[0], page[1] if len(page) > 1 else None
