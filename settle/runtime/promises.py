"""Promises: what a run asks the world to do, as entries of the outbox, which the commit makes certain.

An entry's id is `incarnation:version:index`. It does not depend on how the queue cut its batches, so whoever meets an
entry twice knows it again.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from settle.core.definition import Definition
from settle.core.effects import (
    CancelTimer,
    Effect,
    SendEvent,
    SetTimer,
    StartChild,
    StartService,
    StopChild,
)
from settle.core.errors import SettleError
from settle.core.snapshot import LiveInvoke, Snapshot, Status
from settle.runtime.addresses import child_key, find_target
from settle.runtime.envelope import (
    ControlAction,
    ControlEnvelope,
    CreateEnvelope,
    Envelope,
    EnvelopeEvent,
    EventsEnvelope,
    ParentLink,
    ResultEnvelope,
    TaskEnvelope,
    TimerEnvelope,
    TimerKind,
    dump_envelope,
)
from settle.runtime.errors import InputNotAnObjectError, TooManyHopsError
from settle.runtime.ids import hash_creation, service_key
from settle.runtime.incoming import IncomingEvent
from settle.runtime.instance import (
    CancelSchedule,
    Instance,
    InstanceKey,
    OutboxEntry,
    SendMessage,
    SendTask,
    SendTimer,
    ServiceOutcome,
)
from settle.runtime.limits import MAX_DELAY_SECONDS, check_body, check_message
from settle.runtime.names import check_event_type
from settle.runtime.ports import Definitions

MAX_HOPS: Final = 256
"""Messages between instances that may lead to one another without an event from outside, or a timer, in between."""
LEDGER_MARK: Final = "message"
"""In place of a body hash: has the ledger know a message of an instance, which has no idempotency key."""
SCHEDULE_DIGITS: Final = 40
ENVELOPE_2: Final = 2
"""Schema of messages with a field that the first release did not know."""

_SAMPLE_ID: Final = "x" * 64
"""As long as an id gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """Entries for the outbox, and the tokens of what is live after the run."""

    entries: tuple[OutboxEntry, ...]
    tokens: Mapping[str, str]


class PromiseWriter:
    """Writes down what one run asks for.

    Args:
        instance: before the run.
        definition: of the instance.
        definitions: every registered machine.
        event: that the run is about; None when an operator's wish is.
        now: time of the run.
        new_token: makes tokens that nobody can guess.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a message says, and to whom
        self,
        instance: Instance,
        definition: Definition,
        definitions: Definitions,
        event: IncomingEvent | None,
        now: float,
        new_token: Callable[[], str],
    ) -> None:
        self._instance, self._definition, self._definitions = instance, definition, definitions
        self._event, self._now, self._new_token = event, now, new_token
        self._targets: dict[int, InstanceKey] = {}

    # Before the commit: what can never be done ------------------------------------------------------------------------

    def refuse(self, effect: Effect, snapshot: Snapshot) -> ServiceOutcome | None:
        """Return why an effect can never be carried out; None when it can.

        Raises:
            TooManyHopsError: it would be one message too many.
        """
        described: dict[str, Any] = {}
        try:
            match effect:
                case SendEvent(target=target, type=event_type, id=send_id):
                    described = {"target": target, "type": event_type, "id": send_id}
                    self._check_hops(target, event_type)
                    self._check_message(effect, snapshot)
                case StartChild(invoke=key) if live := snapshot.find_invoke(key):
                    described = {"machine": live.src}
                    self._check_hops(live.src, "settle.create")
                    self._check(child_key(self._instance, live), self._create(live, _SAMPLE_ID, ""))
                case StartService(invoke=key) if live := snapshot.find_invoke(key):
                    described = {"service": live.src}
                    self._check_task(live)
                case _:
                    pass
        except TooManyHopsError:
            raise
        except SettleError as error:
            data = {"code": error.code, "message": str(error), **described}
            return ServiceOutcome(error=error.code, data=data)
        return None

    def _check_hops(self, target: str, event_type: str) -> None:
        if self._hops() > MAX_HOPS:
            message = f"{event_type!r} to {target!r} would be message {self._hops()} in a row; {MAX_HOPS} may lead to"
            raise TooManyHopsError(f"{message} one another without an event from outside or a timer in between")

    def _check_message(self, effect: SendEvent, snapshot: Snapshot) -> None:
        check_event_type(effect.type)
        key = find_target(self._instance, self._definition, snapshot, effect.target)
        self._targets[id(effect)] = key
        self._check(key, self._message(key, effect, _SAMPLE_ID))

    def _check_task(self, live: LiveInvoke) -> None:
        if self._definition.invokes[live.id].background:
            check_body(dump_envelope(self._task(live, _SAMPLE_ID)))

    def _check(self, key: InstanceKey, envelope: Envelope) -> None:
        self._definitions.get(key.machine)
        check_message(group=str(key), deduplication_id=_SAMPLE_ID, body=dump_envelope(envelope))

    # For the commit ---------------------------------------------------------------------------------------------------

    def write(self, effects: tuple[Effect, ...], after: Snapshot, version: int) -> Promises:
        """Return the entries for effects that were not refused, and for what follows from the new snapshot.

        Args:
            effects: of the run, in order.
            after: snapshot after the run.
            version: of the instance after the run.
        """
        tokens = self._tokens(after)
        makers = [*self._of_effects(effects, after, tokens), *self._of_ends(after)]
        prefix = f"{self._instance.incarnation}:{version}"
        entries = tuple(make(f"{prefix}:{index}") for index, make in enumerate(makers))
        return Promises(entries=entries, tokens=tokens)

    def _tokens(self, after: Snapshot) -> dict[str, str]:
        """Keep the tokens of what is still live, and give one to everything that begins."""
        known = self._instance.tokens
        keys = [live.key for live in after.invokes if not self._definition.invokes[live.id].inline]
        return {key: known.get(key) or self._new_token() for key in keys}

    def _of_effects(self, effects: tuple[Effect, ...], after: Snapshot, tokens: Mapping[str, str]) -> "Iterator[_Make]":
        # A child is created before anything is said to it, although SCXML begins it when the macrostep is over.
        for effect in sorted(effects, key=lambda effect: not isinstance(effect, StartChild)):
            match effect:
                case SendEvent():
                    yield self._deliver(effect)
                case SetTimer(timer=timer, due=due):
                    yield self._timer(TimerKind.TIMER, timer, due)
                case CancelTimer(timer=timer):
                    yield from self._cancel(TimerKind.TIMER, timer, self._due_of(timer))
                case StartChild(invoke=invoke) if live := after.find_invoke(invoke):
                    yield self._begin_child(live, tokens[invoke])
                case StopChild(invoke=invoke):
                    yield from self._end_child(invoke)
                case StartService(invoke=invoke) if live := after.find_invoke(invoke):
                    yield from self._begin_task(live, tokens)
                case _:
                    pass

    def _of_ends(self, after: Snapshot) -> "Iterator[_Make]":
        """Yield what follows when a background service or the instance itself has ended."""
        for live in self._instance.snapshot.invokes:
            spec = self._definition.invokes[live.id]
            if spec.background and after.find_invoke(live.key) is None:
                yield from self._cancel(TimerKind.DEADLINE, live.key, self._now + spec.deadline)
        if after.status is not Status.ACTIVE and self._instance.snapshot.status is Status.ACTIVE:
            if self._definition.retention is not None:
                yield self._timer(TimerKind.RETENTION, "", self._now + self._definition.retention)
            if self._instance.parent is not None and after.status is not Status.STOPPED:
                yield tell_parent(
                    self._instance, self._instance.parent, ServiceOutcome(data=after.output), self._hops()
                )

    # Messages ---------------------------------------------------------------------------------------------------------

    def _hops(self) -> int:
        return (self._event.hops if self._event else 0) + 1

    def _fields(self, key: InstanceKey) -> dict[str, Any]:
        """Return what every envelope says that goes to another instance."""
        return {
            "schema_version": ENVELOPE_2,
            "machine": key.machine,
            "instance": key.instance,
            "accepted_at": self._now,
            "hops": self._hops(),
        }

    def _send(self, key: InstanceKey, envelope: "Callable[[str], Envelope]") -> "_Make":
        return lambda name: SendMessage(id=name, group=str(key), body=dump_envelope(envelope(name)))

    def _deliver(self, effect: SendEvent) -> "_Make":
        key = self._targets[id(effect)]
        return self._send(key, lambda name: self._message(key, effect, name))

    def _message(self, key: InstanceKey, effect: SendEvent, name: str) -> EventsEnvelope:
        return EventsEnvelope(
            **self._fields(key),
            events=[EnvelopeEvent(id=name, type=effect.type, data=effect.data)],
            body_hash=LEDGER_MARK,
            origin=str(self._instance.key),
        )

    # Children ---------------------------------------------------------------------------------------------------------

    def _link(self, invoke: str, token: str) -> ParentLink:
        instance = self._instance
        return ParentLink(group=str(instance.key), incarnation=instance.incarnation, invoke=invoke, token=token)

    def _create(self, live: LiveInvoke, name: str, token: str) -> CreateEnvelope:
        key = child_key(self._instance, live)
        given = {} if live.input is None else live.input
        if not isinstance(given, dict):
            raise InputNotAnObjectError(f"a child is given an object with fields, not {type(given).__name__}")
        return CreateEnvelope(
            **self._fields(key),
            id=name,
            input=given,
            input_hash=hash_creation(given, None),
            parent=self._link(live.key, token),
        )

    def _begin_child(self, live: LiveInvoke, token: str) -> "_Make":
        return self._send(child_key(self._instance, live), lambda name: self._create(live, name, token))

    def _end_child(self, invoke: str) -> "Iterator[_Make]":
        live = self._instance.snapshot.find_invoke(invoke)
        if live is None:
            return
        key, link = child_key(self._instance, live), self._link(invoke, self._instance.tokens.get(invoke, ""))

        def stop(name: str) -> ControlEnvelope:
            return ControlEnvelope(**self._fields(key), id=name, action=ControlAction.STOP, parent=link)

        yield self._send(key, stop)

    # Background services ----------------------------------------------------------------------------------------------

    def _begin_task(self, live: LiveInvoke, tokens: Mapping[str, str]) -> "Iterator[_Make]":
        spec = self._definition.invokes[live.id]
        if not spec.background:
            return
        body = dump_envelope(self._task(live, tokens[live.key]))
        yield lambda name: SendTask(id=name, body=body)
        yield self._timer(TimerKind.DEADLINE, live.key, self._now + spec.deadline)

    def _task(self, live: LiveInvoke, token: str) -> TaskEnvelope:
        key, event = self._instance.key, self._event
        event_id = event.id if event else ""
        return TaskEnvelope(
            machine=key.machine,
            instance=key.instance,
            principal=event.principal if event else "",
            accepted_at=self._now,
            hops=self._hops() - 1,
            incarnation=self._instance.incarnation,
            invoke=live.key,
            token=token,
            call=service_key(self._instance.incarnation, event_id, live),
            event=EnvelopeEvent(
                id=event_id[:64], type=event.type if event else "settle.start", data=event.data if event else {}
            ),
            origin=(event.origin if event else "") or None,
        )

    # Timers -----------------------------------------------------------------------------------------------------------

    def _timer(self, what: TimerKind, timer: str, due: float) -> "_Make":
        key = self._instance.key
        envelope = TimerEnvelope(
            machine=key.machine,
            instance=key.instance,
            accepted_at=self._now,
            incarnation=self._instance.incarnation,
            what=what,
            key=timer,
            due=due,
        )
        body, schedule = dump_envelope(envelope), self._schedule_name(what, timer)
        return lambda name: SendTimer(id=name, body=body, name=schedule, due=due)

    def _cancel(self, what: TimerKind, timer: str, due: float) -> "Iterator[_Make]":
        """Delete a schedule that is far ahead; what is due soon comes, and is dropped as nobody waits for it."""
        if due - self._now > MAX_DELAY_SECONDS:
            schedule = self._schedule_name(what, timer)
            yield lambda name: CancelSchedule(id=name, name=schedule)

    def _due_of(self, timer: str) -> float:
        live = self._instance.snapshot.find_timer(timer)
        return live.due if live is not None else 0.0

    def _schedule_name(self, what: TimerKind, timer: str) -> str:
        text = "\n".join((str(self._instance.key), self._instance.incarnation, what.value, timer))
        return hashlib.sha256(text.encode()).hexdigest()[:SCHEDULE_DIGITS]


_Make = Callable[[str], OutboxEntry]


def tell_parent(instance: Instance, parent: ParentLink, outcome: ServiceOutcome, hops: int) -> _Make:
    """Return what will tells a parent how its child ended: an error, when no message takes the result."""
    key = InstanceKey.parse(parent.group)

    def make(name: str) -> SendMessage:
        group, body = str(key), dump_envelope(result(name, outcome))
        try:
            check_message(group=group, deduplication_id=name, body=body)
        except SettleError as error:
            data = {"code": error.code, "message": f"the output of {instance.key}: {error}", "data": {}}
            body = dump_envelope(result(name, ServiceOutcome(error=error.code, data=data)))
        return SendMessage(id=name, group=group, body=body)

    def result(name: str, outcome: ServiceOutcome) -> ResultEnvelope:
        return ResultEnvelope(
            machine=key.machine,
            instance=key.instance,
            hops=hops,
            id=name,
            incarnation=parent.incarnation,
            invoke=parent.invoke,
            token=parent.token,
            data=outcome.data,
            error=outcome.error,
        )

    return make
