"""Promises: what a run asks the world to do, as entries of the outbox, which the commit makes certain.

An entry's id is `incarnation:version:index`. It does not depend on how the queue cut its batches, so whoever meets an
entry twice knows it again.
"""

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
from settle.runtime.envelope import Envelope, TimerKind, dump_envelope, parse_task
from settle.runtime.errors import TooManyHopsError
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
from settle.runtime.letters import SHORT_SECONDS, Letters, Make, check_letter, tell_parent
from settle.runtime.limits import MAX_DELAY_SECONDS, check_body
from settle.runtime.names import check_event_type
from settle.runtime.ports import Definitions

MAX_HOPS: Final = 256
"""Messages between instances that may lead to one another without an event from outside, or a timer, in between."""

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
        self._letters = Letters(sender=instance, event=event, now=now)
        self._now, self._new_token = now, new_token
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
                case SetTimer(timer=key, due=due) if due - self._now < SHORT_SECONDS:
                    self._check_hops("itself", f"timer {key}")
                case StartChild(invoke=key) if live := snapshot.find_invoke(key):
                    described = {"machine": live.src}
                    self._check_hops(live.src, "settle.create")
                    self._check(child_key(self._instance, live), self._letters.create(live, _SAMPLE_ID, ""))
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
        if self._letters.hops > MAX_HOPS:
            message = (
                f"{event_type!r} to {target!r} would be message {self._letters.hops} in a row; {MAX_HOPS} may lead to"
            )
            raise TooManyHopsError(f"{message} one another without an event from outside or a timer in between")

    def _check_message(self, effect: SendEvent, snapshot: Snapshot) -> None:
        check_event_type(effect.type)
        key = find_target(self._instance, self._definition, snapshot, effect.target)
        self._targets[id(effect)] = key
        self._check(key, self._letters.message(key, effect, _SAMPLE_ID))

    def _check_task(self, live: LiveInvoke) -> None:
        if self._definition.invokes[live.id].background:
            body = dump_envelope(self._letters.task(live, _SAMPLE_ID))
            check_body(body)
            parse_task(body)

    def _check(self, key: InstanceKey, envelope: Envelope) -> None:
        self._definitions.get(key.machine)
        check_letter(str(key), _SAMPLE_ID, dump_envelope(envelope))

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

    def _of_effects(self, effects: tuple[Effect, ...], after: Snapshot, tokens: Mapping[str, str]) -> Iterator[Make]:
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
                case StopChild(invoke=invoke) if live := self._instance.snapshot.find_invoke(invoke):
                    yield self._end_child(live)
                case StartService(invoke=invoke) if live := after.find_invoke(invoke):
                    yield from self._begin_task(live, tokens)
                case _:
                    pass

    def _of_ends(self, after: Snapshot) -> Iterator[Make]:
        """Yield what follows when a background service or the instance itself has ended."""
        for live in self._instance.snapshot.invokes:
            spec = self._definition.invokes[live.id]
            if spec.background and after.find_invoke(live.key) is None:
                yield from self._cancel(TimerKind.DEADLINE, live.key, self._now + spec.deadline)
        if after.status is not Status.ACTIVE and self._instance.snapshot.status is Status.ACTIVE:
            if self._definition.retention is not None:
                yield self._timer(TimerKind.RETENTION, "", self._now + self._definition.retention)
            parent = self._instance.parent
            if parent is not None and after.status is not Status.STOPPED:
                child, outcome = str(self._instance.key), ServiceOutcome(data=after.output)
                yield tell_parent(child, parent, outcome, self._letters.hops, self._letters.trace)

    # Entries ----------------------------------------------------------------------------------------------------------

    def _send(self, key: InstanceKey, envelope: Callable[[str], Envelope]) -> Make:
        return lambda name: SendMessage(id=name, group=str(key), body=dump_envelope(envelope(name)))

    def _deliver(self, effect: SendEvent) -> Make:
        key = self._targets[id(effect)]
        return self._send(key, lambda name: self._letters.message(key, effect, name))

    def _begin_child(self, live: LiveInvoke, token: str) -> Make:
        key = child_key(self._instance, live)
        return self._send(key, lambda name: self._letters.create(live, name, token))

    def _end_child(self, live: LiveInvoke) -> Make:
        return self._send(child_key(self._instance, live), lambda name: self._letters.stop(live, name))

    def _begin_task(self, live: LiveInvoke, tokens: Mapping[str, str]) -> Iterator[Make]:
        spec = self._definition.invokes[live.id]
        if not spec.background:
            return
        body = dump_envelope(self._letters.task(live, tokens[live.key]))
        yield lambda name: SendTask(id=name, body=body)
        yield self._timer(TimerKind.DEADLINE, live.key, self._now + spec.deadline)

    def _timer(self, what: TimerKind, timer: str, due: float) -> Make:
        body = dump_envelope(self._letters.timer(what, timer, due))
        schedule = self._letters.schedule_name(what, timer)
        return lambda name: SendTimer(id=name, body=body, name=schedule, due=due)

    def _cancel(self, what: TimerKind, timer: str, due: float) -> Iterator[Make]:
        """Delete a schedule that is far ahead; what is due soon comes, and is dropped as nobody waits for it."""
        if due - self._now > MAX_DELAY_SECONDS:
            schedule = self._letters.schedule_name(what, timer)
            yield lambda name: CancelSchedule(id=name, name=schedule)

    def _due_of(self, timer: str) -> float:
        live = self._instance.snapshot.find_timer(timer)
        return live.due if live is not None else 0.0
