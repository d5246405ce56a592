"""The queues and the schedulers that the contracts are held to."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from settle.adapters.sqlite_database import IN_MEMORY, SqliteDatabase
from tests.support.queues import (
    MotoClients,
    MovableClock,
    QueueUnderTest,
    StandardQueueUnderTest,
    moto_clients,
    sqlite_queue,
    sqlite_standard_queue,
    sqs_queue,
    sqs_standard_queue,
)
from tests.support.schedulers import SchedulerUnderTest, eventbridge_scheduler, sqlite_scheduler

_prefixes = (f"queue-{number}" for number in itertools.count())
_on_each_backend = pytest.fixture(params=["sqlite-memory", "sqlite-file", "moto"])


@pytest.fixture(scope="module")
def moto_module() -> Iterator[MotoClients]:
    with moto_clients() as clients:
        yield clients


@_on_each_backend
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[QueueUnderTest]:
    if request.param == "moto":
        yield sqs_queue(request.getfixturevalue("moto_module"), next(_prefixes))
        return
    with _database(request, tmp_path) as database:
        yield sqlite_queue(database, MovableClock())


@_on_each_backend
def standard_queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StandardQueueUnderTest]:
    if request.param == "moto":
        yield sqs_standard_queue(request.getfixturevalue("moto_module"), next(_prefixes))
        return
    with _database(request, tmp_path) as database:
        yield sqlite_standard_queue(database, MovableClock())


@_on_each_backend
def scheduler(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SchedulerUnderTest]:
    if request.param == "moto":
        yield eventbridge_scheduler(request.getfixturevalue("moto_module"), next(_prefixes))
        return
    with _database(request, tmp_path) as database:
        yield sqlite_scheduler(database, MovableClock())


@contextmanager
def _database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteDatabase]:
    database = SqliteDatabase(IN_MEMORY if request.param == "sqlite-memory" else tmp_path / "settle.db")
    yield database
    database.close()
