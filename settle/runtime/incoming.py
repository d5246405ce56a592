"""An event as the consumer applies it: taken out of its envelope, with an id and a place."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from settle.core.event import Event, is_internal
from settle.runtime.envelope import (
    ControlAction,
    ControlEnvelope,
    CreateEnvelope,
    Envelope,
    EnvelopeEvent,
    EventsEnvelope,
    dump_envelope,
    parse_envelope,
)
from settle.runtime.errors import EnvelopeInvalidError, EnvelopeTooNewError
from settle.runtime.instance import HeldEvent, InstanceKey
from settle.runtime.message import Message
from settle.runtime.receipt import Position

ID_DIGITS: Final = 32
CREATE_TYPE: Final = "settle.create"
"""Event type in the receipts of creations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingEvent:
    """An external event, or the creation of the instance.

    Attributes:
        id: made once and the same in every retry.
        position: in the queue.
        type: event type; `settle.create` for a creation.
        data: what it carries; for a creation the input.
        principal: who sent it.
        body_hash: set when the ledger is to know it.
        if_match: version at which it may be applied; None for any.
        input_hash: for a creation and the event that it brings along, tells a repetition from another creation; empty
            otherwise.
        trusted: whether one of our own functions sent it.
        envelope: that it came in.
        offset: its place in that envelope.
    """

    id: str
    position: Position
    type: str
    data: Any
    principal: str
    trusted: bool
    envelope: EventsEnvelope | CreateEnvelope
    offset: int = 0
    body_hash: str = ""
    if_match: int | None = None
    input_hash: str = ""

    @property
    def is_creation(self) -> bool:
        """Whether it creates the instance."""
        return self.type == CREATE_TYPE

    @property
    def came_with_creation(self) -> bool:
        """Whether it may only be applied to the instance that its own message created."""
        return bool(self.input_hash) and not self.is_creation

    def body(self) -> str:
        """Return the envelope cut down to this event, to hold it for later."""
        if isinstance(self.envelope, CreateEnvelope):
            whole = self.envelope if self.offset else self.envelope.model_copy(update={"event": None})
            return dump_envelope(whole)
        event = self.envelope.events[self.offset].model_copy(update={"id": self.id})
        return dump_envelope(self.envelope.model_copy(update={"events": [event], "if_match": self.if_match}))

    def as_event(self) -> Event:
        """Return what the machine is given."""
        return Event(type=self.type, data=self.data, id=self.id, principal=self.principal)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingControl:
    """A control message."""

    id: str
    position: Position
    action: ControlAction


Incoming = IncomingEvent | IncomingControl


def open_message(message: Message) -> list[Incoming]:
    """Take a message apart.

    Raises:
        EnvelopeTooNewError: a newer release wrote it.
        EnvelopeInvalidError: it is not an envelope, does not belong to its group, or may not come from its sender.
    """
    try:
        envelope = parse_envelope(message.body)
    except EnvelopeTooNewError as error:
        if message.trusted:
            raise
        raise EnvelopeInvalidError(f"{error}; only our own functions are ever ahead of us") from error
    group = str(InstanceKey(envelope.machine, envelope.instance))
    if group != message.group:
        raise EnvelopeInvalidError(f"the envelope is for {group!r}, but its message group is {message.group!r}")
    if not message.trusted:
        envelope = _as_from_stranger(envelope, message)
    return list(_open(envelope, message.sequence, 0, message.trusted))


def open_held(held: HeldEvent) -> IncomingEvent:
    """Take a held event out of its item."""
    envelope = parse_envelope(held.body)
    opened = next(iter(_open(envelope, held.position.sequence, held.position.index, held.sender_trusted)))
    if not isinstance(opened, IncomingEvent):
        raise EnvelopeInvalidError("a control message is never held")
    return opened


def _as_from_stranger(envelope: Envelope, message: Message) -> EventsEnvelope:
    """Trust nothing but type and data: the sender is who the queue says, and ids come from the place in the queue."""
    if not isinstance(envelope, EventsEnvelope):
        raise EnvelopeInvalidError(f"only our own functions may send {envelope.kind!r}, and {message.sender!r} is none")
    events = [
        event.model_copy(update={"id": _digest(message.queue, str(message.sequence), str(index))})
        for index, event in enumerate(envelope.events)
    ]
    changes = {"events": events, "principal": message.sender, "claims": {}, "body_hash": ""}
    return envelope.model_copy(update=changes)


def _open(envelope: Envelope, sequence: int, first: int, trusted: bool) -> Iterator[Incoming]:
    match envelope:
        case EventsEnvelope():
            yield from _open_events(envelope, sequence, first, trusted)
        case CreateEnvelope():
            yield from _open_create(envelope, sequence, first, trusted)
        case ControlEnvelope():
            yield IncomingControl(id=envelope.id, position=Position(sequence, first), action=envelope.action)


def _open_events(envelope: EventsEnvelope, sequence: int, first: int, trusted: bool) -> Iterator[IncomingEvent]:
    for offset, event in enumerate(envelope.events):
        _refuse_internal(event)
        yield IncomingEvent(
            id=event.id or _digest(envelope.machine, envelope.instance, str(sequence), str(first + offset)),
            position=Position(sequence, first + offset),
            type=event.type,
            data=event.data,
            principal=envelope.principal,
            body_hash=envelope.body_hash,
            if_match=envelope.if_match if offset == 0 else None,
            trusted=trusted,
            envelope=envelope,
            offset=offset,
        )


def _open_create(envelope: CreateEnvelope, sequence: int, first: int, trusted: bool) -> Iterator[IncomingEvent]:
    """A creation is one event, and the event it may bring along is the next."""
    if first == 0:
        yield IncomingEvent(
            id=envelope.id,
            position=Position(sequence, 0),
            type=CREATE_TYPE,
            data=envelope.input,
            principal=envelope.principal,
            input_hash=envelope.input_hash,
            trusted=trusted,
            envelope=envelope,
        )
    if envelope.event is not None:
        _refuse_internal(envelope.event)
        yield IncomingEvent(
            id=envelope.event.id or f"{envelope.id}-1",
            position=Position(sequence, 1),
            type=envelope.event.type,
            data=envelope.event.data,
            principal=envelope.principal,
            input_hash=envelope.input_hash,
            trusted=trusted,
            envelope=envelope,
            offset=1,
        )


def _refuse_internal(event: EnvelopeEvent) -> None:
    if is_internal(event.type):
        raise EnvelopeInvalidError(f"event type {event.type!r} is internal; only the runtime makes such events")


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:ID_DIGITS]
