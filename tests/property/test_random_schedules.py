"""Several consumers, every interleaving of their calls, every fault: in the end all is as if one had done it in order.

A seed makes a workload and a schedule. While it runs every stored instance is looked at; when all is calm the outcome of
every event is compared with a sequential model that never heard of queues, batches or crashes. A failing seed is the id
of its test. More seeds: `SCHEDULE_SEEDS=1000-5000 pytest tests/property/test_random_schedules.py`.
"""

import logging
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

import pytest

from settle.core.configuration import is_settled, load_configuration
from settle.core.definition import Definition
from settle.core.service import ServiceCall, ServiceError
from settle.local.sqs_event import to_event
from settle.runtime import apply_control, process_batch, ring
from settle.runtime.envelope import ControlAction, ControlEnvelope, EnvelopeEvent, EventsEnvelope
from settle.runtime.instance import Instance, InstanceKey
from settle.runtime.journal import Deadline
from settle.runtime.message import read_record
from settle.runtime.process_group import Invocation
from settle.runtime.receipt import Outcome, Position, ShortReceipt
from tests.support.charts import action, final, guard, invoke, machine, node, on, parallel, settled
from tests.support.schedules import Faults, Port, Process, Scheduler
from tests.support.system import VISIBILITY_SECONDS, System

SEEDS = 300
GROUPS = ("m/1", "m/2", "boot/1", "strict/1")
HOUR = 3600.0
PATIENCE = 300
"""Rounds of redelivery in which everything has to come to its end."""

GOOD = ("GO", "GO", "GO", "SERVE", "SERVE", "FLAKY", "HARD", "NO", "GATE", "FOO", "ALIAS", "BOTH")
BAD = ("BAD", "BAD", "DOOM", "BLOAT", "KILL")
NEVER_APPLIED = frozenset({"DOOM", "BLOAT", "KILL"})
HELD_CODES = {
    "BAD": {"user_code"},
    "DOOM": {"service_failed"},
    "BLOAT": {"snapshot_too_large", "instance_too_large", "attempts_exhausted"},
    "KILL": {"attempts_exhausted"},
}
"""Why an event of a type may be quarantined, beside a deployment that takes its definition away."""


# The machines --------------------------------------------------------------------------------------------------------


def make_machine(name: str, world: "World") -> Definition:
    """A machine whose context tells what was applied, in order, by the numbers in the events' data."""

    def note(prefix: str) -> Any:
        def run(context: dict[str, Any], event: Any, _do: object) -> None:
            context.setdefault("seen", []).append(f"{prefix}{event.data.get('n', '-')}")

        return action(f"note {prefix}", run)

    def keep(context: dict[str, Any], event: Any, _do: object) -> None:
        """What a careless author writes: the context and the event then share a list."""
        context["last"] = event.data["items"]
        context["last"].append("more")
        context.setdefault("seen", []).append(f"alias{event.data['n']}:{len(context['last'])}")

    def bloat(context: dict[str, Any], _event: object, _do: object) -> None:
        context["fat"] = "x" * 420_000

    def kill(_context: object, _event: object, _do: object) -> None:
        world.kill()

    def is_bad(_context: object, event: Any) -> bool:
        if event.data["n"] not in world.mended:
            raise RuntimeError("kaboom")
        return True

    moves = (
        on("SERVE", "one", actions=(note("serve"),)),
        on("FLAKY", "flaky"),
        on("HARD", "hard"),
        on("DOOM", "doom"),
        on("ALIAS", "alias"),
        on("BOTH", "both"),
        on("NO", "rest", guards=(guard("no", lambda _c, _e: False),)),
        on("GATE", "gate"),
        on("BAD", actions=(note("bad"),), guards=(guard("is_bad", is_bad),)),
        on("BLOAT", actions=(action("bloat", bloat),)),
        on("KILL", actions=(action("kill", kill),)),
    )
    serve = partial(world.serve, name)
    start = (node("boot", invoke("boot", serve, timeout=60), on("done.invoke.boot", "rest", actions=(note("boot"),))),)
    return machine(
        name,
        *(start if name == "boot" else ()),
        settled(
            "rest",
            on("", "gate", guards=(guard("rejects", lambda context, _e: bool(context.get("reject"))),)),
            on("GO", "alt", actions=(note("go"),)),
            *moves,
        ),
        settled("alt", on("GO", "rest", actions=(note("back"),)), *moves),
        node("one", invoke("first", serve, timeout=60), on("done.invoke.first", "two", actions=(note("first"),))),
        node("two", invoke("second", serve, timeout=60), on("done.invoke.second", "rest", actions=(note("second"),))),
        node(
            "flaky",
            invoke("flaky", serve, timeout=60),
            on("done.invoke.flaky", "two", actions=(note("ok"),)),
            on("error.invoke.flaky", "rest", actions=(action("gave up", lambda c, _e, _d: note_in(c, "gave up")),)),
        ),
        node(
            "hard",
            invoke("hard", serve, timeout=60),
            on("error.invoke.hard", "two", actions=(action("failed", lambda c, _e, _d: note_in(c, "failed")),)),
        ),
        node("doom", invoke("doom", serve, timeout=60), on("done.invoke.doom", "rest")),
        node("alias", invoke("list", serve, timeout=60), on("done.invoke.list", "flaky", actions=(action("k", keep),))),
        parallel(
            "both",
            node(
                "x",
                node("run", invoke("px", serve, timeout=60), on("done.invoke.px", "both.x.end", actions=(note("px"),))),
                final("end"),
            ),
            node(
                "y",
                node(
                    "run",
                    invoke("py", serve, timeout=60),
                    on("done.invoke.py", "both.y.end", actions=(note("py"),)),
                    on("error.invoke.py", "both.y.end"),
                ),
                final("end"),
            ),
            on("done.state.both", "rest"),
        ),
        node("gate", tags=frozenset({"rejected"})),
        create_on_event=name != "strict",
    )


def note_in(context: dict[str, Any], text: str) -> None:
    context.setdefault("seen", []).append(text)


# The sequential model ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Sent:
    """An event, or the creation of an instance, that the queue accepted."""

    position: Position
    type: str
    n: int
    key: str = ""
    if_match: int | None = None
    input_hash: str = ""
    rejected: bool = False

    @property
    def is_creation(self) -> bool:
        return self.type == "settle.create"


@dataclass
class Model:
    """One instance, given its events one after the other."""

    machine: str
    exists: bool = False
    place: str = ""
    version: int = 0
    seen: list[str] = field(default_factory=list)
    input_hash: str = ""
    created_by: int = -1
    finished: dict[str, tuple[Outcome, int]] = field(default_factory=dict)
    trajectory: dict[int, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    calls: set[tuple[int, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._mark()

    def take(self, event: Sent, skipped: "Skipped | None") -> Outcome | None:
        """Return what becomes of an event; None when there is nobody to tell."""
        if event.key in self.finished and event.key:
            return Outcome.DUPLICATE if self.exists else None
        if not self.exists and not event.is_creation and self.machine == "strict":
            self._finish(event, Outcome.REFUSED)
            return None
        self.exists = True
        outcome = self._skip(event, skipped) if skipped else self._judge(event)
        self._finish(event, outcome)
        return outcome

    def _finish(self, event: Sent, outcome: Outcome) -> None:
        if event.key:
            self.finished[event.key] = (outcome, self.version)

    def _skip(self, event: Sent, skipped: "Skipped") -> Outcome:
        if skipped.started and not self.place:
            self._start(event)
        return Outcome.SKIPPED

    def _judge(self, event: Sent) -> Outcome:
        if event.if_match is not None and event.if_match != self.version:
            return Outcome.PRECONDITION_FAILED
        if event.input_hash and not event.is_creation and event.position.sequence != self.created_by:
            return self._judge_second(event)
        if not self.place:
            if self.machine == "strict" and not event.is_creation:
                return Outcome.REFUSED
            if event.rejected:
                return Outcome.REFUSED
            self._start(event)
            if event.is_creation:
                self.input_hash, self.created_by = event.input_hash, event.position.sequence
                return Outcome.APPLIED
        elif event.is_creation:
            return self._judge_second(event)
        return self._apply(event)

    def _judge_second(self, event: Sent) -> Outcome:
        return Outcome.DUPLICATE if self.place and self.input_hash == event.input_hash else Outcome.REFUSED

    def _start(self, event: Sent) -> None:
        if self.machine == "boot":
            self._serve(event, "boot")
        self.place = "rest"
        self._step()

    def _apply(self, event: Sent) -> Outcome:
        n = event.n
        match event.type:
            case "GO":
                self.seen.append(f"go{n}" if self.place == "rest" else f"back{n}")
                self.place = "alt" if self.place == "rest" else "rest"
            case "SERVE":
                self.seen.append(f"serve{n}")
                self._serve(event, "first")
                self._serve(event, "second")
                self.place = "rest"
            case "FLAKY":
                self._flaky(event)
            case "HARD":
                self.calls.add((n, "hard"))
                self.seen.append("failed")
                self._serve(event, "second")
                self.place = "rest"
            case "ALIAS":
                self.calls.add((n, "list"))
                self.seen.append(f"alias{n}:2")
                self._flaky(event)
            case "BOTH":
                self._serve(event, "px")
                self.calls.add((n, "py"))
                if failures(n) < 3:
                    self.seen.append(f"py{n}")
                self.place = "rest"
            case "BAD":
                self.seen.append(f"bad{n}")
            case "FOO":
                return Outcome.IGNORED
            case _:
                return Outcome.REFUSED
        self._step()
        return Outcome.APPLIED

    def _flaky(self, event: Sent) -> None:
        if failures(event.n) < 3:
            self._serve(event, "flaky", "ok")
            self._serve(event, "second")
        else:
            self.calls.add((event.n, "flaky"))
            self.seen.append("gave up")
        self.place = "rest"

    def _serve(self, event: Sent, service: str, text: str = "") -> None:
        self.calls.add((event.n, service))
        self.seen.append(f"{text or service}{event.n}")

    def _step(self) -> None:
        self.version += 1
        self._mark()

    def _mark(self) -> None:
        self.trajectory[self.version] = (self.place, tuple(self.seen))


def failures(n: int) -> int:
    """How often the flaky service fails before it answers; three times is too often."""
    return n % 4


# The world -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Skipped:
    """An event that an operator gave up, and whether its instance had started by then."""

    started: bool


class Broken(AssertionError):  # noqa: N818 - a broken promise, shown by pytest as a failed assertion
    """A promise was broken."""


class World:
    """A system, its clients and operators, its consumers, and whoever checks them."""

    def __init__(self, seed: int, *, verbose: bool = False) -> None:
        self.random = Random(seed)
        self.scheduler = Scheduler(self.random)
        self.faults = Faults(self.random)
        self.mended: set[int] = set()
        self.definitions = [make_machine(name, self) for name in ("m", "boot", "strict")]
        self.system = System(*self.definitions)
        self.verbose, self.trace = verbose, list[str]()
        self.sent: dict[str, list[Sent]] = defaultdict(list)
        self.garbage = 0
        self.calm = False
        self._processes = 0
        self._numbers = 0
        self._keys: dict[tuple[str, str], list[tuple[str, dict[str, Any]]]] = {}
        self._stored: dict[str, Instance] = {}
        self._quarantined: dict[tuple[str, Position], str] = {}
        self._skipped: dict[tuple[str, Position], Skipped] = {}
        self._ended: dict[tuple[str, int], int] = {}
        self._recorded: dict[str, int] = {}
        self._calls: list[tuple[str, ServiceCall]] = []
        self._versions: dict[str, list[tuple[int, str, tuple[str, ...]]]] = defaultdict(list)

    def tell(self, text: str) -> None:
        self.trace.append(text)
        if self.verbose:
            print(text)  # noqa: T201 - asked for

    # Clients and operators -------------------------------------------------------------------------------------------

    def send_something(self) -> None:
        group = self.random.choice(GROUPS)
        send = self.random.choices(
            [self._post, self._post_keyed, self._post_list, self._create, self._control, self._garbage],
            [8, 4, 2, 2, 4, 0.5],
        )[0]
        send(group)

    def _event(self, extra: bool = True) -> tuple[str, dict[str, Any]]:
        self._numbers += 1
        bad = extra and self.random.random() < 0.12
        return self.random.choice(BAD if bad else GOOD), {"n": self._numbers}

    def _post(self, group: str) -> None:
        event = self._event()
        instance = self._stored.get(group)
        wants = instance is not None and instance.version and self.random.random() < 0.1
        if_match = instance.version + self.random.randint(0, 2) if wants and instance else None
        stranger = self.random.random() < 0.1
        machine_id, _, name = group.partition("/")
        events = [EnvelopeEvent(id="" if stranger else self.system.new_id(), type=event[0], data=event[1])]
        envelope = EventsEnvelope(machine=machine_id, instance=name, events=events, if_match=if_match)
        self._note(group, self.system.send(envelope, stranger=stranger), [event], if_match=if_match)

    def _post_list(self, group: str) -> None:
        events = [self._event(extra=False) for _ in range(self.random.randint(2, 3))]
        self._note(group, self.system.post(group, *events), events)

    def _post_keyed(self, group: str) -> None:
        key = f"key{self.random.randint(1, 3)}"
        events = self._keys.setdefault((group, key), [self._event() for _ in range(self.random.choice((1, 1, 2)))])
        self._note(group, self.system.post(group, *events, key=key), events, key=key)

    def _note(
        self, group: str, sequence: int, events: list[tuple[str, dict[str, Any]]], key: str = "", if_match: int | None = None
    ) -> None:
        for index, (type_, data) in enumerate(events):
            sent = Sent(
                position=Position(sequence, index),
                type=type_,
                n=data["n"],
                key=f"{key}-{index}" if key else "",
                if_match=if_match if index == 0 else None,
            )
            self.sent[group].append(sent)
        self.tell(f"sent {group} {sequence % 10**6} {events} {key} if_match={if_match}")

    def _create(self, group: str) -> None:
        self._numbers += 2
        n = self._numbers
        input_hash = self.random.choice("ab")
        rejected = self.random.random() < 0.2
        with_event = self.random.random() < 0.5
        event_type = self.random.choice(GOOD)
        event = EnvelopeEvent(id=f"event-{n}", type=event_type, data={"n": n}) if with_event else None
        first = {"n": n - 1, "reject": 1} if rejected else {"n": n - 1}
        sequence = self.system.create(group, input_hash + ("." if rejected else ""), input=first, event=event)
        common = {"input_hash": input_hash + ("." if rejected else ""), "rejected": rejected}
        self.sent[group].append(Sent(position=Position(sequence), type="settle.create", n=n - 1, **common))
        if with_event:
            self.sent[group].append(Sent(position=Position(sequence, 1), type=event_type, n=n, **common))
        self.tell(f"sent {group} {sequence % 10**6} create {input_hash} reject={rejected} {event and (event_type, n)}")

    def _control(self, group: str, action_name: str = "") -> None:
        chosen = action_name or self.random.choice(("pause", "resume", "retry", "skip"))
        sequence = self.system.control(group, chosen)
        self.tell(f"sent {group} {sequence % 10**6} {chosen}")

    def _garbage(self, group: str) -> None:
        self.garbage += 1
        machine_id, _, name = group.partition("/")
        if self.random.random() < 0.5:
            self.system.stranger.send(group=group, deduplication_id=f"garbage-{self.garbage}", body="garbage")
        else:
            control = ControlEnvelope(machine=machine_id, instance=name, id="x", action=ControlAction.SKIP)
            self.system.send(control, stranger=True)
        self.tell(f"sent {group} garbage")

    # Consumers -------------------------------------------------------------------------------------------------------

    def start_consumer(self) -> bool:
        """Receive a batch and begin to process it."""
        size = self.random.choice((1, 2, 3, 10, 10))
        received = self.system.polled.receive(max_messages=size, visibility_timeout=VISIBILITY_SECONDS)
        if not received:
            return False
        self._processes += 1
        process = Process(self._processes)
        vars(process.processor)["_executor"] = self.scheduler
        system = self.system
        invocation = Invocation(
            store=self._port(system.inner_store, process),
            queue=self._port(system.polled, process),
            dead_letters=self._port(system.dead_letters, process),
            definitions=system.definitions,
            clock=system.clock,
            deadline=Deadline(remaining=self._remaining),
        )
        records = to_event(received, arn=system.polled.arn)["Records"]
        messages = [read_record(record, {"ours"}) for record in records]
        shown = [f"{m.group}:{m.sequence % 10**6}x{m.receives}" for m in messages]
        self.tell(f"consumer {process.number} receives {' '.join(shown)}")

        def consume() -> None:
            failed = process.processor.process(invocation, messages)
            self.scheduler.pause()
            system.polled.delete([m.receipt_handle for m in received if m.message_id not in failed])
            self.tell(f"consumer {process.number} ends, {len(failed)} failed")

        self.scheduler.spawn(process, consume)
        return True

    def _port(self, port: Any, process: Process) -> Any:
        return Port(port, process, self.scheduler, self.faults, self.saw)

    def _remaining(self) -> float:
        return 1.5 if not self.calm and self.random.random() < 0.05 else 1000.0

    def kill(self) -> None:
        process = self.scheduler.process
        process.dead = True
        self.tell(f"consumer {process.number} is killed by its event")
        raise_killed()

    def serve(self, machine_id: str, call: ServiceCall) -> dict[str, Any]:
        """Every service of every machine."""
        group, n = f"{machine_id}/{call.instance}", call.event.data.get("n", -1)
        process = self.scheduler.process
        self.tell(f"consumer {process.number} calls {call.invoke} of {group} for {n} attempt {call.attempt}")
        loaded = process.loaded.get(group, 0)
        if loaded >= self._recorded.get(call.key, loaded + 1):
            raise_broken(f"{group} calls {call.invoke} for {n} again, though its answer was in the journal it read")
        if loaded >= self._ended.get((group, n), loaded + 1):
            raise_broken(f"{group} calls {call.invoke} for {n}, which was finished in what it read")
        if self.random.random() < 0.3:
            self.scheduler.pause()
        times = sum(1 for _, each in self._calls if each.key == call.key)
        self._calls.append((group, call))
        if call.invoke == "hard":
            raise ServiceError("broken", "for good")
        if call.invoke == "doom":
            raise ServiceError("doom")
        if call.invoke in {"flaky", "py"} and (times < failures(n) or failures(n) == 3):
            raise OSError("down")
        return {"n": n, "items": ["one"]}

    # Looking on ------------------------------------------------------------------------------------------------------

    def saw(self, process: Process, name: str, args: Any, answer: Any) -> None:
        """After each call to a port."""
        self.tell(f"  consumer {process.number} {name} {args[0] if name == 'load' else ''}")
        if name == "load" and answer is not None:
            process.loaded[str(args[0])] = answer.revision
        if name == "load" and answer is None:
            process.loaded[str(args[0])] = 0
        if name == "commit":
            process.loaded[str(args[0].key)] = args[0].revision
            self._check_stored(args[0].key)

    def _check_stored(self, key: InstanceKey) -> None:
        group = str(key)
        found = self.system.inner_store.load(key)
        assert found is not None
        old = self._stored.get(group)
        self._stored[group] = found
        snapshot = found.snapshot
        definition = self.system.definitions.get(key.machine)
        self.tell(
            f"  {group} r{found.revision} v{found.version} {snapshot.configuration} held={found.held and len(found.held)}"
            f" paused={found.paused} blocked={found.blocked and found.blocked.code} failing={found.failing}"
        )
        load_configuration(definition, snapshot.configuration)
        expect(not snapshot.started or is_settled(definition, snapshot), f"{group} was stored unsettled")
        expect(not snapshot.invokes, f"{group} was stored with live services")
        seen = (snapshot.context or {}).get("seen", [])
        self._versions[group].append((found.version, "".join(snapshot.configuration), tuple(seen)))
        held = self.system.inner_store.load_held(key, 1, 1000)
        numbers = range(found.held.first, found.held.next) if found.held else range(0)
        expect([item.number for item in held] == list(numbers), f"{group} holds other events than it says")
        positions = [item.position for item in held]
        expect(positions == sorted(set(positions)), f"{group} holds events out of order")
        if found.held:
            expect(positions[0] == found.held.floor, f"{group} has another floor than its oldest held event")
        expect(found.blocked is None or found.held is not None, f"{group} is blocked and holds nothing")
        expect(len({e.id for e in found.outbox}) == len(found.outbox), f"{group} has an entry twice in its outbox")
        if old is not None:
            self._check_follows(group, old, found)
        else:
            expect(found.revision == 1, f"{group} begins at revision {found.revision}")
        self._learn(group, old, found)

    def _check_follows(self, group: str, old: Instance, new: Instance) -> None:
        expect(new.revision == old.revision + 1, f"{group}: revision {old.revision} is followed by {new.revision}")
        expect(new.version >= old.version, f"{group}: version {old.version} is followed by {new.version}")
        expect(new.updated_at >= old.updated_at, f"{group}: its time went back")
        if old.snapshot.started:
            expect(new.incarnation == old.incarnation, f"{group} changed its incarnation")
            expect(new.snapshot.started, f"{group} is unstarted again")
        if old.watermark and new.watermark:
            expect(new.watermark.position >= old.watermark.position, f"{group}: the watermark went back")
        if new.version == old.version and old.snapshot.started:
            expect(new.snapshot == old.snapshot, f"{group} changed without a new version")

    def _learn(self, group: str, old: Instance | None, found: Instance) -> None:
        for receipt in found.ring:
            place = (group, receipt.position)
            if receipt.outcome is Outcome.QUARANTINED and place not in self._quarantined:
                self._quarantined[place] = receipt.code
            if receipt.outcome is Outcome.SKIPPED and place not in self._skipped:
                self._skipped[place] = Skipped(old is not None and old.snapshot.started)
        if found.blocked is not None:
            self._check_quarantine(group, found)
        outcomes = {receipt.position: receipt.outcome for receipt in found.ring}
        for event in self.sent[group]:
            outcome = outcomes.get(event.position)
            if outcome is not None and outcome.final and outcome is not Outcome.DUPLICATE:
                self._ended.setdefault((group, event.n), found.revision)
        if found.run is not None:
            for call_key, result in found.run.results.items():
                if not result.error:
                    self._recorded.setdefault(call_key, found.revision)

    def _check_quarantine(self, group: str, found: Instance) -> None:
        assert found.blocked is not None
        assert found.held is not None
        event = next(each for each in self.sent[group] if each.position == found.held.floor)
        code = found.blocked.code
        allowed = code in HELD_CODES.get(event.type, ()) or code == "unknown_version"
        expect(allowed, f"{group}: {event.type} {event.n} is quarantined for {code}")
        expect(found.blocked.type == event.type, f"{group} is blocked by {found.blocked.type}, its oldest is {event.type}")

    # The end ---------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Let everything come to its end: no faults any more, operators who mend what they can and skip the rest."""
        self.tell("calm")
        self.calm, self.faults.rate = True, 0.0
        self.deploy(whole=True)
        self.scheduler.finish()
        retried: set[tuple[str, int]] = set()
        for _ in range(PATIENCE):
            if FOUND: raise Broken(FOUND[0])
            while self.start_consumer():
                self.scheduler.finish()
            self.system.clock.sleep(61)
            if not self._queued() and not self._operate(retried):
                return
        raise_broken(f"{self._queued()} messages are still queued after {PATIENCE} redeliveries")

    def _queued(self) -> int:
        with self.system.database.reading() as connection:
            row = connection.execute("SELECT count(*) FROM queue_message WHERE queue = 'events.fifo'").fetchone()
        return int(row[0])

    def _operate(self, retried: set[tuple[str, int]]) -> bool:
        """Do what an operator would; False when there is nothing to do."""
        acted = False
        for group, instance in self._stored.items():
            if instance.paused:
                self._control(group, "resume")
                acted = True
            if instance.blocked is not None and instance.held is not None:
                event = next(each for each in self.sent[group] if each.position == instance.held.floor)
                self.mended.add(event.n)
                again = (group, event.n) in retried or event.type in NEVER_APPLIED
                self._control(group, "skip" if again else "retry")
                retried.add((group, event.n))
                acted = True
        return acted

    def check_end(self) -> None:
        """Compare everything with the model."""
        for group in GROUPS:
            self._check_group(group)
        reasons = [message.body for message in self.system.buried()]
        expect(len(reasons) >= min(self.garbage, 10), f"{self.garbage} garbage messages, {len(reasons)} buried")

    def _check_group(self, group: str) -> None:
        instance = self._stored.get(group)
        model = Model(group.partition("/")[0])
        receipts: dict[Position, ShortReceipt] = {}
        for receipt in instance.ring if instance else ():
            expect(receipt.position not in receipts, f"{group} has two receipts for {receipt.position}")
            receipts[receipt.position] = receipt
        for event in sorted(self.sent[group], key=lambda each: each.position):
            expected = model.take(event, self._skipped.get((group, event.position)))
            found = receipts.get(event.position)
            place = f"{group}: {event.type} {event.n} at {event.position.sequence % 10**6}.{event.position.index}"
            if expected is None:
                silent = found is None or found.outcome in {Outcome.REFUSED, Outcome.DUPLICATE}
                expect(silent, f"{place} has a receipt {found}, and should have none")
                continue
            if found is None:
                raise_broken(f"{place} should be {expected} and has no receipt")
            expect(found.outcome is expected, f"{place} is {found.outcome} {found.code}, should be {expected}")
            if expected not in {Outcome.DUPLICATE, Outcome.SKIPPED}:
                expect(found.version == model.version, f"{place} has version {found.version}, not {model.version}")
            if expected is Outcome.SKIPPED:
                expect((group, event.position) in self._quarantined, f"{place} was skipped and never quarantined")
        self._check_keys(group, model)
        self._check_calls(group, model)
        if instance is None:
            expect(not model.exists, f"{group} should exist")
            return
        self._check_instance(group, instance, model)

    def _check_instance(self, group: str, instance: Instance, model: Model) -> None:
        expect(instance.version == model.version, f"{group} is at version {instance.version}, not {model.version}")
        for version, place, seen in self._versions[group]:
            expect(
                model.trajectory.get(version) == (place, seen),
                f"{group} was seen at version {version} as {place} {seen}, should be {model.trajectory.get(version)}",
            )
        expect(instance.outbox == (), f"{group} has an outbox: {instance.outbox}")
        expect(instance.held is None, f"{group} still holds {instance.held}")
        expect(instance.run is None, f"{group} still has a journal")
        expect(instance.failing is None, f"{group} still counts {instance.failing}")
        taken = Counter(receipt.outcome for receipt in instance.ring)
        controls = [r for r in instance.ring if r.position not in {each.position for each in self.sent[group]}]
        applied = sum(1 for receipt in controls if receipt.outcome is Outcome.APPLIED)
        expect(taken[Outcome.SKIPPED] <= applied, f"{group}: more events were skipped than operators asked for")

    def _check_keys(self, group: str, model: Model) -> None:
        ids = list(model.finished)
        key = InstanceKey.parse(group)
        entries = self.system.inner_store.find_entries(key, ids, self.system.clock.now()) if ids else {}
        for event_id, (outcome, version) in model.finished.items():
            entry = entries.get(event_id)
            receipt = entry.receipt if entry else None
            if receipt is None:
                raise_broken(f"{group}: key {event_id} is not finished in the ledger")
            found = (receipt.outcome, receipt.version if outcome is not Outcome.SKIPPED else version)
            expect(found == (outcome, version), f"{group}: key {event_id} is {found}, should be {(outcome, version)}")

    def _check_calls(self, group: str, model: Model) -> None:
        keys: dict[tuple[int, str], set[str]] = defaultdict(set)
        for where, call in self._calls:
            if where == group:
                keys[call.event.data.get("n", -1), call.invoke].add(call.key)
        for place, found in keys.items():
            expect(len(found) == 1, f"{group}: {place} was called under {len(found)} keys")
        missing = model.calls - set(keys)
        expect(not missing, f"{group} never called {missing}")
        gone = {each.n for each in self.sent[group] if each.type in NEVER_APPLIED}
        gone |= {each.n for each in self.sent[group] if (group, each.position) in self._skipped}
        gone |= {each.n for each in self.sent[group] if each.rejected}
        surplus = {place for place in set(keys) - model.calls if place[0] not in gone}
        expect(not surplus, f"{group} called {surplus}, which nothing asked for")

    # Deployments -----------------------------------------------------------------------------------------------------

    def deploy(self, *, whole: bool) -> None:
        """Deploy: a broken release in which the version of some machine was changed under its number, or a whole one."""
        self.tell(f"deploy {'whole' if whole else 'broken'}")
        definitions = type(self.system.definitions)(self.definitions)
        if not whole:
            name = self.random.choice(("m", "boot", "strict"))
            definitions.versions[name, 1] = machine(name, settled("other", on("GO", "other")))
        self.system.definitions = definitions


def raise_broken(text: str) -> Any:
    FOUND.append(text)
    raise Broken(text)


def raise_killed() -> None:
    from tests.support.faults import KilledError

    raise KilledError


def expect(holds: bool, text: str) -> None:
    if not holds:
        raise_broken(text)


# The schedule --------------------------------------------------------------------------------------------------------


FOUND: list[str] = []


class Listener(logging.Handler):
    def __init__(self, world):
        super().__init__(); self.world = world
    def emit(self, record):
        if record.getMessage() == "unexpected error":
            import traceback
            FOUND.append("unexpected error: " + repr(record.exc_info[1]) + " in " + str(traceback.extract_tb(record.exc_info[2])[-1]))


def run(seed: int, *, verbose: bool = False) -> World:
    FOUND.clear()
    world = World(seed, verbose=verbose)
    handler = Listener(world)
    logging.getLogger("settle").addHandler(handler)
    try:
        return _run(world)
    finally:
        logging.getLogger("settle").removeHandler(handler)
        for p in world.scheduler.processes: p.dead = True
        while world.scheduler.tasks: world.scheduler.step()

def _run(world):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process_batch, "wait", world.scheduler.wait)
        patch.setattr(ring, "RING_BYTES", 1_000_000)
        patch.setattr(ring, "RING_RECEIPTS", 10_000)
        patch.setattr(apply_control, "DRAIN_PAGE", 2)
        play(world)
        world.settle()
        world.check_end()
    return world


def play(world: World) -> None:
    random = world.random
    world.faults.rate = random.choice((0.0, 0.02, 0.05, 0.1))
    world.faults.deaths = random.randint(0, 4)
    to_send = random.randint(6, 25)
    for _ in range(random.randint(100, 500)):
        act = random.choices(
            ("step", "send", "consume", "wait", "freeze", "thaw", "deploy", "mend"), (70, 8, 6, 4, 1.5, 1.5, 0.4, 0.5)
        )[0]
        processes = world.scheduler.processes
        if FOUND: raise Broken(FOUND[0])
        if act == "step":
            world.scheduler.step()
        elif act == "send" and to_send:
            to_send -= 1
            world.send_something()
        elif act == "consume" and len(processes) < 3:
            world.start_consumer()
        elif act == "wait":
            world.system.clock.sleep(random.choice((1, 1, 3, 10, 31, 31, 61, 310, HOUR)) if processes else 31)
        elif act in {"freeze", "thaw"} and processes:
            random.choice(processes).frozen = act == "freeze"
        elif act == "deploy":
            world.deploy(whole=random.random() < 0.6)
        elif act == "mend":
            world.mended.add(random.randint(1, 40))


def seeds() -> list[int]:
    first, _, last = os.environ.get("SCHEDULE_SEEDS", f"0-{SEEDS - 1}").partition("-")
    return list(range(int(first), int(last or first) + 1))


@pytest.mark.parametrize("seed", seeds())
def test_any_schedule_ends_as_if_one_consumer_had_done_all_in_order(seed: int) -> None:
    run(seed)
