"""Applying one event to the instance of a turn: to run it, hold it, or quarantine it."""

import logging
import traceback
from collections.abc import Callable, Container
from dataclasses import replace
from typing import Final

from settle.core.configuration import is_settled, next_events
from settle.core.definition import Definition
from settle.core.errors import (
    Disposition,
    EventInvalidError,
    InputInvalidError,
    SettleError,
    SnapshotTooLargeError,
    UnknownVersionError,
)
from settle.core.snapshot_codec import encode_snapshot
from settle.runtime.creation import find_origin, judge_second_creation, make_unstarted
from settle.runtime.errors import DeadlineError, InstanceTooLargeError, ServiceFailedError, UnknownMachineError
from settle.runtime.finished import finish_entry, is_duplicate
from settle.runtime.incoming import IncomingEvent
from settle.runtime.instance import Blocked, Instance
from settle.runtime.journal import Journal, Services
from settle.runtime.ports import Clock, Definitions
from settle.runtime.receipt import Outcome
from settle.runtime.settle_run import SettledRun, run_event, run_start
from settle.runtime.turn import Turn, log_keys
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
            return True
        definition = self._definitions.get(turn.key.machine)
        if not event.is_creation and not definition.create_on_event:
            _logger.info("event for an instance that was never created", extra={"event_id": event.id})
            return False
        turn.create(make_unstarted(turn, definition, event, self._clock.now()))
        return True

    def take(self, turn: Turn, event: IncomingEvent, finished: Container[str]) -> None:
        """Take an event from the queue: note that it is a duplicate, hold it, or run it.

        Raises:
            ServiceFailedError, DeadlineError: it has to be run again; the working copy is as it was, plus the journal.
        """
        if is_duplicate(turn, event, finished):
            turn.advance(event.position, Outcome.DUPLICATE)
        elif self.must_hold(turn):
            self.hold(turn, event)
        else:
            error = self.run(turn, event, lambda verdict: turn.advance(event.position, verdict.outcome, verdict.code))
            if error is not None:
                self.quarantine(turn, event, error)

    def must_hold(self, turn: Turn) -> bool:
        """Whether an external event has to wait: the instance is paused, blocked, busy, or others wait already."""
        instance = turn.existing
        if instance.paused or instance.blocked is not None or instance.held is not None:
            return True
        if not instance.snapshot.started:
            return False
        try:
            return not is_settled(self._definitions.definition_for(instance.snapshot), instance.snapshot)
        except SettleError:
            return False

    def hold(self, turn: Turn, event: IncomingEvent) -> None:
        """Keep an event from the queue behind the others that wait."""
        turn.hold(event.position, event.body(), event.trusted)
        turn.advance(event.position, Outcome.HELD)

    def quarantine(self, turn: Turn, event: IncomingEvent, error: SettleError) -> None:
        """Keep an event from the queue as the one that blocks the instance."""
        turn.hold(event.position, event.body(), event.trusted)
        self.block(turn, event, error)
        turn.advance(event.position, Outcome.QUARANTINED, error.code)

    def block(self, turn: Turn, event: IncomingEvent, error: SettleError) -> None:
        """Block the instance: its oldest held event, this one, cannot be applied."""
        text = "".join(traceback.format_exception(error.__cause__ or error))
        blocked = Blocked(
            event_id=event.id,
            type=event.type,
            code=error.code,
            message=str(error)[:TRACEBACK_CHARACTERS],
            traceback=text[-TRACEBACK_CHARACTERS:],
            at=self._clock.now(),
        )
        turn.update(blocked=blocked)
        _logger.error("event quarantined", extra={**log_keys(turn.existing, event.id), "code": error.code})

    # Running ---------------------------------------------------------------------------------------------------------

    def run(self, turn: Turn, event: IncomingEvent, record: Record) -> SettleError | None:
        """Run an event and record its verdict, or return the error for which it must be quarantined."""
        before = turn.existing.snapshot.configuration
        try:
            verdict = self._run(turn, event)
        except (InstanceTooLargeError, ServiceFailedError, DeadlineError):
            raise
        except SettleError as error:
            if error.disposition is not Disposition.QUARANTINE:
                raise
            return error
        turn.update(run=None)
        record(verdict)
        self._finish(turn, event, replace(verdict, before=before))
        return None

    def _run(self, turn: Turn, event: IncomingEvent) -> Verdict:
        instance = turn.existing
        if event.if_match is not None and event.if_match != instance.version:
            return Verdict(outcome=Outcome.PRECONDITION_FAILED, code=f"version:{instance.version}")
        if event.came_with_creation and not (instance.snapshot.started and instance.origin == find_origin(event)):
            return judge_second_creation(instance, event)
        definition = self._definition_of(turn)
        journal = Journal(turn, definition, event.as_event(), self._clock.now(), self._services)
        try:
            return self._settle(turn, event, definition, journal)
        except (EventInvalidError, InputInvalidError) as error:
            return Verdict(outcome=Outcome.REFUSED, code=error.code)
        except SettleError:
            journal.keep()
            raise

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
        run = run_event(definition, turn.existing.snapshot, event.as_event(), journal.now, journal.answer)
        return _keep(turn, run, event.id)

    def _start(self, turn: Turn, event: IncomingEvent, definition: Definition, journal: Journal) -> Verdict | None:
        """Start the machine; return a verdict only when that refuses the event."""
        if not event.is_creation and not definition.create_on_event:
            return Verdict(outcome=Outcome.REFUSED, code="not_created")
        input_data = event.data if event.is_creation else {}
        run = run_start(definition, input_data, journal.now, journal.answer)
        verdict = _keep(turn, run, event.id)
        if verdict.outcome is not Outcome.APPLIED:
            return verdict
        turn.update(input_hash=event.input_hash, origin=find_origin(event), created_at=journal.now)
        return None

    def _finish(self, turn: Turn, event: IncomingEvent, verdict: Verdict) -> None:
        if event.body_hash:
            receipt = make_receipt(turn.existing, event, verdict, self._next_events(turn.existing))
            turn.add_to_outbox(finish_entry(event, receipt, self._clock.now()))

    def _next_events(self, instance: Instance) -> tuple[str, ...]:
        try:
            return next_events(self._definitions.definition_for(instance.snapshot), instance.snapshot)
        except SettleError:
            return ()


def _keep(turn: Turn, run: SettledRun, event_id: str) -> Verdict:
    """Put what a run came to on the working copy, if it came to anything."""
    if run.rejected_by:
        return Verdict(outcome=Outcome.REFUSED, code=f"node:{run.rejected_by}")
    if not run.taken:
        turn.log(run.logs, event_id)
        if run.refused_by:
            return Verdict(outcome=Outcome.REFUSED, code=f"guard:{run.refused_by[0]}")
        return Verdict(outcome=Outcome.IGNORED)
    size = len(encode_snapshot(run.snapshot).encode())
    if size > MAX_SNAPSHOT_BYTES:
        raise SnapshotTooLargeError(f"the snapshot would take {size} bytes; {MAX_SNAPSHOT_BYTES} are allowed")
    turn.update(snapshot=run.snapshot, version=turn.existing.version + 1)
    turn.log(run.logs, event_id)
    return Verdict(outcome=Outcome.APPLIED)
