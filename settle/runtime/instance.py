"""An instance as the runtime keeps it: the snapshot, and everything that makes applying events to it exactly-once.

Numbers: `revision` grows with every stored write and is the lock; `version` grows with every applied event and is what
clients see; `incarnation` is new with every creation. Every condition names incarnation and revision.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from settle.core.snapshot import Snapshot
from settle.runtime.ledger import LedgerEntry
from settle.runtime.receipt import Position, ShortReceipt

INSTANCE_SCHEMA: Final = 1
"""Format of the stored instance. A larger number than this was written by a newer release."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRange:
    """The held events of an instance, numbered in order of arrival.

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
    """

    event_id: str
    type: str
    code: str
    message: str
    traceback: str
    at: float


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


OutboxEntry = FinishEvent | SendMessage


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
class Instance:
    """The stored state of one instance. Times are seconds since the epoch.

    `origin` is the id of the creation that started it, if one did: the event which that brought along belongs to this
    instance and to no other.
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
    failing: Failing | None = None
    run: Run | None = None
    outbox: tuple[OutboxEntry, ...] = ()
    ring: tuple[ShortReceipt, ...] = ()
