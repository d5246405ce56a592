"""Several consumers, any interleaving of their calls, any fault: in the end all is as if one had done it in order.

A seed makes a workload and a schedule. While it runs every stored instance is looked at; when all is calm, the outcome
of every event is compared with a sequential model. The seed is the id of the test, and always gives the same run. Other
seeds: `SCHEDULE_SEEDS=1000-5000 pytest tests/property/test_random_schedules.py`; a failing one shows what happened.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Final

import pytest

from settle.runtime.envelope import ControlAction, ControlEnvelope, CreateEnvelope, EnvelopeEvent, EventsEnvelope
from settle.runtime.instance import Instance, InstanceKey
from settle.runtime.receipt import Outcome, Position
from tests.support.promises import BrokenError, seeds, watching
from tests.support.sequential_model import BAD, CREATE, GOOD, NEVER_APPLIED, Model, Sent
from tests.support.watched_system import WatchedSystem

SEEDS: Final = 200
GROUPS: Final = ("m/1", "m/2", "boot/1", "strict/1")
HOUR: Final = 3600.0
PATIENCE: Final = 300
"""Rounds of redelivery in which everything has to come to its end."""

OPEN: Final[frozenset[str]] = frozenset()
"""Promises that the runtime is known to break, by the names before each message, and what is not sent because of that.
Whoever mends one takes its line out."""


class Clients:
    """Clients, operators and strangers, who send at random."""

    def __init__(self, world: WatchedSystem) -> None:
        self._world, self._random, self._system = world, world.random, world.system
        self._numbers = 0
        self._keyed: dict[tuple[str, str], list[tuple[str, dict[str, Any]]]] = {}
        self._creations: dict[str, list[CreateEnvelope]] = defaultdict(list)
        self.garbage = 0

    def send(self) -> None:
        """Send something to somebody."""
        ways = {self._post: 8, self._post_keyed: 4, self._post_list: 2, self._create: 2, self._garbage: 0.5}
        group = self._random.choice(GROUPS)
        (way,) = self._random.choices([*ways, self._control], [*ways.values(), 4])
        way(group)

    def control(self, group: str, action: str) -> None:
        sequence = self._system.control(group, action)
        self._world.tell(f"{group}:{sequence % 10**6} {action}")

    def _control(self, group: str) -> None:
        self.control(group, self._random.choice(("pause", "resume", "retry", "skip")))

    def _event(self, *, bad: float = 0.12) -> tuple[str, dict[str, Any]]:
        self._numbers += 1
        return self._random.choice(BAD if self._random.random() < bad else GOOD), {"n": self._numbers}

    def _post(self, group: str) -> None:
        (type_, data), stranger = self._event(), self._random.random() < 0.1
        instance = self._world.stored.get(group)
        wants = instance is not None and instance.version and self._random.random() < 0.1
        if_match = instance.version + self._random.randint(0, 2) if wants and instance else None
        machine_id, _, name = group.partition("/")
        event = EnvelopeEvent(id="" if stranger else self._system.new_id(), type=type_, data=data)
        envelope = EventsEnvelope(machine=machine_id, instance=name, events=[event], if_match=if_match)
        sequence = self._system.send(envelope, stranger=stranger)
        self._note(group, Sent(position=Position(sequence), type=type_, n=data["n"], if_match=if_match))

    def _post_list(self, group: str) -> None:
        events = [self._event(bad=0) for _ in range(self._random.randint(2, 3))]
        self._note_list(group, events, self._system.post(group, *events))

    def _post_keyed(self, group: str) -> None:
        if group == "strict/1" and "keys before creation" in self._world.open:
            group = "boot/1"
        key = f"key{self._random.randint(1, 3)}"
        events = self._keyed.setdefault((group, key), [self._event() for _ in range(self._random.choice((1, 1, 2)))])
        self._note_list(group, events, self._system.post(group, *events, key=key), key)

    def _note_list(self, group: str, events: list[tuple[str, dict[str, Any]]], sequence: int, key: str = "") -> None:
        for index, (type_, data) in enumerate(events):
            event_id = f"{key}-{index}" if key else ""
            self._note(group, Sent(position=Position(sequence, index), type=type_, n=data["n"], key=event_id))

    def _create(self, group: str) -> None:
        """Send a creation; some send one again, as a client does who was told nothing."""
        earlier = self._creations[group]
        if not earlier or self._random.random() < 0.7 or "creations again" in self._world.open:
            earlier.append(self._new_creation(group))
            envelope = earlier[-1]
        else:
            envelope = self._random.choice(earlier)
        position = Position(self._system.send(envelope))
        common: dict[str, Any] = {"input_hash": envelope.input_hash, "rejected": "reject" in envelope.input}
        n: Any = envelope.input["n"]
        self._note(group, Sent(position=position, type=CREATE, n=n, **common))
        if envelope.event is not None:
            position = Position(position.sequence, 1)
            self._note(group, Sent(position=position, type=envelope.event.type, n=n + 1, **common))

    def _new_creation(self, group: str) -> CreateEnvelope:
        self._numbers += 2
        n = self._numbers
        machine_id, _, name = group.partition("/")
        rejected = {"reject": 1} if self._random.random() < 0.2 else {}
        event = EnvelopeEvent(id=f"event-{n}", type=self._random.choice(GOOD), data={"n": n})
        return CreateEnvelope(
            machine=machine_id,
            instance=name,
            id=f"creation-{n}",
            input={"n": n - 1, **rejected},
            input_hash=self._random.choice("ab") + ("r" if rejected else ""),
            event=event if self._random.random() < 0.5 else None,
        )

    def _garbage(self, group: str) -> None:
        self.garbage += 1
        machine_id, _, name = group.partition("/")
        if self._random.random() < 0.5:
            self._system.stranger.send(group=group, deduplication_id=f"garbage-{self.garbage}", body="garbage")
        else:
            control = ControlEnvelope(machine=machine_id, instance=name, id="x", action=ControlAction.SKIP)
            self._system.send(control, stranger=True)

    def _note(self, group: str, event: Sent) -> None:
        self._world.sent[group].append(event)
        place = f"{group}:{event.position.sequence % 10**6}.{event.position.index}"
        self._world.tell(f"{place} {event.type} {event.n} {event.key} {event.input_hash} if_match={event.if_match}")


def play(world: WatchedSystem, clients: Clients) -> None:
    """Let clients, consumers, operators, time and misfortune take turns."""
    random = world.random
    world.faults.rate, world.faults.deaths = random.choice((0.0, 0.02, 0.05, 0.1)), random.randint(0, 4)
    to_send = random.randint(6, 25)
    acts = {"step": 70, "send": 8, "consume": 6, "wait": 4, "freeze": 1.5, "thaw": 1.5, "deploy": 0.4, "mend": 0.5}
    for act in random.choices(list(acts), list(acts.values()), k=random.randint(100, 450)):
        world.check()
        processes = world.scheduler.processes
        match act:
            case "step":
                world.scheduler.step()
            case "send" if to_send:
                to_send -= 1
                clients.send()
            case "consume" if len(processes) < 3:
                world.start_consumer()
            case "wait":
                world.system.clock.sleep(random.choice((1, 1, 3, 10, 31, 31, 61, 310, HOUR)))
            case "freeze" | "thaw" if processes:
                random.choice(processes).frozen = act == "freeze"
            case "deploy":
                world.deploy(whole=random.random() < 0.6)
            case "mend":
                world.mended.add(random.randint(1, 40))


def settle(world: WatchedSystem, clients: Clients) -> None:
    """Let everything come to its end: no faults any more, and operators who mend what they can and skip the rest."""
    world.tell("calm")
    world.calm, world.faults.rate = True, 0.0
    world.deploy(whole=True)
    world.scheduler.finish()
    retried: set[tuple[str, int]] = set()
    for _ in range(PATIENCE):
        while world.start_consumer():
            world.scheduler.finish()
        world.check()
        world.system.clock.sleep(61)
        if not world.queued() and not operate(world, clients, retried):
            return
    world.expect(False, "progress", f"{world.queued()} messages are queued after {PATIENCE} redeliveries")  # noqa: FBT003


def operate(world: WatchedSystem, clients: Clients, retried: set[tuple[str, int]]) -> bool:
    """Do what operators would; False when there is nothing to do."""
    acted = False
    for group, instance in world.stored.items():
        if instance.paused:
            clients.control(group, "resume")
            acted = True
        if instance.blocked is not None:
            event = world.oldest_held(instance)
            world.mended.add(event.n)
            hopeless = (group, event.n) in retried or event.type in NEVER_APPLIED
            clients.control(group, "skip" if hopeless else "retry")
            retried.add((group, event.n))
            acted = True
    return acted


def check_group(world: WatchedSystem, group: str) -> None:
    """Compare an instance and the receipts of its events with the model."""
    instance, model = world.stored.get(group), Model(group.partition("/")[0])
    rest = list(instance.ring) if instance else []
    receipts = {receipt.position: receipt for receipt in rest}
    world.expect(len(receipts) == len(rest), "receipts", f"{group} has two receipts for one event")
    for event in sorted(world.sent[group], key=lambda each: each.position):
        expected = model.take(event, world.skipped.get((group, event.position)))
        receipt = receipts.pop(event.position, None)
        place = f"{group}: {event.type} {event.n} at {event.position.sequence % 10**6}.{event.position.index}"
        found = receipt and receipt.outcome
        if expected is None:
            silent = found in {None, Outcome.REFUSED, Outcome.DUPLICATE}
            world.expect(silent, "once", f"{place} is {found}, and was for nobody")
            continue
        world.expect(found is expected, "once", f"{place} is {found}, should be {expected}")
        if receipt and expected not in {Outcome.DUPLICATE, Outcome.SKIPPED}:
            says = f"{place} has version {receipt.version}, not {model.version}"
            world.expect(receipt.version == model.version, "version", says)
        if expected is Outcome.SKIPPED:
            asked = (group, event.position) in world.quarantined
            world.expect(asked, "no poison", f"{place} was skipped and never quarantined")
    skips = Counter(receipt.outcome for receipt in rest)[Outcome.SKIPPED]
    controls = Counter(receipt.outcome for receipt in receipts.values())[Outcome.APPLIED]
    world.expect(skips <= controls, "no poison", f"{group}: more events were skipped than operators asked for")
    world.expect(model.exists == (instance is not None), "once", f"{group} should exist: {model.exists}")
    check_keys(world, group, model)
    check_calls(world, group, model)
    if instance is not None:
        check_instance(world, instance, model)


def check_instance(world: WatchedSystem, instance: Instance, model: Model) -> None:
    """Compare what was ever visible of an instance with the model; nothing may be left to do."""
    group = str(instance.key)
    world.expect(instance.version == model.version, "once", f"{group} is at {instance.version}, not {model.version}")
    for version, place, seen in world.versions[group]:
        should = model.trajectory.get(version)
        world.expect(
            (place, seen) == should, "atomic", f"{group} at version {version} was {place} {seen}, not {should}"
        )
    left = (instance.outbox, instance.held, instance.blocked, instance.run, instance.failing)
    world.expect(left == ((), None, None, None, None), "progress", f"{group} still has something to do: {left}")


def check_keys(world: WatchedSystem, group: str, model: Model) -> None:
    """Every event with a key has one finished receipt, and it says what happened."""
    entries = world.system.inner_store.find_entries(
        InstanceKey.parse(group), list(model.finished), world.system.clock.now()
    )
    for event_id, expected in model.finished.items():
        entry = entries.get(event_id)
        receipt = entry.receipt if entry else None
        world.expect(receipt, "ledger", f"{group}: {event_id} is not finished in the ledger")
        if receipt is not None and expected[0] is not Outcome.SKIPPED:
            found = (receipt.outcome, receipt.version)
            world.expect(found == expected, "ledger", f"{group}: {event_id} is {found}, not {expected}")


def check_calls(world: WatchedSystem, group: str, model: Model) -> None:
    """Every service that was due was called, under one key, and no other."""
    keys: dict[tuple[int, str], set[str]] = defaultdict(set)
    for call in world.calls[group]:
        keys[call.event.data["n"], call.invoke].add(call.key)
    # A creation that was sent again is another event, with services of its own.
    creations = {event.n for event in world.sent[group] if event.input_hash}
    for place, found in keys.items():
        one = len(found) == 1 or place[0] in creations
        world.expect(one, "one key", f"{group}: {place} was called under {len(found)} keys")
    missing = model.calls - set(keys)
    world.expect(not missing, "services", f"{group} never called {missing}")
    dropped = {
        event.n
        for event in world.sent[group]
        if event.type in NEVER_APPLIED or event.rejected or (group, event.position) in world.skipped
    }
    surplus = [place for place in keys if place not in model.calls and place[0] not in dropped]
    world.expect(not surplus, "services", f"{group} called {surplus}, which nothing asked for")


@contextmanager
def watched(seed: int) -> Iterator[WatchedSystem]:
    """A world whose consumers are scheduled by the seed, whose rings forget nothing and whose pages are small."""
    world = WatchedSystem(Random(seed), OPEN)  # noqa: S311 - it has to be repeatable
    with watching(world, world.scheduler):
        yield world


@pytest.mark.parametrize("seed", seeds("SCHEDULE_SEEDS", SEEDS))
def test_any_schedule_ends_as_if_one_consumer_had_done_all_in_order(seed: int) -> None:
    with watched(seed) as world:
        clients = Clients(world)
        try:
            play(world, clients)
            settle(world, clients)
            for group in GROUPS:
                check_group(world, group)
            buried = len(world.system.buried())
            world.expect(buried >= min(clients.garbage, 10), "dead letters", f"{clients.garbage} sent, {buried} buried")
        except BrokenError:
            world.fail(seed)
