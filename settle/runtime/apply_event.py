"""Applying one event to the instance of a turn: to run it, hold it, or quarantine it."""

import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from settle.core.configuration import next_events
from settle.core.definition import Definition
from settle.core.effects import Effect
from settle.core.errors import (
    Disposition,
    EventInvalidError,
    InputInvalidError,
    SettleError,
    SnapshotTooLargeError,
    UnknownVersionError,
)
from settle.core.event import Event
from settle.core.snapshot import LiveInvoke, Snapshot, Status
from settle.core.snapshot_codec import encode_snapshot
from settle.runtime.addresses import is_family
from settle.runtime.creation import CHILD_EXISTS, find_origin, judge_second_creation, make_incarnation, make_unstarted
from settle.runtime.drain import ask_to_drain, may_take
from settle.runtime.end_instance import log_late, retire, tell_of_refusal
from settle.runtime.errors import (
    DeadlineError,
    InstanceTooLargeError,
    LiveEventRejectedError,
    ServiceFailedError,
    UnknownMachineError,
)
from settle.runtime.find_definition import find_view
from settle.runtime.finished import finish_entry, is_duplicate
from settle.runtime.incoming import CLIENT_ACTIONS, RETENTION_TYPE, IncomingControl, IncomingEvent
from settle.runtime.instance import Blocked, Instance, Lane, ServiceOutcome
from settle.runtime.journal import Journal, Services
from settle.runtime.liveness import is_live
from settle.runtime.log_keys import log_keys, make_log_keys
from settle.runtime.permissions import view_of
from settle.runtime.ports import Clock, Definitions
from settle.runtime.promises import PromiseWriter
from settle.runtime.receipt import Outcome
from settle.runtime.settle_run import SettledRun, run_event, run_start
from settle.runtime.turn import Turn
from settle.runtime.undeliverable import is_undeliverable, undeliverable
from settle.runtime.verdict import Verdict, make_receipt

TRACEBACK_CHARACTERS: Final = 2000
"""How much of a traceback rides in the instance item while it is blocked."""

Record = Callable[[Verdict], None]
"""Notes what became of an event at its place in the queue."""

MAX_SNAPSHOT_BYTES: Final = 320 * 1024
"""Of an item's 400 KB; the rest is for the journal, the outbox and the error that blocks an instance."""

_logger = logging.getLogger("settle")


class EventApplier:
    """Applies events to turns.

    Args:
        definitions: the registered machines.
        clock: tells when a run begins.
        services: what calling services needs.
    """

    def __init__(self, definitions: Definitions, clock: Clock, services: Services) -> None:
        self._definitions, self._clock, self._services = definitions, clock, services

    def prepare(self, turn: Turn, event: IncomingEvent) -> bool:
        """Make sure that there is an instance, an unstarted one if need be; False when the event may not create it."""
        if turn.instance is not None:
            if turn.instance.deleted and event.is_creation and event.parent is None:
                turn.update(incarnation=make_incarnation(turn, event.position))
            return True
        definition = self._definitions.get(turn.key.machine)
        if event.live is not None or not (event.is_creation or definition.create_on_event):
            keys = make_log_keys(turn.key.machine, turn.key.instance, event.id, trace=event.envelope.trace)
            _logger.info("event for an instance that was never created", extra={**keys, "event_type": event.type})
            return False
        turn.create(make_unstarted(turn, definition, event, self._clock.now()))
        return True

    def take(self, turn: Turn, event: IncomingEvent, finished: Mapping[str, str]) -> None:
        """Take an event from the queue: drop it, note that it is a duplicate, hold it, or run it.

        Raises:
            ServiceFailedError, DeadlineError: it has to be run again; the working copy is as it was, plus the journal.
        """
        if is_duplicate(turn, event, finished):
            turn.advance(event.position, Outcome.DUPLICATE)
            turn.observe(event, Outcome.DUPLICATE)
        elif self.is_late(turn, event):
            self._drop(turn, event)
        elif self.must_hold(turn, event):
            self.hold(turn, event)
        else:
            error = self.run(turn, event, lambda verdict: turn.advance(event.position, verdict.outcome, verdict.code))
            if error is not None:
                self.quarantine(turn, event, error)
            ask_to_drain(turn, self._definitions, event.id)

    def runs(self, turn: Turn, event: IncomingEvent) -> bool:
        """Whether an event that is no duplicate is to run now."""
        return not self.is_late(turn, event) and not self.must_hold(turn, event)

    # Dropping --------------------------------------------------------------------------------------------------------

    @staticmethod
    def is_late(turn: Turn, event: IncomingEvent) -> bool:
        """Whether an event brings something that the instance does not wait for any more."""
        if event.live is not None:
            return not is_live(turn.existing, event.live)
        return event.incarnation not in {None, turn.existing.incarnation}

    def _drop(self, turn: Turn, event: IncomingEvent) -> None:
        """Pass over what nobody waits for. Should it come again it is as late as now, so nothing has to be stored."""
        log_late(turn, event)
        if event.body_hash:
            turn.advance(event.position, Outcome.GONE)
            self._finish(turn, event, Verdict(outcome=Outcome.GONE))

    def drop_held(self, turn: Turn, event: IncomingEvent) -> None:
        """Do the same with an event that was held, and that is not any more."""
        log_late(turn, event)
        turn.note(event.position, Outcome.GONE)
        if event.body_hash:
            self._finish(turn, event, Verdict(outcome=Outcome.GONE))

    # Holding ---------------------------------------------------------------------------------------------------------

    def must_hold(self, turn: Turn, event: IncomingEvent) -> bool:
        """Whether an event has to wait: the instance is paused, blocked or busy, or others wait already."""
        instance = turn.existing
        if instance.paused or instance.blocked is not None or instance.urgent is not None:
            return True
        settled = may_take(instance, self._definitions)
        if self._lane(instance, event) is Lane.URGENT:
            return instance.held is not None and settled  # then a drain is under way, and these came first
        return instance.held is not None or not settled

    def hold(self, turn: Turn, event: IncomingEvent) -> None:
        """Keep an event from the queue behind the others that wait."""
        turn.hold(event.position, event.body(), event.trusted, self._lane(turn.existing, event))
        turn.advance(event.position, Outcome.HELD)
        turn.observe(event, Outcome.HELD)

    def _lane(self, instance: Instance, event: IncomingEvent) -> Lane:
        try:
            urgent = event.live is not None or is_family(instance, self._definitions, event.origin)
        except SettleError:
            urgent = False
        return Lane.URGENT if urgent else Lane.EXTERNAL

    def quarantine(self, turn: Turn, event: IncomingEvent, error: SettleError) -> None:
        """Keep an event from the queue as the one that blocks the instance. Its lane is empty, or it had not run."""
        lane = self._lane(turn.existing, event)
        turn.hold(event.position, event.body(), event.trusted, lane)
        self.block(turn, event, error, lane)
        turn.advance(event.position, Outcome.QUARANTINED, error.code)

    def block(self, turn: Turn, event: IncomingEvent, error: SettleError, lane: Lane) -> None:
        """Block the instance: the oldest held event of a lane, this one, cannot be applied."""
        text = "".join(traceback.format_exception(error.__cause__ or error))
        blocked = Blocked(
            event_id=event.id,
            type=event.type,
            code=error.code,
            message=str(error)[:TRACEBACK_CHARACTERS],
            traceback=text[-TRACEBACK_CHARACTERS:],
            at=self._clock.now(),
            lane=lane,
        )
        turn.update(blocked=blocked)
        turn.observe(event, Outcome.QUARANTINED, error.code)
        keys = log_keys(turn.existing, event.id, event.envelope.trace)
        _logger.error("event quarantined", extra={**keys, "event_type": event.type, "code": error.code})

    # Running ---------------------------------------------------------------------------------------------------------

    def run(self, turn: Turn, event: IncomingEvent, record: Record) -> SettleError | None:
        """Run an event and record its verdict, or return the error for which it must be quarantined."""
        before, began_at = turn.existing.snapshot.configuration, self._clock.now()
        try:
            verdict = self._deny(turn, event) or self._run(turn, event)
        except (InstanceTooLargeError, ServiceFailedError, DeadlineError):
            raise
        except SettleError as error:
            if error.disposition is not Disposition.QUARANTINE:
                raise
            return error
        turn.update(run=None)
        record(verdict)
        turn.observe(event, verdict.outcome, verdict.code, began_at)
        self._finish(turn, event, replace(verdict, before=before))
        return None

    def _run(self, turn: Turn, event: IncomingEvent) -> Verdict:
        instance = turn.existing
        if event.if_match is not None and event.if_match != instance.version:
            return Verdict(outcome=Outcome.PRECONDITION_FAILED, code=f"version:{instance.version}")
        if event.came_with_creation and not (instance.snapshot.started and instance.origin == find_origin(event)):
            return judge_second_creation(instance, event)
        if instance.deleted and (event.parent is not None or not event.is_creation):
            return Verdict(outcome=Outcome.GONE)
        if event.type == RETENTION_TYPE and event.live is not None:
            return retire(turn, event)
        definition = self._definition_of(turn)
        now = max(self._clock.now(), event.due)
        journal = Journal(turn, definition, event.as_event(), now, self._services)
        try:
            return self._settle(turn, event, definition, journal)
        except (EventInvalidError, InputInvalidError) as error:
            return Verdict(outcome=Outcome.REFUSED, code=error.code, reason=str(error))
        except SettleError:
            journal.keep()
            raise

    def _deny(self, turn: Turn, event: IncomingEvent) -> Verdict | None:
        """Ask the machine's rules about an event from outside; return the verdict when they say no."""
        rules = self._definitions.rules_of(turn.key.machine)
        if rules.allow_send is None or not event.is_from_outside:
            return None
        definition = self._definition_of(turn)
        asked = Event(type=event.type, data=event.data, id=event.id)
        try:
            code = rules.judge(event.sender, asked, definition, view_of(turn.existing, definition))
        except EventInvalidError as error:
            return Verdict(outcome=Outcome.REFUSED, code=error.code, reason=str(error))
        return Verdict(outcome=Outcome.DENIED, code=code) if code else None

    def may_control(self, turn: Turn, control: IncomingControl) -> str:
        """Return why the sender of a control message may not ask for what it says; nothing when they may."""
        rules = self._definitions.rules_of(turn.key.machine)
        if rules.allow_send is None or control.action not in CLIENT_ACTIONS:
            return ""
        definition = self._definitions.get(turn.key.machine)
        asked = Event(type=control.type, data=control.data, id=control.id)
        # That its definition is not registered blocks the instance, and must not keep operators from it.
        return rules.judge(control.sender, asked, definition, find_view(self._definitions, turn.existing))

    def _definition_of(self, turn: Turn) -> Definition:
        snapshot = turn.existing.snapshot
        if snapshot.started:
            return self._definitions.definition_for(snapshot)
        try:
            return self._definitions.get(turn.key.machine)
        except UnknownMachineError as error:
            raise UnknownVersionError(f"{error}; bring its file back") from error

    def _settle(self, turn: Turn, event: IncomingEvent, definition: Definition, journal: Journal) -> Verdict:
        if not turn.existing.snapshot.started:
            refusal = self._start(turn, event, definition, journal)
            if refusal is not None or event.is_creation:
                return refusal or Verdict(outcome=Outcome.APPLIED)
        elif event.is_creation:
            return judge_second_creation(turn.existing, event)
        host = self._host(turn, event, definition, journal)
        return host.keep(turn, run_event(definition, turn.existing.snapshot, event.as_event(), journal.now, host))

    def _host(self, turn: Turn, event: IncomingEvent, definition: Definition, journal: Journal) -> "_Host":
        new_token = self._services.new_token
        writer = PromiseWriter(turn.existing, definition, self._definitions, event, journal.now, new_token)
        return _Host(journal, writer, event)

    def _start(self, turn: Turn, event: IncomingEvent, definition: Definition, journal: Journal) -> Verdict | None:
        """Start the machine; return a verdict only when that refuses the event."""
        if turn.existing.snapshot.status is Status.STOPPED:
            return Verdict(outcome=Outcome.IGNORED, code="stopped")
        if not event.is_creation and not definition.create_on_event:
            return Verdict(outcome=Outcome.REFUSED, code="not_created")
        input_data = event.data if event.is_creation else {}
        host = self._host(turn, event, definition, journal)
        verdict = host.keep(turn, run_start(definition, input_data, journal.now, host))
        if verdict.outcome is not Outcome.APPLIED:
            return verdict
        turn.update(
            input_hash=event.input_hash,
            origin=find_origin(event),
            parent=event.parent,
            created_at=journal.now,
            deleted_at=0.0,
        )
        return None

    def _finish(self, turn: Turn, event: IncomingEvent, verdict: Verdict) -> None:
        """Have everybody told who asked to be: the ledger, and the parent of a child that did not start."""
        if event.body_hash:
            receipt = make_receipt(turn.existing, event, verdict, self._next_events(turn.existing))
            turn.add_to_outbox(finish_entry(event, receipt, self._clock.now()))
        if event.parent is not None and verdict.outcome in {Outcome.REFUSED, Outcome.GONE}:
            tell_of_refusal(turn, event, verdict.code or CHILD_EXISTS, verdict.reason)
        elif is_undeliverable(event, verdict):
            turn.add_to_outbox(undeliverable(str(turn.key), event, verdict))

    def _next_events(self, instance: Instance) -> tuple[str, ...]:
        try:
            return next_events(self._definitions.definition_for(instance.snapshot), instance.snapshot)
        except SettleError:
            return ()


class _Host:
    """Answers one run, and keeps what it came to."""

    def __init__(self, journal: Journal, writer: PromiseWriter, event: IncomingEvent) -> None:
        self._journal, self._writer, self._event = journal, writer, event

    def answer(self, live: LiveInvoke, snapshot: Snapshot) -> ServiceOutcome:
        """Return how an inline service ended."""
        return self._journal.answer(live, snapshot)

    def refuse(self, effect: Effect, snapshot: Snapshot) -> ServiceOutcome | None:
        """Return why an effect can never be carried out."""
        return self._writer.refuse(effect, snapshot)

    def keep(self, turn: Turn, run: SettledRun) -> Verdict:
        """Put what a run came to on the working copy, if it came to anything.

        Raises:
            LiveEventRejectedError: what the instance waited for would be used up, and it would wait for ever.
        """
        if run.rejected_by and self._event.live is not None:
            raise LiveEventRejectedError(f"{self._event.type!r} leads to {run.rejected_by!r}, which refuses events")
        if run.rejected_by:
            return Verdict(outcome=Outcome.REFUSED, code=f"node:{run.rejected_by}")
        instance = turn.existing
        turn.log(run.logs, self._event)
        if run.taken or run.snapshot != instance.snapshot:
            size = len(encode_snapshot(run.snapshot).encode())
            if size > MAX_SNAPSHOT_BYTES:
                raise SnapshotTooLargeError(f"the snapshot would take {size} bytes; {MAX_SNAPSHOT_BYTES} are allowed")
            version = instance.version + 1
            promises = self._writer.write(run.effects, run.snapshot, version)
            turn.update(snapshot=run.snapshot, version=version, tokens=promises.tokens)
            if promises.entries:
                turn.add_to_outbox(*promises.entries)
        if run.taken:
            effects = tuple(entry.id for entry in turn.existing.outbox[len(instance.outbox) :])
            return Verdict(outcome=Outcome.APPLIED, effects=effects)
        if run.refused_by:
            return Verdict(outcome=Outcome.REFUSED, code=f"guard:{run.refused_by[0]}")
        return Verdict(outcome=Outcome.IGNORED)
