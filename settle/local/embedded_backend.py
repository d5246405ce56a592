"""The embedded backend: store and queue in one SQLite file, which every function opens for itself."""

import time
from collections.abc import Mapping
from pathlib import Path

from settle.adapters.polled_queue import PolledQueue
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_queue import SqliteQueue
from settle.local.errors import StartError
from settle.runtime.errors import UnavailableError


class EmbeddedBackend:
    """A SQLite file.

    Args:
        path: of the file.

    Raises:
        StartError: the file cannot be opened, or a newer release wrote it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.queue: PolledQueue = SqliteQueue(SqliteDatabase(path), _SystemClock(), sender="mapping")
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
        """Where the file is."""
        return {
            "SETTLE_BACKEND": "embedded",
            "SETTLE_DATABASE": str(self._path),
            "SETTLE_QUEUE_ARN": self.queue.arn,
        }

    def close(self) -> None:
        """Nothing to end."""


class _SystemClock:
    def now(self) -> float:
        return time.time()  # noqa: TID251 - this is the clock

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
