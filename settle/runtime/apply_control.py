"""Applying control messages to the instance of a turn: what operators, and the runtime itself, do to it."""

import logging
from collections.abc import Callable
from typing import Final, assert_never

from settle.core.errors import SettleError
from settle.runtime.apply_event import EventApplier
from settle.runtime.envelope import ControlAction, ControlEnvelope, dump_envelope
from settle.runtime.errors import ConflictError, InstanceTooLargeError
from settle.runtime.finished import find_finished, finish_entry, is_duplicate
from settle.runtime.incoming import IncomingControl, IncomingEvent, open_held
from settle.runtime.instance import FinishEvent, HeldEvent, HeldRange, SendMessage
from settle.runtime.journal import Deadline
from settle.runtime.ports import Clock, InstanceStore
from settle.runtime.receipt import Outcome
from settle.runtime.turn import Turn
from settle.runtime.verdict import Verdict, make_receipt

DRAIN_PAGE: Final = 10
"""Held events that are read at once."""
DRAIN_RESERVE_SECONDS: Final = 2.0
"""Time left at which a drain stops and goes on in another message."""

BeginHeld = Callable[[Turn, IncomingEvent], SettleError | None]
"""Counts the begin of an event that may have been begun before; returns the error when that happened too often."""

_logger = logging.getLogger("settle")


class ControlApplier:
    """Applies control messages to turns."""

    def __init__(
        self,
        store: InstanceStore,
        applier: EventApplier,
        clock: Clock,
        deadline: Deadline,
        relay: Callable[[Turn], None],
    ) -> None:
        self._store, self._applier, self._clock, self._deadline = store, applier, clock, deadline
        self._relay = relay

    def apply(self, turn: Turn, control: IncomingControl, begin: BeginHeld, finished: set[str]) -> None:
        """Apply one control message. `begin` is called with every held event before it runs."""
        match control.action:
            case ControlAction.PAUSE:
                self._switch(turn, control, paused=True)
            case ControlAction.RESUME:
                self._switch(turn, control, paused=False)
            case ControlAction.RETRY:
                self._retry(turn, control)
            case ControlAction.SKIP:
                self._skip(turn, control)
            case ControlAction.DRAIN:
                self._drain(turn, control, begin, finished)
                turn.pass_over(control.position)
            case _ as never:
                assert_never(never)

    def _switch(self, turn: Turn, control: IncomingControl, *, paused: bool) -> None:
        changes = turn.existing.paused is not paused
        turn.update(paused=paused)
        turn.advance(control.position, Outcome.APPLIED if changes else Outcome.IGNORED)
        if changes and not paused:
            self._ask_to_drain(turn, control.id)

    def _retry(self, turn: Turn, control: IncomingControl) -> None:
        """Unblock, and forget the failures of the services but not their successes."""
        instance = turn.existing
        if instance.blocked is None:
            turn.advance(control.position, Outcome.IGNORED, "not_blocked")
            return
        run = instance.run
        if run is not None:
            run = run.without_failures()
        turn.update(blocked=None, run=run)
        turn.advance(control.position, Outcome.APPLIED)
        self._ask_to_drain(turn, control.id)

    def _skip(self, turn: Turn, control: IncomingControl) -> None:
        """Give the oldest held event up, and go on with the next."""
        instance = turn.existing
        if instance.blocked is None or instance.held is None:
            turn.advance(control.position, Outcome.IGNORED, "not_blocked")
            return
        held, *rest = self._load_oldest(turn, instance.held, 2)
        event = open_held(held)
        verdict = Verdict(outcome=Outcome.SKIPPED, code=instance.blocked.code, before=instance.snapshot.configuration)
        turn.release(held, rest[0] if rest else None)
        turn.update(blocked=None, run=None)
        turn.note(event.position, verdict.outcome, verdict.code)
        if event.body_hash:
            turn.add_to_outbox(finish_entry(event, make_receipt(turn.existing, event, verdict), self._clock.now()))
        turn.advance(control.position, Outcome.APPLIED)
        self._ask_to_drain(turn, control.id)

    # Draining --------------------------------------------------------------------------------------------------------

    def _ask_to_drain(self, turn: Turn, cause: str) -> None:
        """Have the held events applied by a message of its own, which the commit makes certain."""
        if not _may_drain(turn):
            return
        message_id = f"{cause[:48]}-drain-{turn.existing.revision}"
        envelope = ControlEnvelope(
            machine=turn.key.machine, instance=turn.key.instance, id=message_id, action=ControlAction.DRAIN
        )
        turn.add_to_outbox(SendMessage(id=message_id, group=str(turn.key), body=dump_envelope(envelope)))

    def _load_oldest(self, turn: Turn, held: HeldRange, limit: int) -> list[HeldEvent]:
        """Return the oldest held events. Raises `ConflictError` when somebody else has applied the first meanwhile."""
        page = self._store.load_held(turn.key, held.first, limit)
        if not page or page[0].number != held.first:
            raise ConflictError(f"held event {held.first} of {turn.key} is gone")
        return page

    def _drain(self, turn: Turn, control: IncomingControl, begin: BeginHeld, finished: set[str]) -> None:
        """Apply held events, each with a commit of its own, until none is left, one blocks, or time runs out."""
        while (held := turn.existing.held) is not None and _may_drain(turn):
            page = self._load_oldest(turn, held, DRAIN_PAGE + 1)
            for item, following in zip(page, [*page[1:], None], strict=True):
                if following is None and item.number + 1 < held.next:
                    break
                if not _may_drain(turn):
                    return
                if self._deadline.remaining() < DRAIN_RESERVE_SECONDS:
                    self._ask_to_drain(turn, control.id)
                    return
                event = open_held(item)
                try:
                    self._apply_held(turn, event, item, following, begin)
                    turn.commit(self._clock.now())
                except InstanceTooLargeError as error:
                    turn.roll_back()
                    turn.update(run=None)
                    self._quarantine(turn, event, error)
                    turn.commit(self._clock.now())
                if len(turn.existing.outbox) >= DRAIN_PAGE:
                    finished.update(e.entry.event_id for e in turn.existing.outbox if isinstance(e, FinishEvent))
                    self._relay(turn)

    def _apply_held(
        self, turn: Turn, event: IncomingEvent, item: HeldEvent, following: HeldEvent | None, begin: BeginHeld
    ) -> None:
        if self._is_finished(turn, event):
            turn.release(item, following)
            turn.note(event.position, Outcome.DUPLICATE)
            return

        def record(verdict: Verdict) -> None:
            turn.release(item, following)
            turn.note(event.position, verdict.outcome, verdict.code)

        error = begin(turn, event) or self._applier.run(turn, event, record)
        if error is not None:
            self._quarantine(turn, event, error)

    def _quarantine(self, turn: Turn, event: IncomingEvent, error: SettleError) -> None:
        """Block the instance with the event where it stands, the oldest of those that are held."""
        self._applier.block(turn, event, error)
        turn.note(event.position, Outcome.QUARANTINED, error.code)

    def _is_finished(self, turn: Turn, event: IncomingEvent) -> bool:
        if not event.body_hash:
            return False
        finished = find_finished(self._store, turn.key, [event.id], self._clock.now())
        return is_duplicate(turn, event, finished)


def _may_drain(turn: Turn) -> bool:
    instance = turn.existing
    return instance.held is not None and not instance.paused and instance.blocked is None


def drop_control(control: IncomingControl, turn: Turn) -> None:
    """Say that a control message was for an instance that was never created."""
    extra = {"machine_id": turn.key.machine, "instance_id": turn.key.instance, "action": control.action.value}
    _logger.info("control message for an instance that was never created", extra=extra)
