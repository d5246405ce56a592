"""Opening envelopes: each becomes the events, or the control message, that it carries."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Final, assert_never

from settle.core.event import DONE_INVOKE, ERROR_COMMUNICATION, ERROR_INVOKE, is_internal
from settle.core.permission import Principal
from settle.runtime.envelope import (
    ControlEnvelope,
    CreateEnvelope,
    Envelope,
    EnvelopeEvent,
    EventsEnvelope,
    RefusalEnvelope,
    ResultEnvelope,
    TimerEnvelope,
    TimerKind,
    parse_envelope,
)
from settle.runtime.errors import EnvelopeInvalidError, EnvelopeTooNewError, NameInvalidError
from settle.runtime.incoming import (
    CREATE_TYPE,
    RETENTION_TYPE,
    TIMER_TYPE,
    Incoming,
    IncomingControl,
    IncomingEvent,
    LiveEnvelope,
)
from settle.runtime.instance import HeldEvent, InstanceKey, ServiceOutcome
from settle.runtime.message import Message
from settle.runtime.names import check_event_type, check_instance_id, check_machine_name
from settle.runtime.receipt import Position

ID_DIGITS: Final = 32
DEADLINE_CODE: Final = "deadline_exceeded"
"""Code of the error of a background service that has had its time."""


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
    _check_names(envelope)
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


def _check_names(envelope: Envelope) -> None:
    """Refuse names that the API would refuse: nobody could ask for such an instance, or delete it."""
    try:
        check_machine_name(envelope.machine)
        check_instance_id(envelope.instance)
    except NameInvalidError as error:
        raise EnvelopeInvalidError("machine or instance in the envelope break the rules for names") from error


def _as_from_stranger(envelope: Envelope, message: Message) -> EventsEnvelope:
    if not isinstance(envelope, EventsEnvelope):
        raise EnvelopeInvalidError(f"only our own functions may send {envelope.kind!r}, and {message.sender!r} is none")
    if envelope.redriven:
        # Else it would be applied as another event, of another sender, once more.
        raise EnvelopeInvalidError(f"only who may redrive may send what was redriven, and {message.sender!r} may not")
    for event in envelope.events:
        _check_type(event)
    return as_from_stranger(envelope, message.sender, message.queue, str(message.sequence))


def as_from_stranger(envelope: EventsEnvelope, sender: str, *place: str) -> EventsEnvelope:
    """Trust nothing but type and data: the sender is who the queue says, and ids come from the place in the queue."""
    events = [
        event.model_copy(update={"id": _digest(*place, str(index))}) for index, event in enumerate(envelope.events)
    ]
    changes: dict[str, Any] = {
        "events": events,
        "principal": sender,
        "claims": {},
        "body_hash": "",
        "origin": None,
        "incarnation": None,
        "accepted_at": 0.0,
        "hops": None,
    }
    return envelope.model_copy(update=changes)


def _open(envelope: Envelope, sequence: int, first: int, trusted: bool) -> Iterator[Incoming]:
    match envelope:
        case EventsEnvelope():
            yield from _open_events(envelope, sequence, first, trusted)
        case CreateEnvelope():
            yield from _open_create(envelope, sequence, first, trusted)
        case ControlEnvelope():
            yield IncomingControl(
                id=envelope.id,
                position=Position(sequence, first),
                action=envelope.action,
                parent=envelope.parent,
                incarnation=envelope.incarnation,
                hops=envelope.hops or 0,
                sender=Principal(name=envelope.principal, claims=envelope.claims),
                edit=envelope.edit,
                event_id=envelope.event_id,
            )
        case TimerEnvelope():
            yield _open_timer(envelope, Position(sequence, first))
        case ResultEnvelope():
            yield _open_result(envelope, Position(sequence, first))
        case RefusalEnvelope():
            position = Position(sequence, first)
            yield _live(envelope, position, envelope.id, ERROR_COMMUNICATION, envelope.data, envelope.body_hash)
        case _ as never:
            assert_never(never)


def _open_events(envelope: EventsEnvelope, sequence: int, first: int, trusted: bool) -> Iterator[IncomingEvent]:
    for offset, event in enumerate(envelope.events):
        _refuse_internal(event)
        yield IncomingEvent(
            id=event.id or _digest(envelope.machine, envelope.instance, str(sequence), str(first + offset)),
            position=Position(sequence, first + offset),
            type=event.type,
            data=event.data,
            principal=envelope.principal,
            origin=envelope.origin or "",
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


def _open_timer(envelope: TimerEnvelope, position: Position) -> IncomingEvent:
    """The event id follows from what is due, so that services which it leads to keep their keys in every repetition."""
    event_id = f"{envelope.what.value}:{envelope.key}"
    match envelope.what:
        case TimerKind.TIMER:
            return _live(envelope, position, event_id, TIMER_TYPE, {})
        case TimerKind.DEADLINE:
            outcome = ServiceOutcome.failed(DEADLINE_CODE, "it was not done when its deadline was over")
            return _live(envelope, position, event_id, ERROR_INVOKE + _invoke_id(envelope.key), outcome.data)
        case TimerKind.RETENTION:
            return _live(envelope, position, event_id, RETENTION_TYPE, {})
        case _ as never:
            assert_never(never)


def _open_result(envelope: ResultEnvelope, position: Position) -> IncomingEvent:
    prefix = ERROR_INVOKE if envelope.error else DONE_INVOKE
    data = {} if envelope.data is None else envelope.data
    return _live(envelope, position, envelope.id, prefix + _invoke_id(envelope.invoke), data, envelope.body_hash)


def _live(  # noqa: PLR0913, PLR0917 - the fields of an event
    envelope: LiveEnvelope,
    position: Position,
    event_id: str,
    event_type: str,
    data: Any,  # noqa: ANN401 - any JSON data
    body_hash: str = "",
) -> IncomingEvent:
    return IncomingEvent(
        id=event_id,
        position=position,
        type=event_type,
        data=data,
        principal=envelope.principal,
        trusted=True,
        envelope=envelope,
        body_hash=body_hash,
    )


def _invoke_id(key: str) -> str:
    """Return the invoke id in the key of a live invoke, `<id>#<entry number>`."""
    return key.rpartition("#")[0]


def _refuse_internal(event: EnvelopeEvent) -> None:
    if is_internal(event.type):
        raise EnvelopeInvalidError(f"event type {event.type!r} is internal; only the runtime makes such events")


def _check_type(event: EnvelopeEvent) -> None:
    """Refuse an event type that the API would refuse."""
    _refuse_internal(event)
    try:
        check_event_type(event.type)
    except NameInvalidError as error:
        raise EnvelopeInvalidError("an event type in the envelope breaks the rules for names") from error


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:ID_DIGITS]
