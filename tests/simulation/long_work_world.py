"""A world of instances that outlive invocations: with timers, services in the background, children, ends and lives."""

from collections import Counter
from functools import cache
from typing import Any, Final, NoReturn

from settle.adapters.sqlite_scheduler import SCHEDULER
from settle.adapters.sqlite_standard_queue import TASKS_QUEUE, TIMERS_QUEUE, SqliteStandardQueue
from settle.core.definition import Definition
from settle.core.service import WAIT_FOR_CALLBACK, ServiceCall, ServiceError
from settle.core.snapshot import Status
from settle.runtime.instance import SendMessage
from tests.simulation.acts import Act, Workload
from tests.simulation.functions import start_consumer, start_forwarder, start_worker
from tests.simulation.long_work_charts import HOUR, SERVICE_SECONDS, make_machines
from tests.simulation.long_work_clients import LIST, LongWorkClients
from tests.simulation.long_work_witness import LongWorkWitness
from tests.simulation.stage import STAGE
from tests.simulation.world import World

HANG_CHANCE: Final = 0.15
"""How likely a service that fails does so by not ending."""
DEATH_CHANCE: Final = 0.04
"""How likely a service takes its worker along."""
TWICE_CHANCE: Final = 0.1
"""How likely a schedule fires twice."""
LONG_WORK: Final = Workload(
    weights={
        "step": 75,
        "consumer": 8,
        "send": 7,
        "wait": 3.5,
        "forwarder": 3,
        "worker": 3,
        "thaw": 2,
        "stall": 1.5,
        "fire": 1,
        "repeat": 1,
        "crash": 1,
        "freeze": 0.5,
        "mend": 0.5,
    },
    length=(80, 320),
    sends=(6, 24),
    waits=(1, 1, 3, 10, 31, 31, 61, 110, 310, 900, HOUR),
    longest=18 * HOUR,
)


class LongWorkWorld(World):
    """Its instances have everything; what must become of them is told from what was live in them.

    Attributes:
        tokens: of services that waited for a callback, with the number that each was called with.
    """

    witness: LongWorkWitness

    def __init__(self) -> None:
        super().__init__(_definitions())
        self.watch(LongWorkWitness(self.system, _definitions()))
        self._clients = LongWorkClients(self)
        self.tokens: list[tuple[str, int]] = []
        self._schedules = SqliteStandardQueue(self.system.database, self.clock, sender=SCHEDULER, name=TIMERS_QUEUE)
        self._failures: Counter[str] = Counter()
        self._retried: set[tuple[str, str]] = set()
        self._begun = False

    def happen(self, act: Act) -> None:
        if not self._begun:
            self._begin(act)
        match act.kind:
            case "send":
                self._clients.send(act.number)
            case "mend":
                self.mended.add(self.random.randint(1, max(1, act.number * LIST)))
            case "repeat":
                self._repeat()
            case _:
                pass

    def _begin(self, act: Act) -> None:
        self._begun = True
        self.give_tasks_up_after(self.random.choice((3, 1000)))
        if self.random.random() < 0.7:
            self._clients.begin(act.number)

    def start(self, kind: str, skew: float) -> bool:
        match kind:
            case "consumer":
                return start_consumer(self, skew)
            case "forwarder":
                return start_forwarder(self, skew)
            case "worker":
                return start_worker(self, skew)
            case _:
                return self._fire()

    def _fire(self) -> bool:
        """Fire what is due, some of it twice, as EventBridge Scheduler may."""
        with self.system.database.reading() as connection:
            rows = connection.execute("SELECT body FROM schedule WHERE at <= ? ORDER BY at, name", (self.clock.now(),))
            due = rows.fetchall()
        fired = self.system.schedules.fire_due(self.system.timers)
        for (body,) in due:
            self.tell(f"a schedule fires {body}")
            if self.random.random() < TWICE_CHANCE:
                self.faults["schedule fired twice"] += 1
                self._schedules.send(body=body)
        return fired > 0

    # Repetitions -----------------------------------------------------------------------------------------------------

    def _repeat(self) -> None:
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
            self.faults["delivered twice"] += 1
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
            self.faults["sent again"] += 1
            self.tell(f"{entry.id} is sent to {entry.group} once more")
            self.system.polled.send(group=entry.group, deduplication_id=self.system.new_id(), body=entry.body)

    # The end ---------------------------------------------------------------------------------------------------------

    def operate(self) -> bool:
        """Do what operators would: mend what can be mended, skip the rest. False when there is nothing to do."""
        acted = False
        for group, instance in list(self.witness.stored.items()):
            if instance.paused:
                self.system.control(group, "resume")
                acted = True
            if instance.blocked is not None:
                self.mended |= set(range(10_000))
                event = (group, instance.blocked.event_id)
                self.system.control(group, "skip" if event in self._retried else "retry")
                self._retried.add(event)
                acted = True
        return acted

    def end(self) -> bool:
        """Delete children that live for ever while others wait until their parent is done with them."""
        acted = False
        for instance in list(self.witness.stored.values()):
            waits = instance.parent and self.witness.stored[instance.parent.group].held is not None
            if waits and instance.snapshot.status is Status.ACTIVE:
                self.system.control(str(instance.key), "delete")
                acted = True
        return acted

    # Services --------------------------------------------------------------------------------------------------------

    def serve(self, machine_id: str, call: ServiceCall) -> Any:
        process, n = self.scheduler.process, call.input["n"]
        what = f"{call.invoke} of {machine_id}/{call.instance} for {n}, attempt {call.attempt}"
        self.tell(f"{process} calls {what}")
        self.witness.called(process, call)
        self.dawdle(longest=SERVICE_SECONDS - 1)
        if process.kind == "worker" and not self.calm and self.random.random() < DEATH_CHANCE:
            self.kill()
        return self._answer(call, call.invoke.removeprefix("b"), n)

    def _answer(self, call: ServiceCall, service: str, n: int) -> Any:
        answer = {"life": call.input["life"], "call": call.key, "sour": n if n % 7 == 0 else 0}
        if service == "ask":
            self.tokens.append((call.token, n))
            if n % 5:
                return WAIT_FOR_CALLBACK
        if service == "lazy" or (service == "once" and n % 3 == 0):
            self._fail()
        if service in {"kidwork", "side"} and n % 4 == 0:
            raise ServiceError("broken", "for good")
        self._failures[call.key] += 1
        if service in {"flaky", "ask", "inline"} and self._failures[call.key] <= n % 4:
            self._fail()
        return answer

    def _fail(self) -> NoReturn:
        if not self.calm and self.random.random() < HANG_CHANCE:
            self.hang(SERVICE_SECONDS)
        raise OSError("down")


@cache
def _definitions() -> tuple[Definition, ...]:
    return tuple(make_machines(STAGE))
