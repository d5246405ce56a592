"""What the runtime needs from the world, as small protocols. Adapters live in `settle.adapters`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from settle.core.definition import Definition
from settle.core.snapshot import Snapshot
from settle.runtime.instance import HeldEvent, Instance, InstanceKey
from settle.runtime.ledger import LedgerEntry
from settle.runtime.permissions import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The condition of a write: the item is still what was read.

    Attributes:
        incarnation: of the stored instance; empty when there must be no item yet.
        revision: of the stored instance; 0 when there must be no item yet.
    """

    incarnation: str
    revision: int

    @property
    def absent(self) -> bool:
        """Whether the write is to create the item."""
        return self.revision == 0


ABSENT = Expected(incarnation="", revision=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedPage:
    """Some of the blocked instances of a machine, the longest blocked first.

    Attributes:
        keys: of the instances, as they were a moment ago.
        cursor: to go on with; empty at the end.
    """

    keys: tuple[InstanceKey, ...]
    cursor: str = ""


class InstanceStore(Protocol):
    """Durable instances, their held events, and the ledger of event ids.

    Every method raises `StoreUnavailableError` when the service cannot be reached or throttles, after the adapter's own
    retries. Reads are strongly consistent unless said otherwise.
    """

    def load(self, key: InstanceKey) -> Instance | None:
        """Return the instance, or None when it was never created.

        Raises:
            InstanceTooNewError: a newer release stored it.
        """

    def commit(
        self,
        instance: Instance,
        expected: Expected,
        *,
        hold: Sequence[HeldEvent] = (),
        release: Sequence[int] = (),
    ) -> None:
        """Store the instance if the stored one is still the expected one, together with held events to add or remove.

        One atomic write. Without `hold` and `release` it is a single conditional put.

        Args:
            instance: what to store; its revision is already the new one.
            expected: the condition.
            hold: events to keep for later, in arrival order. Their numbers are free or released in the same commit:
                the new event then replaces the old one.
            release: numbers of held events to delete.

        Raises:
            ConflictError: the stored item is another one; nothing was written.
            InstanceTooLargeError: the item would exceed the limit of the store; nothing was written.
        """

    def load_held(self, key: InstanceKey, first: int, limit: int) -> list[HeldEvent]:
        """Return up to `limit` held events with numbers from `first` on, in order."""

    def find_entries(self, key: InstanceKey, event_ids: Sequence[str], now: float) -> Mapping[str, LedgerEntry]:
        """Return the unexpired ledger entries, accepted or finished, of these event ids."""

    def accept(self, key: InstanceKey, entry: LedgerEntry, now: float) -> LedgerEntry | None:
        """Enter an event id as accepted, unless an unexpired entry is there; return that older entry, or None."""

    def finish(self, key: InstanceKey, entry: LedgerEntry) -> None:
        """Enter an event id as finished, unless it was finished at a higher version.

        An instance's versions go on over all its lives, so whoever ends late says nothing of what came after. Repeating
        it is harmless.
        """

    def find_blocked(self, machine: str, limit: int, cursor: str = "") -> BlockedPage:
        """Return up to `limit` blocked instances of a machine, from a cursor on; this read may lag behind.

        Raises:
            CursorInvalidError: no page ended so.
        """

    def purge(self, key: InstanceKey, *, until: float, version: int) -> None:
        """Delete what the ledger keeps of a life that has ended. Repeating it is harmless, also in the next one.

        That is what was finished below a version, and what was accepted and expires at `until` or before.

        Entries of the runtime's own stay until they expire: a message of another instance (`LEDGER_MARK`) must not be
        applied to a successor, and a worker that has seen the service live must not call it more often than it may
        (`TASK_MARK`).
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """What the queue answers to a send.

    Attributes:
        message_id: of the message, or of the earlier one with the same deduplication id.
        sequence_number: decimal digits, rising within a group (SQS: 20 digits, 128 bits).
    """

    message_id: str
    sequence_number: str


class EventQueue(Protocol):
    """The FIFO queue that carries every event. The message group is the instance.

    Every method raises `QueueUnavailableError` when the service cannot be reached or throttles.
    """

    @property
    def arn(self) -> str:
        """Name of this queue; sequence numbers compare only within it."""

    def send(self, *, group: str, deduplication_id: str, body: str) -> SentMessage:
        """Send one message. A repeated deduplication id within five minutes sends nothing more.

        Raises:
            MessageTooLargeError: over the limit of the queue.
        """

    def acknowledge(self, receipt_handles: Sequence[str]) -> None:
        """Delete received messages. A handle that is no longer valid is passed over: its message comes again."""

    def delay(self, receipt_handles: Sequence[str], seconds: int) -> None:
        """Let received messages become visible again in so many seconds, in the order given.

        A handle that is no longer valid is passed over.
        """


class DeadLetterQueue(Protocol):
    """Where messages go that no instance can take."""

    def bury(self, *, group: str, deduplication_id: str, body: str, reason: str, sender: str = "") -> None:
        """Keep a message with the reason why it cannot be read or attributed. Raises `QueueUnavailableError`.

        Args:
            group: of the message.
            deduplication_id: of the message there.
            body: as it was.
            reason: a sentence.
            sender: who had sent it, as the queue said; without that it cannot be sent again in their name.
        """


class StandardQueue(Protocol):
    """A standard queue: at least once, in no order, each message after a delay of its own if it has one.

    Two of them carry work past the end of an invocation: timers that are due soon, and background services.
    Every method raises `QueueUnavailableError` when the service cannot be reached or throttles.
    """

    @property
    def arn(self) -> str:
        """Name of this queue, as in the records that it brings."""

    def send(self, *, body: str, delay: int = 0) -> None:
        """Send one message, to be delivered in `delay` seconds, at most `MAX_DELAY_SECONDS`.

        Raises:
            EnvelopeInvalidError: a body that the queue would refuse.
            MessageTooLargeError: over the limit of the queue.
        """

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        """Let a received message become visible again in so many seconds. A stale handle is passed over."""


class Scheduler(Protocol):
    """Sends a message to the timers queue at a time that lies further ahead than the queue itself can wait.

    Every method raises `SchedulerUnavailableError` when the service cannot be reached or throttles.
    """

    def schedule(self, *, name: str, at: float, body: str) -> None:
        """Have `body` sent to the timers queue at `at`, in seconds since the epoch, or within a minute of it.

        A schedule of that name stays as it is: names follow from what they are for, so it is the same.

        Args:
            name: 1 to 64 letters, digits, `-`, `_` and `.`.
            at: rounded up to a whole second; a time in the past fires at once.
            body: of the message.

        Raises:
            ScheduleRefusedError: the service will never take it.
        """

    def cancel(self, name: str) -> None:
        """Delete a schedule. One that is not there, or has fired, is passed over."""


class Definitions(Protocol):
    """The registered machines."""

    def get(self, machine: str) -> Definition:
        """Return the current version. Raises `UnknownMachineError`."""

    def definition_for(self, snapshot: Snapshot) -> Definition:
        """Return the version that a snapshot runs on. Raises `UnknownVersionError`."""

    def rules_of(self, machine: str) -> Rules:
        """Return the permission rules of a machine; none for one that is not there."""


class Clock(Protocol):
    """Time, passed in."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def sleep(self, seconds: float) -> None:
        """Wait."""
