"""The directory that holds everything that a local system keeps. One system at a time may use it."""

import fcntl
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from settle.local.errors import StartError

MAX_LOG_BYTES: Final = 20_000_000
"""A larger log file becomes `<name>.1`, of which there is one."""


class DataDirectory:
    """An open, locked data directory. The lock ends with this process, however that ends.

    Args:
        path: of the directory, created when absent.

    Raises:
        StartError: it cannot be written, or another running system uses it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            self._lock = (self.path / "lock").open("a+")
        except OSError as error:
            raise StartError(f"the data directory {path} cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.seek(0)
            owner = self._lock.read().strip() or "unknown"
            self._lock.close()
            raise StartError(
                f"the data directory {path} is in use by another running system (process {owner}); "
                "stop it, or choose another directory with DATA="
            ) from error
        self._lock.truncate(0)
        self._lock.write(f"{os.getpid()}\n")
        self._lock.flush()

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.path / "settle.db"

    @property
    def clock(self) -> Path:
        """The file that says how far the clock of what is in the database is ahead."""
        return self.path / "settle.clock"

    @property
    def passing_clock(self) -> Path:
        """The same for a backend that keeps nothing."""
        return self.path / "moto.clock"

    @property
    def logs(self) -> Path:
        """Directory of log files."""
        return self.path / "logs"

    def log(self, name: str) -> Path:
        """Log file of a function or process."""
        return self.logs / f"{name}.log"

    def rotate_logs(self) -> None:
        """Move what large log files hold aside, leaving the files themselves to the processes that write to them."""
        for log in self.logs.glob("*.log"):
            if log.stat().st_size > MAX_LOG_BYTES:
                shutil.copyfile(log, log.with_suffix(".log.1"))
                os.truncate(log, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.close()
