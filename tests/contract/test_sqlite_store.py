"""The SQLite store alone: what is on disk when a call returns, and how the ledger stays small."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from settle.adapters.sqlite_database import IN_MEMORY, SqliteDatabase
from settle.adapters.sqlite_store import PURGED_ENTRIES, SqliteInstanceStore
from settle.runtime.errors import StoreUnavailableError
from settle.runtime.ports import ABSENT
from tests.support.instances import KEY, NOW, make_entry, make_held, make_instance

ROOT = Path(__file__).parents[2]
COMMIT_AND_DIE = """
import os, signal, sys
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_store import SqliteInstanceStore
from settle.runtime.ports import ABSENT
from tests.support.instances import KEY, NOW, make_entry, make_held, make_instance

store = SqliteInstanceStore(SqliteDatabase(sys.argv[1]))
store.commit(make_instance(context={"count": 41}), ABSENT, hold=[make_held(1)])
store.finish(KEY, make_entry("a", finished=True))
os.kill(os.getpid(), signal.SIGKILL)
"""
READ = """
import sys
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_store import SqliteInstanceStore
from tests.support.instances import KEY, NOW, make_entry, make_held, make_instance

store = SqliteInstanceStore(SqliteDatabase(sys.argv[1]))
assert store.load(KEY) == make_instance(context={"count": 41})
assert store.load_held(KEY, 1, 10) == [make_held(1)]
assert store.find_entries(KEY, ["a"], NOW) == {"a": make_entry("a", finished=True)}
"""


def run(script: str, path: Path) -> int:
    # Our own interpreter with a script of this file.
    return subprocess.run([sys.executable, "-c", script, path], cwd=ROOT, timeout=60, check=False).returncode


def test_what_was_committed_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "settle.db"
    assert run(COMMIT_AND_DIE, path) == -signal.SIGKILL
    assert run(READ, path) == 0


def test_two_stores_on_one_file_see_each_other(tmp_path: Path) -> None:
    one, other = (SqliteInstanceStore(SqliteDatabase(tmp_path / "settle.db")) for _ in range(2))
    one.commit(make_instance(), ABSENT)
    assert other.load(KEY) == make_instance()


def test_expired_entries_are_purged_a_few_at_a_time() -> None:
    database = SqliteDatabase(IN_MEMORY)
    store = SqliteInstanceStore(database)
    for number in range(3 * PURGED_ENTRIES):
        store.accept(KEY, make_entry(f"old-{number}", expires_at=NOW + 1), NOW)
    sizes = []
    for number in range(4):
        store.find_entries(KEY, ["new"], NOW + 2)
        store.finish(KEY, make_entry(f"new-{number}", finished=True))
        with database.reading() as connection:
            sizes.append(connection.execute("SELECT count(*) FROM ledger_entry").fetchone()[0])
    assert sizes == [2 * PURGED_ENTRIES + 1, PURGED_ENTRIES + 2, 3, 4]


def test_a_file_that_is_damaged_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "settle.db"
    database = SqliteDatabase(path)
    store = SqliteInstanceStore(database)
    store.commit(make_instance(), ABSENT)
    database.close()
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreUnavailableError):
        store.load(KEY)
    with pytest.raises(StoreUnavailableError):
        store.finish(KEY, make_entry("a"))


def test_a_mistake_in_our_own_statements_is_not_hidden() -> None:
    database = SqliteDatabase(IN_MEMORY)
    store = SqliteInstanceStore(database)
    with database.transaction() as connection:
        connection.execute("ALTER TABLE held_event ADD COLUMN extra TEXT NOT NULL DEFAULT ''")
    with pytest.raises(sqlite3.OperationalError, match="columns"):
        store.commit(make_instance(), ABSENT, hold=[make_held(1)])
    assert store.load(KEY) is None
