"""What the actions of an instance saw in one commit, held against what was live in it before."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from settle.core.configuration import is_settled
from settle.core.event import ERROR_COMMUNICATION
from settle.core.snapshot import LiveTimer, Status
from settle.runtime.envelope import EventsEnvelope, ResultEnvelope, TimerEnvelope, TimerKind, parse_envelope
from settle.runtime.incoming import Incoming, IncomingEvent
from settle.runtime.instance import Instance, SendMessage
from settle.runtime.open_envelope import DEADLINE_CODE
from settle.runtime.receipt import Outcome, Position
from tests.simulation.acts import MAX_SKEW
from tests.simulation.long_work_charts import Record

if TYPE_CHECKING:
    from tests.simulation.long_work_witness import LongWorkWitness, Seen

INLINE: Final = frozenset({"inline"})
"""Services that are over when an instance is stored."""


class Live:
    """What was live in an instance, while the records of one commit are gone through."""

    def __init__(
        self, witness: "LongWorkWitness", group: str, new: Instance, seen: "Seen", old: Instance | None
    ) -> None:
        self._witness, self._group, self._new, self._seen = witness, group, new, seen
        self._timers = {live.key: live for live in old.snapshot.timers} if old else {}
        self._invokes = {live.key: live for live in old.snapshot.invokes} if old else {}
        self._old, self._now = old, witness.now()

    def _expect(self, holds: object, promise: str, text: str) -> None:
        self._witness.expect(holds, promise, f"{self._group}: {text}")

    def give_up(self, item: Incoming) -> None:
        """An operator skips something: nothing waits for it any more."""
        envelope = item.envelope if isinstance(item, IncomingEvent) else None
        if isinstance(envelope, TimerEnvelope):
            self._timers.pop(envelope.key, None)
            self._invokes.pop(envelope.key, None)
        elif isinstance(envelope, ResultEnvelope):
            self._invokes.pop(envelope.invoke, None)

    def take(self, record: Record) -> None:
        if "left" in record:
            # What brought the event that it was left for is noted after this.
            left, key = record["left"], record["key"]
            self._timers = {each: live for each, live in self._timers.items() if each == key or live.node != left}
            self._invokes = {each: live for each, live in self._invokes.items() if each == key or live.node != left}
            return
        self._expect(record["now"] <= self._now + MAX_SKEW, "time", f"{record} is from the future, it is {self._now}")
        self._expect("forged" not in record, "tokens", f"{record} was forged")
        key, event_type = record["key"], record["type"]
        if event_type.startswith(("done.invoke.", "error.invoke.")):
            if key.rpartition("#")[0] not in INLINE:
                self._answer(record)
        elif key:
            self._fire(record)
        elif record["id"]:
            self._apply(record)
        self._check_lanes(record)
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
        calls = self._witness.calls[self._new.incarnation, record["key"]]
        code = record.get("code", "")
        self._witness.counters[f"answer {code or 'done'}"] += 1
        if record["type"].endswith("ask") and not code and "call" not in record:
            self._witness.counters["callbacks"] += 1
        if code == DEADLINE_CODE:
            due = self._witness.due(self._new.incarnation, TimerKind.DEADLINE, record["key"])
            self._expect(record["now"] >= due, "services", f"{record} came early, it was due at {due}")
        if "call" in record:
            self._expect(record["call"] in {each.key for each in calls}, "services", f"{record} was never called")

    def _apply(self, record: Record) -> None:
        """An event from outside, or a message: once, and in order unless it is of the family."""
        place = (self._group, record["id"])
        family = self._is_family(record["origin"]) or record["type"] == ERROR_COMMUNICATION
        # Without a timer or a result that an operator gave up, events from outside are all that can move it on.
        waits = record["busy"] and (self._timers or self._invokes)
        self._expect(family or not waits, "held", f"{record} was applied while it was busy")
        lives = self._witness.applied[place]
        lives.append(self._new.incarnation)
        self._expect(lives.count(self._new.incarnation) == 1, "once", f"{record} was applied twice")
        places = self._witness.places[place]
        positions = [each for each in places if each > self._seen.began and not self._is_another(each)]
        self._expect(positions, "once", f"{record} came out of nowhere")
        if not family:
            first = min(positions)
            self._expect(first > self._seen.last, "order", f"{record} at {first} came after {self._seen.last}")
            self._seen.last = first

    def _is_another(self, position: Position) -> bool:
        """Whether what stood there is known to have ended otherwise: as a copy, or in no life."""
        ended = self._witness.outcomes.get((self._group, position))
        return ended is not None and ended != (Outcome.APPLIED, self._new.incarnation)

    def _check_lanes(self, record: Record) -> None:
        """What waited in a lane overtakes the other only where that has to wait on, and nothing in its own."""
        old, seen = self._old, self._seen
        if record["key"] and record["id"]:
            later = [each for each in self._witness.places[self._group, record["id"]] if each > seen.latest]
            self._expect(later, "order", f"{record} came after what stood at {seen.latest}, behind it")
            seen.latest = min(later)
        if old is None or old.urgent is None or old.held is None or old.urgent.floor < old.held.floor:
            return
        first = old.urgent.floor in self._witness.places[self._group, record["id"]]
        settled = is_settled(self._witness.definition(old), old.snapshot)
        self._expect(not (first and settled), "order", f"{record} overtook what was held at {old.held.floor}")

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
            live.due <= envelope.accepted_at <= self._now + MAX_SKEW,
            "timers",
            f"{live} was sent at {envelope.accepted_at}",
        )
        self._witness.counters["delayed"] += 1


def is_delayed(entry: SendMessage, live: LiveTimer) -> bool:
    """Whether a message is the one that a timer waited to send."""
    envelope = parse_envelope(entry.body)
    return isinstance(envelope, EventsEnvelope) and envelope.events[0].data == live.data
