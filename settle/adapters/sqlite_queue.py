"""An SQS FIFO queue in a SQLite file: the same rules for order, locking, duplicates and dead letters.

Unlike SQS it keeps messages for ever: a laptop that was off for a month has lost nothing.
"""

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from sqlite3 import Connection
from typing import Any, Final

from settle.adapters import sqlite_queue_tables as tables
from settle.adapters.dead_letter import letter_attributes
from settle.adapters.polled_queue import ReceivedMessage
from settle.adapters.sqlite_database import SqliteDatabase
from settle.runtime.errors import QueueUnavailableError
from settle.runtime.limits import MAX_MESSAGE_BYTES, MAX_SQS_MESSAGE_BYTES, MAX_VISIBILITY_SECONDS, check_message
from settle.runtime.ports import Clock, SentMessage

EVENT_QUEUE: Final = "events.fifo"
DEAD_LETTER_QUEUE: Final = "events-dead-letters.fifo"
ARN_PREFIX: Final = "arn:aws:sqs:local:000000000000:"
SEQUENCE_BASE: Final = 10**19
"""Added to the row number, so that sequence numbers have 20 digits as those of SQS do."""
FORGET_EVERY_SECONDS: Final = 60.0
"""How often expired deduplication ids are removed; they count as absent from the moment they expire."""
LONGEST_HANDLE: Final = 20
"""Longer numbers would not fit SQLite's integers; such a handle is none of ours."""


class SqliteQueue:
    """An `EventQueue` for senders and a `PolledQueue` for the event source mapping.

    Args:
        database: shared with the store.
        clock: says what is visible and which duplicates are remembered.
        sender: who sends through this object; its messages carry that as `SenderId`.
        name: of the queue; one database holds several.
        dead_letters: name of the queue for messages received too often; None for none.
        max_receive_count: deliveries after which a message goes there.
        max_message_bytes: longest body.
    """

    def __init__(  # noqa: PLR0913 - the settings of a queue
        self,
        database: SqliteDatabase,
        clock: Clock,
        *,
        sender: str,
        name: str = EVENT_QUEUE,
        dead_letters: str | None = DEAD_LETTER_QUEUE,
        max_receive_count: int = 1000,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        self._database, self._clock, self._sender, self._name = database, clock, sender, name
        self._redrive = dead_letters and tables.Redrive(queue=name, arn=self.arn, target=dead_letters)
        self._max_receive_count = max_receive_count
        self._max_message_bytes = max_message_bytes
        self._forget_at = -math.inf
        self._bell = database.doorbell(name)
        database.create_schema("queue", tables.SCHEMA_VERSION, tables.SCHEMA)

    @property
    def arn(self) -> str:
        """Name of this queue, in the form of an ARN."""
        return ARN_PREFIX + self._name

    def send(
        self,
        *,
        group: str,
        deduplication_id: str,
        body: str,
        attributes: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> SentMessage:
        """Put one message on disk. A deduplication id that its group saw within five minutes sends nothing more.

        Args:
            group: message group id.
            deduplication_id: compared within the group only (`DeduplicationScope=messageGroup`).
            body: of the message.
            attributes: message attributes in the shape of boto3.

        Raises:
            NameInvalidError: an id that SQS would refuse.
            EnvelopeInvalidError: a body that SQS would refuse.
            MessageTooLargeError: over the limit.
            QueueUnavailableError: the file cannot be written.
        """
        check_message(group=group, deduplication_id=deduplication_id, body=body, limit=self._max_message_bytes)
        message = tables.NewMessage(
            group=group,
            deduplication_id=deduplication_id,
            sender=self._sender,
            body=body,
            attributes=json.dumps(attributes) if attributes else None,
        )
        now = self._clock.now()
        with self._database.transaction(QueueUnavailableError) as connection:
            if now >= self._forget_at:
                self._forget_at = now + FORGET_EVERY_SECONDS
                tables.forget_expired(connection, now)
            sent = tables.find_duplicate(connection, self._name, message, now)
            if sent is None:
                sent = tables.insert(connection, self._name, message, now)
                tables.remember(connection, self._name, message, sent, now)
        self._bell.ring()
        message_id, sequence = sent
        return SentMessage(message_id=message_id, sequence_number=_sequence_number(sequence))

    def receive(self, *, max_messages: int, visibility_timeout: float) -> list[ReceivedMessage]:
        """Take messages: as many as there are of one group, then of the next, each group from its oldest one on.

        Raises:
            QueueUnavailableError: the file cannot be read or written.
        """
        now = self._clock.now()
        if not self._ready(now):
            return []
        received: list[ReceivedMessage] = []
        served: set[str] = set()
        with self._database.transaction(QueueUnavailableError) as connection:
            # Once more when a group gave less than hoped for: its messages went to the dead-letter queue.
            while left := max_messages - len(received):
                groups = [g for g in tables.ready_groups(connection, self._name, now, left) if g not in served]
                if not groups:
                    break
                for group in groups:
                    rows = self._head(connection, group, max_messages - len(received), now)
                    if rows:
                        tables.hide_through(connection, self._name, rows[-1], now, now + visibility_timeout)
                    received += [_received(row, now) for row in rows]
                served.update(groups)
        return received

    def acknowledge(self, receipt_handles: Sequence[str]) -> None:
        """Delete received messages, all in one commit. A handle whose message is visible again is passed over.

        Raises:
            QueueUnavailableError: the file cannot be written.
        """
        now = self._clock.now()
        with self._database.transaction(QueueUnavailableError) as connection:
            tables.delete(connection, self._name, _deliveries(receipt_handles), now)
        self._bell.ring()

    def delete(self, receipt_handles: Sequence[str]) -> None:
        """Delete received messages: the receiving side's word for `acknowledge`."""
        self.acknowledge(receipt_handles)

    def delay(self, receipt_handles: Sequence[str], seconds: float) -> None:
        """Let received messages become visible again in so many seconds, all in one commit.

        A handle whose message is visible again is passed over.

        Raises:
            QueueUnavailableError: the file cannot be written.
        """
        now = self._clock.now()
        visible_at = now + min(max(seconds, 0), MAX_VISIBILITY_SECONDS)
        with self._database.transaction(QueueUnavailableError) as connection:
            tables.change_visibility(connection, self._name, _deliveries(receipt_handles), now, visible_at)
        self._bell.ring()

    def wait(self, timeout: float) -> None:
        """Return when a group can be served, at the latest after `timeout` seconds of real time."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            ready_at = self.next_ready_at()
            if ready_at is not None:
                # Not by one wait until then: a test or a developer may move the clock.
                left = min(left, ready_at - self._clock.now())
                if left <= 0:
                    return
            self._bell.wait(left)

    def _ready(self, now: float) -> bool:
        ready_at = self.next_ready_at()
        return ready_at is not None and ready_at <= now

    def next_ready_at(self) -> float | None:
        """Return when something can be received, in seconds since the epoch; None while the queue is empty."""
        with self._database.reading(QueueUnavailableError) as connection:
            return tables.next_ready_at(connection, self._name)

    def _head(self, connection: Connection, group: str, limit: int, now: float) -> list[tables.Row]:
        while True:
            rows = list(tables.visible_head(connection, self._name, group, now, limit)) if limit else []
            # Nobody received a message more often than those before it, so these are the first of the group.
            worn = [row for row in rows if row.receives >= self._max_receive_count]
            if not self._redrive or not worn:
                return rows
            tables.move(connection, self._redrive, worn, now)


class SqliteDeadLetterQueue:
    """A `DeadLetterQueue` beside the queue, in the same file.

    Attributes:
        queue: the queue that holds the dead letters, for reading them.
    """

    def __init__(self, database: SqliteDatabase, clock: Clock, *, sender: str, name: str = DEAD_LETTER_QUEUE) -> None:
        self.queue = SqliteQueue(
            database, clock, sender=sender, name=name, dead_letters=None, max_message_bytes=MAX_SQS_MESSAGE_BYTES
        )

    def bury(self, *, group: str, deduplication_id: str, body: str, reason: str, sender: str = "") -> None:
        """Keep a message, with reason and sender as message attributes. Raises `QueueUnavailableError`."""
        attributes = letter_attributes(body, reason, sender)
        self.queue.send(group=group, deduplication_id=deduplication_id, body=body, attributes=attributes)


def _received(row: tables.Row, now: float) -> ReceivedMessage:
    attributes = {
        "ApproximateReceiveCount": str(row.receives + 1),
        "ApproximateFirstReceiveTimestamp": _milliseconds(row.first_received_at or now),
        "SentTimestamp": _milliseconds(row.sent_at),
        "SenderId": row.sender,
        "SequenceNumber": _sequence_number(row.sequence),
        "MessageGroupId": row.group,
        "MessageDeduplicationId": row.deduplication_id,
    }
    if row.source is not None:
        attributes["DeadLetterQueueSourceArn"] = row.source
    return ReceivedMessage(
        message_id=row.message_id,
        receipt_handle=f"{row.sequence}.{row.receives + 1}",
        body=row.body,
        attributes=attributes,
        message_attributes=json.loads(row.attributes) if row.attributes else {},
    )


def _deliveries(receipt_handles: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Read sequence and receive count from the handles that are ours."""
    for handle in receipt_handles:
        sequence, _, receives = handle.partition(".")
        if sequence.isdecimal() and receives.isdecimal() and len(handle) < LONGEST_HANDLE:
            yield int(sequence), int(receives)


def _sequence_number(sequence: int) -> str:
    return str(SEQUENCE_BASE + sequence)


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))
