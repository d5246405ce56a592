"""Editing a quarantined event: it gets another type or other data, and keeps its place, its id and its sender."""

from dataclasses import replace
from typing import Any

from settle.core.codec import CodecError
from settle.core.definition import Definition
from settle.core.errors import FieldError, InputInvalidError
from settle.runtime.envelope import CreateEnvelope, EnvelopeEvent, EventsEnvelope, ResultEnvelope
from settle.runtime.errors import NotEditableError
from settle.runtime.incoming import IncomingEvent
from settle.runtime.limits import check_body


def edit_event(event: IncomingEvent, event_type: str, data: Any) -> IncomingEvent:  # noqa: ANN401 - any JSON data
    """Return the event with another type or other data.

    A creation keeps its type, and its data is the input; the result of a service or a child keeps its type too.

    Raises:
        NotEditableError: there is nothing in it that could be changed.
    """
    envelope = event.envelope
    if event_type != event.type and (event.is_creation or event.live is not None):
        raise NotEditableError(f"the type of {event.type!r} is the runtime's own; only its data can be changed")
    match envelope:
        case EventsEnvelope():
            events = [*envelope.events]
            events[event.offset] = EnvelopeEvent(id=event.id, type=event_type, data=data)
            changes: dict[str, Any] = {"events": events}
        case CreateEnvelope() if event.is_creation:
            changes = {"input": data}
        case CreateEnvelope():
            changes = {"event": EnvelopeEvent(id=event.id, type=event_type, data=data)}
        case ResultEnvelope():
            changes = {"data": data}
        case _:
            raise NotEditableError(f"{event.type!r} says nothing that could be changed")
    return replace(event, type=event_type, data=data, envelope=envelope.model_copy(update=changes))


def check_edited(definition: Definition | None, event: IncomingEvent) -> None:
    """Check an edited event as any event is checked when it is sent.

    Args:
        definition: that the instance runs on; None when that is not registered, and what it takes cannot be told.
        event: edited.

    Raises:
        UnknownEventError, InternalEventError, NameInvalidError, EventInvalidError: the machine takes no such event.
        InputInvalidError: the machine does not start with such an input.
        EnvelopeInvalidError, MessageTooLargeError: it cannot be kept.
    """
    if event.is_creation:
        _check_input(definition, event)
    elif event.live is None and definition is not None:
        # Nothing else in the consumer needs what this imports.
        from settle.runtime.check_events import ClientEvent, check_events_against  # noqa: PLC0415

        check_events_against(definition, [ClientEvent(type=event.type, data=event.data)])
    check_body(event.body())


def _check_input(definition: Definition | None, event: IncomingEvent) -> None:
    subject = "the input of a creation"
    if not isinstance(event.data, dict):
        raise InputInvalidError(subject, [FieldError("data", "an input is an object", "dict_type")])
    if definition is None:
        return
    try:
        definition.context.load(event.data)
    except CodecError as error:
        raise InputInvalidError(subject, error.fields) from error
