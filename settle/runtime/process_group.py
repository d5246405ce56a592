"""Processing what a batch holds for one instance: one read, the events in order, one conditional write.

    read -> take each message -> write -> relay

A message that was received before runs alone, after its begin was counted and stored: one that kills the process is
found out. A conflict voids the turn and a new one begins; services that answered meanwhile are not called again.
"""

import logging
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Final

from settle.core.errors import Disposition, SettleError
from settle.runtime.apply_control import ControlApplier, drop_control
from settle.runtime.apply_event import EventApplier
from settle.runtime.count_begin import BeginCounter
from settle.runtime.errors import (
    ConflictError,
    DeadlineError,
    InstanceTooLargeError,
    ServiceFailedError,
)
from settle.runtime.finished import Finished, find_finished, finish_entry, is_duplicate
from settle.runtime.incoming import Incoming, IncomingControl, IncomingEvent
from settle.runtime.instance import InstanceKey, ServiceOutcome
from settle.runtime.journal import Deadline, Services
from settle.runtime.log_keys import group_log_keys
from settle.runtime.message import Message
from settle.runtime.open_group import keyed_ids, open_group
from settle.runtime.outlets import Outlets
from settle.runtime.ports import Clock, DeadLetterQueue, Definitions, InstanceStore
from settle.runtime.receipt import Outcome, Receipt
from settle.runtime.relay_outbox import relay_outbox
from settle.runtime.tally import Observe, Tally, ignore
from settle.runtime.turn import Turn
from settle.runtime.undeliverable import is_undeliverable, undeliverable
from settle.runtime.verdict import Verdict

MAX_TURNS: Final = 5
"""Turns that one group may begin in one invocation."""
MANY_TRIES: Final = 60
"""Tries, about an hour of them, after which an outage is taken to last."""
OUTAGE_BACKOFF_SECONDS: Final = 900
"""The wait from then on: the 1,000 receives that SQS allows then last for ten days of the message's fourteen."""
MAX_BACKOFF_SECONDS: Final = 60
"""The longest that a failed message waits before it is visible again."""

_logger = logging.getLogger("settle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What one invocation of the consumer works with; `observe` is told of each group."""

    store: InstanceStore
    outlets: Outlets
    dead_letters: DeadLetterQueue
    definitions: Definitions
    clock: Clock
    deadline: Deadline
    new_token: Callable[[], str]
    observe: Observe = ignore


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupResult:
    """What became of the messages of a group.

    Attributes:
        done: to be acknowledged.
        failed: the failing one and every later one, in order; they come again.
        delay: seconds until then.
    """

    done: tuple[Message, ...]
    failed: tuple[Message, ...] = ()
    delay: int = 0


def process_group(invocation: Invocation, messages: Sequence[Message]) -> GroupResult:
    """Process the messages of one group, in order. Every `SettleError` ends up in the result."""
    tally, began_at = Tally(), invocation.clock.now()
    try:
        return _process(invocation, messages, tally)
    finally:
        tally.settle_seconds = invocation.clock.now() - began_at
        invocation.observe(tally)


def _process(invocation: Invocation, messages: Sequence[Message], tally: Tally) -> GroupResult:
    known: dict[str, ServiceOutcome] = {}
    counter = BeginCounter(invocation.clock)
    fold = True
    error: SettleError | None = None
    for _ in range(MAX_TURNS):
        try:
            return _GroupTurn(invocation, messages, known, counter, tally, fold=fold).run()
        except ConflictError as conflict:
            error = conflict
            tally.conflicts += 1
        except InstanceTooLargeError as too_large:
            error, fold = too_large, False
        except SettleError as failure:
            error = failure
            break
    if error is not None and error.disposition is Disposition.RETRY:
        counter.forget(invocation.store, InstanceKey.parse(messages[0].group), messages[0].queue)
    _logger.warning("group failed", extra=group_log_keys(messages[0].group), exc_info=error)
    return GroupResult(done=(), failed=tuple(messages), delay=_backoff(messages[0].receives))


class _GroupTurn:
    """One turn over the messages of a group.

    Args:
        invocation: what it works with.
        messages: of one group, in order.
        known: service outcomes that earlier turns of this invocation learned.
        counter: counts begins over all turns of this invocation.
        tally: counts what is done.
        fold: whether events may share a commit; without, the one that does not fit an item is found.
    """

    def __init__(  # noqa: PLR0913 - what a turn works with
        self,
        invocation: Invocation,
        messages: Sequence[Message],
        known: MutableMapping[str, ServiceOutcome],
        counter: BeginCounter,
        tally: Tally,
        *,
        fold: bool,
    ) -> None:
        self._in, self._messages, self._counter, self._fold = invocation, messages, counter, fold
        services = Services(deadline=invocation.deadline, known=known, new_token=invocation.new_token, tally=tally)
        self._applier = EventApplier(invocation.definitions, invocation.clock, services)
        self._controls = ControlApplier(
            invocation.store,
            applier=self._applier,
            clock=invocation.clock,
            services=services,
            definitions=invocation.definitions,
            relay=self._relay,
        )
        self._turn = Turn(invocation.store, InstanceKey.parse(messages[0].group), messages[0].queue, tally)

    def run(self) -> GroupResult:
        """Take the messages one after the other; what comes before a failure is kept."""
        failure: SettleError | None
        if self._turn.instance is not None and self._turn.instance.deleted:
            # What a deletion left undone comes before anything that could be for a successor.
            self._relay(self._turn)
        opened, failure = open_group(
            self._turn, self._messages, self._in.definitions, self._in.dead_letters, self._in.outlets.events
        )
        ids = keyed_ids(self._turn, opened, self._in.definitions)
        finished = find_finished(self._in.store, self._turn.key, ids, self._in.clock.now())
        taken = 0
        try:
            for message, incoming in zip(self._messages, opened, strict=False):
                self._take(message, incoming, finished)
                taken += 1
        except (ServiceFailedError, DeadlineError) as error:
            failure = error
            if self._turn.instance is not None and self._turn.instance.failing is not None:
                self._turn.update(failing=None)
        self._turn.commit(self._in.clock.now())
        self._relay(self._turn)
        return self._result(taken, failure)

    def _relay(self, turn: Turn) -> None:
        relay_outbox(turn, self._in.store, self._in.outlets, self._in.clock)

    def _result(self, taken: int, failure: SettleError | None) -> GroupResult:
        done, failed = tuple(self._messages[:taken]), tuple(self._messages[taken:])
        if failure is None:
            return GroupResult(done=done)
        delay = self._delay(failure, failed[0])
        extra = {**group_log_keys(failed[0].group), "code": failure.code, "delay": delay}
        _logger.warning("event has to wait: %s", failure.summary, extra=extra)
        return GroupResult(done=done, failed=failed, delay=delay)

    def _delay(self, failure: SettleError, message: Message) -> int:
        if isinstance(failure, DeadlineError):
            return 0
        if isinstance(failure, ServiceFailedError):
            run = self._turn.existing.run
            return _backoff(max(run.attempts.values(), default=1) - 1 if run else 0)
        return _backoff(message.receives)

    # Taking ----------------------------------------------------------------------------------------------------------

    def _take(self, message: Message, incoming: Sequence[Incoming], finished: Finished) -> None:
        for item in incoming:
            if self._turn.has_taken(item.position):
                continue
            if isinstance(item, IncomingControl):
                self._control(message, item, finished)
            elif self._applier.prepare(self._turn, item):
                self._apply(message, item, finished)
            else:
                self._refuse_uncreated(item, finished)
        if self._turn.holds:
            self._turn.commit(self._in.clock.now())

    def _refuse_uncreated(self, event: IncomingEvent, finished: Finished) -> None:
        """Drop an event that may not create its instance. Only the ledger can say so: there is no instance to do it."""
        if event.body_hash and event.id not in finished:
            finished[event.id] = ""
            receipt = Receipt(
                event_id=event.id, type=event.type, outcome=Outcome.REFUSED, version=0, code="not_created"
            )
            verdict = Verdict(outcome=receipt.outcome, code=receipt.code)
            if is_undeliverable(event, verdict):
                entry = undeliverable(str(self._turn.key), event, verdict)
                self._in.outlets.events.send(group=entry.group, deduplication_id=entry.id, body=entry.body)
            self._in.store.finish(self._turn.key, finish_entry(event, receipt, self._in.clock.now()).entry)

    def _control(self, message: Message, control: IncomingControl, finished: Finished) -> None:
        if self._turn.instance is None:
            drop_control(control, self._turn)
            return

        def begin(turn: Turn, event: Incoming) -> SettleError | None:
            return self._counter.begin(turn, event) if message.receives > 1 else None

        self._controls.apply(self._turn, control, begin, finished)

    def _apply(self, message: Message, event: IncomingEvent, finished: Finished) -> None:
        turn = self._turn
        suspect = message.receives > 1
        if self._fold and not suspect:
            self._applier.take(turn, event, finished)
            return
        turn.commit(self._in.clock.now())
        if not self._fold:
            self._relay(turn)  # so that nothing which others have asked for is in the way of this event
        try:
            runs = not is_duplicate(turn, event, finished) and self._applier.runs(turn, event)
            error = self._counter.begin(turn, event) if suspect and runs else None
            if error is None:
                self._applier.take(turn, event, finished)
            else:
                self._applier.quarantine(turn, event, error)
            turn.commit(self._in.clock.now())
        except InstanceTooLargeError as error:
            if self._fold:
                raise
            turn.roll_back()
            turn.update(run=None)
            self._applier.quarantine(turn, event, error)


def _backoff(tries: int) -> int:
    if tries > MANY_TRIES:
        return OUTAGE_BACKOFF_SECONDS
    return min(1 << min(tries, 10), MAX_BACKOFF_SECONDS)
