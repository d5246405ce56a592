"""The tables of the SQLite queue, and the statements that keep its rules. Every function runs inside a transaction.

A message carries `ready_at` while it is the oldest of its group: the moment from which the group can be served. The
index over it makes a receive cost the same at any depth, and serves groups in the order in which they became ready, so
that none starves another one. Deduplication ids outlive their messages, in a table of their own.
"""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Final
from uuid import UUID

from settle.runtime.limits import DEDUPLICATION_SECONDS

SCHEMA_VERSION: Final = 1
SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS queue_message (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        queue TEXT NOT NULL,
        group_id TEXT NOT NULL,
        deduplication_id TEXT NOT NULL,
        message_id TEXT NOT NULL,
        sender TEXT NOT NULL,
        source TEXT,
        sent_at REAL NOT NULL,
        visible_at REAL NOT NULL,
        receives INTEGER NOT NULL DEFAULT 0,
        first_received_at REAL,
        ready_at REAL,
        attributes TEXT,
        body TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS queue_message_by_group ON queue_message (queue, group_id, sequence)",
    """
    CREATE INDEX IF NOT EXISTS queue_message_ready ON queue_message (queue, ready_at, sequence)
    WHERE ready_at IS NOT NULL
    """,
    """
    CREATE TABLE IF NOT EXISTS queue_deduplication (
        queue TEXT NOT NULL,
        group_id TEXT NOT NULL,
        deduplication_id TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        message_id TEXT NOT NULL,
        expires_at REAL NOT NULL,
        PRIMARY KEY (queue, group_id, deduplication_id)
    ) WITHOUT ROWID
    """,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """What a sender gives. `source` is the ARN of the queue that a dead letter comes from."""

    group: str
    deduplication_id: str
    sender: str
    body: str
    attributes: str | None = None
    source: str | None = None
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A stored message. Times are seconds since the epoch."""

    sequence: int
    group: str
    deduplication_id: str
    message_id: str
    sender: str
    source: str | None
    sent_at: float
    visible_at: float
    receives: int
    first_received_at: float | None
    attributes: str | None
    body: str


_ROW: Final = (
    "sequence, group_id, deduplication_id, message_id, sender, source, sent_at, visible_at, receives,"
    " first_received_at, attributes, body"
)


def insert(connection: Connection, queue: str, message: NewMessage, now: float, delay: float = 0.0) -> tuple[str, int]:
    """Add a message behind its group, visible after a delay, and return its id and sequence."""
    message_id = message.message_id or _new_id()
    cursor = connection.execute(
        "INSERT INTO queue_message (queue, group_id, deduplication_id, message_id, sender, source, attributes, body,"
        " sent_at, visible_at, ready_at) VALUES (:queue, :group, :deduplication_id, :message_id, :sender, :source,"
        " :attributes, :body, :now, :visible_at,"
        " iif(EXISTS (SELECT 1 FROM queue_message WHERE queue = :queue AND group_id = :group), NULL, :visible_at))",
        {
            "queue": queue,
            "group": message.group,
            "deduplication_id": message.deduplication_id,
            "message_id": message_id,
            "sender": message.sender,
            "source": message.source,
            "attributes": message.attributes,
            "body": message.body,
            "now": now,
            "visible_at": now + delay,
        },
    )
    return message_id, cursor.lastrowid or 0


def insert_alone(  # noqa: PLR0913, PLR0917 - the parts of a message
    connection: Connection, queue: str, sender: str, body: str, now: float, delay: float = 0.0
) -> None:
    """Add a message that is a group of its own, as every message of a standard queue is: it waits behind none."""
    message_id = _new_id()
    message = NewMessage(group=message_id, deduplication_id=message_id, message_id=message_id, sender=sender, body=body)
    insert(connection, queue, message, now, delay)


def find_duplicate(connection: Connection, queue: str, message: NewMessage, now: float) -> tuple[str, int] | None:
    """Return id and sequence of the message that came with the same deduplication id within five minutes."""
    row: tuple[str, int] | None = connection.execute(
        "SELECT message_id, sequence FROM queue_deduplication"
        " WHERE queue = ? AND group_id = ? AND deduplication_id = ? AND expires_at > ?",
        (queue, message.group, message.deduplication_id, now),
    ).fetchone()
    return row


def remember(connection: Connection, queue: str, message: NewMessage, sent: tuple[str, int], now: float) -> None:
    """Remember a deduplication id for five minutes."""
    connection.execute(
        "REPLACE INTO queue_deduplication (queue, group_id, deduplication_id, message_id, sequence, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (queue, message.group, message.deduplication_id, *sent, now + DEDUPLICATION_SECONDS),
    )


def forget_expired(connection: Connection, now: float) -> None:
    """Remove expired deduplication ids, which count as absent already."""
    connection.execute("DELETE FROM queue_deduplication WHERE expires_at <= ?", (now,))


def next_ready_at(connection: Connection, queue: str) -> float | None:
    """Return when the first group can be served; None for an empty queue."""
    row = connection.execute(
        "SELECT ready_at FROM queue_message WHERE queue = ? AND ready_at IS NOT NULL ORDER BY ready_at LIMIT 1",
        (queue,),
    ).fetchone()
    return None if row is None else float(row[0])


def ready_groups(connection: Connection, queue: str, now: float, limit: int) -> list[str]:
    """Return groups that can be served, those first that have waited longest."""
    rows = connection.execute(
        "SELECT group_id FROM queue_message WHERE queue = ? AND ready_at <= ? ORDER BY ready_at, sequence LIMIT ?",
        (queue, now, limit),
    )
    return [group for (group,) in rows.fetchall()]


def visible_head(connection: Connection, queue: str, group: str, now: float, limit: int) -> Iterator[Row]:
    """Yield the oldest messages of a group, up to the first that somebody has in flight."""
    rows = connection.execute(
        f"SELECT {_ROW} FROM queue_message WHERE queue = ? AND group_id = ? ORDER BY sequence LIMIT ?",  # noqa: S608
        (queue, group, limit),
    )
    for values in rows.fetchall():
        row = Row(*values)
        if row.visible_at > now:
            return
        yield row


def hide_through(connection: Connection, queue: str, last: Row, now: float, visible_at: float) -> None:
    """Count a delivery of every message of a group up to `last`, and hide them."""
    connection.execute(
        "UPDATE queue_message SET receives = receives + 1, first_received_at = coalesce(first_received_at, ?),"
        " visible_at = ?, ready_at = iif(ready_at IS NULL, NULL, ?)"
        " WHERE queue = ? AND group_id = ? AND sequence <= ?",
        (now, visible_at, visible_at, queue, last.group, last.sequence),
    )


def change_visibility(
    connection: Connection, queue: str, deliveries: Iterable[tuple[int, int]], now: float, visible_at: float
) -> None:
    """Set when messages become visible; deliveries (sequence, receive count) that are over are passed over."""
    connection.executemany(
        "UPDATE queue_message SET visible_at = ?, ready_at = iif(ready_at IS NULL, NULL, ?)"
        " WHERE sequence = ? AND queue = ? AND receives = ? AND visible_at > ?",
        [(visible_at, visible_at, sequence, queue, receives, now) for sequence, receives in deliveries],
    )


def delete(connection: Connection, queue: str, deliveries: Iterable[tuple[int, int]], now: float) -> None:
    """Delete messages; deliveries (sequence, receive count) that are over are passed over."""
    headless: set[str] = set()
    for sequence, receives in deliveries:
        row = connection.execute(
            "DELETE FROM queue_message WHERE sequence = ? AND queue = ? AND receives = ? AND visible_at > ?"
            " RETURNING group_id, ready_at",
            (sequence, queue, receives, now),
        ).fetchone()
        if row is not None and row[1] is not None:
            headless.add(row[0])
    for group in headless:
        _promote(connection, queue, group, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrive:
    """From where, with its ARN, and to where dead letters go."""

    queue: str
    arn: str
    target: str


def move(connection: Connection, redrive: Redrive, rows: Iterable[Row], now: float) -> None:
    """Move the oldest messages of one group to the dead-letter queue, where they are new messages with their old ids.

    SQS does the same: the message id stays and becomes the deduplication id, the sequence number and time are new.
    """
    for row in rows:
        letter = NewMessage(
            group=row.group,
            deduplication_id=row.message_id,
            sender=row.sender,
            body=row.body,
            attributes=row.attributes,
            source=redrive.arn,
            message_id=row.message_id,
        )
        insert(connection, redrive.target, letter, now)
        connection.execute("DELETE FROM queue_message WHERE sequence = ?", (row.sequence,))
        _promote(connection, redrive.queue, row.group, now)


def _promote(connection: Connection, queue: str, group: str, now: float) -> None:
    """Mark the oldest message of a group, which becomes ready behind the groups that are so already."""
    connection.execute(
        "UPDATE queue_message SET ready_at = max(visible_at, ?) WHERE sequence ="
        " (SELECT sequence FROM queue_message WHERE queue = ? AND group_id = ? ORDER BY sequence LIMIT 1)",
        (now, queue, group),
    )


def _new_id() -> str:
    return str(UUID(bytes=secrets.token_bytes(16), version=4))
