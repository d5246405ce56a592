"""The envelope: what stands in the body of a queue message.

Anyone who may send to the queue may send `events`. `create` and `control` are accepted only from our own functions.
"""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from settle.core.codec import field_errors
from settle.runtime.errors import EnvelopeInvalidError, EnvelopeTooNewError

ENVELOPE_SCHEMA: Final = 1
"""Format of the message body. A larger number than this was written by a newer release."""
MAX_EVENTS_PER_REQUEST: Final = 10
"""Events in one request, which travel as one message and are taken whole or not at all."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EnvelopeEvent(_Model):
    """One event of a message.

    Attributes:
        id: made once and the same in every retry.
        type: event type.
        data: what it carries.
    """

    id: str = Field(default="", max_length=64)
    type: str = Field(min_length=1, max_length=128)
    data: JsonValue = Field(default_factory=dict)


class _Envelope(_Model):
    """What every message carries.

    Attributes:
        schema_version: `ENVELOPE_SCHEMA` of whoever wrote it.
        machine: id of the machine; with `instance` it is the message group.
        instance: id of the instance.
        principal: who sent it, as the API's authorizer named them.
        claims: what the authorizer said about them.
        accepted_at: when the ingress accepted it, in seconds since the epoch.
    """

    schema_version: int = Field(default=ENVELOPE_SCHEMA, ge=1, le=ENVELOPE_SCHEMA)
    machine: str
    instance: str
    principal: str = ""
    claims: dict[str, JsonValue] = Field(default_factory=dict)
    accepted_at: float = 0.0


class EventsEnvelope(_Envelope):
    """External events for one instance.

    Attributes:
        events: in order.
        body_hash: set when the client sent an idempotency key; the events are then entered in the ledger.
        if_match: the version at which the first event may be applied; None for any.
    """

    kind: Literal["events"] = "events"
    events: list[EnvelopeEvent] = Field(min_length=1, max_length=MAX_EVENTS_PER_REQUEST)
    body_hash: str = ""
    if_match: int | None = None


class CreateEnvelope(_Envelope):
    """Creates an instance unless it is there.

    Attributes:
        id: event id of the creation.
        input: what the first context is made from.
        input_hash: tells a repetition from another creation.
        event: applied in the same commit, if given.
    """

    kind: Literal["create"] = "create"
    id: str
    input: dict[str, JsonValue] = Field(default_factory=dict)
    input_hash: str
    event: EnvelopeEvent | None = None


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
    DRAIN = "drain"
    """Go on applying held events."""


class ControlEnvelope(_Envelope):
    """A control message."""

    kind: Literal["control"] = "control"
    id: str
    action: ControlAction


Envelope = EventsEnvelope | CreateEnvelope | ControlEnvelope

_ADAPTER: TypeAdapter[Envelope] = TypeAdapter(Annotated[Envelope, Field(discriminator="kind")])


class _Schema(BaseModel):
    schema_version: Any = None


def parse_envelope(body: str) -> Envelope:
    """Read a message body.

    Raises:
        EnvelopeTooNewError: a newer release wrote it.
        EnvelopeInvalidError: it is not an envelope; the text says why, without repeating the body.
    """
    try:
        return _ADAPTER.validate_json(body)
    except ValidationError as error:
        _refuse_newer(body)
        details = "; ".join(f"{field.path}: {field.message}" for field in field_errors(error)[:5])
        raise EnvelopeInvalidError(f"not an envelope: {details}") from error


def _refuse_newer(body: str) -> None:
    try:
        found = _Schema.model_validate_json(body).schema_version
    except ValidationError:
        return
    if isinstance(found, int) and not isinstance(found, bool) and found > ENVELOPE_SCHEMA:
        raise EnvelopeTooNewError(f"envelope schema {found} is newer than {ENVELOPE_SCHEMA}; wait for the deployment")


def dump_envelope(envelope: Envelope) -> str:
    """Write a message body; defaults are left out."""
    return envelope.model_dump_json(exclude_defaults=False, exclude_none=True)
