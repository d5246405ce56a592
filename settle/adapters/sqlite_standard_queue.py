"""A standard SQS queue in a SQLite file: at least once, and each message after a delay of its own.

A message is a group of its own, so the tables and rules of the FIFO queue serve: nothing waits behind anything. As
there, a handle whose message is visible again deletes nothing, where SQS might still delete: the message comes again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from settle.adapters import sqlite_queue_tables as tables
from settle.adapters.polled_queue import ReceivedMessage
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_queue import SqliteQueue
from settle.adapters.time_rules import check_delay
from settle.runtime.errors import QueueUnavailableError
from settle.runtime.limits import check_body
from settle.runtime.ports import Clock

TIMERS_QUEUE: Final = "timers"
TASKS_QUEUE: Final = "tasks"
TASKS_DEAD_LETTER_QUEUE: Final = "tasks-dead-letters"

_FIFO_ONLY: Final = frozenset({"MessageGroupId", "MessageDeduplicationId", "SequenceNumber"})


class SqliteStandardQueue:
    """A `StandardQueue` for senders and a `PolledQueue` for the event source mapping.

    Args:
        database: shared with the store.
        clock: says what is visible.
        sender: who sends through this object; its messages carry that as `SenderId`.
        name: of the queue.
        dead_letters: name of the queue for messages received too often; None for none.
        max_receive_count: deliveries after which a message goes there.
    """

    def __init__(  # noqa: PLR0913 - the settings of a queue
        self,
        database: SqliteDatabase,
        clock: Clock,
        *,
        sender: str,
        name: str,
        dead_letters: str | None = None,
        max_receive_count: int = 1000,
    ) -> None:
        self._database, self._clock, self._sender, self._name = database, clock, sender, name
        self._queue = SqliteQueue(
            database,
            clock,
            sender=sender,
            name=name,
            dead_letters=dead_letters,
            max_receive_count=max_receive_count,
        )
        self._bell = database.doorbell(name)

    @property
    def name(self) -> str:
        """Name of this queue in its file."""
        return self._name

    @property
    def arn(self) -> str:
        """Name of this queue, in the form of an ARN."""
        return self._queue.arn

    def send(self, *, body: str, delay: int = 0) -> None:
        """Put one message on disk, to be delivered in `delay` seconds.

        Raises:
            ValueError: the delay is not one that SQS takes.
            EnvelopeInvalidError: a body that SQS would refuse.
            MessageTooLargeError: over the limit.
            QueueUnavailableError: the file cannot be written.
        """
        check_delay(delay)
        check_body(body)
        now = self._clock.now()
        with self._database.transaction(QueueUnavailableError) as connection:
            tables.insert_alone(connection, self._name, self._sender, body, now, delay)
        self._bell.ring()

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        """Let a received message become visible again in so many seconds. A stale handle is passed over."""
        self._queue.delay([receipt_handle], seconds)

    def delay(self, receipt_handles: Sequence[str], seconds: float) -> None:
        """Let received messages become visible again in so many seconds. Raises `QueueUnavailableError`."""
        self._queue.delay(receipt_handles, seconds)

    def receive(self, *, max_messages: int, visibility_timeout: float) -> list[ReceivedMessage]:
        """Take messages. Raises `QueueUnavailableError`."""
        received = self._queue.receive(max_messages=max_messages, visibility_timeout=visibility_timeout)
        return [replace(message, attributes=_standard(message.attributes)) for message in received]

    def delete(self, receipt_handles: Sequence[str]) -> None:
        """Delete received messages; stale handles are passed over. Raises `QueueUnavailableError`."""
        self._queue.delete(receipt_handles)

    def wait(self, timeout: float) -> None:
        """Return when a message can be received, at the latest after `timeout` seconds of real time."""
        self._queue.wait(timeout)

    def ring(self) -> None:
        """Wake whoever waits: somebody else has put a message into the file."""
        self._bell.ring()

    def next_ready_at(self) -> float | None:
        """Return when something can be received, in seconds since the epoch; None while the queue is empty."""
        return self._queue.next_ready_at()


def _standard(attributes: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if name not in _FIFO_ONLY}
