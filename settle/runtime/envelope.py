"""The envelope: what stands in the body of a queue message.

Anyone who may send to the event queue may send `events`. Every other kind is accepted only from our own functions.

A field or a kind that the first release did not know raises the `schema_version` of the messages that use it, and of
those alone: an older release, met during a rollback, then waits with them and takes all others.
"""

import math
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, PydanticSerializationError

from settle.runtime.errors import EnvelopeInvalidError, EnvelopeTooNewError

ENVELOPE_SCHEMA: Final = 3
"""Format of the message body. A larger number than this was written by a newer release."""
LATEST_SCHEMA: Final = 1000
"""No release will ever write a larger one: whoever did is not ahead of us."""
FIRST_SCHEMA: Final = 1
SECOND_SCHEMA: Final = 2
"""Of what outlives an invocation: messages between instances, timers, results, tasks."""
THIRD_SCHEMA: Final = 3
"""Of what operators do with events: an edit, a skip of the event that it names, and what was redriven."""
MAX_EVENTS_PER_REQUEST: Final = 10
"""Events in one request, which travel as one message and are taken whole or not at all."""


MAX_COMPLAINTS: Final = 5
"""Things that are said about a body that is no envelope; a reason is read by people."""

Data = TypeVar("Data")


def _finite(data: Data) -> Data:
    """Pass JSON data on. Raises `ValueError` for NaN and infinities, `1e999` too: pydantic's parser takes them."""
    left: list[Any] = [data]
    while left:
        each = left.pop()
        if type(each) is dict:
            left += each.values()
        elif type(each) is list:
            left += each
        elif type(each) is float and not math.isfinite(each):
            raise ValueError("a number is not finite, and JSON has no such numbers")
    return data


def _some(data: Data) -> Data | dict[str, Any]:
    """Return no fields for no data: `null` is not written, so it would be something else when it is read again."""
    return {} if data is None else data


Json = Annotated[JsonValue, AfterValidator(_finite)]
EventData = Annotated[Json, AfterValidator(_some)]
JsonObject = Annotated[dict[str, JsonValue], AfterValidator(_finite)]


class _Model(BaseModel):
    # Built when first used: no function reads or writes every kind.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class EnvelopeEvent(_Model):
    """One event of a message.

    Attributes:
        id: made once and the same in every retry.
        type: event type.
        data: what it carries.
    """

    id: str = Field(default="", max_length=64)
    type: str = Field(min_length=1, max_length=128)
    data: EventData = Field(default_factory=dict)


class TraceContext(BaseModel):
    """How everything that follows from one request is found again. Nothing is ever decided by it.

    What a newer release adds is passed over, so it needs no schema of its own.

    Attributes:
        correlation_id: in every log line about what follows; the client's own, or the id of its request.
        parent: X-Ray's header for whatever comes next, `Root=...;Parent=...;Sampled=...`; None where nothing is traced.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    correlation_id: str = Field(default="", max_length=64)
    parent: str | None = Field(default=None, max_length=256)


class _Envelope(_Model):
    """What every message carries.

    Attributes:
        schema_version: `ENVELOPE_SCHEMA` of whoever wrote it.
        machine: id of the machine; with `instance` it is the message group.
        instance: id of the instance.
        principal: who sent it, as the API's authorizer named them.
        claims: what the authorizer said about them.
        accepted_at: when the ingress accepted it, in seconds since the epoch.
        hops: how many messages between instances led to this one, without an event from outside in between.
        trace: of the request that all this follows from; None where none is known.
    """

    schema_version: int = Field(default=FIRST_SCHEMA, ge=1, le=ENVELOPE_SCHEMA)
    machine: str
    instance: str
    principal: str = ""
    claims: JsonObject = Field(default_factory=dict)
    accepted_at: float = 0.0
    hops: int | None = None
    trace: TraceContext | None = None


class EventsEnvelope(_Envelope):
    """External events for one instance.

    Attributes:
        events: in order.
        body_hash: set when the client sent an idempotency key; the events are then entered in the ledger.
        if_match: the version at which the first event may be applied; None for any.
        origin: the instance that sent them, as `machine/instance`; None when none did.
        incarnation: the only one that they are meant for; None for any.
        redriven: whether they were among the dead letters, and were sent again by somebody who may do that.
    """

    kind: Literal["events"] = "events"
    events: list[EnvelopeEvent] = Field(min_length=1, max_length=MAX_EVENTS_PER_REQUEST)
    body_hash: str = ""
    if_match: int | None = None
    origin: str | None = None
    incarnation: str | None = None
    redriven: bool | None = None


class ParentLink(_Model):
    """Which live invoke of which instance a child belongs to.

    Attributes:
        group: of the parent, `machine/instance`.
        incarnation: of the parent.
        invoke: key of the live invoke.
        token: that the parent's snapshot keeps with it.
    """

    group: str
    incarnation: str
    invoke: str
    token: str


class CreateEnvelope(_Envelope):
    """Creates an instance unless it is there.

    Attributes:
        id: event id of the creation.
        input: what the first context is made from.
        input_hash: tells a repetition from another creation.
        event: applied in the same commit, if given.
        parent: whose child it is; None for an instance of its own.
    """

    kind: Literal["create"] = "create"
    id: str
    input: JsonObject = Field(default_factory=dict)
    input_hash: str
    event: EnvelopeEvent | None = None
    parent: ParentLink | None = None


class ControlAction(StrEnum):
    """What an operator, or the runtime itself, asks of an instance."""

    PAUSE = "pause"
    """Hold events from now on."""
    RESUME = "resume"
    """Apply the held events and go on."""
    RETRY = "retry"
    """Try the quarantined event again."""
    SKIP = "skip"
    """Give the quarantined event up."""
    EDIT = "edit"
    """Put another type or other data into the quarantined event, and try that."""
    DRAIN = "drain"
    """Go on applying held events."""
    STOP = "stop"
    """End it: the node of the parent that began it was left."""
    DELETE = "delete"
    """End it, and remove everything that is kept of it."""


class EventEdit(_Model):
    """What a quarantined event is to become.

    Attributes:
        digest: of what it was when somebody looked at it; another one by now is not touched.
        event: under its own id, with the type and data that it is to have.
    """

    digest: str
    event: EnvelopeEvent


class ControlEnvelope(_Envelope):
    """A control message.

    Attributes:
        id: of the message.
        action: what is asked for.
        parent: of a `stop`: who asks for it.
        incarnation: the only one that it is meant for; None for any.
        edit: of an `edit`: what is to be changed.
        event_id: of a `skip`: the only event that is to be given up; empty for whichever blocks the instance.
    """

    kind: Literal["control"] = "control"
    id: str
    action: ControlAction
    parent: ParentLink | None = None
    incarnation: str | None = None
    edit: EventEdit | None = None
    event_id: str = ""


class TimerKind(StrEnum):
    """What is due."""

    TIMER = "timer"
    """A live timer of the snapshot: a delayed transition or message."""
    DEADLINE = "deadline"
    """A background service has had its time."""
    RETENTION = "retention"
    """An instance that has ended was kept long enough."""


class TimerEnvelope(_Envelope):
    """A timer: first in the timers queue or the scheduler, and, when it is due, in the event queue.

    Attributes:
        incarnation: of the instance; nothing of it touches its successor.
        what: is due.
        key: of the live timer, or of the live invoke that has a deadline; empty for a retention.
        due: in seconds since the epoch.
    """

    kind: Literal["timer"] = "timer"
    schema_version: int = Field(default=SECOND_SCHEMA, ge=1, le=ENVELOPE_SCHEMA)
    incarnation: str
    what: TimerKind = TimerKind.TIMER
    key: str = ""
    due: float


class ResultEnvelope(_Envelope):
    """How a background service or a child ended.

    Attributes:
        id: event id; that of a callback is entered in the ledger.
        incarnation: of the instance that waits for it.
        invoke: key of the live invoke.
        token: that the instance keeps with it.
        data: the result, or what is known of the error.
        error: code of the error; empty for a result.
        body_hash: set for a callback.
    """

    kind: Literal["result"] = "result"
    schema_version: int = Field(default=SECOND_SCHEMA, ge=1, le=ENVELOPE_SCHEMA)
    id: str
    incarnation: str
    invoke: str
    token: str = Field(repr=False)
    data: Json = None
    error: str = ""
    body_hash: str = ""


class RefusalEnvelope(_Envelope):
    """Something that the instance asked for was refused for good after the commit that promised it.

    Attributes:
        id: event id.
        incarnation: of the instance.
        data: of the event `error.communication`.
        body_hash: has the ledger know it.
    """

    kind: Literal["refusal"] = "refusal"
    schema_version: int = Field(default=SECOND_SCHEMA, ge=1, le=ENVELOPE_SCHEMA)
    id: str
    incarnation: str
    data: JsonObject
    body_hash: str = ""


class TaskEvent(_Model):
    """The event that began a background service; its type and id may be of the runtime's own making."""

    id: str
    type: str
    data: EventData = Field(default_factory=dict)


class TaskEnvelope(_Envelope):
    """A background service to be called; travels through the tasks queue.

    Attributes:
        incarnation: of the instance.
        invoke: key of the live invoke.
        token: that the instance keeps with it.
        call: idempotency key of the call.
        event: that began it.
        origin: the instance that sent that event, if one did.
    """

    kind: Literal["task"] = "task"
    schema_version: int = Field(default=SECOND_SCHEMA, ge=1, le=ENVELOPE_SCHEMA)
    incarnation: str
    invoke: str
    token: str = Field(repr=False)
    call: str
    event: TaskEvent
    origin: str | None = None


_MODELS: Final[tuple[type[BaseModel], ...]] = (
    *(EventsEnvelope, CreateEnvelope, ControlEnvelope, TimerEnvelope, ResultEnvelope, RefusalEnvelope, TaskEnvelope),
    *(EnvelopeEvent, TraceContext, ParentLink, EventEdit, TaskEvent),
)
_KNOWN: Final = frozenset(
    {str(model.model_fields["kind"].default) for model in _MODELS if "kind" in model.model_fields}.union(
        *(model.model_fields for model in _MODELS)
    )
)
"""Names of kinds and fields: the places in a body that a complaint may name."""

Envelope = EventsEnvelope | CreateEnvelope | ControlEnvelope | TimerEnvelope | ResultEnvelope | RefusalEnvelope

_ADAPTER: TypeAdapter[Envelope] = TypeAdapter(
    Annotated[Envelope, Field(discriminator="kind")], config=ConfigDict(defer_build=True)
)
_TIMER: TypeAdapter[TimerEnvelope] = TypeAdapter(TimerEnvelope)
_TASK: TypeAdapter[TaskEnvelope] = TypeAdapter(TaskEnvelope)
Kind = TypeVar("Kind")


class _Schema(BaseModel):
    schema_version: Any = None


def parse_envelope(body: str) -> Envelope:
    """Read the body of a message of the event queue.

    Raises:
        EnvelopeTooNewError: a newer release wrote it.
        EnvelopeInvalidError: it is not an envelope; the text says why, without repeating the body.
    """
    return _parse(_ADAPTER, body)


def parse_timer(body: str) -> TimerEnvelope:
    """Read the body of a message of the timers queue. Raises as `parse_envelope` does."""
    return _parse(_TIMER, body)


def parse_task(body: str) -> TaskEnvelope:
    """Read the body of a message of the tasks queue. Raises as `parse_envelope` does."""
    return _parse(_TASK, body)


def _parse(adapter: TypeAdapter[Kind], body: str) -> Kind:
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        _refuse_newer(body)
        details = "; ".join(list(_complaints(error))[:MAX_COMPLAINTS])
        raise EnvelopeInvalidError(f"not an envelope: {details}") from None  # pydantic's own error repeats the body


def _complaints(error: ValidationError) -> Iterator[str]:
    """Yield what is wrong and where, in words of ours alone: what stands in a body is not for a log."""
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        place = ".".join(str(part) if isinstance(part, int) or part in _KNOWN else "?" for part in detail["loc"])
        yield f"{place or 'data'}: {_message(detail)}"


def _message(detail: ErrorDetails) -> str:
    return "it names no kind of message" if detail["type"] == "union_tag_invalid" else detail["msg"]


def _refuse_newer(body: str) -> None:
    try:
        found = _Schema.model_validate_json(body).schema_version
    except ValidationError:
        return
    if isinstance(found, int) and not isinstance(found, bool) and ENVELOPE_SCHEMA < found <= LATEST_SCHEMA:
        raise EnvelopeTooNewError(f"envelope schema {found} is newer than {ENVELOPE_SCHEMA}; wait for the deployment")


def dump_envelope(envelope: Envelope | TaskEnvelope) -> str:
    """Write a message body; what is None is left out, so that an older release does not meet what it does not know.

    Raises:
        EnvelopeInvalidError: it carries what JSON text cannot, such as half of a surrogate pair.
    """
    try:
        return envelope.model_dump_json(exclude_defaults=False, exclude_none=True)
    except PydanticSerializationError as error:
        raise EnvelopeInvalidError(
            "no message can carry text that UTF-8 cannot, nor what is nested too deeply"
        ) from error
