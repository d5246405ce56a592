"""The queues that the contract is held to."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from settle.adapters.sqlite_database import IN_MEMORY, SqliteDatabase
from tests.support.queues import MotoClients, MovableClock, QueueUnderTest, moto_clients, sqlite_queue, sqs_queue

_prefixes = (f"queue-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def queue_moto() -> Iterator[MotoClients]:
    with moto_clients() as clients:
        yield clients


@pytest.fixture(params=["sqlite-memory", "sqlite-file", "sqs-moto"])
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[QueueUnderTest]:
    if request.param == "sqs-moto":
        yield sqs_queue(request.getfixturevalue("queue_moto"), next(_prefixes))
        return
    database = SqliteDatabase(IN_MEMORY if request.param == "sqlite-memory" else tmp_path / "settle.db")
    yield sqlite_queue(database, MovableClock())
    database.close()
