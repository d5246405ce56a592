"""The connections to a SQLite file."""

import sqlite3
from pathlib import Path

import pytest

from settle.adapters.sqlite_database import IN_MEMORY, SqliteDatabase
from settle.runtime.errors import QueueUnavailableError, StoreUnavailableError

TABLE = ("CREATE TABLE IF NOT EXISTS things (name TEXT)",)

INSERT = "INSERT INTO things VALUES ('one')"


@pytest.fixture(params=["memory", "file"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> SqliteDatabase:
    database = SqliteDatabase(IN_MEMORY if request.param == "memory" else tmp_path / "new" / "settle.db")
    database.create_schema("things", 1, TABLE)
    return database


def insert(database: SqliteDatabase, *, fail: bool = False) -> None:
    with database.transaction() as connection:
        connection.execute(INSERT)
        if fail:
            raise KeyError


def names(database: SqliteDatabase) -> list[str]:
    with database.reading() as connection:
        return [name for (name,) in connection.execute("SELECT name FROM things")]


def test_a_transaction_is_kept_when_it_ends_well(database: SqliteDatabase) -> None:
    insert(database)
    assert names(database) == ["one"]


def test_a_transaction_is_undone_when_it_raises(database: SqliteDatabase) -> None:
    with pytest.raises(KeyError):
        insert(database, fail=True)
    assert names(database) == []


def test_transactions_do_not_nest(database: SqliteDatabase) -> None:
    with database.transaction(), pytest.raises(sqlite3.OperationalError, match="within a transaction"):
        insert(database)
    insert(database)
    assert names(database) == ["one"]


def test_wrong_sql_is_no_trouble_of_the_file(database: SqliteDatabase) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"), database.reading() as connection:
        connection.execute("SELECT * FROM elsewhere")


def test_commits_are_on_disk_before_they_return(database: SqliteDatabase) -> None:
    with database.reading() as connection:
        full = 2
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == full


def test_a_schema_of_a_newer_release_is_refused(database: SqliteDatabase) -> None:
    database.create_schema("things", 2, TABLE)
    with pytest.raises(StoreUnavailableError, match="version 2 of the tables of things; this release knows 1"):
        database.create_schema("things", 1, TABLE)
    database.create_schema("others", 1, TABLE)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "settle.db"
    path.write_text("dear diary, " * 100)
    with pytest.raises(StoreUnavailableError, match="not a database"):
        SqliteDatabase(path)


def test_a_file_that_is_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="unable to open"):
        SqliteDatabase(tmp_path)


def test_the_caller_chooses_the_error(database: SqliteDatabase) -> None:
    with database.reading() as connection:
        connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailableError):
        insert(database)
    with pytest.raises(QueueUnavailableError), database.transaction(QueueUnavailableError) as connection:
        connection.execute(INSERT)


def test_a_closed_file_opens_again_when_used(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "settle.db")
    database.create_schema("things", 1, TABLE)
    database.close()
    database.close()
    assert names(database) == []


def test_connections_do_not_survive_a_fork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = SqliteDatabase(tmp_path / "settle.db")
    database.close()
    monkeypatch.setattr("settle.adapters.sqlite_database.getpid", lambda: -1)
    with pytest.raises(RuntimeError, match="opened before a fork"), database.reading():
        pass


def test_a_bell_is_shared(database: SqliteDatabase) -> None:
    assert database.doorbell("one") is database.doorbell("one")
    assert database.doorbell("one") is not database.doorbell("two")
