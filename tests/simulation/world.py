"""A system in memory whose functions are interleaved at every request, and die there.

The queues, the store and the scheduler are those of the embedded runtime, which are held to the rules of AWS by
`tests/contract`; the functions are the real ones. What they ask for, store and send is told to a witness.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final, NoReturn

from settle.adapters.sqlite_database import IN_MEMORY, SqliteDatabase
from settle.adapters.sqlite_queue import EVENT_QUEUE, SqliteQueue
from settle.adapters.sqlite_standard_queue import TASKS_DEAD_LETTER_QUEUE, TASKS_QUEUE, SqliteStandardQueue
from settle.core.definition import Definition
from settle.core.service import ServiceCall
from settle.runtime import call_service
from settle.runtime.outlets import Outlets
from settle.runtime.registry import Registry
from tests.simulation.acts import SKEWS, Act
from tests.simulation.clock import SkewedClock
from tests.simulation.promises import Posts
from tests.simulation.requests import Port
from tests.simulation.scheduler import Process, Scheduler
from tests.simulation.tapped_queue import TappedQueue
from tests.support.faults import KilledError
from tests.support.system import VISIBILITY_SECONDS, System

MOST_PROCESSES: Final = 4
FIRST_SEQUENCE: Final = 1_000_000
FEWER: Final = 50_000
"""Where the first queue begins to count, and how much lower each one that replaces it does, as a new queue may."""
LIFE_SECONDS: Final = 900.0
"""Longest life of a function; Lambda ends it then. A function that is slower than the visibility of its messages is
overtaken by another one long before."""
STALLS: Final = {"store commit": 9, "store load": 9, "store purge": 9, "store finish": 9}
"""How much rather a process stops before some requests than before any other."""
SLOW_CHANCE: Final = 0.15
"""How likely a service takes its time."""


class HungError(BaseException):
    """A service did not end when its time was over."""


class World:
    """A system, the processes that work on it, and who watches them.

    Attributes:
        random: decides, seeded anew by every act.
        faults: what went wrong, and how often.
        mended: events whose code no longer raises.
        calm: nothing goes wrong any more.
        release: how many releases were deployed; a process runs the one that was deployed when it began.
        queues: how many event queues there were before this one.
        databases: of the store and of every event queue that there was.
        registry: of the release.
        witness: knows what may be and what may not.
    """

    witness: Any

    def __init__(self, definitions: Sequence[Definition]) -> None:
        self.random = Random(0)  # noqa: S311 - it has to be repeatable
        self.system = System(*definitions)
        self.clock = self.system.clock
        self.scheduler = Scheduler(self.random, self.clock)
        self.faults: Counter[str] = Counter()
        self.mended: set[int] = set()
        self.calm = False
        self.release = self.queues = 0
        self.registry = register(definitions)
        self.databases = [self.system.database]
        self._processes = 0

    def watch(self, witness: Any) -> None:
        """Begin: the witness is told of everything from now on."""
        self.witness = witness
        self._posts = Posts(witness, self.clock)
        self._use_queue(self.system.database, EVENT_QUEUE)

    def tell(self, text: str) -> None:
        self.witness.tell(text)

    # The event queue -------------------------------------------------------------------------------------------------

    def replace_queue(self) -> None:
        """Put another event queue in the place of this one, which is empty."""
        self.queues += 1
        database = SqliteDatabase(IN_MEMORY)
        self.databases.append(database)
        SqliteQueue(database, self.clock, sender="nobody")
        self._use_queue(database, f"events-{self.queues}.fifo")
        self.faults["queue replaced"] += 1
        self.tell("the event queue is replaced")

    def _use_queue(self, database: SqliteDatabase, name: str) -> None:
        first = FIRST_SEQUENCE - FEWER * self.queues
        with database.transaction() as connection:
            connection.execute("INSERT INTO sqlite_sequence VALUES ('queue_message', ?)", (first,))
        common: dict[str, Any] = {"name": name, "number": self.queues, "tap": self.witness.entered}
        self.system.polled = self.system.queue = TappedQueue(database, self.clock, sender="ours", **common)
        self.system.stranger = TappedQueue(database, self.clock, sender="stranger", **common)

    def give_tasks_up_after(self, receives: int) -> None:
        """Have tasks go to their dead letters after so many deliveries."""
        self.system.tasks = SqliteStandardQueue(
            self.system.database,
            self.clock,
            sender="ours",
            name=TASKS_QUEUE,
            dead_letters=TASKS_DEAD_LETTER_QUEUE,
            max_receive_count=receives,
        )

    # Acts ------------------------------------------------------------------------------------------------------------

    def perform(self, act: Act) -> None:
        """Let one act happen."""
        self.random.seed(act.luck)
        processes = self.scheduler.processes
        match act.kind:
            case "step":
                self.scheduler.step(act.fault)
            case "wait":
                self.wait(act.seconds)
            case "freeze" | "thaw" if processes:
                self.random.choice(processes).frozen = act.kind == "freeze"
            case "stall" if processes:
                self._stall(processes)
            case "crash" if processes:
                self._crash(processes)
            case "consumer" | "forwarder" | "worker" | "fire" if len(processes) < MOST_PROCESSES:
                self.start(act.kind, act.seconds)
            case _:
                self.happen(act)
        self.witness.check()

    def _stall(self, processes: Sequence[Process]) -> None:
        """Stop a process, best where it matters, while others are given its messages."""
        (process,) = self.random.choices(processes, [STALLS.get(each.request, 1) for each in processes])
        process.frozen = self.random.random() < 0.5
        self.faults["stalled past its visibility"] += 1
        self.wait(VISIBILITY_SECONDS + 1)
        self.start("consumer", self.random.choice(SKEWS))

    def _crash(self, processes: Sequence[Process]) -> None:
        """End a process, best just before it sends something."""
        sending = [each for each in processes if each.request.endswith(" send")]
        process = self.random.choice(sending or processes)
        process.dead = True
        self.faults["crash"] += 1
        self.tell(f"{process} crashes before {process.request or 'it begins'}")

    def happen(self, act: Act) -> None:
        """Let an act happen that only this kind of world knows."""
        raise NotImplementedError

    def start(self, kind: str, skew: float) -> bool:
        """Begin a function, or let schedules fire; False when there is nothing for it to do."""
        raise NotImplementedError

    # The end ---------------------------------------------------------------------------------------------------------

    def calm_down(self) -> None:
        """Mend the world, before everything comes to its end."""

    def operate(self) -> bool:
        """Do what operators would; False when there is nothing to do."""
        raise NotImplementedError

    def end(self) -> bool:
        """Do what is left to do when nothing happens by itself any more; False when there is nothing."""
        return False

    # Time ------------------------------------------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Let time pass; a function that has lived too long is ended."""
        self.clock.sleep(seconds)
        now = self.clock.now()
        self.tell(f"it is {now - 1_700_000_000:g}")
        for each in self.scheduler.processes:
            if now - each.born > LIFE_SECONDS and not each.dead and each.kind != "ingress":
                each.dead = True
                self.faults["timeout"] += 1
                self.tell(f"{each} has lived too long")

    def next_at(self) -> float | None:
        """Return when something can go on; None when nothing ever can."""
        system = self.system
        queues = (system.polled, system.timers, system.tasks, system.lost_tasks)
        found = [each.next_ready_at() for each in queues] + [system.schedules.next_at(), self.scheduler.wakes_at()]
        return min((at for at in found if at is not None), default=None)

    def left(self) -> list[str]:
        """Return what the queues and the scheduler still have."""
        found: list[str] = []
        for database in self.databases:
            with database.reading() as connection:
                rows = connection.execute("SELECT queue, body FROM queue_message WHERE queue NOT LIKE '%dead%'")
                found += [f"{queue}: {body}" for queue, body in rows.fetchall()]
        with self.system.database.reading() as connection:
            found += [f"schedule: {body}" for (body,) in connection.execute("SELECT body FROM schedule").fetchall()]
        return found

    # Processes -------------------------------------------------------------------------------------------------------

    def process(self, kind: str) -> Process:
        """Return a new process."""
        self._processes += 1
        return Process(self._processes, kind=kind, born=self.clock.now())

    def port(self, label: str, port: Any, process: Process) -> Any:
        """Return a port as a process sees it."""
        return Port(label, port, process, scheduler=self.scheduler, listener=self, faults=self.faults)

    def outlets(self, process: Process) -> Outlets:
        """Return where a process sends to."""
        system = self.system
        return Outlets(
            events=self.port("events", system.polled, process),
            timers=self.port("timers", system.timers, process),
            tasks=self.port("tasks", system.tasks, process),
            scheduler=self.port("scheduler", system.schedules, process),
        )

    def clock_of(self, skew: float) -> SkewedClock:
        """Return a clock that is ahead by so many seconds."""
        return SkewedClock(self.clock, skew, self.scheduler)

    def saw(self, process: Process, request: str, args: Sequence[Any], answer: Any) -> None:
        """Be told of a request that took effect."""
        if request == "store load":
            process.loaded[str(args[0])] = answer
        elif request == "store commit":
            process.loaded[str(args[0].key)] = args[0]
        elif request == "events send":
            self._posts.sent(args[-1], answer.sequence_number)
        self.witness.saw(process, request, args, answer)

    def kill(self) -> NoReturn:
        """End the process that runs now, as an event does that takes all memory."""
        process = self.scheduler.process
        process.dead = True
        self.faults["killed by what it ran"] += 1
        self.tell(f"{process} is killed by what it runs")
        raise KilledError

    # Services --------------------------------------------------------------------------------------------------------

    def serve(self, machine_id: str, call: ServiceCall) -> Any:
        """Be every service of every machine."""
        raise NotImplementedError

    def dawdle(self, *, longest: float) -> None:
        """Let others run, or time pass, while a service works."""
        if self.random.random() < 0.3:
            self.scheduler.pause()
        elif not self.calm and self.random.random() < SLOW_CHANCE:
            self.faults["slow service"] += 1
            self.scheduler.sleep_until(self.clock.now() + self.random.choice((2.0, 35.0, longest)))

    def hang(self, seconds: float) -> NoReturn:
        """Let a service take longer than it may."""
        self.faults["hanging service"] += 1
        self.scheduler.sleep_until(self.clock.now() + seconds)
        raise HungError

    def within(self, _seconds: float, function: Callable[[], Any]) -> Any:
        """Be what abandons a service that is not done in time, by the time of this world."""
        try:
            return function()
        except HungError as error:
            raise call_service._AbandonedError from error


def register(definitions: Sequence[Definition]) -> Registry:
    """Return what a release knows: every version given, the last of each machine as the current one."""
    versions: dict[str, dict[int, Definition]] = {}
    for each in definitions:
        versions.setdefault(each.machine, {})[each.version] = each
    return Registry(machines={each.machine: each for each in definitions}, versions=versions, files={})
