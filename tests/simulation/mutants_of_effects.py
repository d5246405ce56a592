"""Mutants of the outbox, the relay, the forwarder and the worker."""

from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Any

from settle.core.snapshot import Snapshot
from settle.runtime import forward_timers, letters, liveness, process_group, promises, relay_outbox, run_task
from settle.runtime.errors import ConflictError, UnavailableError
from settle.runtime.instance import SendMessage
from settle.runtime.process_group import _GroupTurn
from settle.runtime.promises import PromiseWriter
from settle.runtime.run_task import TaskRunner
from settle.runtime.turn import Turn
from tests.simulation.mutants import LONG_WORK, Patch, mutant


@mutant(LONG_WORK, 0, "uncommitted")
def effects_are_relayed_before_the_commit(patch: Patch) -> None:
    original = _GroupTurn.__init__

    def init(self: _GroupTurn, *args: Any, **more: Any) -> None:
        original(self, *args, **more)
        turn, work, commit, done = self._turn, self._in, self._turn.commit, set[str]()

        def early(now: float) -> None:
            for entry in turn.instance.outbox if turn.instance else ():
                if entry.id not in done:
                    done.add(entry.id)
                    relay_outbox._try(turn, entry, work.store, work.outlets, work.clock)
            commit(now)

        vars(turn)["commit"] = early

    patch.setattr(_GroupTurn, "__init__", init)


@mutant(LONG_WORK, 544, "effects", "messages", "ledger", "children")
def a_stalled_relay_clears_the_whole_outbox(patch: Patch) -> None:
    def clear(turn: Turn, _done: Any, refused: Any, clock: Any) -> None:
        for attempt in range(10):
            with suppress(ConflictError):
                if attempt:
                    turn.reload()
                if turn.existing.outbox:
                    turn.update(outbox=tuple(refused))
                    turn.commit(clock.now())
                return

    patch.setattr(relay_outbox, "_take_off", clear)


@mutant(LONG_WORK, 0, "one message", "uncommitted")
def every_try_to_relay_has_a_deduplication_id_of_its_own(patch: Patch) -> None:
    original, tries = relay_outbox._perform, count()

    def perform(turn: Turn, entry: Any, *rest: Any) -> None:
        fresh = replace(entry, id=f"{entry.id}-{next(tries)}") if isinstance(entry, SendMessage) else entry
        original(turn, fresh, *rest)

    patch.setattr(relay_outbox, "_perform", perform)


@mutant(LONG_WORK, 12, "one message")
def every_try_to_forward_has_a_deduplication_id_of_its_own(patch: Patch) -> None:
    tries = count()
    patch.setattr(forward_timers, "_deduplication_id", lambda _timer: f"try-{next(tries)}")


@mutant(LONG_WORK, 268, "one message")
def every_answer_of_a_worker_has_a_deduplication_id_of_its_own(patch: Patch) -> None:
    original, tries = letters.result_letter, count()
    patch.setattr(run_task, "result_letter", lambda *args: replace(original(*args), id=f"try-{next(tries)}"))


@mutant(LONG_WORK, 44, "acknowledged")
def a_message_is_acknowledged_while_its_outbox_is_full(patch: Patch) -> None:
    original = relay_outbox.relay_outbox

    def relay(*args: Any) -> None:
        with suppress(UnavailableError, ConflictError):
            original(*args)

    patch.setattr(process_group, "relay_outbox", relay)


@mutant(LONG_WORK, 12, "one id", "effects")
def ids_of_effects_count_commits(patch: Patch) -> None:
    original = PromiseWriter.write

    def write(self: PromiseWriter, effects: Any, after: Snapshot, _version: int) -> Any:
        return original(self, effects, after, self._instance.revision + 1)

    patch.setattr(PromiseWriter, "write", write)


@mutant(LONG_WORK, 4, "children", "messages")
def a_child_is_told_something_before_it_is_created(patch: Patch) -> None:
    patch.setattr(promises, "sorted", lambda effects, **_: effects, raising=False)


@mutant(LONG_WORK, 8, "once", "messages", "messages of two lives")
def the_ledger_knows_no_messages_of_instances(patch: Patch) -> None:
    patch.setattr(letters, "LEDGER_MARK", "")


@mutant(LONG_WORK, 48, "attempts")
def nobody_counts_the_calls_of_a_service(patch: Patch) -> None:
    patch.setattr(TaskRunner, "_begin", lambda *_: (1, 0.0))


@mutant(LONG_WORK, 136, "attempts")
def a_call_that_may_be_made_once_is_made_again(patch: Patch) -> None:
    patch.setattr(run_task, "_allowed", lambda _invoke: 3)


@mutant(LONG_WORK, 720, "tokens")
def any_token_is_the_right_one(patch: Patch) -> None:
    patch.setattr(liveness, "is_token", lambda *_: True)
