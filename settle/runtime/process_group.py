"""Processing what a batch holds for one instance: one read, the events in order, one conditional write.

    read -> take each message -> write -> relay

A message that was received before runs alone, after its begin was counted and stored: one that kills the process is
found out. A conflict voids the turn and a new one begins; services that answered meanwhile are not called again.
"""

import logging
from collections.abc import MutableMapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from settle.core.errors import SettleError
from settle.runtime.apply_event import Definitions, EventApplier, finish_entry, is_duplicate
from settle.runtime.control_instance import Controller, drop_control
from settle.runtime.errors import (
    AttemptsExhaustedError,
    ConflictError,
    DeadlineError,
    EnvelopeInvalidError,
    EnvelopeTooNewError,
    InstanceTooLargeError,
    ServiceFailedError,
    TooManyHeldError,
    UnknownMachineError,
)
from settle.runtime.incoming import Incoming, IncomingControl, IncomingEvent, open_message
from settle.runtime.instance import Failing, InstanceKey, ServiceOutcome
from settle.runtime.journal import Deadline, Services
from settle.runtime.message import Message
from settle.runtime.ports import Clock, DeadLetterQueue, EventQueue, InstanceStore
from settle.runtime.receipt import Outcome, Receipt
from settle.runtime.relay_outbox import relay_outbox
from settle.runtime.turn import Turn

MAX_TURNS: Final = 5
"""Turns that one group may begin in one invocation."""
MAX_BEGUN: Final = 5
"""Times that a message may be begun again without an end before its event is quarantined."""
MAX_BACKOFF_SECONDS: Final = 60
"""The longest that a failed message waits before it is visible again."""

_logger = logging.getLogger("settle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What one invocation of the consumer works with."""

    store: InstanceStore
    queue: EventQueue
    dead_letters: DeadLetterQueue
    definitions: Definitions
    clock: Clock
    deadline: Deadline


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
    known: dict[str, ServiceOutcome] = {}
    fold = True
    error: SettleError | None = None
    for _ in range(MAX_TURNS):
        try:
            return _GroupTurn(invocation, messages, known, fold=fold).run()
        except ConflictError as conflict:
            error = conflict
        except InstanceTooLargeError as too_large:
            error, fold = too_large, False
        except SettleError as failure:
            error = failure
            break
    _logger.warning("group failed", extra={"message_group": messages[0].group}, exc_info=error)
    return GroupResult(done=(), failed=tuple(messages), delay=_backoff(messages[0].receives))


class _GroupTurn:
    """One turn over the messages of a group.

    Args:
        invocation: what it works with.
        messages: of one group, in order.
        known: service outcomes that earlier turns of this invocation learned.
        fold: whether events may share a commit; without, the one that does not fit an item is found.
    """

    def __init__(
        self,
        invocation: Invocation,
        messages: Sequence[Message],
        known: MutableMapping[str, ServiceOutcome],
        *,
        fold: bool,
    ) -> None:
        self._in, self._messages, self._fold = invocation, messages, fold
        services = Services(deadline=invocation.deadline, known=known)
        self._applier = EventApplier(invocation.definitions, invocation.clock, services)
        self._controller = Controller(invocation.store, self._applier, invocation.clock, invocation.deadline)
        self._turn = Turn(invocation.store, InstanceKey.parse(messages[0].group), messages[0].queue)

    def run(self) -> GroupResult:
        """Take the messages one after the other; what comes before a failure is kept."""
        opened: list[list[Incoming]] = []
        failure: SettleError | None = None
        try:
            for message in self._messages:
                opened.append(self._open(message))  # noqa: PERF401 - what was opened before a failure is needed
        except EnvelopeTooNewError as error:
            failure = error
        finished = self._find_finished(opened)
        taken = 0
        try:
            for message, incoming in zip(self._messages, opened, strict=False):
                self._take(message, incoming, finished)
                taken += 1
        except (ServiceFailedError, DeadlineError, TooManyHeldError) as error:
            failure = error
            if self._turn.instance is not None and self._turn.instance.failing is not None:
                self._turn.update(failing=None)
        self._turn.commit(self._in.clock.now())
        relay_outbox(self._turn, self._in.store, self._in.queue, self._in.clock)
        return self._result(taken, failure)

    def _result(self, taken: int, failure: SettleError | None) -> GroupResult:
        done, failed = tuple(self._messages[:taken]), tuple(self._messages[taken:])
        if failure is None:
            return GroupResult(done=done)
        delay = self._delay(failure, failed[0])
        extra = {"message_group": failed[0].group, "code": failure.code, "delay": delay}
        _logger.warning("event has to wait: %s", failure, extra=extra)
        return GroupResult(done=done, failed=failed, delay=delay)

    def _delay(self, failure: SettleError, message: Message) -> int:
        if isinstance(failure, DeadlineError):
            return 0
        if isinstance(failure, ServiceFailedError):
            run = self._turn.existing.run
            return _backoff(max(run.attempts.values(), default=1) - 1 if run else 0)
        return _backoff(message.receives)

    # Opening ---------------------------------------------------------------------------------------------------------

    def _open(self, message: Message) -> list[Incoming]:
        """Take a message apart; what no instance can take goes to the dead-letter queue.

        An event for an instance whose machine is no longer registered stays with the instance, which blocks.
        """
        try:
            incoming = open_message(message)
            if self._turn.instance is None:
                self._in.definitions.get(self._turn.key.machine)
        except (EnvelopeInvalidError, UnknownMachineError) as error:
            _logger.warning("message buried: %s", error, extra={"message_group": message.group})
            self._in.dead_letters.bury(
                group=message.group, deduplication_id=message.message_id, body=message.body, reason=str(error)
            )
            return []
        return incoming

    def _find_finished(self, opened: Sequence[Sequence[Incoming]]) -> AbstractSet[str]:
        """Ask the ledger about events with an idempotency key, in one request.

        The instance was read before: an event that finished in between is then still in its outbox, or in the ledger by
        now. The other way round it could be in neither.
        """
        if self._turn.instance is None:
            return frozenset()
        ids = [
            event.id
            for incoming in opened
            for event in incoming
            if isinstance(event, IncomingEvent) and event.body_hash and not self._turn.has_taken(event.position)
        ]
        if not ids:
            return frozenset()
        entries = self._in.store.find_finished(self._turn.key, ids, self._in.clock.now())
        return {event_id for event_id, entry in entries.items() if entry.receipt is not None}

    # Taking ----------------------------------------------------------------------------------------------------------

    def _take(self, message: Message, incoming: Sequence[Incoming], finished: AbstractSet[str]) -> None:
        for item in incoming:
            if self._turn.has_taken(item.position):
                continue
            if isinstance(item, IncomingControl):
                self._control(message, item)
            elif self._applier.prepare(self._turn, item):
                self._apply(message, item, finished)
            else:
                self._refuse_uncreated(item)
        if self._turn.holds:
            self._turn.commit(self._in.clock.now())

    def _refuse_uncreated(self, event: IncomingEvent) -> None:
        """Drop an event that may not create its instance. Only the ledger can say so: there is no instance to do it."""
        if event.body_hash:
            receipt = Receipt(
                event_id=event.id, type=event.type, outcome=Outcome.REFUSED, version=0, code="not_created"
            )
            self._in.store.finish(self._turn.key, finish_entry(event, receipt, self._in.clock.now()).entry)

    def _control(self, message: Message, control: IncomingControl) -> None:
        if self._turn.instance is None:
            drop_control(control, self._turn)
            return

        def begin(_turn: Turn, event: IncomingEvent) -> SettleError | None:
            return self._begin(event) if message.receives > 1 else None

        self._controller.apply(self._turn, control, begin)

    def _apply(self, message: Message, event: IncomingEvent, finished: AbstractSet[str]) -> None:
        turn = self._turn
        suspect = message.receives > 1
        if self._fold and not suspect:
            self._applier.take(turn, event, finished)
            return
        turn.commit(self._in.clock.now())
        before = turn.checkpoint()
        try:
            runs = not is_duplicate(turn, event, finished) and not self._applier.must_hold(turn)
            error = self._begin(event) if suspect and runs else None
            if error is None:
                self._applier.take(turn, event, finished)
            else:
                self._applier.quarantine(turn, event, error)
            turn.commit(self._in.clock.now())
        except InstanceTooLargeError as error:
            if self._fold:
                raise
            turn.restore(before)
            self._applier.quarantine(turn, event, error)

    def _begin(self, event: IncomingEvent) -> SettleError | None:
        """Count that an event is begun, and store the count before it runs."""
        failing = self._turn.existing.failing
        sequence = event.position.sequence
        count = failing.count if failing is not None and failing.sequence == sequence else 0
        if count >= MAX_BEGUN:
            return AttemptsExhaustedError(f"event {event.type!r} was begun {count + 1} times and never finished")
        self._turn.update(failing=Failing(sequence=sequence, count=count + 1))
        self._turn.commit(self._in.clock.now())
        return None


def _backoff(exponent: int) -> int:
    return min(1 << min(exponent, 10), MAX_BACKOFF_SECONDS)
