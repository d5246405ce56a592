"""A timers queue that waits to the very moment.

Queues count delays in whole seconds, so on AWS a timer may come up to a second late (docs/long-work.md). A test that
advances its clock by exactly a day has to see what is due after a day.
"""

from settle.adapters import sqlite_queue_tables as tables
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_standard_queue import TIMERS_QUEUE, SqliteStandardQueue
from settle.adapters.time_rules import check_delay
from settle.runtime.envelope import parse_timer
from settle.runtime.errors import QueueUnavailableError
from settle.testing.clock import ManualClock
from settle.testing.system import SENDER


class ExactTimersQueue(SqliteStandardQueue):
    """The timers queue in a database in memory.

    Args:
        database: shared with everything else.
        clock: that moves to each moment at which something is due.
    """

    def __init__(self, database: SqliteDatabase, clock: ManualClock) -> None:
        super().__init__(database, clock, sender=SENDER, name=TIMERS_QUEUE)
        self._file, self._time = database, clock

    def send(self, *, body: str, delay: int = 0) -> None:
        """Put a timer into the queue until it is due, but not for longer than it is asked to wait."""
        check_delay(delay)
        now = self._time.now()
        left = min(max(parse_timer(body).due - now, 0.0), float(delay))
        with self._file.transaction(QueueUnavailableError) as connection:
            tables.insert_alone(connection, TIMERS_QUEUE, SENDER, body, now, left)
