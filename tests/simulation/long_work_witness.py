"""Looks at every instance whenever it is stored, at every message that is sent and at every service that is called.

What an instance's actions saw stands in the log of its context. The witness compares that with what was live in the
instance as it was stored before, with what it was promised, and with where its events stood in the queue.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from settle.core.configuration import load_configuration
from settle.core.definition import Definition
from settle.core.errors import SettleError
from settle.core.service import ServiceCall
from settle.core.snapshot import LiveInvoke, LiveTimer, Status
from settle.core.spec import Delivery
from settle.runtime.envelope import (
    ControlAction,
    TimerEnvelope,
    TimerKind,
    parse_envelope,
    parse_task,
    parse_timer,
)
from settle.runtime.incoming import Incoming, IncomingControl, IncomingEvent
from settle.runtime.instance import (
    MAX_HELD_EVENTS,
    FinishEvent,
    Instance,
    InstanceKey,
    Lane,
    OutboxEntry,
    SendMessage,
    SendTask,
    SendTimer,
)
from settle.runtime.ledger import LEDGER_MARK, LedgerEntry
from settle.runtime.message import Message
from settle.runtime.open_envelope import open_message
from settle.runtime.receipt import Outcome, Position
from settle.runtime.tokens import parse_token
from tests.simulation.acts import MAX_SKEW
from tests.simulation.long_work_records import INLINE, Live
from tests.simulation.promises import Promises
from tests.simulation.scheduler import Process
from tests.simulation.tapped_queue import Entered
from tests.support.system import System

Life = tuple[str, str]
"""Group and incarnation."""
RETIRE: Final = "retire-"
UNDELIVERED: Final = "-undelivered"


@dataclass(kw_only=True)
class Seen:
    """What was seen of one incarnation.

    Attributes:
        began: the last event taken before it began.
        timers, invokes: whatever was ever live in it, by key.
        last: position of the latest external event that was applied.
        latest: the same of timers and results.
    """

    began: Position
    timers: dict[str, LiveTimer] = field(default_factory=dict)
    invokes: dict[str, LiveInvoke] = field(default_factory=dict)
    last: Position = field(default_factory=lambda: Position(0))
    latest: Position = field(default_factory=lambda: Position(0))


class LongWorkWitness(Promises):
    """What happened, and whether it may.

    Attributes:
        stored: each instance as it was stored last.
        lives: by group and incarnation.
        promised: every outbox entry that was ever stored, by the group that promised it and its id.
        arrived: what consumers were given, by group and position; `places` the same by event id.
        outcomes: final ones with the incarnation, by group and position.
        before: the incarnation before the commit that brought such an outcome: a commit may end one and begin another.
        dropped: events that ended with their instance, or came before there was one.
        applied: incarnations that applied an event, by group and event id.
        calls: of services, by incarnation and key of the live invoke.
        task_messages: how many there were for each live invoke.
        finishes: every entry of the ledger that was ever promised, with its group.
        done: what was carried out: these entries, the bodies of timers and tasks, and the names of cancelled schedules.
        refused: events that came before their instance was created, as the ledger says, by group and event id.
        skipped: what operators gave up, by group.
        held: where the events that an instance holds stood in the queue, by group.
        counters: how often things happened that a search should meet.
    """

    def __init__(self, system: System, machines: Sequence[Definition]) -> None:
        super().__init__()
        self._system = system
        self._machines = {each.machine: each for each in machines}
        self.stored: dict[str, Instance] = {}
        self.lives: dict[Life, Seen] = {}
        self.promised: dict[tuple[str, str], OutboxEntry] = {}
        self.finishes: list[tuple[str, LedgerEntry]] = []
        self.done: set[object] = set()
        self.refused: set[tuple[str, str]] = set()
        self.arrived: dict[tuple[str, Position], Incoming] = {}
        self.places: dict[tuple[str, str], set[Position]] = defaultdict(set)
        self.outcomes: dict[tuple[str, Position], tuple[Outcome, str]] = {}
        self.before: dict[tuple[str, Position], str] = {}
        self.dropped: set[tuple[str, Position]] = set()
        self.applied: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.calls: dict[tuple[str, str], list[ServiceCall]] = defaultdict(list)
        self.task_messages: Counter[tuple[str, str]] = Counter()
        self.skipped: dict[str, list[Incoming]] = defaultdict(list)
        self.counters: Counter[str] = Counter()
        self.held: dict[str, set[Position]] = defaultdict(set)
        self._bodies: set[str] = set()
        self._messages: set[tuple[str, str, str]] = set()
        self._finished: dict[Life, dict[str, LedgerEntry]] = defaultdict(dict)
        self._due: dict[tuple[str, TimerKind, str], float] = {}

    def now(self) -> float:
        return self._system.clock.now()

    def definition(self, instance: Instance) -> Definition:
        return self._machines[instance.key.machine]

    # Requests --------------------------------------------------------------------------------------------------------

    def entered(self, message: Entered) -> None:
        """Note what the queue accepted, whoever sent it."""
        self.tell(f"{message.group}:{message.sequence % 10**7} is sent by {message.sender}: {message.body[:300]}")

    def arrives(self, message: Message) -> None:
        """Note what a consumer is given."""
        for item in open_message(message):
            self.arrived[message.group, item.position] = item
            self.places[message.group, item.id].add(item.position)

    def saw(self, process: Process, request: str, args: Any, _answer: Any) -> None:
        """Look at what a request did."""
        named: Mapping[str, Any] = args[-1] if args and isinstance(args[-1], dict) else {}
        match request:
            case "store commit":
                self._look(args[0].key)
            case "store finish":
                self._finish(str(args[0]), args[1])
            case "store purge":
                self._check_ledger(str(args[0]))
            case "events send":
                self._check_sent(process, named)
            case "scheduler cancel":
                self.done.add(args[0])
            case "timers send" | "scheduler schedule":
                self.done.add(named["body"])
                self.expect(named["body"] in self._bodies, "uncommitted", f"a timer that nothing promised: {named}")
            case "tasks send":
                self.expect(named["body"] in self._bodies, "uncommitted", f"a task that nothing promised: {named}")
                self.done.add(named["body"])
                self.task_sent(named["body"])
            case "letters bury":
                self.expect(False, "dead letters", f"{named} is buried")  # noqa: FBT003

    def _finish(self, group: str, entry: LedgerEntry) -> None:
        """Note for whom the ledger knows that an event is finished."""
        self.done.add((group, entry))
        receipt = entry.receipt
        if group not in self.stored:
            self.refused.add((group, entry.event_id))
        elif receipt is not None:
            self._finished[group, receipt.incarnation][entry.event_id] = entry
            self._check_ledger(group)

    def _check_ledger(self, group: str) -> None:
        """Nothing that one life leaves behind takes away from another, nor from what is known of messages."""
        instance = self.stored[group]
        # What a client sent before there was an instance is nobody's, and forgotten with the next life that ends.
        messages = {each: entry for each, entry in self._finished[group, ""].items() if entry.body_hash == LEDGER_MARK}
        for entries in (messages, {} if instance.deleted else self._finished[group, instance.incarnation]):
            mine = {each: entry for each, entry in entries.items() if entry.expires_at > self.now()}
            left = self._system.inner_store.find_entries(instance.key, list(mine), self.now())
            for each, entry in mine.items():
                found = left[each].receipt if each in left else None
                self.expect(found == entry.receipt, "purge", f"{group} has lost what it knew of {each}")

    def task_sent(self, body: str) -> None:
        task = parse_task(body)
        self.task_messages[task.incarnation, task.invoke] += 1

    def _check_sent(self, process: Process, named: Mapping[str, Any]) -> None:
        """Only what a commit has made certain is sent."""
        group, name, body = named["group"], named["deduplication_id"], named["body"]
        if process.kind == "consumer":
            # What no instance takes, for there is none, is told to its sender without a commit.
            told = self.promised.get((group, name.removesuffix(UNDELIVERED))) if name.endswith(UNDELIVERED) else None
            known = told is not None or (group, name, body) in self._messages
            self.expect(known, "uncommitted", f"{name} is sent to {group}, and nobody promised {body}")
        elif process.kind == "forwarder":
            timer = parse_envelope(body)
            assert isinstance(timer, TimerEnvelope)
            now = self.now()
            self.expect(body in self._bodies and now >= timer.due - MAX_SKEW, "time", f"{body} is forwarded at {now}")

    def called(self, process: Process, call: ServiceCall) -> None:
        """Note the call of a service, before it runs."""
        group = f"{call.machine}/{call.instance}"
        if not call.token:
            return
        token = parse_token(call.token)
        life = (token.incarnation, token.invoke)
        spec = self._machines[call.machine].invokes[call.invoke]
        known = process.loaded.get(group)
        wanted = (
            known is not None and known.incarnation == token.incarnation and known.snapshot.find_invoke(token.invoke)
        )
        self.expect(wanted, "services", f"{group} has {token.invoke} called, which is not live")
        calls = self.calls[life]
        calls.append(call)
        self.expect(len({each.key for each in calls}) == 1, "one key", f"{group} calls {token.invoke} under two keys")
        limit = 1 if spec.delivery is Delivery.AT_MOST_ONCE else spec.attempts - 1 + self.task_messages[life]
        self.expect(len(calls) <= limit, "attempts", f"{group} calls {token.invoke} {len(calls)} times, not {limit}")

    # What is stored --------------------------------------------------------------------------------------------------

    def _look(self, key: InstanceKey) -> None:
        group = str(key)
        new = self._system.inner_store.load(key)
        assert new is not None
        old = self.stored.get(group)
        self.stored[group] = new
        self.tell(describe(new))
        self._check_whole(group, new)
        self._check_follows(group, old, new)
        held = self._check_held(group, new)
        self._promise(group, old, new)
        self._end_events(group, old, new, held)
        seen = self._seen(group, old, new)
        if new.snapshot.status is Status.STOPPED and old is not None and old.snapshot.status is Status.ACTIVE:
            self.counters["stopped"] += 1
        if new.deleted:
            self._check_deletion(group, old, new)
        elif new.snapshot.started:
            self._check_log(group, old, new, seen)

    def due(self, incarnation: str, what: TimerKind, key: str = "") -> float:
        """Return when a timer that was promised is due; never for one that was not."""
        return self._due.get((incarnation, what, key), math.inf)

    def _check_whole(self, group: str, new: Instance) -> None:
        snapshot = new.snapshot
        try:
            load_configuration(self._machines[new.key.machine], snapshot.configuration)
        except SettleError as error:
            self.expect(False, "atomic", f"{group}: {error}")  # noqa: FBT003
        invokes = [live.key for live in snapshot.invokes]
        if sorted(new.tokens) != sorted(invokes):
            self.breaks("tokens", f"{group} has tokens {new.tokens} for {invokes}")
        self.expect(
            not INLINE.intersection(live.id for live in snapshot.invokes),
            "atomic",
            f"{group} has an inline service live",
        )
        # What two copies of one message lead to may stand there twice, for then it is the same.
        entries = set(new.outbox)
        if len({entry.id for entry in entries}) < len(entries):
            self.breaks("one id", f"{group} has two entries of one id: {new.outbox}")
        if snapshot.status is not Status.ACTIVE:
            self.expect(
                not snapshot.invokes and not snapshot.timers, "ended", f"{group} has ended and has something live"
            )
        if new.deleted:
            left = (snapshot.context, new.held, new.urgent, new.parent, new.blocked, new.run, new.ring)
            self.expect(left[:1] == ({},) and not any(left[1:6]), "deletion", f"{group} is deleted and has {left}")

    def _check_follows(self, group: str, old: Instance | None, new: Instance) -> None:
        revision, version = (old.revision, old.version) if old else (0, 0)
        self.expect(new.revision == revision + 1, "atomic", f"{group}: revision {new.revision} after {revision}")
        self.expect(new.version >= version, "version", f"{group}: version {new.version} after {version}")
        if old is None:
            return
        self.expect(new.updated_at >= old.updated_at - 2 * MAX_SKEW, "updated", f"{group}: its time went back")
        if new.incarnation != old.incarnation:
            self.expect(old.deleted, "incarnation", f"{group} changed its incarnation while it was alive")
        elif old.snapshot.started and not new.deleted:
            same = new.version > version or new.snapshot == old.snapshot
            self.expect(same, "version", f"{group} changed without a new version")
        if old.watermark is not None:
            risen = new.watermark is not None and new.watermark.position >= old.watermark.position
            self.expect(risen, "once", f"{group}: the watermark went back")

    def _check_held(self, group: str, new: Instance) -> set[Position]:
        """Compare what is held with what the instance says about it; return where that stood in the queue."""
        found: set[Position] = set()
        stored = self._system.inner_store.load_held(new.key, 0, 2 * MAX_HELD_EVENTS)
        for lane in Lane:
            said = new.lane(lane)
            numbers = range(said.first, said.next) if said else range(0)
            held = [each for each in stored if (each.number >= 10**9) is (lane is Lane.URGENT)]
            self.expect([each.number for each in held] == list(numbers), "held", f"{group} holds others than it says")
            positions = [each.position for each in held]
            self.expect(positions == sorted(set(positions)), "order", f"{group} holds events out of order")
            self.expect(
                positions[:1] == ([said.floor] if said else []), "held", f"{group}: its floor is not its oldest"
            )
            found.update(positions)
        if new.blocked is not None:
            self.expect(new.lane(new.blocked.lane), "held", f"{group} is blocked and holds nothing")
        return found

    def _promise(self, group: str, old: Instance | None, new: Instance) -> None:
        """Note what a commit promises."""
        known = {entry.id for entry in old.outbox} if old else set()
        for entry in new.outbox:
            if entry.id in known:
                continue
            again = self.promised.setdefault((group, entry.id), entry)
            # Two copies of one creation may be refused for two reasons: the parent waits for the first only.
            same = again == entry or isinstance(entry, FinishEvent) or entry.id.endswith("-refused")
            if not same:
                self.breaks("effects", f"{group} promises {entry.id} twice: {entry}, {again}")
            if isinstance(entry, FinishEvent):
                self.finishes.append((group, entry.entry))
            if isinstance(entry, SendMessage):
                self._messages.add((entry.group, entry.id, entry.body))
            if isinstance(entry, SendTask | SendTimer):
                self._bodies.add(entry.body)
            if isinstance(entry, SendTimer):
                timer = parse_timer(entry.body)
                self._due[timer.incarnation, timer.what, timer.key] = timer.due

    # What becomes of events ------------------------------------------------------------------------------------------

    def _taken(self, group: str, old: Instance | None, new: Instance) -> list[tuple[Position, Incoming]]:
        """Return what was taken from the queue since an instance was stored before."""
        low = old.watermark.position if old and old.watermark else Position(0)
        high = new.watermark.position if new.watermark else Position(0)
        found = [(at[1], item) for at, item in self.arrived.items() if at[0] == group and low < at[1] <= high]
        return sorted(found, key=lambda each: each[0])

    def _end_events(self, group: str, old: Instance | None, new: Instance, held: set[Position]) -> None:
        """Note how events ended: each once, and none without a word unless its instance ended too."""
        same = old is not None and old.deleted and old.incarnation == new.incarnation
        deleted = (new.deleted and not same) or self._is_ending(group, new)
        were = self.held[group]
        self.held[group] = held
        receipts = {receipt.position: receipt.outcome for receipt in new.ring}
        for position, outcome in receipts.items():
            if not outcome.final:
                waits = position in held or self._is_ending(group, new)
                self.expect(waits, "once", f"{group}: {position} is {outcome} and is not held")
                continue
            if old is not None and (group, position) not in self.outcomes:
                self.before[group, position] = old.incarnation
            known = self.outcomes.setdefault((group, position), (outcome, new.incarnation))
            self.expect(known[0] is outcome, "once", f"{group}: {position} is {outcome} and was {known[0]}")
            if outcome is Outcome.SKIPPED and (item := self.arrived.get((group, position))) not in self.skipped[group]:
                assert item is not None
                self.skipped[group].append(item)
        taken = self._taken(group, old, new)
        gone = {position for position, _ in taken} | were - held
        for position in sorted(gone - held - {position for position, outcome in receipts.items() if outcome.final}):
            item = self.arrived[group, position]
            live = isinstance(item, IncomingEvent) and item.live is not None
            silent = deleted or old is None or old.watermark is None
            drain = isinstance(item, IncomingControl) and item.action is ControlAction.DRAIN
            if not (silent or live or drain):
                self.breaks("once", f"{group}: {item} was taken, and nobody knows what became of it")
            if (group, position) not in self.outcomes:
                self.dropped.add((group, position))

    def _is_ending(self, group: str, new: Instance) -> bool:
        """Whether a deletion has begun that drops held events before it is complete."""
        if new.deleted or new.snapshot.status is Status.ACTIVE:
            return False
        last = new.watermark.position if new.watermark else Position(0)
        return any(
            isinstance(item, IncomingControl) and item.action is ControlAction.DELETE
            for (where, position), item in self.arrived.items()
            if where == group and position > last
        )

    def _skipped_now(self, group: str, old: Instance | None, new: Instance) -> list[Incoming]:
        before = set(old.ring) if old else set()
        skips = [each.position for each in new.ring if each.outcome is Outcome.SKIPPED and each not in before]
        return [self.arrived[group, position] for position in skips]

    def _seen(self, group: str, old: Instance | None, new: Instance) -> Seen:
        life = (group, new.incarnation)
        if life not in self.lives:
            began = old.watermark.position if old and old.watermark else Position(0)
            self.lives[life] = Seen(began=began)
            if old is not None and not new.deleted:
                creations = [item for _, item in self._taken(group, old, new) if isinstance(item, IncomingEvent)]
                asked = any(item.is_creation and item.parent is None for item in creations)
                self.expect(asked, "incarnation", f"{group} came back, and nobody created it")
                self.counters["recreated"] += 1
        seen = self.lives[life]
        seen.timers |= {live.key: live for live in new.snapshot.timers}
        seen.invokes |= {live.key: live for live in new.snapshot.invokes}
        return seen

    def _check_deletion(self, group: str, old: Instance | None, new: Instance) -> None:
        if old is None or old.deleted:
            return
        self.counters["deleted"] += 1
        controls = [item for _, item in self._taken(group, old, new) if isinstance(item, IncomingControl)]
        asked = [each for each in controls if each.action is ControlAction.DELETE]
        mine = [each for each in asked if each.incarnation in {None, old.incarnation}]
        self.expect(mine, "deletion", f"{group} was deleted, and nobody asked for it: {asked}")
        if all(each.id.startswith(RETIRE) for each in mine):
            self.counters["retired"] += 1
            due = self.due(old.incarnation, TimerKind.RETENTION)
            self.expect(self.now() >= due - MAX_SKEW, "deletion", f"{group} was deleted before {due}")

    # What actions saw ------------------------------------------------------------------------------------------------

    def _check_log(self, group: str, old: Instance | None, new: Instance, seen: Seen) -> None:
        same = old is not None and old.incarnation == new.incarnation and old.snapshot.started
        before = old.snapshot.context["log"] if old is not None and same else []
        log = new.snapshot.context["log"]
        self.expect(log[: len(before)] == before, "atomic", f"{group} forgot what it had done")
        live = Live(self, group, new, seen, old if same else None)
        for item in self._skipped_now(group, old, new):
            live.give_up(item)
        for record in log[len(before) :]:
            live.take(record)
        live.check_rest(old)


def describe(instance: Instance) -> str:
    """Say in a line how an instance is stored."""
    snapshot = instance.snapshot
    lanes = [instance.lane(lane) for lane in Lane]
    parts = [
        f"  {instance.key} is stored: {instance.incarnation[:4]} r{instance.revision} v{instance.version}",
        f"{snapshot.status}{' deleted' if instance.deleted else ''} {','.join(snapshot.configuration)}",
        f"held={[len(lane) if lane else 0 for lane in lanes]}",
        f"timers={[f'{live.key}@{live.due - 1_700_000_000:g}' for live in snapshot.timers]}",
        f"invokes={[live.key for live in snapshot.invokes]}",
        f"outbox={[entry.id for entry in instance.outbox]}",
    ]
    flags = [
        instance.paused and "paused",
        instance.blocked and f"blocked by {instance.blocked.type} {instance.blocked.code}",
    ]
    return " ".join([*parts, *(flag for flag in flags if flag)])
