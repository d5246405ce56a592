"""The data of events, as the models that the machine declares for their types."""

from dataclasses import replace
from typing import Any, Final

from settle.core.codec import CodecError, PlainCodec
from settle.core.definition import Definition
from settle.core.errors import EventInvalidError
from settle.core.event import Event

_plain: Final = PlainCodec()


def load_data(definition: Definition, event_type: str, data: Any) -> Any:  # noqa: ANN401 - JSON data or a model
    """Return data as user code sees it, which may change it without changing the event's.

    Raises:
        EventInvalidError: the data does not fit; `fields` have paths that begin with `data`.
    """
    try:
        return definition.events.get(event_type, _plain).load(data)
    except CodecError as error:
        fields = [replace(field, path=_below_data(field.path)) for field in error.fields]
        raise EventInvalidError(f"event {event_type!r} of {definition.machine}", fields) from error


def load_event(definition: Definition, event: Event) -> Event:
    """Return the event with its data as the model that the machine declares for its type, if it declares one.

    Raises:
        EventInvalidError: the data does not fit.
    """
    return replace(event, data=load_data(definition, event.type, event.data))


def _below_data(path: str) -> str:
    return path if path == "data" else f"data.{path}"
