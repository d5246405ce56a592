"""A whole system in memory: the embedded store and queue, and the consumer's use cases between them.

Nothing here stands in for the product: the queue and the store are those of the embedded runtime, on `:memory:`.
"""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from settle.adapters.polled_queue import ReceivedMessage
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
from settle.core.definition import Definition
from settle.core.errors import UnknownVersionError
from settle.core.snapshot import Snapshot
from settle.local.sqs_event import to_event
from settle.runtime.envelope import (
    ControlAction,
    ControlEnvelope,
    CreateEnvelope,
    Envelope,
    EnvelopeEvent,
    EventEdit,
    EventsEnvelope,
    dump_envelope,
)
from settle.runtime.errors import UnavailableError, UnknownMachineError
from settle.runtime.forward_timers import forward_timers
from settle.runtime.ids import digest_event
from settle.runtime.instance import Instance, InstanceKey
from settle.runtime.journal import Deadline
from settle.runtime.message import read_record
from settle.runtime.outlets import Outlets
from settle.runtime.permissions import NO_RULES, Rules
from settle.runtime.ports import DeadLetterQueue, EventQueue, InstanceStore, Scheduler, StandardQueue
from settle.runtime.process_batch import BatchProcessor
from settle.runtime.process_group import Invocation
from settle.runtime.receipt import Outcome, ShortReceipt
from settle.runtime.run_task import TaskRunner
from settle.runtime.standard_message import StandardMessage, read_standard_record
from settle.runtime.tally import Taken, Tally

VISIBILITY_SECONDS = 30
STANDARD_ARN = "arn:aws:sqs:eu-central-1:123456789012:standard"


def standard_messages(received: Sequence[ReceivedMessage], senders: AbstractSet[str]) -> list[StandardMessage]:
    """Read messages of a standard queue as a function does that an event source mapping invokes."""
    records = to_event(received, arn=STANDARD_ARN)["Records"]
    return [read_standard_record(record, senders) for record in records]


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


class Definitions:
    """Registered machines, by version."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self.current = {definition.machine: definition for definition in definitions}
        self.versions = {(d.machine, d.version): d for d in self.current.values()}
        self.rules: dict[str, Rules] = {}

    def get(self, machine: str) -> Definition:
        try:
            return self.current[machine]
        except KeyError as error:
            raise UnknownMachineError(f"no machine {machine!r}") from error

    def definition_for(self, snapshot: Snapshot) -> Definition:
        found = self.versions.get((snapshot.machine, snapshot.machine_version))
        if found is None or found.hash != snapshot.definition:
            raise UnknownVersionError(f"{snapshot.machine} has no version {snapshot.machine_version} like this")
        return found

    def rules_of(self, machine: str) -> Rules:
        return self.rules.get(machine, NO_RULES)


class System:
    """Post, pump, look."""

    def __init__(self, *definitions: Definition) -> None:
        self.senders = frozenset({"ours", SCHEDULER})
        self.clock = ManualClock()
        self.database = SqliteDatabase(":memory:")
        self.inner_store = SqliteInstanceStore(self.database)
        self.store: InstanceStore = self.inner_store
        self.polled = SqliteQueue(self.database, self.clock, sender="ours")
        self.queue: EventQueue = self.polled
        self.stranger = SqliteQueue(self.database, self.clock, sender="stranger")
        self.dead_letters = SqliteDeadLetterQueue(self.database, self.clock, sender="ours")
        self.dead_letter_queue: DeadLetterQueue = self.dead_letters
        self.timers = SqliteStandardQueue(self.database, self.clock, sender="ours", name=TIMERS_QUEUE)
        self.timers_queue: StandardQueue = self.timers
        self.tasks = SqliteStandardQueue(
            self.database, self.clock, sender="ours", name=TASKS_QUEUE, dead_letters=TASKS_DEAD_LETTER_QUEUE
        )
        self.tasks_queue: StandardQueue = self.tasks
        self.lost_tasks = SqliteStandardQueue(self.database, self.clock, sender="ours", name=TASKS_DEAD_LETTER_QUEUE)
        self.schedules = SqliteScheduler(self.database, self.clock)
        self.scheduler: Scheduler = self.schedules
        self.definitions = Definitions(definitions)
        self.remaining: Callable[[], float] = lambda: 1000.0
        self.batches: list[list[ReceivedMessage]] = []
        self.tallies: list[Tally] = []
        self._processor = BatchProcessor()
        self._ids = 0

    # Sending ---------------------------------------------------------------------------------------------------------

    def post(self, group: str, *events: str | tuple[str, Any], key: str = "", **fields: Any) -> int:
        """Send external events as one message and return its sequence number."""
        pairs = [event if isinstance(event, tuple) else (event, {}) for event in events]
        items = [
            EnvelopeEvent(id=f"{key}-{index}" if key else self.new_id(), type=type_, data=data)
            for index, (type_, data) in enumerate(pairs)
        ]
        machine, instance = group.split("/")
        body_hash = "same" if key else ""
        envelope = EventsEnvelope(machine=machine, instance=instance, events=items, body_hash=body_hash, **fields)
        return self.send(envelope)

    def create(self, group: str, input_hash: str = "h", **fields: Any) -> int:
        machine, instance = group.split("/")
        envelope = CreateEnvelope(machine=machine, instance=instance, id=self.new_id(), input_hash=input_hash, **fields)
        return self.send(envelope)

    def control(self, group: str, action: str, **fields: Any) -> int:
        machine, instance = group.split("/")
        common: dict[str, Any] = {"machine": machine, "instance": instance, "id": self.new_id()}
        return self.send(ControlEnvelope(**common, action=ControlAction(action), **fields))

    def edit(self, group: str, event_id: str, was: tuple[str, Any], event: tuple[str, Any], **fields: Any) -> int:
        """Ask for another type and other data in the event that blocks an instance."""
        machine, instance = group.split("/")
        change = EventEdit(digest=digest_event(*was), event=EnvelopeEvent(id=event_id, type=event[0], data=event[1]))
        envelope = ControlEnvelope(
            machine=machine,
            instance=instance,
            id=self.new_id(),
            action=ControlAction.EDIT,
            edit=change,
            schema_version=3,
            **fields,
        )
        return self.send(envelope)

    def send(self, envelope: Envelope, *, stranger: bool = False) -> int:
        queue = self.stranger if stranger else self.polled
        group = f"{envelope.machine}/{envelope.instance}"
        sent = queue.send(group=group, deduplication_id=self.new_id(), body=dump_envelope(envelope))
        return int(sent.sequence_number)

    def new_id(self) -> str:
        self._ids += 1
        return f"id-{self._ids}"

    # Consuming -------------------------------------------------------------------------------------------------------

    def pump(self, batches: int = 100, *, size: int = 10) -> None:
        """Process batches until the queue has nothing visible; what fails stays invisible for a while."""
        for _ in range(batches):
            received = self.polled.receive(max_messages=size, visibility_timeout=VISIBILITY_SECONDS)
            if not received:
                return
            self.batches.append(received)
            self.polled.delete(self.consume(received))

    def settle_down(self, *, size: int = 10, patience: int = 50) -> None:
        """Pump, and wait for what comes again, until the queue is empty."""
        for _ in range(patience):
            self.pump(size=size)
            self.clock.sleep(61)
        self.pump(size=size)

    def consume(self, received: Sequence[ReceivedMessage]) -> list[str]:
        """Process one batch as Lambda would; return the receipt handles to delete."""
        failed = self.process(received)
        return [message.receipt_handle for message in received if message.message_id not in failed]

    def process(self, received: Sequence[ReceivedMessage]) -> list[str]:
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

    def outlets(self) -> Outlets:
        """Return where the consumer sends to, as it is now: a test may have put something between."""
        return Outlets(events=self.queue, timers=self.timers_queue, tasks=self.tasks_queue, scheduler=self.scheduler)

    # Time and services -----------------------------------------------------------------------------------------------

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

    def _wakes(self) -> list[float | None]:
        queues = (self.polled, self.timers, self.tasks, self.lost_tasks)
        return [queue.next_ready_at() for queue in queues] + [self.schedules.next_at()]

    def run_all(self, rounds: int = 100) -> None:
        """Let everything happen that can happen now: schedules, timers, services, events."""
        for _ in range(rounds):
            if not (self.fire() + self.forward() + self.work() + self.pump_once()):
                return
        raise AssertionError("there is no end to what happens now")

    def fire(self) -> int:
        return self.schedules.fire_due(self.timers)

    def forward(self) -> int:
        received = self.timers.receive(max_messages=10, visibility_timeout=VISIBILITY_SECONDS)
        messages = standard_messages(received, self.senders)
        failed = self.run_forwarder(messages)
        self.timers.delete([each.receipt_handle for each in received if each.message_id not in failed])
        return len(received)

    def run_forwarder(self, messages: Sequence[StandardMessage]) -> list[str]:
        return forward_timers(self.outlets(), self.dead_letter_queue, self.clock, messages, self.tallies.append)

    def work(self) -> int:
        done = 0
        for queue in (self.tasks, self.lost_tasks):
            for each in queue.receive(max_messages=10, visibility_timeout=VISIBILITY_SECONDS):
                done += 1
                if self.run_task(each, lost=queue is self.lost_tasks):
                    queue.delete([each.receipt_handle])
        return done

    def run_task(self, received: ReceivedMessage, *, lost: bool = False) -> bool:
        """Run one task as the worker would; False when it has to come again."""
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

    def pump_once(self) -> int:
        received = self.polled.receive(max_messages=10, visibility_timeout=VISIBILITY_SECONDS)
        if received:
            self.batches.append(received)
            self.polled.delete(self.consume(received))
        return len(received)

    def taken(self) -> list[Taken]:
        """Look at everything that observers were told of."""
        return [taken for tally in self.tallies for taken in tally.taken]

    # Looking ---------------------------------------------------------------------------------------------------------

    def instance(self, group: str) -> Instance:
        found = self.inner_store.load(InstanceKey.parse(group))
        assert found is not None, f"{group} was never created"
        return found

    def exists(self, group: str) -> bool:
        return self.inner_store.load(InstanceKey.parse(group)) is not None

    def state(self, group: str) -> tuple[str, ...]:
        return self.instance(group).snapshot.configuration

    def context(self, group: str) -> Any:
        return self.instance(group).snapshot.context

    def receipt(self, group: str, sequence: int, index: int = 0) -> ShortReceipt:
        for receipt in reversed(self.instance(group).ring):
            if (receipt.position.sequence, receipt.position.index) == (sequence, index):
                return receipt
        raise AssertionError(f"no receipt for {sequence}.{index} in {self.instance(group).ring}")

    def outcome(self, group: str, sequence: int, index: int = 0) -> Outcome:
        return self.receipt(group, sequence, index).outcome

    def buried(self) -> list[ReceivedMessage]:
        return self.dead_letters.queue.receive(max_messages=10, visibility_timeout=0)
