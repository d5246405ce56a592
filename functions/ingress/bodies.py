"""Bodies of requests, as clients write them."""

from http import HTTPStatus
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from functions.ingress.problems import RequestError
from settle.core.codec import MAX_COMPLAINTS, left_out
from settle.core.errors import FieldError
from settle.core.short_text import shorten


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class EventBody(_Body):
    """An event as a client writes it.

    Attributes:
        type: event type.
        data: what it carries.
    """

    type: str = Field(min_length=1, max_length=128)
    data: JsonValue = Field(default_factory=dict)


class CreationBody(_Body):
    """A creation as a client writes it.

    Attributes:
        input: what the first context is made from.
        event: applied in the same commit.
    """

    input: dict[str, JsonValue] = Field(default_factory=dict)
    event: EventBody | None = None


class SkipBody(_Body):
    """Which event is to be given up, as an operator writes it.

    Attributes:
        event_id: of the event that was looked at.
    """

    event_id: str = Field(default="", max_length=128)


class EditBody(_Body):
    """What is to change in a quarantined event, as an operator writes it.

    Attributes:
        type: event type; what is left out stays as it is.
        data: what it carries.
        event_id: of the event that was looked at.
        digest: of what was looked at.
    """

    type: str = Field(default="", min_length=1, max_length=128)
    data: JsonValue = None
    event_id: str = Field(default="", max_length=128)
    digest: str = Field(default="", max_length=64)


class CallbackError(_Body):
    """An error as a caller writes it.

    Attributes:
        code: stable identifier.
        message: for people.
        data: for programs.
    """

    code: str = Field(min_length=1, max_length=64)
    message: str = ""
    data: dict[str, JsonValue] = Field(default_factory=dict)


class CallbackBody(_Body):
    """How a background service ended, as a caller writes it: with a result or with an error.

    Attributes:
        result: any JSON value.
        error: why there is none.
    """

    result: JsonValue = None
    error: CallbackError | None = None


Body = TypeVar("Body")

EVENT: Final = TypeAdapter(EventBody)
EVENTS: Final = TypeAdapter(list[EventBody])
CREATION: Final = TypeAdapter(CreationBody)
CALLBACK: Final = TypeAdapter(CallbackBody)
EDIT: Final = TypeAdapter(EditBody)
SKIP: Final = TypeAdapter(SkipBody)


def validate(adapter: TypeAdapter[Body], data: Any) -> Body:  # noqa: ANN401 - any JSON data
    """Read a body. Raises `RequestError`."""
    try:
        return adapter.validate_python(data)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        told = [FieldError(_place(each["loc"]), each["msg"], each["type"]) for each in details[:MAX_COMPLAINTS]]
        raise invalid(*told, *left_out(len(details), "body")) from error


def _place(location: tuple[int | str, ...]) -> str:
    """Write where in the body an error is; what lies inside arbitrary JSON data is not told further."""
    parts = [str(part) for part in location]
    end = next((at + 1 for at, part in enumerate(parts) if part in {"data", "input"}), len(parts))
    return shorten(".".join(parts[:end])) or "body"


def invalid(*fields: FieldError) -> RequestError:
    """Return the refusal of a body that does not fit."""
    detail = "; ".join(f"{field.path}: {field.message}" for field in fields)
    return RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, "request_invalid", detail, fields=fields)
