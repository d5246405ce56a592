"""Letters: the envelopes that an instance sends, to others and, through timers and services, to itself."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from settle.core.effects import SendEvent
from settle.core.errors import SettleError
from settle.core.snapshot import LiveInvoke
from settle.core.targets import PARENT_TARGET
from settle.runtime.addresses import child_key
from settle.runtime.envelope import (
    SECOND_SCHEMA,
    ControlAction,
    ControlEnvelope,
    CreateEnvelope,
    EnvelopeEvent,
    EventsEnvelope,
    ParentLink,
    ResultEnvelope,
    TaskEnvelope,
    TaskEvent,
    TimerEnvelope,
    TimerKind,
    TraceContext,
    dump_envelope,
    parse_envelope,
)
from settle.runtime.errors import InputNotAnObjectError
from settle.runtime.ids import hash_creation, service_key
from settle.runtime.incoming import IncomingEvent
from settle.runtime.instance import Instance, InstanceKey, OutboxEntry, SendMessage, ServiceOutcome
from settle.runtime.ledger import LEDGER_MARK
from settle.runtime.limits import check_message
from settle.runtime.trace import follow, follow_later

SCHEDULE_DIGITS: Final = 40
SHORT_SECONDS: Final = 1.0
"""Timers that are due sooner count as messages do when loops are looked for."""

Make = Callable[[str], OutboxEntry]
"""Makes an entry of the outbox once its id is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """Writes the envelopes of one run.

    Attributes:
        sender: the instance, before the run.
        event: that the run is about; None when an operator's wish is.
        now: time of the run.
    """

    sender: Instance
    event: IncomingEvent | None
    now: float

    @property
    def hops(self) -> int:
        """How many messages led to one that is sent now, itself included."""
        return (self.event.hops if self.event else 0) + 1

    def message(self, key: InstanceKey, effect: SendEvent, name: str) -> EventsEnvelope:
        """Write what `do.send` asked for; `name` is its event id."""
        # What is meant for a parent, or for the sender itself, is not for a successor under the same name.
        parent = self.sender.parent if effect.target == PARENT_TARGET else None
        incarnation = self.sender.incarnation if key == self.sender.key else parent and parent.incarnation
        return EventsEnvelope(
            **self._fields(key),
            events=[EnvelopeEvent(id=name, type=effect.type, data=effect.data)],
            body_hash=LEDGER_MARK,
            origin=str(self.sender.key),
            incarnation=incarnation,
        )

    def create(self, live: LiveInvoke, name: str, token: str) -> CreateEnvelope:
        """Write what creates a child.

        Raises:
            InputNotAnObjectError: its input has no fields.
        """
        given = {} if live.input is None else live.input
        if not isinstance(given, dict):
            raise InputNotAnObjectError(f"a child is given an object with fields, not {type(given).__name__}")
        return CreateEnvelope(
            **self._fields(child_key(self.sender, live)),
            id=name,
            input=given,
            input_hash=hash_creation(given, None),
            parent=self._link(live, token),
        )

    def stop(self, live: LiveInvoke, name: str) -> ControlEnvelope:
        """Write what stops a child."""
        link = self._link(live, self.sender.tokens.get(live.key, ""))
        key = child_key(self.sender, live)
        return ControlEnvelope(**self._fields(key), id=name, action=ControlAction.STOP, parent=link)

    def task(self, live: LiveInvoke, token: str) -> TaskEnvelope:
        """Write what has a background service called."""
        key, event = self.sender.key, self.event
        event_id = event.id if event else ""
        return TaskEnvelope(
            machine=key.machine,
            instance=key.instance,
            principal=event.principal if event else "",
            accepted_at=self.now,
            hops=self.hops - 1,
            trace=self.trace,
            incarnation=self.sender.incarnation,
            invoke=live.key,
            token=token,
            call=service_key(self.sender.incarnation, event_id, live),
            event=TaskEvent(id=event_id, type=event.type if event else "", data=event.data if event else {}),
            origin=(event.origin if event else "") or None,
        )

    def timer(self, what: TimerKind, timer: str, due: float) -> TimerEnvelope:
        """Write what comes back when a timer is due."""
        # A short one counts as a hop: two states that time out at once would otherwise go round for ever.
        hops = self.hops if what is TimerKind.TIMER and due - self.now < SHORT_SECONDS else None
        return TimerEnvelope(
            machine=self.sender.key.machine,
            instance=self.sender.key.instance,
            accepted_at=self.now,
            hops=hops,
            trace=follow_later(self.trace),
            incarnation=self.sender.incarnation,
            what=what,
            key=timer,
            due=due,
        )

    def schedule_name(self, what: TimerKind, timer: str) -> str:
        """Return the name of the schedule that carries a timer, should one have to."""
        text = "\n".join((str(self.sender.key), self.sender.incarnation, what.value, timer))
        return hashlib.sha256(text.encode()).hexdigest()[:SCHEDULE_DIGITS]

    def _link(self, live: LiveInvoke, token: str) -> ParentLink:
        sender = self.sender
        return ParentLink(group=str(sender.key), incarnation=sender.incarnation, invoke=live.key, token=token)

    def _fields(self, key: InstanceKey) -> dict[str, Any]:
        """Return what every envelope says that goes to another instance."""
        return {
            "schema_version": SECOND_SCHEMA,
            "machine": key.machine,
            "instance": key.instance,
            "accepted_at": self.now,
            "hops": self.hops,
            "trace": self.trace,
        }

    @property
    def trace(self) -> TraceContext | None:
        """Return the context of what follows from the event; of what an operator's wish leads to, none."""
        return None if self.event is None else follow(self.event.envelope.trace, str(self.sender.key), self.event.id)


def check_letter(group: str, name: str, body: str) -> None:
    """Refuse a message here and now that the queue or its receiver would refuse.

    Raises:
        EnvelopeInvalidError: it could not be read, which is so with data that is nested too deeply.
        MessageTooLargeError: over the limit of a message.
    """
    check_message(group=group, deduplication_id=name, body=body)
    parse_envelope(body)


def result_letter(result: ResultEnvelope, what: str) -> SendMessage:
    """Return the message that brings a result; when no message takes it, an error whose text begins with `what`."""
    group, body = str(InstanceKey(result.machine, result.instance)), dump_envelope(result)
    try:
        check_letter(group, result.id, body)
    except SettleError as error:
        failed = ServiceOutcome.failed(error.code, f"{what}: {error}")
        body = dump_envelope(result.model_copy(update={"data": failed.data, "error": failed.error}))
    return SendMessage(id=result.id, group=group, body=body)


def tell_parent(
    child: str, parent: ParentLink, outcome: ServiceOutcome, hops: int, trace: TraceContext | None = None
) -> Callable[[str], SendMessage]:
    """Return what will tell a parent how its child ended: an error, when no message takes the result."""
    key = InstanceKey.parse(parent.group)

    def make(name: str) -> SendMessage:
        envelope = ResultEnvelope(
            machine=key.machine,
            instance=key.instance,
            hops=hops,
            trace=trace,
            id=name,
            incarnation=parent.incarnation,
            invoke=parent.invoke,
            token=parent.token,
            data=outcome.data,
            error=outcome.error,
        )
        return result_letter(envelope, f"the output of {child}")

    return make


def refusal_of(child: str, event: IncomingEvent, code: str, reason: str = "") -> SendMessage:
    """Return the message that tells a parent why its child did not start; `child` is its message group."""
    if event.parent is None:
        raise ValueError(f"{child} has no parent")
    outcome = ServiceOutcome.failed(code, f"{child} was not started: {reason or code}")
    trace = follow(event.envelope.trace, child, event.id)
    return tell_parent(child, event.parent, outcome, event.hops + 1, trace)(f"{event.id}-refused")
