"""What operators asked for about events that could not be applied, and what was then done about them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from settle.runtime.envelope import ControlAction, ControlEnvelope
from settle.runtime.ids import digest_event
from settle.runtime.instance import HeldEvent, Instance
from settle.runtime.open_envelope import open_held
from settle.runtime.receipt import Position
from tests.simulation.events_model import Sent
from tests.simulation.promises import Promises


class QuarantineAudit:
    """Knows every edit and every skip that the queue accepted, and holds what was done against them."""

    def __init__(self, promises: Promises) -> None:
        self._promises = promises
        self._edits: set[tuple[str, str, str, str]] = set()
        self._skips: set[tuple[str, str]] = set()
        self._ids: dict[tuple[str, int, Position], str] = {}

    def ask(self, group: str, control: ControlEnvelope) -> None:
        """Note what somebody asks for: of which event, and of an edit, what that was and what it is to become."""
        if control.action is ControlAction.SKIP:
            self._skips.add((group, control.event_id))
        if control.edit is not None:
            event = control.edit.event
            self._edits.add((group, event.id, control.edit.digest, digest_event(event.type, event.data)))

    def check_skipped(self, group: str, event: Sent) -> None:
        """An event that was given up is one that somebody wanted to be."""
        event_id = self._ids.get((group, *event.place), "")
        asked = (group, event_id) in self._skips
        self._promises.expect(asked, "skips", f"{group}: nobody wanted {event} to be skipped")

    def find_edited(
        self, sent: list[Sent], held: Sequence[HeldEvent], old: Instance | None, new: Instance, queue: int
    ) -> list[Sent]:
        """Find what has changed in the held events of an instance, in the list of all that it was sent; return it."""
        changed: list[Sent] = []
        places = {event.place: index for index, event in enumerate(sent)} if held else {}
        for item in held:
            index = places[queue, item.position]
            event, group = open_held(item), str(new.key)
            known = self._ids.setdefault((group, queue, item.position), event.id)
            self._promises.expect(event.id == known, "edits", f"{group}: held event {known} became {event.id}")
            was = sent[index]
            if (event.type, event.data) == (was.type, was.data):
                continue
            says = f"{group}: {was} became {event.type}"
            request = (group, event.id, digest_event(was.type, was.data), digest_event(event.type, event.data))
            self._promises.expect(request in self._edits, "edits", f"{says}, which nobody asked for")
            blocked = old is not None and old.blocked is not None and old.blocked.event_id == event.id
            self._promises.expect(blocked, "edits", f"{says}, and did not block its instance")
            self._promises.expect(new.blocked is None, "edits", f"{says}, and blocks it as it was")
            sent[index] = replace(was, type=event.type, data=event.data, was=(*was.was, (was.type, was.data)))
            changed.append(sent[index])
        return changed


def check_told(promises: Promises, event: Sent, edited: Any) -> None:
    """The receipt of an event says how often it was edited, and what it was when it was sent."""
    says = (edited.times, edited.type, edited.digest) if edited else None
    should = (len(event.was), event.was[0][0], digest_event(*event.was[0])) if event.was else None
    promises.expect(says == should, "edits", f"the receipt of {event} tells of the edit {says}, not {should}")
