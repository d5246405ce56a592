"""Looks at every instance whenever it is stored, at every message that is sent and at every service that is called.

What an instance's actions saw stands in the log of its context. The witness compares that with what was live in the
instance as it was stored before, with what it was promised, and with where its events stood in the queue.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
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
    CreateEnvelope,
    EventsEnvelope,
    TimerEnvelope,
    TimerKind,
    parse_envelope,
    parse_task,
    parse_timer,
)
from settle.runtime.incoming import DEADLINE_CODE, Incoming, IncomingControl, IncomingEvent, open_message
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
from settle.runtime.message import Message
from settle.runtime.receipt import Outcome, Position
from settle.runtime.tokens import parse_token
from tests.support.long_work_charts import RETENTION, TIMEOUT, Record
from tests.support.schedules import Process
from tests.support.system import System

Life = tuple[str, str]
"""Group and incarnation."""
INLINE: Final = frozenset({"inline"})
RETIRE: Final = "retire-"


class BrokenError(AssertionError):
    """A promise was broken."""


@dataclass(kw_only=True)
class Seen:
    """What was seen of one incarnation.

    Attributes:
        began: the last event taken before it began.
        timers, invokes: whatever was ever live in it, by key.
        last: position of the latest external event that was applied.
        ended: when it was first stored as ended.
    """

    began: Position
    timers: dict[str, LiveTimer] = field(default_factory=dict)
    invokes: dict[str, LiveInvoke] = field(default_factory=dict)
    last: Position = Position(0)
    ended: float | None = None


class LongWorkWitness:
    """What happened, and whether it may.

    Attributes:
        broken: promises that were found broken.
        trace: what happened, a line each.
        stored: each instance as it was stored last.
        lives: by group and incarnation.
        promised: every outbox entry that was ever stored, with its group.
        arrived: what consumers were given, by group and position; `places` the same by event id.
        outcomes: final ones with the incarnation, by group and position.
        dropped: events that ended with their instance, or came before there was one.
        applied: incarnations that applied an event, by group and event id.
        calls: of services, by incarnation and key of the live invoke.
        task_messages: how many there were for each live invoke.
        skipped: what operators gave up, by group.
        counters: how often things happened that a search should meet.
    """

    def __init__(self, system: System, machines: Sequence[Definition], open_promises: frozenset[str]) -> None:
        self._system, self._open = system, open_promises
        self._machines = {each.machine: each for each in machines}
        self.broken: list[str] = []
        self.trace: list[str] = []
        self.stored: dict[str, Instance] = {}
        self.lives: dict[Life, Seen] = {}
        self.promised: dict[str, tuple[str, OutboxEntry]] = {}
        self.arrived: dict[tuple[str, Position], Incoming] = {}
        self.places: dict[tuple[str, str], set[Position]] = defaultdict(set)
        self.outcomes: dict[tuple[str, Position], tuple[Outcome, str]] = {}
        self.dropped: set[tuple[str, Position]] = set()
        self.applied: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.calls: dict[tuple[str, str], list[ServiceCall]] = defaultdict(list)
        self.task_messages: Counter[tuple[str, str]] = Counter()
        self.skipped: dict[str, list[Incoming]] = defaultdict(list)
        self.counters: Counter[str] = Counter()
        self._held: dict[str, set[Position]] = defaultdict(set)
        self._bodies: set[str] = set()
        self._loaded: dict[tuple[Process, str], Instance | None] = {}
        self._deadlines: dict[tuple[str, str], float] = {}
        self._reminded: Counter[tuple[str, str]] = Counter()

    def tell(self, text: str) -> None:
        self.trace.append(text)

    def expect(self, holds: object, promise: str, text: str) -> None:
        """Raise unless a promise holds; also to whoever runs the schedule, should the runtime catch this."""
        if not holds and promise not in self._open:
            self.broken.append(f"{promise}: {text}")
            raise BrokenError(self.broken[-1])

    def check(self) -> None:
        """Raise what was found broken inside a function."""
        if self.broken:
            raise BrokenError(self.broken[0])

    # Calls to ports --------------------------------------------------------------------------------------------------

    def arrives(self, message: Message) -> None:
        """Note what a consumer is given."""
        for item in open_message(message):
            self.arrived[message.group, item.position] = item
            self.places[message.group, item.id].add(item.position)

    def saw(self, process: Any, call: str, args: Any, _answer: Any) -> None:
        """Look at what a call to a port did."""
        named: Mapping[str, Any] = args[-1] if args and isinstance(args[-1], dict) else {}
        match call:
            case "store load":
                self._loaded[process, str(args[0])] = _answer
            case "store commit":
                self._look(args[0].key)
            case "events send":
                self._check_sent(process, named)
            case "timers send" | "scheduler schedule":
                self.expect(named["body"] in self._bodies, "uncommitted", f"a timer that nothing promised: {named}")
            case "tasks send":
                self.expect(named["body"] in self._bodies, "uncommitted", f"a task that nothing promised: {named}")
                self.task_sent(named["body"])
            case "letters bury":
                self.expect(False, "dead letters", f"{named} is buried")  # noqa: FBT003

    def task_sent(self, body: str) -> None:
        task = parse_task(body)
        self.task_messages[task.incarnation, task.invoke] += 1

    def _check_sent(self, process: Any, named: Mapping[str, Any]) -> None:
        """Only what a commit has made certain is sent."""
        group, name, body = named["group"], named["deduplication_id"], named["body"]
        if process.kind == "consumer":
            known, entry = self.promised.get(name, ("", None))
            same = isinstance(entry, SendMessage) and (entry.group, entry.body) == (group, body)
            self.expect(same, "uncommitted", f"{name} is sent to {group}, and {known or 'nobody'} promised {entry}")
        elif process.kind == "forwarder":
            timer = parse_envelope(body)
            assert isinstance(timer, TimerEnvelope)
            now = self._system.clock.now()
            self.expect(body in self._bodies and now >= timer.due, "time", f"{body} is forwarded at {now}")

    def called(self, process: Process, call: ServiceCall) -> None:
        """Note the call of a service, before it runs."""
        group = f"{call.machine}/{call.instance}"
        if not call.token:
            return
        token = parse_token(call.token)
        life = (token.incarnation, token.invoke)
        spec = self._machines[call.machine].invokes[call.invoke]
        known = self._loaded.get((process, group))
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
        if new.deleted:
            self._check_deletion(group, old, new)
        elif new.snapshot.started:
            self._check_log(group, old, new, seen)

    def _check_whole(self, group: str, new: Instance) -> None:
        snapshot = new.snapshot
        try:
            load_configuration(self._machines[new.key.machine], snapshot.configuration)
        except SettleError as error:
            self.expect(False, "atomic", f"{group}: {error}")  # noqa: FBT003
        invokes = [live.key for live in snapshot.invokes]
        self.expect(sorted(new.tokens) == sorted(invokes), "tokens", f"{group} has tokens {new.tokens} for {invokes}")
        self.expect(
            not INLINE.intersection(live.id for live in snapshot.invokes),
            "atomic",
            f"{group} has an inline service live",
        )
        ids = [entry.id for entry in new.outbox]
        self.expect(len(ids) == len(set(ids)), "effects", f"{group} has an entry twice in its outbox: {ids}")
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
        self.expect(new.updated_at >= old.updated_at, "time", f"{group}: its time went back")
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
            again = self.promised.get(entry.id)
            repeats = isinstance(entry, FinishEvent) or entry.id.startswith(RETIRE)
            self.expect(again is None or repeats, "effects", f"{group} promises {entry.id} twice: {entry}, {again}")
            self.promised[entry.id] = (group, entry)
            if isinstance(entry, SendTask | SendTimer):
                self._bodies.add(entry.body)
            if isinstance(entry, SendTimer):
                timer = parse_timer(entry.body)
                if timer.what is TimerKind.DEADLINE:
                    self._deadlines[timer.incarnation, timer.key] = timer.due

    # What becomes of events ------------------------------------------------------------------------------------------

    def _taken(self, group: str, old: Instance | None, new: Instance) -> list[tuple[Position, Incoming]]:
        """Return what was taken from the queue since an instance was stored before."""
        low = old.watermark.position if old and old.watermark else Position(0)
        high = new.watermark.position if new.watermark else Position(0)
        found = [(at[1], item) for at, item in self.arrived.items() if at[0] == group and low < at[1] <= high]
        return sorted(found, key=lambda each: each[0])

    def _end_events(self, group: str, old: Instance | None, new: Instance, held: set[Position]) -> None:
        """Note how events ended: each once, and none without a word unless its instance ended too."""
        deleted = new.deleted and not (old and old.deleted)
        were = self._held[group]
        self._held[group] = held
        receipts = {receipt.position: receipt.outcome for receipt in new.ring}
        for position, outcome in receipts.items():
            if not outcome.final:
                self.expect(position in held, "once", f"{group}: {position} is {outcome} and is not held")
                continue
            known = self.outcomes.setdefault((group, position), (outcome, new.incarnation))
            self.expect(known[0] is outcome, "once", f"{group}: {position} is {outcome} and was {known[0]}")
            if outcome is Outcome.SKIPPED and (item := self.arrived.get((group, position))) not in self.skipped[group]:
                assert item is not None
                self.skipped[group].append(item)
        taken = self._taken(group, old, new)
        gone = {position for position, _ in taken} | were - held
        for position in sorted(gone - set(receipts)):
            item = self.arrived[group, position]
            live = isinstance(item, IncomingEvent) and item.live is not None
            silent = deleted or self._is_being_deleted(group, old, new) or (old is None and not live)
            drain = isinstance(item, IncomingControl) and item.action is ControlAction.DRAIN
            self.expect(
                silent or live or drain, "once", f"{group}: {item} was taken, and nobody knows what became of it"
            )
            if (group, position) not in self.outcomes:
                self.dropped.add((group, position))

    @staticmethod
    def _is_being_deleted(_group: str, old: Instance | None, new: Instance) -> bool:
        return old is not None and old.deleted and not new.deleted

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
        if new.snapshot.status is not Status.ACTIVE and seen.ended is None:
            seen.ended = self._system.clock.now()
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
            ended, kept = self.lives[group, old.incarnation].ended, RETENTION[new.key.machine]
            over = ended is not None and kept is not None and self._system.clock.now() >= ended + kept
            self.expect(over, "deletion", f"{group} was deleted too early: it ended at {ended}")

    # What actions saw ------------------------------------------------------------------------------------------------

    def _check_log(self, group: str, old: Instance | None, new: Instance, seen: Seen) -> None:
        same = old is not None and old.incarnation == new.incarnation and old.snapshot.started
        before = old.snapshot.context["log"] if old is not None and same else []
        log = new.snapshot.context["log"]
        self.expect(log[: len(before)] == before, "atomic", f"{group} forgot what it had done")
        live = Live(self, group, new, seen, old if same else None)
        for record in log[len(before) :]:
            live.take(record)
        live.check_rest(old)


class Live:
    """What was live in an instance, while the records of one commit are gone through."""

    def __init__(self, witness: LongWorkWitness, group: str, new: Instance, seen: Seen, old: Instance | None) -> None:
        self._witness, self._group, self._new, self._seen = witness, group, new, seen
        self._timers = {live.key: live for live in old.snapshot.timers} if old else {}
        self._invokes = {live.key: live for live in old.snapshot.invokes} if old else {}
        self._now = witness._system.clock.now()  # noqa: SLF001

    def _expect(self, holds: object, promise: str, text: str) -> None:
        self._witness.expect(holds, promise, f"{self._group}: {text}")

    def take(self, record: Record) -> None:
        if "left" in record:
            self._timers = {key: live for key, live in self._timers.items() if live.node != record["left"]}
            self._invokes = {key: live for key, live in self._invokes.items() if live.node != record["left"]}
            return
        self._expect(record["now"] <= self._now, "time", f"{record} is from the future, it is {self._now}")
        self._expect("forged" not in record, "tokens", f"{record} was forged")
        key, event_type = record["key"], record["type"]
        if event_type.startswith(("done.invoke.", "error.invoke.")):
            if key.rpartition("#")[0] not in INLINE:
                self._answer(record)
        elif key:
            self._fire(record)
        elif record["id"]:
            self._apply(record)
        self._check_life(record)
        if event_type == "FORGET":
            self._timers = {
                key: live for key, live in self._timers.items() if live.node is not None or live.id != record["name"]
            }

    def _fire(self, record: Record) -> None:
        live = self._timers.pop(record["key"], None)
        self._expect(live, "timers", f"{record} came of a timer that was not live")
        if live is not None:
            self._expect(live.due <= record["now"], "timers", f"{record} came early, it was due at {live.due}")
            self._witness.counters["fired"] += 1

    def _answer(self, record: Record) -> None:
        live = self._invokes.pop(record["key"], None)
        self._expect(live, "services", f"{record} came of what was not live")
        life = (self._new.incarnation, record["key"])
        code, calls = record.get("code", ""), self._witness.calls[life]
        self._witness.counters[f"answer {code or 'done'}"] += 1
        if code == DEADLINE_CODE:
            due = self._witness._deadlines[life]  # noqa: SLF001
            self._expect(record["now"] >= due, "services", f"{record} came early, it was due at {due}")
        if "call" in record:
            self._expect(record["call"] in {each.key for each in calls}, "services", f"{record} was never called")

    def _apply(self, record: Record) -> None:
        """An event from outside, or a message: once, and in order unless it is of the family."""
        place = (self._group, record["id"])
        family = self._is_family(record["origin"])
        self._expect(family or not record["busy"], "held", f"{record} was applied while it was busy")
        lives = self._witness.applied[place]
        lives.append(self._new.incarnation)
        self._expect(lives.count(self._new.incarnation) == 1, "once", f"{record} was applied twice")
        positions = [each for each in self._witness.places[place] if each > self._seen.began]
        self._expect(positions, "once", f"{record} came out of nowhere")
        if not family:
            first = min(positions)
            self._expect(first > self._seen.last, "order", f"{record} at {first} came after {self._seen.last}")
            self._seen.last = first

    def _is_family(self, origin: str) -> bool:
        parent = self._new.parent
        return (parent is not None and origin == parent.group) or self._is_child(origin)

    def _is_child(self, origin: str) -> bool:
        return origin.startswith(f"kid/{self._new.key.instance}.")

    def _check_life(self, record: Record) -> None:
        """What an instance asked for comes back to it, and to none that has its name."""
        mine, life, origin = record["mine"], record.get("life"), record["origin"]
        if life is None or life == mine or record["type"] == "BYE":
            return
        self._expect(not record["key"], "lives", f"{record} was for another life")
        self._expect(origin != self._group, "own messages", f"{record} was sent by another life of its own")
        self._expect(not self._is_family(origin), "family messages", f"{record} came from the family of another life")

    def check_rest(self, old: Instance | None) -> None:
        """Whatever is not live any more has happened, or was left."""
        if self._new.snapshot.status is not Status.ACTIVE:
            return
        for key in set(self._invokes) - {live.key for live in self._new.snapshot.invokes}:
            self._expect(False, "services", f"{key} is not live any more, and nothing came of it")  # noqa: FBT003
        known = {entry.id for entry in old.outbox} if old else set()
        sent = [entry for entry in self._new.outbox if isinstance(entry, SendMessage) and entry.id not in known]
        for key in set(self._timers) - {live.key for live in self._new.snapshot.timers}:
            self._check_sent_late(self._timers[key], sent)

    def _check_sent_late(self, live: LiveTimer, sent: Iterable[SendMessage]) -> None:
        """A delayed message for another instance is sent when it is due, and nothing else is seen of it."""
        found = [each for each in sent if each.group == live.target and is_delayed(each, live)]
        self._expect(len(found) == 1, "timers", f"{live} is not live any more, and {found} came of it")
        envelope = parse_envelope(found[0].body)
        self._expect(
            live.due <= envelope.accepted_at <= self._now, "timers", f"{live} was sent at {envelope.accepted_at}"
        )
        self._witness.counters["delayed"] += 1


def is_delayed(entry: SendMessage, live: LiveTimer) -> bool:
    """Whether a message is the one that a timer waited to send."""
    envelope = parse_envelope(entry.body)
    return isinstance(envelope, EventsEnvelope) and envelope.events[0].data == live.data


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


__all__ = ["BrokenError", "CreateEnvelope", "LongWorkWitness", "describe"]
