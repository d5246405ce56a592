"""Mutants of order, of counting, and of who may say what."""

from dataclasses import replace
from typing import Any

from settle.core.errors import SettleError
from settle.runtime import (
    apply_control,
    apply_edit,
    apply_event,
    forward_timers,
    ids,
    journal,
    liveness,
    message,
    open_envelope,
    open_group,
)
from settle.runtime.apply_control import ControlApplier
from settle.runtime.apply_event import EventApplier
from settle.runtime.count_begin import MAX_BEGUN, BeginCounter
from settle.runtime.edit_event import edit_event
from settle.runtime.errors import AttemptsExhaustedError, EnvelopeInvalidError, EnvelopeTooNewError
from settle.runtime.incoming import IncomingEvent
from settle.runtime.instance import Instance, Watermark
from settle.runtime.item_codec import encode_held
from settle.runtime.journal import Journal
from settle.runtime.process_group import GroupResult, _GroupTurn
from settle.runtime.receipt import Outcome, Position
from settle.runtime.registry import Registry
from settle.runtime.turn import Turn
from tests.simulation import functions
from tests.simulation.clock import SkewedClock
from tests.simulation.mutants import EVENTS, LONG_WORK, Patch, mutant

# Order and once ------------------------------------------------------------------------------------------------------


@mutant(EVENTS, 14, "once")
def the_watermark_is_kept_when_the_queue_is_replaced(patch: Patch) -> None:
    patch.setattr(Watermark, "covers", lambda self, _queue, position: position <= self.position)


@mutant(EVENTS, 3, "once")
def the_watermark_forgets_the_place_in_a_list(patch: Patch) -> None:
    original = Turn.has_taken
    patch.setattr(Turn, "has_taken", lambda self, position: original(self, Position(position.sequence)))


@mutant(EVENTS, 5, "once")
def only_the_failing_record_is_listed(patch: Patch) -> None:
    original = _GroupTurn._result

    def result(self: _GroupTurn, taken: int, failure: Any) -> GroupResult:
        found = original(self, taken, failure)
        return replace(found, done=(*found.done, *found.failed[1:]), failed=found.failed[:1])

    patch.setattr(_GroupTurn, "_result", result)


@mutant(EVENTS, 29, "one key", "held", "once", "atomic", "order", "version")
def an_event_passes_those_that_are_held(patch: Patch) -> None:
    def must_hold(_self: EventApplier, turn: Turn, _event: IncomingEvent) -> bool:
        return turn.existing.paused or turn.existing.blocked is not None

    patch.setattr(EventApplier, "must_hold", must_hold)


@mutant(EVENTS, 70, "once")
def what_a_newer_release_wrote_is_buried(patch: Patch) -> None:
    original = open_envelope.open_message

    def open_message(received: Any) -> Any:
        try:
            return original(received)
        except EnvelopeTooNewError as error:
            raise EnvelopeInvalidError("unreadable") from error

    patch.setattr(open_group, "open_message", open_message)


@mutant(EVENTS, 1, "version", "once")
def the_version_counts_commits(patch: Patch) -> None:
    original = Turn.commit

    def commit(self: Turn, now: float) -> None:
        was = self._clean.version if self._clean else 0
        if self.instance is not None and self.instance.version > was + 1:
            self.update(version=was + 1)
        original(self, now)

    patch.setattr(Turn, "commit", commit)


@mutant(EVENTS, 5, "pinned", "atomic", "no poison")
def an_instance_runs_on_whatever_is_deployed(patch: Patch) -> None:
    patch.setattr(Registry, "definition_for", lambda self, snapshot: self.machines[snapshot.machine])


# Operators -----------------------------------------------------------------------------------------------------------


@mutant(EVENTS, 337, "edits", "no poison")
def an_edit_does_not_ask_what_was_seen(patch: Patch) -> None:
    patch.setattr(apply_edit, "check_seen", lambda *_: None)


@mutant(EVENTS, 5, "ledger", "once")
def an_edited_event_forgets_its_key(patch: Patch) -> None:
    original = edit_event

    def forgetful(*args: Any) -> IncomingEvent:
        edited = original(*args)
        return replace(edited, envelope=edited.envelope.model_copy(update={"body_hash": ""}))

    patch.setattr(apply_edit, "edit_event", forgetful)


@mutant(EVENTS, 1558, "edits", "held", "no poison")
def an_edit_is_written_before_its_commit(patch: Patch) -> None:
    original = apply_edit.apply_edit

    def apply(turn: Turn, *args: Any) -> None:
        original(turn, *args)
        (event,) = turn._hold
        store: Any = turn._store
        with store._port._database.transaction() as connection:
            values = (str(turn.key), event.number, encode_held(event))
            connection.execute("REPLACE INTO held_event VALUES (?, ?, ?)", values)

    patch.setattr(apply_control, "apply_edit", apply)


@mutant(EVENTS, 1154, "skips")
def a_skip_gives_up_whatever_blocks(patch: Patch) -> None:
    original = ControlApplier._skip
    patch.setattr(
        ControlApplier, "_skip", lambda self, turn, control: original(self, turn, replace(control, event_id=""))
    )


# Inline services -----------------------------------------------------------------------------------------------------


@mutant(EVENTS, 2, "one key")
def the_key_of_a_service_depends_on_the_batch(patch: Patch) -> None:
    init, answer, key = Journal.__init__, Journal.answer, ids.service_key
    cuts: dict[int, int] = {}
    running: list[int] = []

    def begin(self: Journal, turn: Turn, *rest: Any) -> None:
        init(self, turn, *rest)
        cuts[id(self)] = turn.existing.revision

    def answered(self: Journal, *args: Any) -> Any:
        running[:] = [cuts[id(self)]]
        return answer(self, *args)

    patch.setattr(Journal, "__init__", begin)
    patch.setattr(Journal, "answer", answered)
    patch.setattr(journal, "service_key", lambda life, *rest: key(f"{life}{running[0]}", *rest))


@mutant(EVENTS, 5, "journal")
def nothing_is_journalled_between_services(patch: Patch) -> None:
    patch.setattr(Journal, "record", lambda _self: None)


# Poison --------------------------------------------------------------------------------------------------------------


@mutant(EVENTS, 5, "begins")
def the_receive_count_is_taken_for_attempts(patch: Patch) -> None:
    original = _GroupTurn._apply

    def apply(self: _GroupTurn, received: Any, event: IncomingEvent, finished: Any) -> None:
        if received.receives <= MAX_BEGUN or not self._applier.runs(self._turn, event):
            original(self, received, event, finished)
            return
        self._turn.commit(self._in.clock.now())
        self._applier.quarantine(self._turn, event, AttemptsExhaustedError("received too often"))

    patch.setattr(_GroupTurn, "_apply", apply)


@mutant(EVENTS, 2, "progress")
def an_event_that_kills_is_begun_for_ever(patch: Patch) -> None:
    patch.setattr(BeginCounter, "begin", lambda *_: None)


@mutant(EVENTS, 2, "once")
def an_event_that_cannot_be_applied_is_dropped(patch: Patch) -> None:
    def drop(_self: EventApplier, turn: Turn, event: IncomingEvent, error: SettleError) -> None:
        turn.advance(event.position, Outcome.IGNORED, error.code)

    patch.setattr(EventApplier, "quarantine", drop)


# Time, lives, strangers ----------------------------------------------------------------------------------------------


@mutant(LONG_WORK, 1356, "lives", "timers", "services", "deletion", "incarnation")
def a_life_is_not_told_from_the_next(patch: Patch) -> None:
    original = liveness.is_live

    def is_live(instance: Instance, envelope: Any) -> bool:
        return original(instance, envelope.model_copy(update={"incarnation": instance.incarnation}))

    patch.setattr(apply_event, "is_live", is_live)


@mutant(LONG_WORK, 76, "own messages", "family messages")
def what_an_instance_sends_itself_reaches_its_successor(patch: Patch) -> None:
    patch.setattr(IncomingEvent, "incarnation", None)


@mutant(LONG_WORK, 4, "time")
def a_timer_is_forwarded_before_it_is_due(patch: Patch) -> None:
    original = forward_timers.forward_timers

    class Ahead(SkewedClock):
        def now(self) -> float:
            return super().now() + 600

    def forward(outlets: Any, letters: Any, clock: Any, messages: Any) -> Any:
        return original(outlets, letters, Ahead(clock._true, clock._skew, clock._sleeper), messages)

    patch.setattr(functions, "forward_timers", forward)


@mutant(LONG_WORK, 56, "timers", "services")
def a_timer_is_applied_by_a_clock_that_is_behind(patch: Patch) -> None:
    patch.setattr(IncomingEvent, "due", 0.0)


@mutant(EVENTS, 17, "dead letters", "once", "no poison")
def strangers_are_believed(patch: Patch) -> None:
    original = message.read_record
    patch.setattr(functions, "read_record", lambda *args: replace(original(*args), trusted=True))
