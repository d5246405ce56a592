"""Schedules in a SQLite file, beside the queue that they send to: what EventBridge Scheduler is on AWS."""

from typing import Final

from settle.adapters import sqlite_queue_tables as tables
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_standard_queue import SqliteStandardQueue
from settle.adapters.time_rules import check_schedule
from settle.runtime.errors import SchedulerUnavailableError
from settle.runtime.ports import Clock

SCHEDULER: Final = "scheduler"
"""Who sends what a schedule brings."""
FIRED_AT_ONCE: Final = 100
"""Schedules that one transaction fires."""

_SCHEMA_VERSION: Final = 1
_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS schedule (name TEXT PRIMARY KEY, at REAL NOT NULL, body TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS schedule_by_time ON schedule (at)",
)


class SqliteScheduler:
    """A `Scheduler`, and what fires its schedules.

    Args:
        database: shared with the queues.
        clock: says what is due.
    """

    def __init__(self, database: SqliteDatabase, clock: Clock) -> None:
        self._database, self._clock = database, clock
        database.create_schema("scheduler", _SCHEMA_VERSION, _SCHEMA)

    def schedule(self, *, name: str, at: float, body: str) -> None:
        """Put a schedule on disk. One of that name stays as it is.

        Raises:
            ScheduleRefusedError: EventBridge Scheduler would never take it; see `settle.adapters.time_rules`.
            SchedulerUnavailableError: the file cannot be written.
        """
        second = check_schedule(name, at, body)
        with self._database.transaction(SchedulerUnavailableError) as connection:
            connection.execute(
                "INSERT INTO schedule (name, at, body) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
                (name, second, body),
            )

    def cancel(self, name: str) -> None:
        """Delete a schedule. One that is not there, or has fired, is passed over.

        Raises:
            SchedulerUnavailableError: the file cannot be written.
        """
        with self._database.transaction(SchedulerUnavailableError) as connection:
            connection.execute("DELETE FROM schedule WHERE name = ?", (name,))

    def fire_due(self, queue: SqliteStandardQueue) -> int:
        """Send what is due to a queue of the same file, and forget it, in one commit; return how many there were.

        The longest due go first, and of several for the same moment those that were set first; at most `FIRED_AT_ONCE`:
        ask again until there are none.

        Raises:
            SchedulerUnavailableError: the file cannot be written; nothing was sent.
        """
        now = self._clock.now()
        next_at = self.next_at()
        if next_at is None or next_at > now:
            return 0
        with self._database.transaction(SchedulerUnavailableError) as connection:
            due = connection.execute(
                "SELECT name, body FROM schedule WHERE at <= ? ORDER BY at, rowid LIMIT ?", (now, FIRED_AT_ONCE)
            ).fetchall()
            for name, body in due:
                connection.execute("DELETE FROM schedule WHERE name = ?", (name,))
                tables.insert_alone(connection, queue.name, SCHEDULER, body, now)
        queue.ring()
        return len(due)

    def next_at(self) -> float | None:
        """Return when the next schedule is due, in seconds since the epoch; None when there is none."""
        with self._database.reading(SchedulerUnavailableError) as connection:
            (at,) = connection.execute("SELECT min(at) FROM schedule").fetchone()
        return None if at is None else float(at)
