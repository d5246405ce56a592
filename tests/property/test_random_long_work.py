"""Several functions, any interleaving of their calls, any fault: what outlives an invocation happens, and happens once.

A seed makes instances that send each other messages, set timers, have services and children called, end, are deleted
and created again, and a schedule of consumers, forwarders, workers, time and misfortune. Whatever is stored, sent or
called is looked at as it happens; when all is calm, the whole history is. The seed is the id of the test, and always
gives the same run. Other seeds: `LONG_WORK_SEEDS=1000-5000 pytest tests/property/test_random_long_work.py`; a failing
one shows what happened.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Final

import pytest

from settle.core.snapshot import Status
from settle.runtime.envelope import CreateEnvelope, EnvelopeEvent, EventsEnvelope, ResultEnvelope
from settle.runtime.ids import hash_callback, token_event_id
from settle.runtime.tokens import parse_token
from tests.support.long_work_audit import audit
from tests.support.long_work_charts import HOUR, KINDS
from tests.support.long_work_world import LongWorkWorld
from tests.support.promises import BrokenError, seeds, watching

SEEDS: Final = 150
GROUPS: Final = ("m/1", "m/2", "s/1")
LONGEST: Final = 20 * HOUR
"""What time may pass before all is calm: the ledger forgets after a day."""
PATIENCE: Final = 3000
"""Rounds in which everything has to come to its end."""
GOES: Final = (
    *("PLAIN", "FLAKY", "LAZY", "ONCE", "ASK", "SIDE", "BOTH", "SOON", "LATER", "KID", "KID", "INLINE"),
    *("BPLAIN", "BFLAKY", "BLAZY", "BONCE", "BASK", "BSOON", "BKID", "IDLE", "IDLE"),
)
NOTES: Final = ("NOTE", "NOTE", "TELL", "TELL", "SELF", "SELF", "REMIND", "REMIND", "FORGET", "ASKKID", "BAD", "GATE")
ENDS: Final = ("END",)
NAMES: Final = ("red", "blue")

OPEN: Final[frozenset[str]] = frozenset({"late finish"})
"""Promises that the runtime is known to break, by the names before each message. Whoever mends one takes it out."""


class Clients:
    """Clients, operators, and whoever answers callbacks."""

    def __init__(self, world: LongWorkWorld) -> None:
        self._world, self._random, self._system = world, world.random, world.system
        self._numbers = 0
        self._keyed: dict[tuple[str, str], list[tuple[str, dict[str, Any]]]] = {}

    def send(self) -> None:
        ways: dict[Callable[[str], None], float] = {
            self._post: 9,
            self._post_list: 2,
            self._post_keyed: 2,
            self._create: 1.5,
            self._control: 2,
        }
        ways |= {self._post_kid: 1.5, self._delete: 0.8, self._callback: 3, self._stranger: 0.4}
        (way,) = self._random.choices([*ways], [*ways.values()])
        way(self._random.choice(GROUPS))

    def begin(self) -> None:
        """Create every instance."""
        for group in GROUPS:
            self._create(group)

    def control(self, group: str, action: str) -> None:
        sequence = self._system.control(group, action)
        self._world.tell(f"{group}:{sequence % 10**6} {action}")

    def _control(self, group: str) -> None:
        groups = [*self._world.witness.stored] or [group]
        self.control(self._random.choice(groups), self._random.choice(("pause", "resume", "retry", "skip")))

    def _delete(self, group: str) -> None:
        """Delete an instance; more often than not it is soon created again."""
        groups = [group, *self._world.witness.stored]
        group = self._random.choice(groups)
        self.control(group, "delete")
        if group in GROUPS and self._random.random() < 0.7:
            self._create(group)

    def _event(self, group: str) -> tuple[str, dict[str, Any]]:
        random = self._random
        self._numbers += 1
        (kinds,) = random.choices((GOES, NOTES, ENDS), (6, 5, 0.4))
        others = [each for each in GROUPS if each != group]
        data = {
            "n": self._numbers,
            "delay": random.choice((0, 5, 30, 100, 100, 850, 1000, 4000)),
            "sour_later": self._numbers if random.random() < 0.05 else 0,
            "kind": random.choice(KINDS),
            "to": random.choice(("", *others)) if kinds is NOTES else "",
            "name": random.choice(NAMES),
        }
        event_type = random.choice(kinds)
        if event_type == "TELL" and not data["to"]:
            data["to"] = random.choice(others)
        return event_type, data

    def _post(self, group: str) -> None:
        self._tell(group, self._system.post(group, event := self._event(group)), event)

    def _stranger(self, group: str) -> None:
        """Send as somebody who is none of our functions."""
        machine_id, _, name = group.partition("/")
        event_type, data = self._event(group)
        events = [EnvelopeEvent(type=event_type, data=data)]
        envelope = EventsEnvelope(machine=machine_id, instance=name, events=events, origin="m/1")
        self._tell(group, self._system.send(envelope, stranger=True), (event_type, data))

    def _post_list(self, group: str) -> None:
        events = [self._event(group) for _ in range(self._random.randint(2, 3))]
        self._tell(group, self._system.post(group, *events), *events)

    def _post_keyed(self, group: str) -> None:
        key = f"key{self._random.randint(1, 2)}"
        events = self._keyed.setdefault((group, key), [self._event(group)])
        self._tell(group, self._system.post(group, *events, key=key), *events)

    def _post_kid(self, group: str) -> None:
        kids = [each for each in self._world.witness.stored if each.startswith("kid/")]
        if kids:
            group = self._random.choice(kids)
            _, data = self._event(group)
            event = (self._random.choice(("NOTE", "NOTE", "BAD", "END")), data)
            self._tell(group, self._system.post(group, event), event)

    def _create(self, group: str) -> None:
        self._numbers += 1
        life = self._numbers
        machine_id, _, name = group.partition("/")
        envelope = CreateEnvelope(
            machine=machine_id, instance=name, id=f"creation-{life}", input={"life": life}, input_hash=f"h{life}"
        )
        self._tell(group, self._system.send(envelope), ("create", {"n": life}))

    def _callback(self, group: str) -> None:
        """Answer for a service that waits for a callback: once, twice, or as somebody who only guesses."""
        if not self._world.tokens:
            self._post(group)
            return
        # Mostly for a service that may still wait: of all that ever waited, few do.
        tokens = self._world.tokens[-2:] if self._random.random() < 0.8 else self._world.tokens
        text, n = self._random.choice(tokens)
        token = parse_token(text)
        forged = self._random.random() < 0.15
        data, error = ({"forged": True}, "") if forged else ({"life": self._life(text)}, "no" if n % 3 == 0 else "")
        envelope = ResultEnvelope(
            machine=token.key.machine,
            instance=token.key.instance,
            id=self._system.new_id() if forged else token_event_id(token),
            incarnation=token.incarnation,
            invoke=token.invoke,
            token="guessed" if forged else token.secret,
            data=data,
            error=error,
            body_hash=hash_callback(data, error),
        )
        sequence = self._system.send(envelope)
        self._world.tell(f"{token.key}:{sequence % 10**6} callback for {token.invoke} {data} {error}")

    def _life(self, text: str) -> int:
        token = parse_token(text)
        calls = self._world.witness.calls[token.incarnation, token.invoke]
        return int(calls[0].input["life"])

    def _tell(self, group: str, sequence: int, *events: tuple[str, dict[str, Any]]) -> None:
        said = " ".join(f"{event_type} {data}" for event_type, data in events)
        self._world.tell(f"{group}:{sequence % 10**6} {said}")


def play(world: LongWorkWorld, clients: Clients) -> None:
    """Let clients, functions, operators, time and misfortune take turns."""
    random = world.random
    world.faults.rate, world.faults.deaths = random.choice((0.0, 0.02, 0.05, 0.1)), random.randint(0, 4)
    to_send, end = random.randint(10, 50), world.system.clock.now() + LONGEST
    acts: dict[str, float] = {"step": 75, "send": 6, "consumer": 7, "forwarder": 3, "worker": 3, "fire": 1, "wait": 3}
    acts |= {"freeze": 1, "thaw": 1.5, "mend": 0.5, "repeat": 1}
    if random.random() < 0.7:
        clients.begin()
    for act in random.choices(list(acts), list(acts.values()), k=random.randint(200, 900)):
        world.witness.check()
        processes = world.scheduler.processes
        match act:
            case "step":
                world.scheduler.step()
            case "send" if to_send:
                to_send -= 1
                clients.send()
            case "consumer" | "forwarder" | "worker" | "fire" if len(processes) < 4:
                world.start(act)
            case "wait" if world.system.clock.now() < end - HOUR:
                world.wait(random.choice((1, 1, 3, 10, 31, 31, 61, 110, 310, 900, HOUR)))
            case "freeze" | "thaw" if processes:
                random.choice(processes).frozen = act == "freeze"
            case "mend":
                world.mended.add(random.randint(1, 40))
            case "repeat":
                world.repeat()


def settle(world: LongWorkWorld, clients: Clients) -> None:
    """Let everything come to its end: no faults any more, and operators who mend what they can."""
    world.tell("calm")
    world.calm, world.faults.rate = True, 0.0
    world.scheduler.finish()
    acted_at, retried = 0.0, set[tuple[str, str]]()
    for _ in range(PATIENCE):
        started = [world.start(kind) for kind in ("fire", "forwarder", "worker", "consumer")]
        world.scheduler.finish()
        world.witness.check()
        if any(started):
            continue
        now, at = world.system.clock.now(), world.next_at()
        if (acted_at < now or at is None) and operate(world, clients, retried):
            acted_at = now
        elif at is not None:
            world.wait(max(at - world.system.clock.now(), 0))
        elif not end_children(world, clients):
            return
    world.witness.expect(False, "progress", f"there is no end, and still to do is {world.left()}")  # noqa: FBT003


def operate(world: LongWorkWorld, clients: Clients, retried: set[tuple[str, str]]) -> bool:
    """Do what operators would: mend what can be mended, skip the rest. False when there is nothing to do."""
    acted = False
    for group, instance in world.witness.stored.items():
        if instance.paused:
            clients.control(group, "resume")
            acted = True
        if instance.blocked is not None:
            world.mended |= set(range(1000))
            event = (group, instance.blocked.event_id)
            clients.control(group, "skip" if event in retried else "retry")
            retried.add(event)
            acted = True
    return acted


def end_children(world: LongWorkWorld, clients: Clients) -> bool:
    """Delete children that live for ever while others wait until their parent is done with them."""
    acted = False
    for group, instance in world.witness.stored.items():
        waits = instance.parent and world.witness.stored[instance.parent.group].held is not None
        if waits and instance.snapshot.status is Status.ACTIVE:
            clients.control(group, "delete")
            acted = True
    return acted


@contextmanager
def watched(seed: int) -> Iterator[LongWorkWorld]:
    """A world whose functions are scheduled by the seed, whose rings forget nothing and whose pages are small."""
    world = LongWorkWorld(Random(seed), OPEN)  # noqa: S311 - it has to be repeatable
    with watching(world.witness, world.scheduler):
        yield world


def run(seed: int) -> Counter[str]:
    """Run a seed; return how often things happened that a search should meet."""
    with watched(seed) as world:
        clients = Clients(world)
        try:
            play(world, clients)
            settle(world, clients)
            audit(world.witness, world.system.clock.now())
            world.witness.expect(not world.left(), "progress", f"still under way is {world.left()}")
        except BrokenError:
            world.witness.fail(seed)
        return world.witness.counters


@pytest.mark.parametrize("seed", seeds("LONG_WORK_SEEDS", SEEDS))
def test_any_schedule_ends_with_everything_done_once(seed: int) -> None:
    run(seed)


def test_the_search_meets_what_it_is_for() -> None:
    met = sum((run(seed) for seed in range(20)), Counter())
    happened = {"fired", "delayed", "deleted", "recreated", "retired", "callbacks", "stopped"}
    answers = {f"answer {code}" for code in ("done", "service_failed", "deadline_exceeded", "child_deleted")}
    assert set(met) >= happened | answers
