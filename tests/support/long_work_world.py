"""A system in memory whose consumers, forwarders and workers are interleaved at every call to a port, and die there.

The queues, the store and the scheduler are those of the embedded runtime. What is stored, sent and called is told to a
`LongWorkWitness`, who knows what may be and what may not.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final

from settle.adapters.polled_queue import ReceivedMessage
from settle.adapters.sqlite_scheduler import SCHEDULER
from settle.adapters.sqlite_standard_queue import (
    TASKS_DEAD_LETTER_QUEUE,
    TASKS_QUEUE,
    TIMERS_QUEUE,
    SqliteStandardQueue,
)
from settle.core.errors import SettleError
from settle.core.service import WAIT_FOR_CALLBACK, ServiceCall, ServiceError
from settle.local.sqs_event import to_event
from settle.runtime.forward_timers import forward_timers
from settle.runtime.instance import SendMessage
from settle.runtime.journal import Deadline
from settle.runtime.message import read_record
from settle.runtime.outlets import Outlets
from settle.runtime.process_group import Invocation
from settle.runtime.run_task import TaskRunner
from tests.support.faults import KilledError
from tests.support.long_work_charts import make_machines
from tests.support.long_work_witness import LongWorkWitness
from tests.support.schedules import Faults, Port, Process, Scheduler
from tests.support.system import VISIBILITY_SECONDS, System, standard_messages

HURRY: Final = 0.03
"""How likely a consumer finds that its time runs out, whenever it asks."""
LOST_DELETE: Final = 0.07
"""How likely messages that were done are not deleted, so that they come again."""
LIFE_SECONDS: Final = 900.0
"""Longest life of a function; Lambda ends it then. A function that is slower than the visibility of its messages is
overtaken by another one long before."""


@dataclass(eq=False)
class Function(Process):
    """A consumer, a forwarder or a worker.

    Attributes:
        kind: which of them.
        born: when it began.
    """

    kind: str = "consumer"
    born: float = 0.0


class _Port(Port):
    """A port that tells its witness of named arguments too."""

    def _call(self, name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        return super()._call(name, lambda *_args: function(*args, **kwargs), (*args, kwargs), {})


class LongWorkWorld:
    """A system, its functions, and who watches them."""

    def __init__(self, random: Random, open_promises: frozenset[str]) -> None:
        self.random = random
        self.scheduler = Scheduler(random)
        self.faults = Faults(random)
        self.mended: set[int] = set()
        machines = make_machines(self)
        self.system = System(*machines)
        self.witness = LongWorkWitness(self.system, machines, open_promises)
        self.system.tasks = self._queue(
            TASKS_QUEUE, "ours", dead_letters=TASKS_DEAD_LETTER_QUEUE, max_receive_count=random.choice((3, 1000))
        )
        self._schedules = self._queue(TIMERS_QUEUE, SCHEDULER)
        self.tokens: list[tuple[str, int]] = []
        self.calm = False
        self._functions = 0
        self._failures: Counter[str] = Counter()

    def _queue(self, name: str, sender: str, **options: Any) -> SqliteStandardQueue:
        return SqliteStandardQueue(self.system.database, self.system.clock, sender=sender, name=name, **options)

    def tell(self, text: str) -> None:
        self.witness.tell(text)

    # Time ------------------------------------------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Let time pass; a function that has lived too long is ended."""
        self.system.clock.sleep(seconds)
        now = self.system.clock.now()
        self.tell(f"it is {now - 1_700_000_000:g}")
        for each in self.scheduler.processes:
            if isinstance(each, Function) and now - each.born > LIFE_SECONDS and not each.dead:
                each.dead = True
                self.tell(f"{each.kind} {each.number} has lived too long")

    def next_at(self) -> float | None:
        """Return when something can be received next; None when nothing ever can."""
        system = self.system
        queues = (system.polled, system.timers, system.tasks, system.lost_tasks)
        found = [each.next_ready_at() for each in queues] + [system.schedules.next_at()]
        return min((at for at in found if at is not None), default=None)

    def left(self) -> list[str]:
        """Return what the queues and the scheduler still have."""
        with self.system.database.reading() as connection:
            rows = connection.execute(
                "SELECT queue, body FROM queue_message UNION ALL SELECT 'schedule', body FROM schedule"
            )
            return [f"{queue}: {body}" for queue, body in rows.fetchall()]

    # Functions -------------------------------------------------------------------------------------------------------

    def start(self, kind: str) -> bool:
        """Begin a function, or let schedules fire; False when there is nothing for it to do."""
        starts = {
            "consumer": self._start_consumer,
            "forwarder": self._start_forwarder,
            "worker": self._start_worker,
            "fire": self._fire,
        }
        return starts[kind]()

    def _fire(self) -> bool:
        """Fire what is due, some of it twice, as EventBridge Scheduler may."""
        now = self.system.clock.now()
        with self.system.database.reading() as connection:
            due = connection.execute("SELECT body FROM schedule WHERE at <= ? ORDER BY at, name", (now,)).fetchall()
        fired = self.system.schedules.fire_due(self.system.timers)
        for (body,) in due:
            self.tell(f"a schedule fires {body}")
            if not self.calm and self.random.random() < 0.1:
                self._schedules.send(body=body)
        return fired > 0

    def _function(self, kind: str) -> Function:
        self._functions += 1
        return Function(self._functions, kind=kind, born=self.system.clock.now())

    def _port(self, label: str, port: Any, process: Function) -> Any:
        return _Port(port, process, self.scheduler, self.faults, partial(self._saw, label))

    def _saw(self, label: str, process: Process, name: str, args: Any, answer: Any) -> None:
        assert isinstance(process, Function)
        self.tell(f"  {process.kind} {process.number} {label} {name}")
        self.witness.saw(process, f"{label} {name}", args, answer)

    def _outlets(self, process: Function) -> Outlets:
        system = self.system
        return Outlets(
            events=self._port("events", system.polled, process),
            timers=self._port("timers", system.timers, process),
            tasks=self._port("tasks", system.tasks, process),
            scheduler=self._port("scheduler", system.schedules, process),
        )

    def _start_consumer(self) -> bool:
        system = self.system
        size = self.random.choice((1, 2, 3, 10, 10))
        received = system.polled.receive(max_messages=size, visibility_timeout=VISIBILITY_SECONDS)
        if not received:
            return False
        process = self._function("consumer")
        vars(process.processor)["_executor"] = self.scheduler
        invocation = Invocation(
            store=self._port("store", system.inner_store, process),
            outlets=self._outlets(process),
            dead_letters=self._port("letters", system.dead_letters, process),
            definitions=system.definitions,
            clock=system.clock,
            deadline=Deadline(remaining=self._remaining),
            new_token=system.new_id,
        )
        messages = [
            read_record(record, system.senders) for record in to_event(received, arn=system.polled.arn)["Records"]
        ]
        for message in messages:
            self.witness.arrives(message)
        places = " ".join(f"{m.group}:{m.sequence % 10**6}x{m.receives}" for m in messages)
        self.tell(f"consumer {process.number} receives {places}")

        def consume() -> list[str]:
            return process.processor.process(invocation, messages)

        self._run(process, received, system.polled, consume)
        return True

    def _start_forwarder(self) -> bool:
        system = self.system
        received = system.timers.receive(max_messages=10, visibility_timeout=VISIBILITY_SECONDS)
        if not received:
            return False
        process = self._function("forwarder")
        letters, outlets = self._port("letters", system.dead_letters, process), self._outlets(process)
        messages = standard_messages(received, system.senders)
        self._run(process, received, system.timers, lambda: forward_timers(outlets, letters, system.clock, messages))
        return True

    def _start_worker(self) -> bool:
        for queue in (self.system.tasks, self.system.lost_tasks):
            for each in queue.receive(max_messages=1, visibility_timeout=VISIBILITY_SECONDS):
                self._work(each, queue)
                return True
        return False

    def _work(self, received: ReceivedMessage, queue: SqliteStandardQueue) -> None:
        system, process = self.system, self._function("worker")
        runner = TaskRunner(
            store=self._port("store", system.inner_store, process),
            events=self._port("events", system.polled, process),
            tasks=self._port("tasks", system.tasks, process),
            dead_letters=self._port("letters", system.dead_letters, process),
            definitions=system.definitions,
            clock=system.clock,
        )
        message = standard_messages([received], system.senders)[0]

        def work() -> list[str]:
            try:
                if queue is system.lost_tasks:
                    runner.give_up(message)
                    return []
                return [] if runner.run(message) else [message.message_id]
            except SettleError as error:
                self.tell(f"worker {process.number}: {error!r}")
                return [message.message_id]

        self._run(process, [received], queue, work)

    def _run(
        self, process: Function, received: Sequence[ReceivedMessage], queue: Any, work: Callable[[], list[str]]
    ) -> None:
        def run() -> None:
            try:
                failed = work()
            except Exception as error:  # noqa: BLE001 - whatever nobody foresaw
                self.witness.broken.append(f"foreseen: {error!r}")
                return
            self.scheduler.pause()
            self.tell(f"{process.kind} {process.number} ends, {len(failed)} failed")
            if self.calm or self.random.random() > LOST_DELETE:
                queue.delete([each.receipt_handle for each in received if each.message_id not in failed])

        self.tell(f"{process.kind} {process.number} begins")
        self.scheduler.spawn(process, run)

    def _remaining(self) -> float:
        return 1.5 if not self.calm and self.random.random() < HURRY else 1000.0

    # Services --------------------------------------------------------------------------------------------------------

    def serve(self, machine_id: str, call: ServiceCall) -> Any:
        """Be every service of every machine."""
        process, n = self.scheduler.process, call.input["n"]
        assert isinstance(process, Function)
        what = f"{call.invoke} of {machine_id}/{call.instance} for {n}, attempt {call.attempt}"
        self.tell(f"{process.kind} {process.number} calls {what}")
        self.witness.called(process, call)
        if self.random.random() < 0.3:
            self.scheduler.pause()
        if process.kind == "worker" and self.faults.deaths and self.random.random() < self.faults.rate:
            self.faults.deaths -= 1
            process.dead = True
            self.tell(f"worker {process.number} dies in its service")
            raise KilledError
        return self._answer(call, call.invoke.removeprefix("b"), n)

    def _answer(self, call: ServiceCall, service: str, n: int) -> Any:
        answer = {"life": call.input["life"], "call": call.key, "sour": n if n % 7 == 0 else 0}
        if service == "ask":
            self.tokens.append((call.token, n))
            if n % 5:
                return WAIT_FOR_CALLBACK
        if service == "lazy" or (service == "once" and n % 3 == 0):
            raise OSError("down")
        if service in {"kidwork", "side"} and n % 4 == 0:
            raise ServiceError("broken", "for good")
        self._failures[call.key] += 1
        if service in {"flaky", "ask", "inline"} and self._failures[call.key] <= n % 4:
            raise OSError("down")
        return answer

    def repeat(self) -> None:
        """Deliver a message of a standard queue once more, or send a message again."""
        if self.random.random() < 0.5:
            self._copy()
            return
        with self.system.database.reading() as connection:
            rows = connection.execute(
                "SELECT queue, body FROM queue_message WHERE queue IN (?, ?) ORDER BY sequence",
                (TASKS_QUEUE, TIMERS_QUEUE),
            ).fetchall()
        if rows:
            queue, body = self.random.choice(rows)
            self.tell(f"{queue} delivers twice: {body}")
            (self.system.tasks if queue == TASKS_QUEUE else self.system.timers).send(body=body)
            if queue == TASKS_QUEUE:
                self.witness.task_sent(body)

    def _copy(self) -> None:
        """Send a message again, as a relay does that died before it took it off and comes back after five minutes."""
        sent = [entry for entry in self.witness.promised.values() if isinstance(entry, SendMessage)]
        sent = [entry for entry in sent if self.witness.places[entry.group, entry.id]]
        if sent:
            entry = self.random.choice(sent[-10:])
            again = self.system.polled.send(group=entry.group, deduplication_id=self.system.new_id(), body=entry.body)
            self.tell(f"{entry.group}:{int(again.sequence_number) % 10**6} is {entry.id} once more")
