"""Receipts: what became of the events that an instance was sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from settle.core.configuration import next_events
from settle.core.errors import SettleError
from settle.core.short_text import shorten
from settle.runtime.errors import ReceiptExpiredError, UnknownReceiptError
from settle.runtime.ids import KeyedReceiptId, PositionReceiptId, ReceiptId, parse_receipt_id
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import Blocked, FinishEvent, Instance, InstanceKey
from settle.runtime.ledger import LedgerEntry
from settle.runtime.poll import poll
from settle.runtime.receipt import Edit, Outcome, Position, Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptView:
    """What is known about an event now. What is not known is empty or None.

    Attributes:
        id: of the receipt.
        outcome: None when the event is finished and what became of it was not kept.
        note: what else there is to say.
        edited: how an operator changed the event; None when nobody did, or it is not known any more.
    """

    id: str
    outcome: Outcome | None
    event_id: str = ""
    type: str = ""
    version: int | None = None
    code: str = ""
    before: tuple[str, ...] | None = None
    after: tuple[str, ...] | None = None
    effects: tuple[str, ...] | None = None
    next_events: tuple[str, ...] | None = None
    note: str = ""
    edited: Edit | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing will change it any more."""
        return self.outcome is None or self.outcome.final


def read_receipt(ports: IngressPorts, key: InstanceKey, text: str) -> ReceiptView:
    """Return what is known about an event.

    Raises:
        UnknownReceiptError: no such receipt.
        ReceiptExpiredError: the event is finished and its details are no longer kept.
    """
    ports.registry.get(key.machine)
    receipt_id = parse_receipt_id(text)
    if receipt_id is None:
        raise UnknownReceiptError(f"{shorten(text)!r} is no receipt id")
    view = ReceiptReader(ports, key, [receipt_id]).view(receipt_id)
    if view is None:
        raise UnknownReceiptError(f"{key} has no receipt {text}")
    if view.outcome is None:
        raise ReceiptExpiredError(f"receipt {text} of {key}: {view.note}")
    return view


def read_receipts(ports: IngressPorts, key: InstanceKey, receipt_ids: Sequence[ReceiptId]) -> tuple[ReceiptView, ...]:
    """Return what is known about events that were accepted just now, with as few reads as it takes."""
    reader = ReceiptReader(ports, key, receipt_ids)
    return tuple(reader.view(each) or ReceiptView(id=str(each), outcome=Outcome.QUEUED) for each in receipt_ids)


def wait_for(
    ports: IngressPorts, key: InstanceKey, receipt_ids: Sequence[ReceiptId], seconds: float
) -> tuple[ReceiptView, ...]:
    """Wait until the receipts are final, one needs an operator, or time runs out; return them as they are then."""

    def look() -> tuple[tuple[ReceiptView, ...], bool]:
        views = read_receipts(ports, key, receipt_ids)
        stuck = any(view.outcome is Outcome.QUARANTINED for view in views)
        return views, stuck or all(view.is_final for view in views)

    return poll(ports.clock, ports.pauses, seconds, look)


class ReceiptReader:
    """Reads receipts of one instance at one moment: the instance at most once, the ledger at most once."""

    def __init__(self, ports: IngressPorts, key: InstanceKey, receipt_ids: Sequence[ReceiptId]) -> None:
        self._ports, self._key = ports, key
        self._instance: Instance | None = None
        self._loaded = False
        keyed = [each for each in receipt_ids if isinstance(each, KeyedReceiptId)]
        wanted = dict.fromkeys(name for each in keyed for name in (each.event_id, each.first_id) if name)
        self._entries: Mapping[str, LedgerEntry] = {}
        if wanted:
            self._entries = ports.store.find_entries(key, list(wanted), ports.clock.now())

    def view(self, receipt_id: ReceiptId) -> ReceiptView | None:
        """Return what is known; None when there is no such receipt."""
        if isinstance(receipt_id, PositionReceiptId):
            return self._at(receipt_id)
        return self._keyed(receipt_id)

    def instance(self) -> Instance | None:
        """Return the instance that position receipts are read from; None when it was never created."""
        if not self._loaded:
            self._instance, self._loaded = self._ports.store.load(self._key), True
        return self._instance

    def _keyed(self, receipt_id: KeyedReceiptId) -> ReceiptView | None:
        entry = self._entries.get(receipt_id.event_id)
        if entry is None and receipt_id.first_id not in self._entries:
            return None
        receipt = entry.receipt if entry else None
        if receipt is None:
            receipt = self._in_outbox(receipt_id.event_id)
        return self._unfinished(receipt_id) if receipt is None else _full_view(receipt_id, receipt)

    def _in_outbox(self, event_id: str) -> Receipt | None:
        instance = self.instance()
        entries = (entry.entry for entry in instance.outbox if isinstance(entry, FinishEvent)) if instance else ()
        return next((entry.receipt for entry in entries if entry.event_id == event_id), None)

    def _unfinished(self, receipt_id: KeyedReceiptId) -> ReceiptView:
        instance = self.instance()
        blocked = instance.blocked if instance is not None else None
        if instance is not None and blocked is not None and blocked.event_id == receipt_id.event_id:
            return _quarantined(str(receipt_id), instance, blocked)
        return ReceiptView(id=str(receipt_id), outcome=Outcome.QUEUED, event_id=receipt_id.event_id)

    def _at(self, receipt_id: PositionReceiptId) -> ReceiptView:
        instance = self.instance()
        name, position = str(receipt_id), receipt_id.position
        if instance is None:
            note = "the instance does not exist yet: the message is on its way, or was not allowed to create it"
            return ReceiptView(id=name, outcome=Outcome.QUEUED, note=note)
        mark = instance.watermark
        if mark is None or not mark.covers(self._ports.queue.arn, position):
            return ReceiptView(id=name, outcome=Outcome.QUEUED)
        return self._finished_at(instance, name, position) or _waiting_at(instance, name, position)

    def _finished_at(self, instance: Instance, name: str, position: Position) -> ReceiptView | None:
        # Control messages and duplicates have places among the held events and are finished all the same.
        found = next((short for short in instance.ring if short.position == position and short.outcome.final), None)
        if found is None:
            return None
        after = upcoming = None
        if found.version == instance.version:
            after, upcoming = instance.snapshot.configuration, self._next_events(instance)
        return ReceiptView(
            id=name,
            outcome=found.outcome,
            version=found.version,
            code=found.code,
            after=after,
            next_events=upcoming,
            edited=instance.find_edit(position),
        )

    def _next_events(self, instance: Instance) -> tuple[str, ...] | None:
        try:
            return next_events(self._ports.registry.definition_for(instance.snapshot), instance.snapshot)
        except SettleError:
            return None


def _waiting_at(instance: Instance, name: str, position: Position) -> ReceiptView:
    blocked, lane = instance.blocked, instance.blocking
    if blocked is not None and lane is not None and position == lane.floor:
        return _quarantined(name, instance, blocked)
    if not any(held is not None and position >= held.floor for held in (instance.held, instance.urgent)):
        return ReceiptView(id=name, outcome=None, note="the event is finished; its details are no longer kept")
    return ReceiptView(id=name, outcome=Outcome.HELD, edited=instance.find_edit(position))


def _quarantined(name: str, instance: Instance, blocked: Blocked) -> ReceiptView:
    held = instance.blocking
    return ReceiptView(
        id=name,
        outcome=Outcome.QUARANTINED,
        event_id=blocked.event_id,
        type=blocked.type,
        code=blocked.code,
        edited=None if held is None else instance.find_edit(held.floor),
    )


def _full_view(receipt_id: KeyedReceiptId, receipt: Receipt) -> ReceiptView:
    return ReceiptView(
        id=str(receipt_id),
        outcome=receipt.outcome,
        event_id=receipt.event_id,
        type=receipt.type,
        version=receipt.version,
        code=receipt.code,
        before=receipt.before,
        after=receipt.after,
        effects=receipt.effects,
        next_events=receipt.next_events,
        edited=receipt.edited,
    )
