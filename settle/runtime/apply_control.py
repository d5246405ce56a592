"""Applying control messages to the instance of a turn: what operators, and the runtime itself, do to it."""

import logging
from collections.abc import Callable
from typing import Final, assert_never

from settle.core.errors import Disposition, SettleError
from settle.runtime.apply_edit import apply_edit
from settle.runtime.apply_event import EventApplier
from settle.runtime.drain import HeldReader, ask_to_drain, begin_drain, next_lane
from settle.runtime.end_instance import entomb, give_up, stop_instance, tell_of_refusal
from settle.runtime.envelope import ControlAction
from settle.runtime.errors import ConflictError, EventChangedError, InstanceTooLargeError
from settle.runtime.find_definition import find_definition
from settle.runtime.finished import Finished, find_finished, finish_entry, finished_in, is_duplicate
from settle.runtime.incoming import IncomingControl, IncomingEvent
from settle.runtime.instance import HeldEvent, Lane
from settle.runtime.journal import Services
from settle.runtime.liveness import is_parent
from settle.runtime.log_keys import make_log_keys
from settle.runtime.open_envelope import open_held
from settle.runtime.ports import Clock, Definitions, InstanceStore
from settle.runtime.receipt import Outcome
from settle.runtime.turn import Turn
from settle.runtime.verdict import Verdict, make_receipt

RELAY_AFTER: Final = 10
"""Entries in the outbox from which on a drain relays before it goes on."""
DROPPED_PER_COMMIT: Final = 90
"""Held events that one commit of a deletion drops; a transaction takes few more."""
DRAIN_RESERVE_SECONDS: Final = 2.0
"""Time left at which a drain stops and goes on in another message."""

BeginHeld = Callable[[Turn, IncomingEvent | IncomingControl], SettleError | None]
"""Counts the begin of something that may have been begun before; returns the error when that happened too often."""

_logger = logging.getLogger("settle")


class ControlApplier:
    """Applies control messages to turns.

    Args:
        store: of the held events.
        applier: of the held events that are drained.
        clock: tells the time of writes.
        services: what calling services needs.
        definitions: the registered machines.
        relay: does what is in the outbox of a turn.
    """

    def __init__(  # noqa: PLR0913 - what an invocation works with
        self,
        store: InstanceStore,
        *,
        applier: EventApplier,
        clock: Clock,
        services: Services,
        definitions: Definitions,
        relay: Callable[[Turn], None],
    ) -> None:
        self._store, self._applier, self._clock = store, applier, clock
        self._services, self._definitions, self._relay = services, definitions, relay

    def apply(self, turn: Turn, control: IncomingControl, begin: BeginHeld, finished: Finished) -> None:
        """Apply one control message. `begin` is called with every held event before it runs."""
        if control.incarnation not in {None, turn.existing.incarnation}:
            turn.advance(control.position, Outcome.GONE)
            return
        denied = self._applier.may_control(turn, control)
        if denied:
            turn.advance(control.position, Outcome.DENIED, denied)
            return
        match control.action:
            case ControlAction.PAUSE | ControlAction.RESUME:
                self._switch(turn, control, paused=control.action is ControlAction.PAUSE)
            case ControlAction.RETRY:
                self._retry(turn, control)
            case ControlAction.SKIP:
                self._skip(turn, control)
            case ControlAction.EDIT:
                self._edit(turn, control)
            case ControlAction.DRAIN:
                self._drain(turn, control, begin, finished)
                turn.pass_over(control.position)
            case ControlAction.STOP:
                self._stop(turn, control, begin)
            case ControlAction.DELETE:
                self._delete(turn, control, begin, finished)
            case _ as never:
                assert_never(never)

    def _switch(self, turn: Turn, control: IncomingControl, *, paused: bool) -> None:
        if turn.existing.deleted:
            turn.advance(control.position, Outcome.GONE)
            return
        changes = turn.existing.paused is not paused
        turn.update(paused=paused)
        turn.advance(control.position, Outcome.APPLIED if changes else Outcome.IGNORED)
        if changes and not paused:
            ask_to_drain(turn, self._definitions, control.id)

    def _retry(self, turn: Turn, control: IncomingControl) -> None:
        if turn.existing.blocked is None:
            turn.advance(control.position, Outcome.IGNORED, "not_blocked")
        else:
            self._unblock(turn, control)

    def _unblock(self, turn: Turn, control: IncomingControl) -> None:
        """Unblock, and forget the failures of the services but not their successes."""
        run = turn.existing.run
        if run is not None:
            run = run.without_failures()
        turn.update(blocked=None, run=run)
        turn.advance(control.position, Outcome.APPLIED)
        ask_to_drain(turn, self._definitions, control.id)

    def _edit(self, turn: Turn, control: IncomingControl) -> None:
        """Change the event that blocks the instance, in a commit that nothing else depends on, and try it again.

        One that is not the one that the operator saw, or that cannot be like this, stays as it is.
        """
        turn.commit(self._clock.now())
        blocked = turn.existing.blocked
        if blocked is None:
            turn.advance(control.position, Outcome.IGNORED, "not_blocked")
            return
        try:
            item, _ = HeldReader(self._store, turn.key).oldest(turn.existing, blocked.lane)
            definition = find_definition(self._definitions, turn.existing)
            apply_edit(turn, control, item, definition, self._clock.now())
            self._unblock(turn, control)
            turn.commit(self._clock.now())
        except SettleError as error:
            if error.disposition is Disposition.RETRY:
                raise
            turn.roll_back()
            turn.advance(control.position, Outcome.REFUSED, error.code)

    def _skip(self, turn: Turn, control: IncomingControl) -> None:
        """Give the event up that blocks the instance, if it is the one that is meant, and go on with the next."""
        instance = turn.existing
        if instance.blocked is None:
            turn.advance(control.position, Outcome.IGNORED, "not_blocked")
            return
        if control.event_id not in {"", instance.blocked.event_id}:
            # Somebody else has dealt with that one; this one nobody has looked at.
            turn.advance(control.position, Outcome.REFUSED, EventChangedError.code)
            return
        lane = instance.blocked.lane
        item, following = HeldReader(self._store, turn.key).oldest(instance, lane)
        event = open_held(item)
        verdict = Verdict(outcome=Outcome.SKIPPED, code=instance.blocked.code, before=instance.snapshot.configuration)
        turn.observe(event, verdict.outcome, verdict.code)
        turn.release(item, following, lane)
        turn.update(blocked=None, run=None)
        turn.note(event.position, verdict.outcome, verdict.code)
        if event.body_hash:
            turn.add_to_outbox(finish_entry(event, make_receipt(turn.existing, event, verdict), self._clock.now()))
        give_up(turn, self._definitions, event)
        if event.parent is not None:
            tell_of_refusal(turn, event, verdict.code)
        turn.advance(control.position, Outcome.APPLIED)
        ask_to_drain(turn, self._definitions, control.id)

    # Ending ----------------------------------------------------------------------------------------------------------

    def _stop(self, turn: Turn, control: IncomingControl, begin: BeginHeld) -> None:
        """Stop a child whose parent has left the node that began it; what it holds comes to nothing."""
        if control.parent is None or not is_parent(turn.existing, control.parent):
            turn.advance(control.position, Outcome.IGNORED, "not_its_child")
            return
        self._end(turn, control, begin)
        turn.advance(control.position, Outcome.APPLIED)
        ask_to_drain(turn, self._definitions, control.id)

    def _end(self, turn: Turn, control: IncomingControl, begin: BeginHeld) -> None:
        """Stop an instance, without its exit actions when they seem to take the process with them each time."""
        exits = begin(turn, control) is None
        stop_instance(turn, self._definitions, self._clock.now(), self._services.new_token, exits=exits)

    def _delete(self, turn: Turn, control: IncomingControl, begin: BeginHeld, finished: Finished) -> None:
        """Remove everything but a tombstone, before anything else is taken that could be for a successor."""
        if turn.existing.deleted:
            turn.advance(control.position, Outcome.GONE)
            return
        self._end(turn, control, begin)
        for lane in Lane:
            self._drop_held(turn, lane)
        now = self._clock.now()
        entomb(turn, control.id, now)
        turn.advance(control.position, Outcome.APPLIED)
        turn.commit(now)
        finished.update(finished_in(turn))
        self._relay(turn)

    def _drop_held(self, turn: Turn, lane: Lane) -> None:
        """Drop the held events of a lane, in as many commits as it takes."""
        reader, dropped = HeldReader(self._store, turn.key), 0
        while turn.existing.lane(lane) is not None:
            turn.release(*reader.oldest(turn.existing, lane), lane)
            dropped += 1
            if dropped % DROPPED_PER_COMMIT == 0 or turn.existing.lane(lane) is None:
                turn.commit(self._clock.now())

    # Draining --------------------------------------------------------------------------------------------------------

    def _drain(self, turn: Turn, control: IncomingControl, begin: BeginHeld, finished: Finished) -> None:
        """Apply held events, each with a commit of its own, until none may be applied, one blocks, or time runs out."""
        begin_drain(turn, control.id)
        reader = HeldReader(self._store, turn.key)
        while (lane := next_lane(turn.existing, self._definitions)) is not None:
            if self._services.deadline.remaining() < DRAIN_RESERVE_SECONDS:
                ask_to_drain(turn, self._definitions, control.id)
                return
            item, following = reader.oldest(turn.existing, lane)
            event = open_held(item)
            try:
                self._apply_held(turn, event, (item, following, lane), begin)
                turn.commit(self._clock.now())
            except InstanceTooLargeError as error:
                turn.roll_back()
                if turn.existing.outbox:  # what others have asked for is in the way
                    self._relay_between(turn, finished)
                    continue
                turn.update(run=None)
                self._quarantine(turn, event, error, lane)
                turn.commit(self._clock.now())
            if len(turn.existing.outbox) >= RELAY_AFTER:
                self._relay_between(turn, finished)

    def _relay_between(self, turn: Turn, finished: Finished) -> None:
        """Relay before the drain goes on.

        Raises:
            ConflictError: somebody else has stored the instance meanwhile, so nothing that this drain knows holds.
        """
        finished.update(finished_in(turn))
        reads = turn.reads
        self._relay(turn)
        if turn.reads != reads:
            raise ConflictError(f"{turn.key} was stored by somebody else while it was drained")

    def _apply_held(
        self, turn: Turn, event: IncomingEvent, place: tuple[HeldEvent, HeldEvent | None, Lane], begin: BeginHeld
    ) -> None:
        if self._is_finished(turn, event):
            turn.release(*place)
            turn.note(event.position, Outcome.DUPLICATE)
            turn.observe(event, Outcome.DUPLICATE)
            return
        if self._applier.is_late(turn, event):
            turn.release(*place)
            self._applier.drop_held(turn, event)
            return

        def record(verdict: Verdict) -> None:
            turn.release(*place)
            turn.note(event.position, verdict.outcome, verdict.code)

        error = begin(turn, event) or self._applier.run(turn, event, record)
        if error is not None:
            self._quarantine(turn, event, error, place[2])

    def _quarantine(self, turn: Turn, event: IncomingEvent, error: SettleError, lane: Lane) -> None:
        """Block the instance with the event where it stands, the oldest of those that are held."""
        self._applier.block(turn, event, error, lane)
        turn.note(event.position, Outcome.QUARANTINED, error.code)

    def _is_finished(self, turn: Turn, event: IncomingEvent) -> bool:
        if not event.body_hash:
            return False
        finished = find_finished(self._store, turn.key, [event.id], self._clock.now())
        return is_duplicate(turn, event, finished)


def drop_control(control: IncomingControl, turn: Turn) -> None:
    """Say that a control message was for an instance that was never created."""
    keys = make_log_keys(turn.key.machine, turn.key.instance, control.id)
    _logger.info("control message for an instance that was never created", extra={**keys, "event_type": control.type})
