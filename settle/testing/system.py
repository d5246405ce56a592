"""A whole system in memory: the embedded store and queues, and the use cases of the functions between them.

Nothing here stands in for the product: store, queues and scheduler are those of the embedded runtime, on `:memory:`.
Only what Lambda's pollers do is done here, one batch after the other, whenever somebody asks for it.
"""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from settle.adapters.polled_queue import PolledQueue, ReceivedMessage
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_queue import SqliteDeadLetterQueue, SqliteQueue
from settle.adapters.sqlite_scheduler import SCHEDULER, SqliteScheduler
from settle.adapters.sqlite_standard_queue import (
    TASKS_DEAD_LETTER_QUEUE,
    TASKS_QUEUE,
    TIMERS_QUEUE,
    SqliteStandardQueue,
)
from settle.adapters.sqlite_store import SqliteInstanceStore
from settle.local.sqs_event import to_event
from settle.runtime.errors import UnavailableError
from settle.runtime.forward_timers import forward_timers
from settle.runtime.journal import Deadline
from settle.runtime.message import read_record
from settle.runtime.outlets import Outlets
from settle.runtime.ports import DeadLetterQueue, Definitions, EventQueue, InstanceStore, Scheduler, StandardQueue
from settle.runtime.process_batch import BatchProcessor
from settle.runtime.process_group import Invocation
from settle.runtime.run_task import TaskRunner
from settle.runtime.standard_message import StandardMessage, read_standard_record
from settle.runtime.tally import Tally
from settle.testing.clock import ManualClock
from settle.testing.errors import HIDDEN, EndlessError

__tracebackhide__ = HIDDEN

VISIBILITY_SECONDS: Final = 30
"""How long a message is hidden from others while a function has it."""
BATCH_SIZE: Final = 10
PATIENCE_SECONDS: Final = 1000.0
"""What is left of an invocation, whenever a function asks."""
SENDER: Final = "ours"
"""Who our own functions send as."""
MOST_ROUNDS: Final = 10_000
"""Rounds of everything that can happen now. What loops meets a limit of the runtime long before, which says more."""
STANDARD_ARN: Final = "arn:aws:sqs:eu-central-1:123456789012:standard"


def standard_messages(received: Sequence[ReceivedMessage], senders: AbstractSet[str]) -> list[StandardMessage]:
    """Read messages of a standard queue as a function does that an event source mapping invokes."""
    records = to_event(received, arn=STANDARD_ARN)["Records"]
    return [read_standard_record(record, senders) for record in records]


class MemorySystem:
    """Queues, a store, a scheduler and a clock, and the functions that work on them when they are told to.

    A port that the functions use (`store`, `queue`, `dead_letter_queue`, `timers_queue`, `tasks_queue`, `scheduler`)
    may be replaced by one that stands in front of it.

    Args:
        definitions: the registered machines.
        clock: that everything goes by.
    """

    def __init__(self, definitions: Definitions, clock: ManualClock | None = None) -> None:
        self.definitions = definitions
        self.senders = frozenset({SENDER, SCHEDULER})
        self.clock = clock or ManualClock()
        self.visibility: float = VISIBILITY_SECONDS
        self.database = SqliteDatabase(":memory:")
        self.inner_store = SqliteInstanceStore(self.database)
        self.store: InstanceStore = self.inner_store
        self.polled = SqliteQueue(self.database, self.clock, sender=SENDER)
        self.queue: EventQueue = self.polled
        self.dead_letters = SqliteDeadLetterQueue(self.database, self.clock, sender=SENDER)
        self.dead_letter_queue: DeadLetterQueue = self.dead_letters
        self.timers = self._standard_queue(TIMERS_QUEUE)
        self.timers_queue: StandardQueue = self.timers
        self.tasks = self._standard_queue(TASKS_QUEUE, TASKS_DEAD_LETTER_QUEUE)
        self.tasks_queue: StandardQueue = self.tasks
        self.lost_tasks = self._standard_queue(TASKS_DEAD_LETTER_QUEUE)
        self.schedules = SqliteScheduler(self.database, self.clock)
        self.scheduler: Scheduler = self.schedules
        self.remaining: Callable[[], float] = lambda: PATIENCE_SECONDS
        self.batches: list[list[ReceivedMessage]] = []
        self.tallies: list[Tally] = []
        self._processor = BatchProcessor()
        self._ids = 0

    def _standard_queue(self, name: str, dead_letters: str | None = None) -> SqliteStandardQueue:
        return SqliteStandardQueue(self.database, self.clock, sender=SENDER, name=name, dead_letters=dead_letters)

    def new_id(self) -> str:
        """Return an id that nobody had before, the same in every run."""
        self._ids += 1
        return f"id-{self._ids}"

    # What pollers do: receive, invoke, delete ------------------------------------------------------------------------

    def receive(self, queue: PolledQueue, size: int = BATCH_SIZE) -> list[ReceivedMessage]:
        """Take messages out of a queue for a function."""
        return queue.receive(max_messages=size, visibility_timeout=self.visibility)

    def delete(self, queue: PolledQueue, receipt_handles: Sequence[str]) -> None:
        """Delete messages that a function is done with."""
        queue.delete(receipt_handles)

    def pump(self, batches: int = 100, *, size: int = BATCH_SIZE) -> None:
        """Process batches until the queue has nothing visible; what fails stays invisible for a while."""
        for _ in range(batches):
            if not self.pump_once(size=size):
                return

    def settle_down(self, *, size: int = BATCH_SIZE, patience: int = 50) -> None:
        """Pump, and wait for what comes again, until the queue is empty."""
        for _ in range(patience):
            self.pump(size=size)
            self.clock.sleep(61)
        self.pump(size=size)

    def pump_once(self, *, size: int = BATCH_SIZE) -> int:
        """Process one batch of events; return how many messages it had."""
        received = self.receive(self.polled, size)
        if received:
            self.batches.append(received)
            self.delete(self.polled, self.consume(received))
        return len(received)

    def consume(self, received: Sequence[ReceivedMessage]) -> list[str]:
        """Process one batch as Lambda would; return the receipt handles to delete."""
        failed = self.process(received)
        return [message.receipt_handle for message in received if message.message_id not in failed]

    def forward(self) -> int:
        """Have one batch of timers forwarded; return how many messages it had."""
        received = self.receive(self.timers)
        failed = self.run_forwarder(standard_messages(received, self.senders))
        self.delete(self.timers, [each.receipt_handle for each in received if each.message_id not in failed])
        return len(received)

    def work(self) -> int:
        """Run background services that are waiting, and give up those that were lost; return how many there were."""
        done = 0
        for queue in (self.tasks, self.lost_tasks):
            for each in self.receive(queue):
                done += 1
                if self.run_task(each, lost=queue is self.lost_tasks):
                    self.delete(queue, [each.receipt_handle])
        return done

    def fire(self) -> int:
        """Let schedules fire that are due; return how many did."""
        return self.schedules.fire_due(self.timers)

    # The functions ---------------------------------------------------------------------------------------------------

    def process(self, received: Sequence[ReceivedMessage]) -> list[str]:
        """Be the consumer; return the ids of the messages that failed."""
        invocation = Invocation(
            store=self.store,
            outlets=self.outlets(),
            dead_letters=self.dead_letter_queue,
            definitions=self.definitions,
            clock=self.clock,
            deadline=Deadline(remaining=lambda: self.remaining()),  # noqa: PLW0108 - a test may replace it later
            new_token=self.new_id,
            observe=self.tallies.append,
        )
        records = to_event(received, arn=self.polled.arn)["Records"]
        return self._processor.process(invocation, [read_record(record, self.senders) for record in records])

    def run_forwarder(self, messages: Sequence[StandardMessage]) -> list[str]:
        """Be the forwarder of timers; return the ids of the messages that failed."""
        return forward_timers(self.outlets(), self.dead_letter_queue, self.clock, messages, self.tallies.append)

    def run_task(self, received: ReceivedMessage, *, lost: bool = False) -> bool:
        """Be the worker; False when the message has to come again."""
        runner = TaskRunner(
            store=self.store,
            events=self.queue,
            tasks=self.tasks_queue,
            dead_letters=self.dead_letter_queue,
            definitions=self.definitions,
            clock=self.clock,
            observe=self.tallies.append,
        )
        message = standard_messages([received], self.senders)[0]
        if lost:
            runner.give_up(message)
            return True
        try:
            return runner.run(message)
        except UnavailableError:
            return False

    def outlets(self) -> Outlets:
        """Return where the consumer sends to, as it is now: a test may have put something between."""
        return Outlets(events=self.queue, timers=self.timers_queue, tasks=self.tasks_queue, scheduler=self.scheduler)

    # Time ------------------------------------------------------------------------------------------------------------

    def advance(self, seconds: float, *, steps: int = 200) -> None:
        """Let time pass, from one thing that is due to the next, and process everything on the way."""
        end = self.clock.now() + seconds
        for _ in range(steps):
            self.run_all()
            upcoming = [at for at in self._wakes() if at is not None and at <= end]
            if not upcoming:
                break
            self.clock.sleep(max(min(upcoming) - self.clock.now(), 0))
        self.clock.sleep(max(end - self.clock.now(), 0))
        self.run_all()

    def run_all(self, rounds: int = MOST_ROUNDS) -> None:
        """Let everything happen that can happen now: schedules, timers, services, events.

        Raises:
            EndlessError: there is no end to it.
        """
        for _ in range(rounds):
            if not (self.fire() + self.forward() + self.work() + self.pump_once()):
                return
        raise EndlessError(f"there is no end to what happens now: after {rounds} rounds something is still due")

    def _wakes(self) -> list[float | None]:
        """Return when each queue, and the scheduler, has something next; None for what is empty."""
        queues = (self.polled, self.timers, self.tasks, self.lost_tasks)
        return [queue.next_ready_at() for queue in queues] + [self.schedules.next_at()]
