"""The embedded backend: store, queues and schedules in one SQLite file, which every function opens for itself."""

from collections.abc import Mapping
from typing import Final

from settle.adapters.shifted_clock import ShiftedClock
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_queue import SqliteQueue
from settle.adapters.sqlite_scheduler import SqliteScheduler
from settle.adapters.sqlite_standard_queue import (
    TASKS_DEAD_LETTER_QUEUE,
    TASKS_QUEUE,
    TIMERS_QUEUE,
    SqliteStandardQueue,
)
from settle.local.clock import open_clock
from settle.local.data_directory import DataDirectory
from settle.local.errors import StartError
from settle.local.schedule_thread import ScheduleSource
from settle.local.sources import Sources
from settle.runtime.errors import UnavailableError

SENDER: Final = "mapping"
"""As which the supervisor would send; it only receives."""


class EmbeddedBackend:
    """A SQLite file, and beside it the file of its clock.

    Args:
        data: where both are.

    Raises:
        StartError: a file cannot be opened, or a newer release wrote it.
    """

    def __init__(self, data: DataDirectory) -> None:
        self._path, self._clock_path = data.database, data.clock
        self.clock = clock = open_clock(self._clock_path)
        try:
            database = SqliteDatabase(self._path)
            timers = _standard(database, clock, TIMERS_QUEUE)
            self.sources = Sources(
                events=SqliteQueue(database, clock, sender=SENDER),
                timers=timers,
                tasks=_standard(database, clock, TASKS_QUEUE, dead_letters=TASKS_DEAD_LETTER_QUEUE),
                dead_tasks=_standard(database, clock, TASKS_DEAD_LETTER_QUEUE),
            )
            self.schedules: ScheduleSource = _Schedules(SqliteScheduler(database, clock), timers)
        except UnavailableError as error:
            raise StartError(f"the database cannot be opened: {error}") from error

    @property
    def description(self) -> str:
        """What holds the state."""
        return f"SQLite, state is kept in {self._path}"

    @property
    def processes(self) -> Mapping[str, int]:
        """None of its own."""
        return {}

    def environment(self, _function: str, /) -> dict[str, str]:
        """Where the file is, and how its queues are called."""
        return {
            "SETTLE_BACKEND": "embedded",
            "SETTLE_DATABASE": str(self._path),
            "SETTLE_CLOCK": str(self._clock_path),
            **self.sources.environment(),
        }

    def close(self) -> None:
        """Nothing to end."""


class _Schedules:
    """The schedules, bound to the queue that they send to."""

    def __init__(self, scheduler: SqliteScheduler, timers: SqliteStandardQueue) -> None:
        self._scheduler, self._timers = scheduler, timers

    def fire_due(self) -> int:
        return self._scheduler.fire_due(self._timers)

    def next_at(self) -> float | None:
        return self._scheduler.next_at()


def _standard(
    database: SqliteDatabase, clock: ShiftedClock, name: str, *, dead_letters: str | None = None
) -> SqliteStandardQueue:
    return SqliteStandardQueue(database, clock, sender=SENDER, name=name, dead_letters=dead_letters)
