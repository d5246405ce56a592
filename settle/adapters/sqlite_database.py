"""One SQLite file, shared by the store, the queue and the timers of the embedded system, from any thread or process.

Write-ahead logging lets readers go on while somebody writes; `synchronous=FULL` puts a commit on disk before it
returns (https://sqlite.org/pragma.html#pragma_synchronous), so what was acknowledged survives `SIGKILL` and power loss.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from os import PathLike, fspath, getpid
from pathlib import Path
from typing import Final

from settle.adapters.doorbell import Bell, Doorbell, OwnBell
from settle.runtime.errors import StoreUnavailableError, UnavailableError

IN_MEMORY: Final = ":memory:"
BUSY_SECONDS: Final = 10.0
"""How long a writer waits for another one before it reports the file as unavailable."""
FIRST_PAUSE_SECONDS: Final = 0.0001
LONGEST_PAUSE_SECONDS: Final = 0.0005
"""Pauses of a writer that waits for another process. SQLite's own grow to 100 ms, which would be our tail latency."""
UNAVAILABLE_CODES: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)
"""Primary result codes (https://sqlite.org/rescode.html) that speak of the file; the others are mistakes in our SQL."""


class _Connection(sqlite3.Connection):
    """Closes itself when the garbage collector comes to it before its owner; Python 3.13 would warn."""

    def __del__(self, without: type[suppress] = suppress, error: type[Exception] = sqlite3.ProgrammingError) -> None:
        # Bound beforehand: at the interpreter's end the modules may be gone.
        with without(error):  # one that could not even be opened has nothing to close
            self.close()


class _Owner:
    """Closes a connection when nobody holds the owner any more; a connection alone waits for the garbage collector."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


class _Slot(threading.local):
    """The connection of the current thread, which ends with it."""

    owner: _Owner | None = None


class SqliteDatabase:
    """Connections to one SQLite file, one per thread; or, for `:memory:`, one that all threads take in turn.

    Connections do not survive a fork: open the database after it.

    Args:
        path: of the file, created when absent; `:memory:` lives as long as this object and is seen by nobody else.

    Raises:
        StoreUnavailableError: the file cannot be opened or is no database.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = fspath(path)
        self._process = getpid()
        self._slot = _Slot()
        self._shared = _Owner(_open(IN_MEMORY)) if self.path == IN_MEMORY else None
        # Threads of this process queue here, where they are woken at once; other processes are waited for in pauses.
        self._writer = threading.RLock()
        self._bells: dict[str, Bell] = {}
        if self._shared is None:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            with _translated(StoreUnavailableError):
                self._own()

    @contextmanager
    def transaction(self, unavailable: type[UnavailableError] = StoreUnavailableError) -> Iterator[sqlite3.Connection]:
        """Hold the write lock from the first statement on; commit at the end, roll back on an exception.

        Transactions do not nest: SQLite raises an `OperationalError`.

        Args:
            unavailable: raised when the file is locked for too long, full, or cannot be read or written.
        """
        with self._writer, _translated(unavailable):
            connection = self._own()
            _execute_when_free(connection, "BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self, unavailable: type[UnavailableError] = StoreUnavailableError) -> Iterator[sqlite3.Connection]:
        """Yield a connection for reads; every statement sees all that was committed before it.

        Readers of a file wait for nobody. For statements that must see the same moment use `transaction`.
        """
        if self._shared is None:
            with _translated(unavailable):
                yield self._own()
        else:
            with self._writer, _translated(unavailable):
                yield self._shared.connection

    def create_schema(self, component: str, version: int, statements: Sequence[str]) -> None:
        """Create the tables of one adapter, once; the statements say `IF NOT EXISTS`.

        Args:
            component: name of the adapter.
            version: of its tables. Remembered in the file.
            statements: one SQL statement each.

        Raises:
            StoreUnavailableError: a newer release wrote the file.
        """
        with self.transaction() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS schema_version (component TEXT PRIMARY KEY, version INTEGER NOT NULL)"
            )
            row = connection.execute("SELECT version FROM schema_version WHERE component = ?", (component,)).fetchone()
            if row is not None and row[0] > version:
                raise StoreUnavailableError(
                    f"{self.path} holds version {row[0]} of the tables of {component}; this release knows {version}"
                )
            for statement in statements:
                connection.execute(statement)
            connection.execute("REPLACE INTO schema_version VALUES (?, ?)", (component, version))

    def doorbell(self, name: str) -> Bell:
        """Return the bell of that name, shared by everybody who uses the file."""
        with self._writer:
            if name not in self._bells:
                self._bells[name] = OwnBell() if self.path == IN_MEMORY else Doorbell(f"{self.path}-{name}.bell")
            return self._bells[name]

    def close(self) -> None:
        """Close the connection of this thread, or the shared one. Those of other threads close when these end."""
        if self._shared is not None:
            self._shared.connection.close()
        self._slot.owner = None

    def _own(self) -> sqlite3.Connection:
        if self._shared is not None:
            return self._shared.connection
        slot = self._slot
        if slot.owner is None:
            if self._process != getpid():
                raise RuntimeError(f"{self.path} was opened before a fork; open it in the new process")
            slot.owner = _Owner(_open(self.path))
        return slot.owner.connection


def _open(path: str) -> sqlite3.Connection:
    # No busy timeout: once a connection is open, write-ahead logging makes only `BEGIN IMMEDIATE` wait.
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False, factory=_Connection)
    try:
        _execute_when_free(connection, "PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _execute_when_free(connection: sqlite3.Connection, statement: str) -> None:
    deadline = time.monotonic() + BUSY_SECONDS
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:
            if _primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
        else:
            return
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


@contextmanager
def _translated(unavailable: type[UnavailableError]) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if _primary_code(error) in UNAVAILABLE_CODES:
            raise unavailable(f"SQLite: {error}") from error
        raise


def _primary_code(error: sqlite3.Error) -> int:
    # Absent when the module itself raised; the low byte of an extended code is the primary one.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
