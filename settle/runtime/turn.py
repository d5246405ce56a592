"""A turn: one instance in the hands of one consumer, from its read to its write.

Changes gather on a working copy and become visible in one conditional write. When that write fails, the turn is void
and the caller begins a new one.
"""

import logging
from dataclasses import replace
from typing import Any

from settle.core.effects import Log
from settle.runtime.errors import ConflictError
from settle.runtime.incoming import IncomingEvent
from settle.runtime.instance import (
    FIRST_NUMBER,
    HeldEvent,
    HeldRange,
    Instance,
    InstanceKey,
    Lane,
    OutboxEntry,
    Watermark,
)
from settle.runtime.log_keys import log_keys
from settle.runtime.ports import ABSENT, Expected, InstanceStore
from settle.runtime.receipt import Outcome, Position, ShortReceipt
from settle.runtime.ring import trim_ring
from settle.runtime.tally import Taken, Tally

_logger = logging.getLogger("settle")


class Turn:
    """The working copy of one instance. `instance` is None while it was never created.

    Args:
        store: of the instance.
        key: of the instance.
        queue: ARN of the queue that its events come from.
        tally: where to note what was stored.
    """

    def __init__(self, store: InstanceStore, key: InstanceKey, queue: str, tally: Tally | None = None) -> None:
        self._store = store
        self.key = key
        self.queue = queue
        self.instance: Instance | None
        self._expected: Expected
        self._clean: Instance | None
        self._dirty: bool
        self.tally = Tally() if tally is None else tally
        self._hold: list[HeldEvent]
        self._release: list[int]
        self._logs: list[tuple[Log, IncomingEvent | None]]
        self._taken: list[Taken]
        self.reads = 0
        self.reload()

    # Reading ---------------------------------------------------------------------------------------------------------

    @property
    def existing(self) -> Instance:
        """The instance, where it is known to be there."""
        if self.instance is None:
            raise LookupError(f"{self.key} was never created")
        return self.instance

    def has_taken(self, position: Position) -> bool:
        """Whether the event at that position of the queue was taken before."""
        mark = self.instance.watermark if self.instance else None
        return mark is not None and mark.covers(self.queue, position)

    @property
    def holds(self) -> bool:
        """Whether events to hold wait for the commit."""
        return bool(self._hold)

    @property
    def folded(self) -> bool:
        """Whether events were taken since the last commit."""
        was = self._clean.watermark if self._clean else None
        return self.existing.watermark != was

    def reload(self) -> None:
        """Drop every uncommitted change and read the instance again."""
        self.reads += 1
        self.instance = self._clean = self._store.load(self.key)
        self._expected = expected_of(self.instance)
        self._dirty = False
        self._forget()

    # Changing --------------------------------------------------------------------------------------------------------

    def create(self, instance: Instance) -> None:
        """Begin with a new instance; nothing is stored yet."""
        self.instance = self._clean = instance

    def update(self, **changes: Any) -> None:  # noqa: ANN401 - fields of Instance
        """Change the working copy."""
        self.instance = replace(self.existing, **changes)
        self._dirty = True

    def advance(self, position: Position, outcome: Outcome, code: str = "") -> None:
        """Note that the event at a position was taken, and what became of it."""
        instance = self.existing
        receipt = ShortReceipt(position=position, outcome=outcome, version=instance.version, code=code)
        self.update(
            watermark=Watermark(queue=self.queue, position=position),
            ring=trim_ring(instance.ring, (receipt,)),
            failing=None,
        )

    def pass_over(self, position: Position) -> None:
        """Note that the message at a position was taken, without a receipt."""
        self.update(watermark=Watermark(queue=self.queue, position=position), failing=None)

    def note(self, position: Position, outcome: Outcome, code: str = "") -> None:
        """Note what became of an event that was taken earlier and held: its receipt is replaced."""
        instance = self.existing
        receipt = ShortReceipt(position=position, outcome=outcome, version=instance.version, code=code)
        others = tuple(entry for entry in instance.ring if entry.position != position)
        self.update(ring=trim_ring(others, (receipt,)), failing=None)

    def hold(self, position: Position, body: str, trusted: bool, lane: Lane) -> None:
        """Keep an event for later, behind those of its lane.

        However many there are: a message that waited in the queue would keep back the control message behind it.
        """
        held = self.existing.lane(lane)
        number = held.next if held else FIRST_NUMBER[lane]
        self._hold.append(HeldEvent(number=number, position=position, body=body, sender_trusted=trusted))
        first, floor = (held.first, held.floor) if held else (number, position)
        self._set_lane(lane, HeldRange(first=first, next=number + 1, floor=floor))

    def release(self, event: HeldEvent, following: HeldEvent | None, lane: Lane) -> None:
        """Let go of the oldest held event of a lane."""
        held = self.existing.lane(lane)
        if held is None or held.first != event.number:
            raise ConflictError(f"held event {event.number} of {self.key} is not the oldest any more")
        self._release.append(event.number)
        rest = HeldRange(first=following.number, next=held.next, floor=following.position) if following else None
        self._set_lane(lane, rest)

    def rewrite(self, event: HeldEvent) -> None:
        """Put a held event, changed, in the place that it has."""
        self._release.append(event.number)
        self._hold.append(event)
        self._dirty = True

    def _set_lane(self, lane: Lane, held: HeldRange | None) -> None:
        if lane is Lane.URGENT:
            self.update(urgent=held)
        else:
            self.update(held=held)

    def add_to_outbox(self, *entries: OutboxEntry) -> None:
        """Have something done after the commit."""
        self.update(outbox=(*self.existing.outbox, *entries))

    def log(self, logs: tuple[Log, ...], event: IncomingEvent | None) -> None:
        """Write lines for the operator after the commit."""
        self._logs.extend((line, event) for line in logs)

    def observe(self, event: IncomingEvent, outcome: Outcome, code: str = "", began_at: float = 0.0) -> None:
        """Have it known after the commit what became of an event; `began_at` is left out where it did not run."""
        self._taken.append(
            Taken(
                group=str(self.key),
                event_id=event.id,
                type=event.type,
                outcome=outcome,
                code=code,
                version=self.existing.version,
                trace=event.envelope.trace,
                accepted_at=event.envelope.accepted_at if event.is_from_outside else 0.0,
                began_at=began_at,
            )
        )

    def roll_back(self) -> None:
        """Drop every change since the last commit, or since the read."""
        self.instance, self._dirty = self._clean, False
        self._forget()

    def _forget(self) -> None:
        self._hold, self._release, self._logs, self._taken = [], [], [], []

    # Storing ---------------------------------------------------------------------------------------------------------

    def commit(self, now: float) -> None:
        """Store the working copy, if anything changed.

        Raises:
            ConflictError: somebody else stored the instance meanwhile; the turn is void.
            InstanceTooLargeError: it does not fit an item; nothing was written.
            StoreUnavailableError: nobody knows whether it was written; the turn is void.
        """
        if not self._dirty:
            return
        instance = replace(self.existing, revision=self._expected.revision + 1, updated_at=now)
        self._store.commit(instance, self._expected, hold=self._hold, release=self._release)
        self.instance = self._clean = instance
        self._expected = expected_of(instance)
        self._dirty = False
        self._write_logs()
        self.tally.taken += [replace(each, began_at=each.began_at or now, ended_at=now) for each in self._taken]
        self._forget()

    def _write_logs(self) -> None:
        for line, event in self._logs:
            keys = log_keys(self.existing, event.id, event.envelope.trace) if event else log_keys(self.existing)
            _logger.info(line.message, extra=keys | {"data": line.data})


def expected_of(instance: Instance | None) -> Expected:
    """Return the condition that the stored instance is still this one."""
    if instance is None:
        return ABSENT
    return Expected(incarnation=instance.incarnation, revision=instance.revision)
