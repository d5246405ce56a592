"""Applying an edit to the event that blocks the instance of a turn."""

import logging
from dataclasses import replace
from typing import Final

from settle.core.definition import Definition
from settle.runtime.compare import is_same
from settle.runtime.edit_event import check_edited, edit_event
from settle.runtime.envelope import EventEdit
from settle.runtime.errors import EventChangedError
from settle.runtime.ids import digest_event
from settle.runtime.incoming import IncomingControl
from settle.runtime.instance import MAX_EDITS, EditedEvent, HeldEvent
from settle.runtime.log_keys import log_keys
from settle.runtime.open_envelope import open_held
from settle.runtime.receipt import Edit
from settle.runtime.turn import Turn

PRINCIPAL_CHARACTERS: Final = 256
"""Kept of the name of whoever edits; the ARN of an assumed role has about half as many."""

_logger = logging.getLogger("settle")


def apply_edit(
    turn: Turn, control: IncomingControl, item: HeldEvent, definition: Definition | None, now: float
) -> None:
    """Change a held event where it stands, and note who did that and what it was.

    Args:
        turn: the instance.
        control: the message that asks for it.
        item: the event that blocks the instance.
        definition: that the instance runs on; None when it is not registered.
        now: in seconds since the epoch.

    Raises:
        EventChangedError: the event is not the one that the operator saw.
        SettleError: it cannot be changed like this; see `edit_event` and `check_edited`.
    """
    event, edit = open_held(item), control.edit
    if edit is None:
        raise EventChangedError("a message that asks for an edit says of what")
    check_seen(event.id, digest_event(event.type, event.data), edit)
    edited = edit_event(event, edit.event.type, edit.event.data)
    check_edited(definition, edited)
    instance = turn.existing
    older = instance.find_edit(event.position)
    note = Edit(
        by=control.sender.name[:PRINCIPAL_CHARACTERS],
        at=now,
        type=older.type if older else event.type,
        digest=older.digest if older else edit.digest,
        times=older.times + 1 if older else 1,
    )
    others = tuple(each for each in instance.edits if each.position != event.position)
    entry = EditedEvent(event_id=event.id, position=event.position, edit=note)
    turn.rewrite(replace(item, body=edited.body()))
    turn.update(edits=(*others, entry)[-MAX_EDITS:])
    keys = log_keys(instance, event.id, event.envelope.trace)
    was = {"was_type": event.type, "was_digest": edit.digest}
    _logger.info("event edited", extra={**keys, "event_type": edited.type, **was, "principal": note.by})


def check_seen(event_id: str, digest: str, edit: EventEdit) -> None:
    """Refuse an edit of another event, or of one that somebody else has edited meanwhile.

    Raises:
        EventChangedError: it is not what was looked at.
    """
    if event_id != edit.event.id or not is_same(digest, edit.digest):
        raise EventChangedError(f"the quarantined event is {event_id} ({digest}), not {edit.event.id} ({edit.digest})")
