"""Looks at every instance whenever it is stored, and at every inline service that is called."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from settle.core.configuration import is_settled, load_configuration
from settle.core.definition import Definition
from settle.core.service import ServiceCall
from settle.runtime.envelope import ControlEnvelope, CreateEnvelope, EnvelopeEvent, EventsEnvelope, parse_envelope
from settle.runtime.ids import ReceiptId
from settle.runtime.instance import MAX_HELD_EVENTS, Instance, InstanceKey
from settle.runtime.message import Message
from settle.runtime.read_receipt import ReceiptView
from settle.runtime.receipt import Outcome, Position
from tests.simulation.acts import MAX_SKEW
from tests.simulation.events_chart import QUARANTINE_CODES
from tests.simulation.events_model import CREATE, Sent, Skipped
from tests.simulation.functions import as_written
from tests.simulation.promises import Promises
from tests.simulation.quarantine_audit import QuarantineAudit
from tests.simulation.scheduler import Process
from tests.simulation.tapped_queue import Entered
from tests.support.system import System

Place = tuple[int, Position]


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """Receipts that a client was given, by a request to the queue that there was then."""

    group: str
    queue: int
    receipt_ids: Sequence[ReceiptId]


class EventsWitness(Promises):
    """What happened to instances whose events all end in the invocation that takes them.

    Attributes:
        sent: accepted events by instance.
        stored: each instance as it was stored last.
        versions: by instance, each stored version with its node and what its context had seen.
        skipped, quarantined: by instance and place.
        calls: of services, by instance.
        accepted: receipts that clients were given.
        told: receipts as clients who waited saw them.
        garbage: messages that no instance can take.
        counters: how often events ended how.
    """

    def __init__(self, system: System, machines: Mapping[str, Definition]) -> None:
        super().__init__()
        self._system, self._machines = system, machines
        self.sent: dict[str, list[Sent]] = defaultdict(list)
        self.stored: dict[str, Instance] = {}
        self.versions: dict[str, list[tuple[int, str, tuple[str, ...]]]] = defaultdict(list)
        self.skipped: dict[tuple[str, Place], Skipped] = {}
        self.quarantined: set[tuple[str, Place]] = set()
        self.calls: dict[str, list[ServiceCall]] = defaultdict(list)
        self.accepted: list[Accepted] = []
        self.told: list[tuple[str, ReceiptView]] = []
        self.garbage = 0
        self._quarantine = QuarantineAudit(self)
        self.counters: Counter[str] = Counter()
        self._queue = 0
        self._ended: dict[tuple[str, int], int] = {}
        self._recorded: dict[str, int] = {}
        self._keys: dict[tuple[str, int, str, int], str] = {}

    def oldest_held(self, instance: Instance) -> Sent:
        """Return the event that an instance is blocked by."""
        assert instance.held is not None
        events = reversed(self.sent[str(instance.key)])
        return next(event for event in events if event.position == instance.held.floor)

    # What clients send -----------------------------------------------------------------------------------------------

    def entered(self, message: Entered) -> None:
        """Note what the queue accepted, whoever sent it."""
        self._queue = message.queue
        if not message.body.startswith("{"):
            self.garbage += 1
            return
        envelope = parse_envelope(as_written(message.body))
        if message.sender == "stranger" and not isinstance(envelope, EventsEnvelope):
            self.garbage += 1
        elif isinstance(envelope, EventsEnvelope):
            keyed = bool(envelope.body_hash) and message.sender != "stranger"
            for index, each in enumerate(envelope.events):
                if_match = envelope.if_match if index == 0 else None
                self._note(message, index, each, key=each.id if keyed else "", if_match=if_match)
        elif isinstance(envelope, CreateEnvelope):
            self._note_creation(message, envelope)
        else:
            if isinstance(envelope, ControlEnvelope):
                self._quarantine.ask(message.group, envelope)
            self.tell(f"{message.group}:{message.sequence % 10**7} {getattr(envelope, 'action', envelope.kind)}")

    def _note_creation(self, message: Entered, envelope: CreateEnvelope) -> None:
        common: dict[str, Any] = {"input_hash": envelope.input_hash, "rejected": "reject" in envelope.input}
        self._note(message, 0, EnvelopeEvent(id=envelope.id, type=CREATE, data=dict(envelope.input)), **common)
        if envelope.event is not None:
            self._note(message, 1, envelope.event, **common)

    def _note(self, message: Entered, index: int, each: EnvelopeEvent, **more: Any) -> None:
        data: Any = each.data
        position = Position(message.sequence, index)
        event = Sent(queue=message.queue, position=position, type=each.type, n=data["n"], data=data, **more)
        self.sent[message.group].append(event)
        self.tell(f"{message.group} is sent {event}")

    def arrives(self, message: Message) -> None:
        """A consumer is given a message."""

    # Services --------------------------------------------------------------------------------------------------------

    def called(self, process: Process, group: str, call: ServiceCall) -> None:
        """Note the call of a service, before it runs."""
        n = call.event.data.get("n", -1)
        self.tell(f"{process} calls {call.invoke} of {group} for {n}, attempt {call.attempt}")
        read = process.loaded.get(group)
        loaded = read.revision if read else 0
        again = f"{group} calls {call.invoke} for {n} again"
        self.expect(loaded < self._recorded.get(call.key, loaded + 1), "journal", f"{again}, whose answer it had read")
        self.expect(loaded < self._ended.get((group, n), loaded + 1), "once", f"{again}, which it knew as finished")
        # An event that was edited may go another way to the same service, which is then another call.
        edits = max((len(event.was) for event in self.sent[group] if event.n == n), default=0)
        key = self._keys.setdefault((group, n, call.invoke, edits), call.key)
        # A creation that was sent again is another event, with services of its own.
        if key != call.key and not any(event.n == n and event.input_hash for event in self.sent[group]):
            self.breaks("one key", f"{group} calls {call.invoke} for {n} under two keys")
        lost = [each for each in process.answers.get((group, call.event.id), ()) if each not in self._recorded]
        says = f"{group} calls {call.invoke} for {n}, and what was answered before is not stored"
        self.expect(not set(lost) - {call.key}, "journal", says)
        self.calls[group].append(call)

    def answered(self, process: Process, group: str, call: ServiceCall) -> None:
        """Note that a service has done its work: that is stored before the next one begins."""
        process.answers.setdefault((group, call.event.id), []).append(call.key)

    # What is stored --------------------------------------------------------------------------------------------------

    def saw(self, _process: Process, request: str, args: Sequence[Any], _answer: Any) -> None:
        """Look at what a commit stored."""
        if request == "store commit":
            self._look(args[0].key)

    def _look(self, key: InstanceKey) -> None:
        group = str(key)
        new = self._system.inner_store.load(key)
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
        self._check_held(group, old, new)
        self._check_follows(group, old, new)
        self._learn(group, old, new)
        if new.blocked is not None:
            self._check_quarantine(group, new)

    def _check_whole(self, group: str, new: Instance) -> None:
        definition = self._machines[new.key.machine]
        snapshot = new.snapshot
        load_configuration(definition, snapshot.configuration)
        self.expect(not snapshot.started or is_settled(definition, snapshot), "atomic", f"{group} is stored unsettled")
        self.expect(not snapshot.invokes, "atomic", f"{group} is stored with live services")
        ids = [entry.id for entry in new.outbox]
        self.expect(len(ids) == len(set(ids)), "effects", f"{group} has an entry twice in its outbox")

    def _check_held(self, group: str, old: Instance | None, new: Instance) -> None:
        held = self._system.inner_store.load_held(new.key, 1, MAX_HELD_EVENTS)
        said = range(new.held.first, new.held.next) if new.held else range(0)
        self.expect([each.number for each in held] == list(said), "held", f"{group} holds others than it says")
        positions = [each.position for each in held]
        self.expect(positions == sorted(set(positions)), "order", f"{group} holds events out of order")
        floor = new.held.floor if new.held else None
        self.expect(positions[:1] == ([floor] if floor else []), "held", f"{group}: its floor is not its oldest")
        self.expect(new.held or not new.blocked, "held", f"{group} is blocked and holds nothing")
        for edited in self._quarantine.find_edited(self.sent[group], held, old, new, self._queue):
            self.counters["edited"] += 1
            self.tell(f"{group}: what was {edited.was[-1][0]} is now {edited}")

    def _check_follows(self, group: str, old: Instance | None, new: Instance) -> None:
        revision, version = (old.revision, old.version) if old else (0, 0)
        self.expect(new.revision == revision + 1, "atomic", f"{group}: revision {new.revision} after {revision}")
        self.expect(new.version >= version, "version", f"{group}: version {new.version} after {version}")
        if old is None:
            return
        self.expect(new.updated_at >= old.updated_at - 2 * MAX_SKEW, "time", f"{group}: its time went back")
        if old.snapshot.started:
            same = new.version > old.version or new.snapshot == old.snapshot
            self.expect(same, "version", f"{group} changed without a new version")
            self.expect(new.incarnation == old.incarnation, "incarnation", f"{group} changed its incarnation")
            pinned = new.snapshot.machine_version == old.snapshot.machine_version
            self.expect(pinned, "pinned", f"{group} changed the version of its machine")
        if old.watermark is not None:
            risen = new.watermark is not None and not (
                new.watermark.queue == old.watermark.queue and new.watermark.position < old.watermark.position
            )
            self.expect(risen, "once", f"{group}: the watermark went back")

    def _learn(self, group: str, old: Instance | None, new: Instance) -> None:
        known = set(old.ring) if old else set()
        receipts = [receipt for receipt in new.ring if receipt not in known]
        if receipts:
            events = {event.position: event for event in self.sent[group] if event.queue == self._queue}
            for receipt in receipts:
                event = events.get(receipt.position)
                if event is not None:
                    self._end(group, event, receipt.outcome, old, new)
        for key, result in new.run.results.items() if new.run else ():
            if not result.error:
                self._recorded.setdefault(key, new.revision)

    def _end(self, group: str, event: Sent, outcome: Outcome, old: Instance | None, new: Instance) -> None:
        place = (group, event.place)
        self.counters[outcome.value] += 1
        if outcome is Outcome.QUARANTINED:
            self.quarantined.add(place)
        if outcome is Outcome.SKIPPED:
            self._quarantine.check_skipped(group, event)
            self.skipped.setdefault(place, Skipped(old is not None and old.snapshot.started))
        if outcome.final and outcome is not Outcome.DUPLICATE and not event.input_hash:
            self._ended.setdefault((group, event.n), new.revision)

    def _check_quarantine(self, group: str, new: Instance) -> None:
        assert new.blocked is not None
        event, code = self.oldest_held(new), new.blocked.code
        self.expect(new.blocked.type == event.type, "held", f"{group}: another event blocks it than its oldest")
        allowed = code == "unknown_version" or code in QUARANTINE_CODES.get(event.type, ())
        promise = "begins" if code == "attempts_exhausted" else "no poison"
        self.expect(allowed, promise, f"{group}: {event.type} {event.n} is quarantined for {code}")
