"""An SQS FIFO queue in memory, in the place of the one inside moto.

moto gives an expired batch back in the wrong order, forgets a deduplication id together with its message, numbers
messages at random, and lets any old handle delete. So of a FIFO queue only moto's settings and its HTTP side are used.
The caller holds the lock of the guard.
"""

import hashlib
import json
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from moto.sqs.exceptions import InvalidParameterValue, MissingParameter, ReceiptHandleIsInvalid, SQSException
from moto.sqs.models import Message, Queue

from settle.runtime.limits import DEDUPLICATION_SECONDS, ID_PATTERN, NOT_A_CHARACTER

MAX_REMEMBERED_HANDLES: Final = 10_000
"""Of deleted messages: deleting one of them again succeeds, as on SQS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a sender gives, as moto parsed it."""

    body: str
    group: str | None
    deduplication_id: str | None
    sender: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    system_attributes: Mapping[str, Any] = field(default_factory=dict)

    def size(self) -> int:
        """Return what SQS counts against the limit: the body, and name, type and value of every attribute."""
        size = len(self.body.encode())
        for name, value in self.attributes.items():
            content = value.get("StringValue") or value.get("BinaryValue") or ""
            size += len(name) + len(value["DataType"]) + len(content.encode() if isinstance(content, str) else content)
        return size


@dataclass(slots=True, kw_only=True, eq=False)
class _Entry:
    """A message in the queue. Times are seconds since the epoch."""

    id: str
    submission: Submission
    group: str
    deduplication_id: str
    sequence: int
    sent_at: float
    visible_at: float
    receives: int = 0
    first_received_at: float = 0.0
    handles: list[str] = field(default_factory=list)

    def answer(self, body: str | None = None) -> Message:
        """Return it as what moto makes a response of."""
        message = Message(
            self.id, self.submission.body if body is None else body, {**self.submission.system_attributes}
        )
        message.message_attributes = {**self.submission.attributes}
        message.group_id, message.deduplication_id = self.group, self.deduplication_id
        message.sequence_number, message.sender_id = str(self.sequence), self.submission.sender
        message.sent_timestamp = int(self.sent_at * 1000)  # type: ignore[assignment]
        message.approximate_first_receive_timestamp = int(self.first_received_at * 1000)
        message.approximate_receive_count = self.receives
        message.receipt_handle = self.handles[-1] if self.handles else None
        return message


@dataclass(slots=True, kw_only=True)
class _Group:
    """Messages in order of arrival, and the moment from which the first of them could be had."""

    ready_at: float
    entries: deque[_Entry] = field(default_factory=deque)


class FifoQueue:
    """The messages of one queue.

    Args:
        queue: of moto, asked for its settings.
        now: seconds since the epoch.
        next_sequence: gives rising numbers of 20 digits.
    """

    def __init__(self, queue: Queue, now: Callable[[], float], next_sequence: Callable[[], int]) -> None:
        self._queue, self._now, self._next_sequence = queue, now, next_sequence
        self._groups: dict[str, _Group] = {}
        self._by_handle: dict[str, _Entry] = {}
        self._deleted_handles: OrderedDict[str, None] = OrderedDict()
        self._first_by_id: OrderedDict[tuple[str, str], _Entry] = OrderedDict()

    def send(self, submission: Submission) -> Message:
        """Add a message, or return the one that came with the same deduplication id within five minutes."""
        group, deduplication_id = self._check(submission)
        now = self._now()
        self._forget_duplicates(now)
        scope = group if self._queue.attributes["DeduplicationScope"] == "messageGroup" else ""
        first = self._first_by_id.get((scope, deduplication_id))
        if first is None:
            first = self._add(_new_id(), submission, group, deduplication_id)
            self._first_by_id[scope, deduplication_id] = first
        return first.answer(submission.body)

    def receive(self, count: int, visibility_timeout: int, dead_letters: "FifoQueue | None" = None) -> list[Message]:
        """Take messages: as many as there are of one group, then of the next, each group from its oldest one on.

        Args:
            count: at most so many.
            visibility_timeout: seconds.
            dead_letters: takes messages that were received too often.
        """
        now = self._now()
        self._drop_expired(now)
        ready = [group for group in self._groups.values() if group.ready_at <= now]
        ready.sort(key=lambda group: (group.ready_at, group.entries[0].sequence))
        received: list[Message] = []
        for group in ready:
            if len(received) == count:
                break
            if dead_letters is not None:
                self._bury_worn(group, now, dead_letters)
            for entry in list(group.entries):
                if entry.visible_at > now or len(received) == count:
                    break
                self._deliver(entry, now, visibility_timeout)
                received.append(entry.answer())
            _set_ready(group, now)
        return received

    def delete(self, handle: str) -> None:
        """Delete a message that is in flight under this handle."""
        if handle not in self._deleted_handles:
            self._remove(self._in_flight(handle))

    def change_visibility(self, handle: str, seconds: int) -> None:
        """Set when a message that is in flight under this handle becomes visible."""
        entry, now = self._in_flight(handle), self._now()
        entry.visible_at = now + seconds
        _set_ready(self._groups[entry.group], now)

    def adopt(self, entry: _Entry) -> None:
        """Take a dead letter: a new message with its old id, which is its deduplication id from now on."""
        self._add(entry.id, entry.submission, entry.group, entry.id)

    def purge(self) -> None:
        """Drop every message; deduplication ids stay."""
        self._groups.clear()
        self._by_handle.clear()

    def count(self) -> tuple[int, int]:
        """Return how many messages are visible and how many are in flight."""
        now = self._now()
        hidden = [entry.visible_at > now for group in self._groups.values() for entry in group.entries]
        return hidden.count(False), hidden.count(True)

    def _check(self, submission: Submission) -> tuple[str, str]:
        attributes, body, group = self._queue.attributes, submission.body, submission.group
        deduplication_id = submission.deduplication_id
        if deduplication_id is None and attributes["ContentBasedDeduplication"] == "true":
            deduplication_id = hashlib.sha256(body.encode()).hexdigest()
        if group is None:
            raise MissingParameter("MessageGroupId")
        if deduplication_id is None:
            raise InvalidParameterValue(
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided"
            )
        for name, value in (("MessageGroupId", group), ("MessageDeduplicationId", deduplication_id)):
            if not ID_PATTERN.fullmatch(value):
                raise InvalidParameterValue(f"Value {value} for parameter {name} is invalid.")
        if not body:
            raise MissingParameter("MessageBody")
        if NOT_A_CHARACTER.search(body):
            raise SQSException("InvalidMessageContents", "Invalid characters found.")
        if submission.size() > attributes["MaximumMessageSize"]:
            raise InvalidParameterValue("One or more parameters are invalid. Reason: Message is too long.")
        return group, deduplication_id

    def _add(self, message_id: str, submission: Submission, group: str, deduplication_id: str) -> _Entry:
        now = self._now()
        entry = _Entry(
            id=message_id,
            submission=submission,
            group=group,
            deduplication_id=deduplication_id,
            sequence=self._next_sequence(),
            sent_at=now,
            visible_at=now + self._queue.attributes["DelaySeconds"],
        )
        self._groups.setdefault(group, _Group(ready_at=entry.visible_at)).entries.append(entry)
        return entry

    def _remove(self, entry: _Entry) -> None:
        for handle in entry.handles:
            del self._by_handle[handle]
            self._deleted_handles[handle] = None
        while len(self._deleted_handles) > MAX_REMEMBERED_HANDLES:
            self._deleted_handles.popitem(last=False)
        group = self._groups[entry.group]
        group.entries.remove(entry)
        if group.entries:
            _set_ready(group, self._now())
        else:
            del self._groups[entry.group]

    def _deliver(self, entry: _Entry, now: float, visibility_timeout: int) -> None:
        entry.handles.append(secrets.token_urlsafe(96))
        self._by_handle[entry.handles[-1]] = entry
        entry.receives += 1
        entry.first_received_at = entry.first_received_at or now
        entry.visible_at = now + visibility_timeout

    def _bury_worn(self, group: _Group, now: float, dead_letters: "FifoQueue") -> None:
        limit = json.loads(self._queue.attributes["RedrivePolicy"])["maxReceiveCount"]
        for entry in list(group.entries):
            if entry.visible_at > now or entry.receives < limit:
                return
            self._remove(entry)
            dead_letters.adopt(entry)

    def _in_flight(self, handle: str) -> _Entry:
        entry = self._by_handle.get(handle)
        if entry is None:
            raise ReceiptHandleIsInvalid
        if handle != entry.handles[-1] or entry.visible_at <= self._now():
            raise InvalidParameterValue(
                f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
            )
        return entry

    def _drop_expired(self, now: float) -> None:
        oldest = now - self._queue.attributes["MessageRetentionPeriod"]
        for group in list(self._groups.values()):
            for entry in list(group.entries):
                if entry.sent_at > oldest:
                    break
                self._remove(entry)

    def _forget_duplicates(self, now: float) -> None:
        while self._first_by_id:
            key, oldest = next(iter(self._first_by_id.items()))
            if now - oldest.sent_at < DEDUPLICATION_SECONDS:
                return
            del self._first_by_id[key]


def _set_ready(group: _Group, now: float) -> None:
    if group.entries:
        group.ready_at = max(now, group.entries[0].visible_at)


def _new_id() -> str:
    return str(UUID(bytes=secrets.token_bytes(16), version=4))
