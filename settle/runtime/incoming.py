"""An event as the consumer applies it: taken out of its envelope, with an id and a place."""

from dataclasses import dataclass
from typing import Any, Final

from settle.core.event import Event, EventKind
from settle.core.permission import NOBODY, Principal
from settle.runtime.envelope import (
    ControlAction,
    CreateEnvelope,
    EventEdit,
    EventsEnvelope,
    ParentLink,
    RefusalEnvelope,
    ResultEnvelope,
    TimerEnvelope,
    TimerKind,
    dump_envelope,
)
from settle.runtime.receipt import Position

CREATE_TYPE: Final = "settle.create"
"""Event type in the receipts of creations."""
TIMER_TYPE: Final = "settle.timer"
RETENTION_TYPE: Final = "settle.retention"
"""Event types in the receipts of what is due."""

CLIENT_ACTIONS: Final = (
    ControlAction.PAUSE,
    ControlAction.RESUME,
    ControlAction.RETRY,
    ControlAction.SKIP,
    ControlAction.EDIT,
    ControlAction.DELETE,
)
"""What clients may ask for; the rest is the runtime's own affair."""

LiveEnvelope = TimerEnvelope | ResultEnvelope | RefusalEnvelope
"""What is meant for something that an instance waits for, and for nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingEvent:
    """An external event, the creation of the instance, or something that the instance waits for.

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
        origin: the instance that sent it, as `machine/instance`; empty when none did.
    """

    id: str
    position: Position
    type: str
    data: Any
    principal: str
    trusted: bool
    envelope: EventsEnvelope | CreateEnvelope | LiveEnvelope
    offset: int = 0
    body_hash: str = ""
    if_match: int | None = None
    input_hash: str = ""
    origin: str = ""

    @property
    def is_creation(self) -> bool:
        """Whether it creates the instance."""
        return self.type == CREATE_TYPE

    @property
    def came_with_creation(self) -> bool:
        """Whether it may only be applied to the instance that its own message created."""
        return bool(self.input_hash) and not self.is_creation

    @property
    def live(self) -> LiveEnvelope | None:
        """The envelope of what an instance waits for; None for an event from outside or a creation."""
        return self.envelope if isinstance(self.envelope, LiveEnvelope) else None

    @property
    def is_from_outside(self) -> bool:
        """Whether neither the runtime nor an instance sent it, so that its sender has to have the right to."""
        return self.live is None and not self.origin and self.parent is None

    @property
    def sender(self) -> Principal:
        """Who sent it, with what the API's authorizer said about them."""
        return Principal(name=self.principal, claims=self.envelope.claims)

    @property
    def incarnation(self) -> str | None:
        """The only incarnation that a message of another instance is meant for; None for any."""
        return self.envelope.incarnation if isinstance(self.envelope, EventsEnvelope) else None

    @property
    def parent(self) -> ParentLink | None:
        """Whose child a creation makes."""
        return self.envelope.parent if isinstance(self.envelope, CreateEnvelope) else None

    @property
    def hops(self) -> int:
        """How many messages between instances led to it."""
        return self.envelope.hops or 0

    @property
    def due(self) -> float:
        """When it was to come at the earliest, in seconds since the epoch; 0 for what is no timer."""
        return self.envelope.due if isinstance(self.envelope, TimerEnvelope) else 0.0

    def body(self) -> str:
        """Return the envelope cut down to this event, to hold it for later."""
        if isinstance(self.envelope, LiveEnvelope):
            return dump_envelope(self.envelope)
        if isinstance(self.envelope, CreateEnvelope):
            whole = self.envelope if self.offset else self.envelope.model_copy(update={"event": None})
            return dump_envelope(whole)
        event = self.envelope.events[self.offset].model_copy(update={"id": self.id})
        return dump_envelope(self.envelope.model_copy(update={"events": [event], "if_match": self.if_match}))

    def as_event(self) -> Event:
        """Return what the machine is given."""
        match self.envelope:
            case TimerEnvelope(what=TimerKind.TIMER, key=key):
                return Event(kind=EventKind.TIMER, key=key, id=self.id)
            case TimerEnvelope(key=key) | ResultEnvelope(invoke=key):
                return Event(type=self.type, data=self.data, kind=EventKind.RESULT, key=key, id=self.id)
            case RefusalEnvelope():
                return Event(type=self.type, data=self.data, kind=EventKind.INTERNAL, id=self.id)
            case _:
                return Event(type=self.type, data=self.data, id=self.id, principal=self.principal, origin=self.origin)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingControl:
    """A control message."""

    id: str
    position: Position
    action: ControlAction
    parent: ParentLink | None = None
    incarnation: str | None = None
    hops: int = 0
    sender: Principal = NOBODY
    edit: EventEdit | None = None
    event_id: str = ""

    @property
    def type(self) -> str:
        """Event type in messages about it."""
        return control_type(self.action)

    @property
    def data(self) -> Any:  # noqa: ANN401 - any JSON data
        """What permission rules see of it."""
        return control_data(self.edit)


def control_type(action: ControlAction) -> str:
    """Return what a control message is called where events have types: `settle.pause` and so on."""
    return f"settle.{action.value}"


def control_data(edit: EventEdit | None) -> Any:  # noqa: ANN401 - any JSON data
    """Return the data of a control message where events have data: of an edit, the event as it is to become."""
    return {} if edit is None else edit.event.model_dump()


Incoming = IncomingEvent | IncomingControl
