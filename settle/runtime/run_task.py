"""The worker's use case: one call of a background service, and its answer on the way to the instance.

    tasks queue -> is it still wanted? -> may it be begun? -> call -> event queue

A failed call comes again after a pause, by the visibility of its message: the message lives until the service has
answered or is given up. Each attempt is entered in the ledger before it begins, so that a call which kills the process
is counted too, and a task that is delivered twice is not called more often than it may be.
"""

import hashlib
import logging
import math
from dataclasses import dataclass
from typing import Any, Final

from settle.core.definition import Definition
from settle.core.event import Event
from settle.core.service import ServiceCall
from settle.core.spec import WORKER_MARGIN_SECONDS, Delivery, InvokeSpec
from settle.core.stored_data import load_context, load_plain
from settle.runtime.call_service import PENDING, call_service, failure_outcome
from settle.runtime.envelope import ResultEnvelope, TaskEnvelope, parse_task
from settle.runtime.errors import ServiceFailedError
from settle.runtime.instance import Instance, InstanceKey, ServiceOutcome
from settle.runtime.ledger import LEDGER_RETENTION_SECONDS, TASK_MARK, LedgerEntry
from settle.runtime.letters import result_letter
from settle.runtime.liveness import find_live, is_token
from settle.runtime.log_keys import make_log_keys
from settle.runtime.ports import Clock, DeadLetterQueue, Definitions, EventQueue, InstanceStore, StandardQueue
from settle.runtime.standard_message import StandardMessage, open_or_bury
from settle.runtime.tally import Observe, Taken, Tally, ignore
from settle.runtime.tokens import Token
from settle.runtime.trace import follow

LOST_CODE: Final = "lost"
"""Code of the error of a service whose call nobody saw end, and which may not be begun again."""
UNREADABLE_GROUP: Final = "tasks"
"""Message group of what cannot be read, in the dead-letter queue."""
STRANGER: Final = "only our own consumer may have services called"
"""Why a message of anybody else is buried."""
PENDING_ENTRY: Final = "pending"
"""Entered when a call has handed its token out."""
DONE: Final = "done"
FAILED_ATTEMPT: Final = "failed_attempt"
"""How calls end in traces, besides the code of an error."""
JITTER_DIGITS: Final = 4
ID_DIGITS: Final = 40

_logger = logging.getLogger("settle")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRunner:
    """Runs tasks.

    Attributes:
        store: of the instances, and the ledger of begun calls.
        events: that answers go to.
        tasks: that the messages come from.
        dead_letters: for what cannot be read.
        definitions: the registered machines.
        clock: tells the time.
        observe: is told of each task.
    """

    store: InstanceStore
    events: EventQueue
    tasks: StandardQueue
    dead_letters: DeadLetterQueue
    definitions: Definitions
    clock: Clock
    observe: Observe = ignore

    def run(self, message: StandardMessage) -> bool:
        """Run one task; False when its message has to come again.

        Raises:
            SettleError: the world is at fault; the message comes again by itself.
        """
        tally = Tally()
        try:
            return self._run(message, tally)
        finally:
            self.observe(tally)

    def _run(self, message: StandardMessage, tally: Tally) -> bool:
        task = self._open(message, tally)
        found = None if task is None else self._find(task, tally)
        if task is None or found is None:
            return True
        instance, definition, invoke = found
        self.tasks.postpone(message.receipt_handle, math.ceil(invoke.timeout + WORKER_MARGIN_SECONDS))
        attempt, begun = self._begin(task, invoke)
        if attempt > _allowed(invoke):
            return self._give_up_begun(task, message, invoke, begun)
        began_at = self.clock.now()
        try:
            outcome = call_service(invoke, self._call(task, instance, definition, attempt), tally)
        except ServiceFailedError as error:
            if attempt < _allowed(invoke):
                self._note(tally, task, began_at, FAILED_ATTEMPT)
                _logger.warning("service has to wait: %s", error.summary, extra=_log_keys(task))
                self.tasks.postpone(message.receipt_handle, find_pause(invoke, task.token, attempt))
                return False
            outcome = failure_outcome(error)
        self._note(tally, task, began_at, outcome.error or DONE)
        if outcome is PENDING:
            self._enter(task, PENDING_ENTRY, invoke)
        else:
            self._answer(task, outcome)
        return True

    def give_up(self, message: StandardMessage) -> None:
        """Answer for a task that the queue has given up: nobody knows how it ended."""
        tally = Tally()
        task = self._open(message, tally)
        found = None if task is None else self._find(task, tally)
        if task is not None and found is not None and not self._waits_for_callback(task):
            self._answer(task, _lost(found[2]))
            tally.service_errors += 1
        self.observe(tally)

    def _open(self, message: StandardMessage, tally: Tally) -> TaskEnvelope | None:
        task = open_or_bury(message, parse_task, self.dead_letters, group=UNREADABLE_GROUP, reason=STRANGER)
        tally.buried += task is None
        return task

    def _note(self, tally: Tally, task: TaskEnvelope, began_at: float, outcome: str) -> None:
        """Have it known how a call ended."""
        tally.taken.append(
            Taken(
                group=_group_of(task),
                event_id=_digest(task),
                type=task.invoke,
                outcome=outcome,
                trace=task.trace,
                began_at=began_at,
                ended_at=self.clock.now(),
            )
        )

    def _find(self, task: TaskEnvelope, tally: Tally) -> tuple[Instance, Definition, InvokeSpec] | None:
        """Return what a task belongs to; None when nobody waits for it any more."""
        instance = self.store.load(InstanceKey(task.machine, task.instance))
        live = find_live(instance, task.incarnation, task.invoke)
        if instance is None or live is None or not is_token(instance, task.invoke, task.token):
            tally.late += 1
            _logger.info("nobody waits for this service any more", extra=_log_keys(task))
            return None
        definition = self.definitions.definition_for(instance.snapshot)
        return instance, definition, definition.invokes[live.id]

    def _begin(self, task: TaskEnvelope, invoke: InvokeSpec) -> tuple[int, float]:
        """Enter that an attempt begins; return its number, and when the one before it began.

        Every attempt has an entry of its own, so two deliveries of one task never make the same one, and together no
        more than they may. The number is one too many when all are used up.
        """
        begun = 0.0
        for attempt in range(1, _allowed(invoke) + 1):
            older = self._enter(task, str(attempt), invoke)
            if older is None:
                return attempt, begun
            begun = older
        return _allowed(invoke) + 1, begun

    def _enter(self, task: TaskEnvelope, what: str, invoke: InvokeSpec) -> float | None:
        """Enter something about a task; return when somebody did so before, in seconds since the epoch."""
        now, kept = self.clock.now(), invoke.deadline + LEDGER_RETENTION_SECONDS
        entry = LedgerEntry(event_id=_entry_id(task, what), body_hash=TASK_MARK, expires_at=math.ceil(now) + kept)
        older = self.store.accept(InstanceKey(task.machine, task.instance), entry, now)
        return None if older is None else older.expires_at - kept

    def _give_up_begun(self, task: TaskEnvelope, message: StandardMessage, invoke: InvokeSpec, begun: float) -> bool:
        """Answer for a task whose attempts are used up, but not while the last one may still be running."""
        left = begun + invoke.timeout + WORKER_MARGIN_SECONDS - self.clock.now()
        if left > 0:
            self.tasks.postpone(message.receipt_handle, math.ceil(left))
            return False
        if not self._waits_for_callback(task):
            error = ServiceFailedError(f"service {invoke.src!r} was begun {invoke.attempts} times and never ended")
            once = invoke.delivery is Delivery.AT_MOST_ONCE
            self._answer(task, _lost(invoke) if once else failure_outcome(error))
        return True

    def _waits_for_callback(self, task: TaskEnvelope) -> bool:
        """Whether a call has ended, and its result is to come from outside."""
        key, name = InstanceKey(task.machine, task.instance), _entry_id(task, PENDING_ENTRY)
        return name in self.store.find_entries(key, [name], self.clock.now())

    def _call(self, task: TaskEnvelope, instance: Instance, definition: Definition, attempt: int) -> ServiceCall:
        live = instance.snapshot.find_invoke(task.invoke)
        event = task.event
        return ServiceCall(
            key=task.call,
            context=load_context(definition, instance.snapshot),
            machine=task.machine,
            instance=task.instance,
            invoke=task.invoke.rpartition("#")[0],
            input=load_plain(live.input) if live is not None else None,
            event=Event(
                type=event.type, data=event.data, id=event.id, principal=task.principal, origin=task.origin or ""
            ),
            attempt=attempt,
            now=self.clock.now(),
            token=str(Token(key=instance.key, incarnation=task.incarnation, invoke=task.invoke, secret=task.token)),
        )

    def _answer(self, task: TaskEnvelope, outcome: ServiceOutcome) -> None:
        envelope = ResultEnvelope(
            machine=task.machine,
            instance=task.instance,
            hops=task.hops,
            trace=follow(task.trace, _group_of(task), _digest(task)),
            id=f"result-{_digest(task)}",
            incarnation=task.incarnation,
            invoke=task.invoke,
            token=task.token,
            data=outcome.data,
            error=outcome.error,
        )
        letter = result_letter(envelope, f"the result of service {task.invoke!r} cannot be sent")
        self.events.send(group=letter.group, deduplication_id=letter.id, body=letter.body)


def find_pause(invoke: InvokeSpec, token: str, attempt: int) -> int:
    """Return the seconds before the next attempt: twice as long each time, and between half of that and all of it.

    What is taken off differs from task to task and is the same in every repetition, so nothing random is needed to
    keep many failed calls from coming back together.
    """
    longest = min(invoke.backoff * 2.0 ** (attempt - 1), invoke.max_backoff)
    digest = hashlib.sha256(f"{token}\n{attempt}".encode()).hexdigest()[:JITTER_DIGITS]
    share = int(digest, 16) / 16**JITTER_DIGITS
    return max(1, round(longest * (1 + share) / 2))


def _allowed(invoke: InvokeSpec) -> int:
    """Return how often a service may be called."""
    return 1 if invoke.delivery is Delivery.AT_MOST_ONCE else invoke.attempts


def _lost(invoke: InvokeSpec) -> ServiceOutcome:
    message = f"service {invoke.src!r} was begun, and nobody knows how it ended"
    return ServiceOutcome.failed(LOST_CODE, message)


def _digest(task: TaskEnvelope) -> str:
    """Return an id of the task that tells nobody its token."""
    return hashlib.sha256(f"{task.incarnation}\n{task.invoke}\n{task.token}".encode()).hexdigest()[:ID_DIGITS]


def _entry_id(task: TaskEnvelope, what: str) -> str:
    return f"task-{_digest(task)}-{what}"


def _group_of(task: TaskEnvelope) -> str:
    return str(InstanceKey(task.machine, task.instance))


def _log_keys(task: TaskEnvelope) -> dict[str, Any]:
    keys = make_log_keys(task.machine, task.instance, task.event.id, trace=task.trace)
    return {**keys, "invoke": task.invoke}
