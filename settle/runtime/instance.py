"""An instance as the runtime keeps it: the snapshot, and everything that makes applying events to it exactly-once.

Numbers: `revision` grows with every stored write and is the lock; `version` grows with every applied event and is what
clients see; `incarnation` is new with every creation. Every condition names incarnation and revision.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from settle.core.snapshot import Snapshot
from settle.runtime.envelope import ParentLink
from settle.runtime.ledger import LedgerEntry
from settle.runtime.receipt import Edit, Position, ShortReceipt

INSTANCE_SCHEMA: Final = 2
"""Format of the stored instance. A larger number than this was written by a newer release."""
TOMBSTONE_SECONDS: Final = 30 * 24 * 60 * 60
"""How long a deleted instance is remembered: longer than any message lives that could still be under way to it."""
MAX_EDITS: Final = 3
"""Edited events that an instance remembers; each takes a few hundred bytes of its item."""
MAX_HELD_EVENTS: Final = 1000
"""Events kept for one instance, while it is busy, paused or blocked, from which on the API takes no more."""


@dataclass(frozen=True, slots=True)
class InstanceKey:
    """Names an instance: machine and instance id, already checked against the rules of `settle.runtime.names`."""

    machine: str
    instance: str

    def __str__(self) -> str:
        return f"{self.machine}/{self.instance}"

    @classmethod
    def parse(cls, group: str) -> "InstanceKey":
        """Read it back from a message group or partition key."""
        machine, _, instance = group.partition("/")
        return cls(machine, instance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """The last event taken from a queue. What lies at or below it, in the same queue, was taken."""

    queue: str
    position: Position

    def covers(self, queue: str, position: Position) -> bool:
        """Whether an event at that position of that queue was taken. Another queue starts anew."""
        return queue == self.queue and position <= self.position


class Lane(StrEnum):
    """Held events wait in two lanes, each in order of arrival."""

    EXTERNAL = "external"
    """Events that wait until the instance is settled."""
    URGENT = "urgent"
    """What the instance itself waits for: results, timers, messages of its parent and children. Held only while it is
    paused or blocked."""


FIRST_NUMBER: Final[Mapping[Lane, int]] = {Lane.EXTERNAL: 1, Lane.URGENT: 5_000_000_000}
"""Numbers of the first held events of each lane; half of what ten digits hold is more than anybody reaches."""
LARGEST_NUMBER: Final = 10**10
"""What the next held event is numbered at most: the key of its item has ten digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRange:
    """The held events of one lane of an instance, numbered in order of arrival.

    Attributes:
        first: number of the oldest one.
        next: number that the next one gets.
        floor: queue position of the oldest one; between it and the watermark every event is held.
    """

    first: int
    next: int
    floor: Position

    def __len__(self) -> int:
        return self.next - self.first


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """Why the oldest held event cannot be applied.

    Attributes:
        event_id: of that event.
        type: its event type.
        code: `code` of the error.
        message: the error in a sentence.
        traceback: of the exception, shortened.
        at: when, in seconds since the epoch.
        lane: in which it is the oldest.
    """

    event_id: str
    type: str
    code: str
    message: str
    traceback: str
    at: float
    lane: Lane = Lane.EXTERNAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """How often the message at the head of the queue was begun and not finished. Counted before it runs."""

    sequence: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOutcome:
    """How a service ended: with data, or with an error (`error` is set, `data` describes it)."""

    data: Any = None
    error: str = ""

    @classmethod
    def failed(cls, code: str, message: str) -> "ServiceOutcome":
        """Return an error of which nothing else is known, described as machines find it in `event.data`."""
        return cls(error=code, data={"code": code, "message": message, "data": {}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The journal of an event whose run has begun: what its services answered, beside the unchanged snapshot.

    Attributes:
        event_id: of the event.
        now: the time the run was given, so that computing it again gives the same.
        definition: hash of the definition it was computed with; another one makes the journal void.
        results: outcome by service key.
        attempts: failed calls by service key.
    """

    event_id: str
    now: float
    definition: str
    results: Mapping[str, ServiceOutcome] = field(default_factory=dict)
    attempts: Mapping[str, int] = field(default_factory=dict)

    def without_failures(self) -> "Run":
        """Return it with only the services that succeeded, so that the others are called anew."""
        results = {key: outcome for key, outcome in self.results.items() if not outcome.error}
        return replace(self, results=results, attempts={})


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishEvent:
    """Outbox entry: enter an event as finished in the ledger."""

    id: str
    entry: LedgerEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMessage:
    """Outbox entry: send a message to a group of the event queue, with the entry's id as deduplication id."""

    id: str
    group: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendTimer:
    """Outbox entry: have a timer come back when it is due.

    Attributes:
        id: of the entry.
        body: of the message, a `TimerEnvelope`.
        name: of its schedule, should it need one.
        due: in seconds since the epoch.
    """

    id: str
    body: str
    name: str
    due: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelSchedule:
    """Outbox entry: delete the schedule of a timer that is not needed any more."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendTask:
    """Outbox entry: have a background service called; the body is a `TaskEnvelope`."""

    id: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeItems:
    """Outbox entry of a deleted instance: remove what the ledger keeps of it.

    Attributes:
        id: of the entry.
        until: what was accepted and expires later is for a successor, in seconds since the epoch.
        version: of the tombstone; what is finished has a lower one, or belongs to a successor.
    """

    id: str
    until: float
    version: int = 0


OutboxEntry = FinishEvent | SendMessage | SendTimer | CancelSchedule | SendTask | PurgeItems


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldEvent:
    """An event kept for later, as its own item.

    Attributes:
        number: its place among the held events.
        position: its place in the queue.
        body: the envelope, cut down to this one event.
        sender_trusted: whether the queue said that one of our functions sent it.
    """

    number: int
    position: Position
    body: str
    sender_trusted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedEvent:
    """An event that an operator changed.

    Attributes:
        event_id: of the event.
        position: its place in the queue.
        edit: who changed it, and what it was.
    """

    event_id: str
    position: Position
    edit: Edit


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """The stored state of one instance. Times are seconds since the epoch.

    Attributes:
        origin: id of the creation that started it, if one did: the event which that brought along belongs to this
            instance and to no other.
        held: external events that wait.
        urgent: results, timers and messages of the family that wait.
        parent: whose child it is.
        tokens: of live background services and children, by their keys: only who knows it may say how one ended.
        deleted_at: when it was deleted; 0 while it was not. Of a deleted instance only the numbers are left, which go
            on in its successor.
        edits: events that an operator changed, the latest `MAX_EDITS`. Nothing is decided by them.
    """

    key: InstanceKey
    incarnation: str
    revision: int
    version: int
    snapshot: Snapshot
    created_at: float
    updated_at: float
    input_hash: str = ""
    origin: str = ""
    watermark: Watermark | None = None
    paused: bool = False
    blocked: Blocked | None = None
    held: HeldRange | None = None
    urgent: HeldRange | None = None
    failing: Failing | None = None
    run: Run | None = None
    outbox: tuple[OutboxEntry, ...] = ()
    ring: tuple[ShortReceipt, ...] = ()
    parent: ParentLink | None = None
    tokens: Mapping[str, str] = field(default_factory=dict)
    deleted_at: float = 0.0
    edits: tuple[EditedEvent, ...] = ()

    @property
    def deleted(self) -> bool:
        """Whether it is a tombstone."""
        return self.deleted_at > 0

    def lane(self, lane: Lane) -> HeldRange | None:
        """Return the held events of a lane."""
        return self.urgent if lane is Lane.URGENT else self.held

    @property
    def held_count(self) -> int:
        """How many events it holds, of both lanes."""
        return sum(len(held) for held in (self.held, self.urgent) if held is not None)

    @property
    def blocking(self) -> HeldRange | None:
        """The held events of the lane whose first one blocks the instance; None when none does."""
        return None if self.blocked is None else self.lane(self.blocked.lane)

    def find_edit(self, position: Position) -> Edit | None:
        """Return how the event at a place in the queue was changed; None when nobody did, or it is long ago."""
        return next((edited.edit for edited in self.edits if edited.position == position), None)
