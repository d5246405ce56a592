"""The world of a trial: a system in memory whose functions may die, and whose machines may meet strangers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, TypeVar

from settle.adapters.polled_queue import PolledQueue, ReceivedMessage
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_scheduler import SqliteScheduler
from settle.adapters.sqlite_standard_queue import TASKS_DEAD_LETTER_QUEUE, TASKS_QUEUE, SqliteStandardQueue
from settle.core.definition import Definition
from settle.core.spec import Delivery
from settle.runtime.envelope import parse_task
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import Instance, InstanceKey
from settle.runtime.poll import Pauses
from settle.testing.cast import Cast
from settle.testing.clock import FIRST_MOMENT, ManualClock
from settle.testing.deaths import KilledError, Mortal, Plan
from settle.testing.errors import HIDDEN, AbortedError
from settle.testing.exact_timers import ExactTimersQueue
from settle.testing.recording import RecordingStore
from settle.testing.strangers import Strangers
from settle.testing.stubs import Stubs
from settle.testing.system import MOST_ROUNDS, SENDER, MemorySystem

__tracebackhide__ = HIDDEN

TAKEN_SECONDS: Final = 0.001
"""How long a message is hidden from others: after a death it comes again almost at once."""
WAITING_SECONDS: Final = 10.0
"""How long the ingress waits for a creation; in one look, for everything has happened by then."""
Answer = TypeVar("Answer")


class _WaitingClock:
    """The clock of an ingress: while it waits, everything else goes on, and no time passes."""

    def __init__(self, clock: ManualClock, go_on: Callable[[], None]) -> None:
        self._clock, self._go_on = clock, go_on

    def now(self) -> float:
        """Return seconds since the epoch."""
        return self._clock.now()

    def sleep(self, _seconds: float) -> None:
        """Let happen what can happen now."""
        self._go_on()


class World(MemorySystem):
    """A system in memory.

    Args:
        cast: the machines.
        stubs: answer their services.
        plan: counts every call of a function to a port, and lets it die at one of them.
        now: when time begins, in seconds since the epoch.

    Attributes:
        cast: the machines.
        plan: see above.
        strangers: machines that were not given.
        recorded: the store, with what was promised.
        ports: of the ingress.
        eyes: the same for who only looks.
        lost_once_only: whether a worker died with a service in its hands that may be begun once.
    """

    def __init__(self, cast: Cast, stubs: Stubs, plan: Plan, now: float = FIRST_MOMENT) -> None:
        super().__init__(cast, ManualClock(now))
        self.cast, self.plan = cast, plan
        self.visibility = TAKEN_SECONDS
        # Apart from the event queue, whose sequence numbers a repeated send would else move on.
        beside = SqliteDatabase(":memory:")
        self.timers = ExactTimersQueue(beside, self.clock)
        self.tasks = SqliteStandardQueue(
            beside, self.clock, sender=SENDER, name=TASKS_QUEUE, dead_letters=TASKS_DEAD_LETTER_QUEUE
        )
        self.lost_tasks = SqliteStandardQueue(beside, self.clock, sender=SENDER, name=TASKS_DEAD_LETTER_QUEUE)
        self.schedules = SqliteScheduler(beside, self.clock)
        self.recorded = RecordingStore(self.inner_store)
        self.strangers = Strangers(self.polled, cast, stubs)
        self.store = Mortal(self.recorded, plan, "store")
        self.queue = Mortal(self.polled, plan, "events")
        self.dead_letter_queue = Mortal(self.dead_letters, plan, "dead_letters")
        self.timers_queue = Mortal(self.timers, plan, "timers")
        self.tasks_queue = Mortal(self.tasks, plan, "tasks")
        self.scheduler = Mortal(self.schedules, plan, "scheduler")
        self.ports = IngressPorts(
            registry=cast.registry,
            store=self.store,
            queue=self.queue,
            clock=_WaitingClock(self.clock, self.run_all),
            pauses=Pauses(first=WAITING_SECONDS, longest=WAITING_SECONDS),
            new_id=self._request_id,
        )
        # Looks at what there is, and cannot die of it.
        self.eyes = replace(self.ports, store=self.inner_store, queue=self.polled, clock=self.clock)
        self.lost_once_only = self._has_once_only = False
        self._asked = 0
        self._given_ids: list[str] = []
        self._left_ids: Iterator[str] = iter(())
        self._taken: dict[str, tuple[PolledQueue, str]] = {}
        self._orphans: dict[str, PolledQueue] = {}

    # Asking and looking ----------------------------------------------------------------------------------------------

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Be a client who repeats a request until the ingress has answered it.

        The ids of its messages are made once. Else a repetition would be a message more, and move on the place in the
        queue that everything later goes by.

        Raises:
            AssertionError: of the test itself, from a rule that the ingress asks.
        """
        made: list[str] = []
        while True:
            self._given_ids, self._left_ids = made, iter(list(made))
            try:
                with self._acting("ingress"):
                    return question()
            except KilledError:
                self._note_death()
            except AbortedError as aborted:
                raise aborted.error from aborted.error.__cause__

    def _request_id(self) -> str:
        """Return an id for a message of the request that is made now; in a repetition the one that it had."""
        found = next(self._left_ids, None)
        if found is None:
            found = self.new_client_id()
            self._given_ids.append(found)
        return found

    def new_client_id(self) -> str:
        """Return an id for a message of the test's own; apart from those of the functions, which a death moves on."""
        self._asked += 1
        return f"test-{self._asked}"

    def find(self, group: str) -> Instance | None:
        """Return an instance as it is stored."""
        return self.inner_store.load(InstanceKey.parse(group))

    def groups(self) -> list[str]:
        """Return every instance of a given machine, sorted."""
        with self.database.reading() as connection:
            rows = connection.execute("SELECT key FROM instance ORDER BY key").fetchall()
        return [group for (group,) in rows if self.cast.knows(group)]

    def letters(self) -> list[str]:
        """Return the bodies of the dead letters."""
        received = self.dead_letters.queue.receive(max_messages=10, visibility_timeout=0)
        return [message.body for message in received]

    @contextmanager
    def placing(self, definition: Definition) -> Iterator[None]:
        """Have the next instance of a machine begin by another definition, and let nobody die or be asked meanwhile."""
        self.cast.placed, self.cast.lawless, self.plan.asleep = definition, True, True
        try:
            yield
        finally:
            self.cast.placed, self.cast.lawless, self.plan.asleep = None, False, False

    def pump_safely(self) -> None:
        """Process one batch in which nobody dies. Raises what a test's own stubs assert."""
        try:
            self.pump_once()
        except AbortedError as aborted:
            raise aborted.error from aborted.error.__cause__

    @contextmanager
    def _acting(self, process: str) -> Iterator[None]:
        before, self.plan.process = self.plan.process, process
        try:
            yield
        finally:
            self.plan.process = before

    # Running ---------------------------------------------------------------------------------------------------------

    def run_all(self, rounds: int = MOST_ROUNDS) -> None:
        """Let everything happen that can happen now, and again what a function that died had begun.

        Raises:
            AssertionError: of the test itself, from a service that it stubbed.
        """
        while True:
            try:
                super().run_all(rounds)
            except KilledError:
                self._note_death()
                continue
            except AbortedError as aborted:
                raise aborted.error from aborted.error.__cause__
            if not self._orphans:
                return
            self._wait_for_orphans()

    def advance(self, seconds: float, *, steps: int = 200) -> None:
        """Let time pass; in the end what was deleted long enough ago is forgotten, as the table does it on AWS."""
        super().advance(seconds, steps=steps)
        self.inner_store.forget_buried(self.clock.now())

    def _note_death(self) -> None:
        """Leave what the dead had in their hands where it is; it comes again when it is visible."""
        self._orphans |= {message_id: queue for queue, message_id in self._taken.values()}
        self._taken.clear()
        self.lost_once_only, self._has_once_only = self.lost_once_only or self._has_once_only, False
        self.clock.sleep(2 * TAKEN_SECONDS)

    def _wait_for_orphans(self) -> None:
        """Let time pass until a queue gives out again what was in a dead one's hands: a worker may have hidden it."""
        queues = (self.polled, self.timers, self.tasks, self.lost_tasks)
        waits = [queue.next_ready_at() for queue in queues if queue in self._orphans.values()]
        at = min(at for at in waits if at is not None)
        self.clock.sleep(max(at - self.clock.now(), TAKEN_SECONDS))

    def receive(self, queue: PolledQueue, size: int = 10) -> list[ReceivedMessage]:
        """Take messages for a function; of standard queues one at a time, so that one dies with one."""
        received = super().receive(queue, size if queue is self.polled else 1)
        for message in received:
            self._orphans.pop(message.message_id, None)
            self._taken[message.receipt_handle] = (queue, message.message_id)
        return received

    def delete(self, queue: PolledQueue, receipt_handles: Sequence[str]) -> None:
        """Delete messages."""
        super().delete(queue, receipt_handles)
        for handle in receipt_handles:
            self._taken.pop(handle, None)

    def pump_once(self, *, size: int = 10) -> int:
        """Process one batch of events."""
        count = super().pump_once(size=size)
        self._taken.clear()
        return count

    def forward(self) -> int:
        """Have timers forwarded."""
        count = super().forward()
        self._taken.clear()
        return count

    def work(self) -> int:
        """Run background services."""
        count = super().work()
        self._taken.clear()
        return count

    def process(self, received: Sequence[ReceivedMessage]) -> list[str]:
        """Be the consumer, of one group after the other: then the same scenario makes the same calls in each run."""
        failed: list[str] = []
        for group, messages in _by_group(received).items():
            if not self.cast.knows(group):
                self.strangers.take(messages)
                continue
            with self._acting("consumer"):
                failed += super().process(messages)
        return failed

    def run_forwarder(self, messages: Sequence[Any]) -> list[str]:
        """Be the forwarder."""
        with self._acting("forwarder"):
            return super().run_forwarder(messages)

    def run_task(self, received: ReceivedMessage, *, lost: bool = False) -> bool:
        """Be the worker."""
        with self._acting("worker"):
            self._has_once_only = self._is_once_only(received)
            done = super().run_task(received, lost=lost)
            self._has_once_only = False
            return done

    def _is_once_only(self, received: ReceivedMessage) -> bool:
        """Whether a task is a service that may be begun once."""
        task = parse_task(received.body)
        versions = self.cast.registry.versions[task.machine].values()
        invoke = task.invoke.rpartition("#")[0]
        return any(
            each.invokes[invoke].delivery is Delivery.AT_MOST_ONCE for each in versions if invoke in each.invokes
        )


def _by_group(received: Sequence[ReceivedMessage]) -> Mapping[str, list[ReceivedMessage]]:
    groups: dict[str, list[ReceivedMessage]] = {}
    for message in received:
        groups.setdefault(message.attributes["MessageGroupId"], []).append(message)
    return groups
