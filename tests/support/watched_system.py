"""A system in memory with interleaved consumers, and a witness who looks at every instance whenever it is stored."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

from settle.adapters.polled_queue import ReceivedMessage
from settle.adapters.sqlite_queue import EVENT_QUEUE
from settle.core.configuration import is_settled, load_configuration
from settle.core.service import ServiceCall, ServiceError
from settle.local.sqs_event import to_event
from settle.runtime.instance import MAX_HELD_EVENTS, Instance, InstanceKey
from settle.runtime.journal import Deadline
from settle.runtime.message import read_record
from settle.runtime.process_group import Invocation
from settle.runtime.receipt import Outcome, Position
from tests.support.charts import machine, on, settled
from tests.support.faults import KilledError
from tests.support.promises import Promises
from tests.support.schedules import Faults, Port, Process, Scheduler
from tests.support.sequential_model import ATTEMPTS, QUARANTINE_CODES, Sent, Skipped, failures, make_machine
from tests.support.system import VISIBILITY_SECONDS, System

MACHINES: Final = ("m", "boot", "strict")
HURRY: Final = 0.05
"""How likely a consumer finds that its time runs out, whenever it asks."""


class WatchedSystem(Promises):
    """A system, its consumers, and what was seen of it.

    Attributes:
        sent: accepted events by instance.
        stored: each instance as it was stored last.
        versions: by instance, each stored version with its node and what its context had seen.
        skipped, quarantined: by instance and position.
        calls: of services, by instance.
    """

    def __init__(self, random: Random, open_promises: Iterable[str] = ()) -> None:
        super().__init__(open_promises)
        self.random = random
        self.scheduler = Scheduler(random)
        self.faults = Faults(random)
        self.mended: set[int] = set()
        self.machines = [make_machine(name, self) for name in MACHINES]
        self.system = System(*self.machines)
        self.calm = False
        self.sent: dict[str, list[Sent]] = defaultdict(list)
        self.stored: dict[str, Instance] = {}
        self.versions: dict[str, list[tuple[int, str, tuple[str, ...]]]] = defaultdict(list)
        self.skipped: dict[tuple[str, Position], Skipped] = {}
        self.quarantined: set[tuple[str, Position]] = set()
        self.calls: dict[str, list[ServiceCall]] = defaultdict(list)
        self._processes = 0
        self._ended: dict[tuple[str, int], int] = {}
        self._recorded: dict[str, int] = {}

    def oldest_held(self, instance: Instance) -> Sent:
        """Return the event that an instance is blocked by."""
        assert instance.held is not None
        events = self.sent[str(instance.key)]
        return next(event for event in events if event.position == instance.held.floor)

    def queued(self) -> int:
        """How many messages the queue still has."""
        with self.system.database.reading() as connection:
            row = connection.execute("SELECT count(*) FROM queue_message WHERE queue = ?", (EVENT_QUEUE,)).fetchone()
        return int(row[0])

    def deploy(self, *, whole: bool) -> None:
        """Deploy a whole release, or one in which some machine was changed under its number."""
        self.tell(f"deploy {'whole' if whole else 'broken'}")
        definitions = type(self.system.definitions)(self.machines)
        if not whole:
            name = self.random.choice(MACHINES)
            definitions.versions[name, 1] = machine(name, settled("other", on("GO", "other")))
        self.system.definitions = definitions

    # Consumers -------------------------------------------------------------------------------------------------------

    def start_consumer(self) -> bool:
        """Receive a batch and begin to process it; False when nothing is visible."""
        size = self.random.choice((1, 2, 3, 10, 10))
        received = self.system.polled.receive(max_messages=size, visibility_timeout=VISIBILITY_SECONDS)
        if received:
            self._processes += 1
            process = Process(self._processes)
            vars(process.processor)["_executor"] = self.scheduler
            self._consume(process, received)
        return bool(received)

    def _consume(self, process: Process, received: Sequence[ReceivedMessage]) -> None:
        system = self.system
        ports = (system.inner_store, system.polled, system.dead_letters)
        store, queue, letters = (Port(each, process, self.scheduler, self.faults, self.saw) for each in ports)
        invocation = Invocation(
            store=store,
            outlets=replace(system.outlets(), events=queue),
            dead_letters=letters,
            definitions=system.definitions,
            clock=system.clock,
            deadline=Deadline(remaining=self._remaining),
            new_token=system.new_id,
        )
        records = to_event(received, arn=system.polled.arn)["Records"]
        messages = [read_record(record, {"ours"}) for record in records]
        places = " ".join(f"{m.group}:{m.sequence % 10**6}x{m.receives}" for m in messages)
        self.tell(f"consumer {process.number} receives {places}")

        def consume() -> None:
            failed = process.processor.process(invocation, messages)
            self.scheduler.pause()
            system.polled.delete([m.receipt_handle for m in received if m.message_id not in failed])
            self.tell(f"consumer {process.number} ends, {len(failed)} failed")

        self.scheduler.spawn(process, consume)

    def _remaining(self) -> float:
        return 1.5 if not self.calm and self.random.random() < HURRY else 1000.0

    def kill(self) -> None:
        """End the process, as an event does that takes all memory."""
        process = self.scheduler.process
        process.dead = True
        self.tell(f"consumer {process.number} is killed by its event")
        raise KilledError

    def serve(self, machine_id: str, call: ServiceCall) -> dict[str, Any]:
        """Be every service of every machine."""
        group, n = f"{machine_id}/{call.instance}", call.event.data.get("n", -1)
        process = self.scheduler.process
        self.tell(f"consumer {process.number} calls {call.invoke} of {group} for {n}, attempt {call.attempt}")
        loaded = process.loaded.get(group, 0)
        again = f"{group} calls {call.invoke} for {n} again"
        self.expect(loaded < self._recorded.get(call.key, loaded + 1), "journal", f"{again}, whose answer it had read")
        self.expect(loaded < self._ended.get((group, n), loaded + 1), "once", f"{again}, which it knew as finished")
        if self.random.random() < 0.3:
            self.scheduler.pause()
        times = sum(each.key == call.key for each in self.calls[group])
        self.calls[group].append(call)
        if call.invoke in {"hard", "doom"}:
            raise ServiceError("broken", "for good")
        if call.invoke in {"flaky", "py"} and (times < failures(n) or failures(n) == ATTEMPTS):
            raise OSError("down")
        return {"n": n, "items": ["one"]}

    # The witness -----------------------------------------------------------------------------------------------------

    def saw(self, process: Process, name: str, args: Any, answer: Any) -> None:
        """Note every call to a port, and look at what it stored."""
        self.tell(f"  consumer {process.number} {name}")
        if name == "load":
            process.loaded[str(args[0])] = answer.revision if answer else 0
        if name == "commit":
            process.loaded[str(args[0].key)] = args[0].revision
            self._look(args[0].key)

    def _look(self, key: InstanceKey) -> None:
        group = str(key)
        new = self.system.inner_store.load(key)
        assert new is not None
        old = self.stored.get(group)
        self.stored[group] = new
        self.tell(
            f"  {group} is stored: revision {new.revision} version {new.version} {new.snapshot.configuration}"
            f" held={new.held and len(new.held)} paused={new.paused} blocked={new.blocked and new.blocked.code}"
            f" failing={new.failing and new.failing.count}"
        )
        seen = tuple((new.snapshot.context or {}).get("seen", ()))
        self.versions[group].append((new.version, "".join(new.snapshot.configuration), seen))
        self._check_whole(group, new)
        self._check_held(group, new)
        self._check_follows(group, old, new)
        self._learn(group, old, new)
        if new.blocked is not None:
            self._check_quarantine(group, new)

    def _check_whole(self, group: str, new: Instance) -> None:
        definition = next(each for each in self.machines if each.machine == new.key.machine)
        snapshot = new.snapshot
        load_configuration(definition, snapshot.configuration)
        self.expect(not snapshot.started or is_settled(definition, snapshot), "atomic", f"{group} is stored unsettled")
        self.expect(not snapshot.invokes, "atomic", f"{group} is stored with live services")
        ids = [entry.id for entry in new.outbox]
        self.expect(len(ids) == len(set(ids)), "effects", f"{group} has an entry twice in its outbox")

    def _check_held(self, group: str, new: Instance) -> None:
        held = self.system.inner_store.load_held(new.key, 1, MAX_HELD_EVENTS)
        said = range(new.held.first, new.held.next) if new.held else range(0)
        self.expect([each.number for each in held] == list(said), "held", f"{group} holds others than it says")
        positions = [each.position for each in held]
        self.expect(positions == sorted(set(positions)), "order", f"{group} holds events out of order")
        floor = new.held.floor if new.held else None
        self.expect(positions[:1] == ([floor] if floor else []), "held", f"{group}: its floor is not its oldest")
        self.expect(new.held or not new.blocked, "held", f"{group} is blocked and holds nothing")

    def _check_follows(self, group: str, old: Instance | None, new: Instance) -> None:
        revision, version = (old.revision, old.version) if old else (0, 0)
        self.expect(new.revision == revision + 1, "atomic", f"{group}: revision {new.revision} after {revision}")
        self.expect(new.version >= version, "version", f"{group}: version {new.version} after {version}")
        if old is None:
            return
        self.expect(new.updated_at >= old.updated_at, "time", f"{group}: its time went back")
        if old.snapshot.started:
            same = new.version > old.version or new.snapshot == old.snapshot
            self.expect(same, "version", f"{group} changed without a new version")
            self.expect(new.incarnation == old.incarnation, "incarnation", f"{group} changed its incarnation")
        if old.watermark is not None:
            risen = new.watermark is not None and new.watermark.position >= old.watermark.position
            self.expect(risen, "once", f"{group}: the watermark went back")

    def _learn(self, group: str, old: Instance | None, new: Instance) -> None:
        outcomes = {receipt.position: receipt.outcome for receipt in new.ring}
        for event in self.sent[group]:
            outcome, place = outcomes.get(event.position), (group, event.position)
            if outcome is Outcome.QUARANTINED:
                self.quarantined.add(place)
            if outcome is Outcome.SKIPPED:
                self.skipped.setdefault(place, Skipped(old is not None and old.snapshot.started))
            if outcome is not None and outcome.final and outcome is not Outcome.DUPLICATE and not event.input_hash:
                self._ended.setdefault((group, event.n), new.revision)
        for key, result in new.run.results.items() if new.run else ():
            if not result.error:
                self._recorded.setdefault(key, new.revision)

    def _check_quarantine(self, group: str, new: Instance) -> None:
        assert new.blocked is not None
        event, code = self.oldest_held(new), new.blocked.code
        self.expect(new.blocked.type == event.type, "held", f"{group}: another event blocks it than its oldest")
        allowed = code == "unknown_version" or code in QUARANTINE_CODES.get(event.type, ())
        promise = "begins" if code == "attempts_exhausted" else "no poison"
        self.expect(allowed, promise, f"{group}: {event.type} {event.n} is quarantined for {code}")
