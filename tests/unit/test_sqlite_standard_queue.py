"""The standard SQLite queue: what its contract does not ask."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from settle.adapters import sqlite_database
from settle.adapters.sqlite_database import IN_MEMORY, SqliteDatabase
from settle.adapters.sqlite_queue import SqliteQueue
from settle.adapters.sqlite_standard_queue import TASKS_QUEUE, TIMERS_QUEUE, SqliteStandardQueue
from settle.runtime.errors import QueueUnavailableError
from tests.support.queues import (
    MAX_RECEIVE_COUNT,
    START,
    VISIBILITY_SECONDS,
    MovableClock,
    StandardQueueUnderTest,
    bodies,
    handles,
    sqlite_standard_queue,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settle.db"


@pytest.fixture
def queue(path: Path) -> Iterator[StandardQueueUnderTest]:
    database = SqliteDatabase(path)
    yield sqlite_standard_queue(database, MovableClock())
    database.close()


def make(database: SqliteDatabase, name: str) -> SqliteStandardQueue:
    return SqliteStandardQueue(database, MovableClock(), sender="me", name=name)


# ---- durability


def test_messages_and_their_delays_survive_a_restart(queue: StandardQueueUnderTest, path: Path) -> None:
    queue.send_all("now")
    queue.send_all("later", delay=60)
    again = sqlite_standard_queue(SqliteDatabase(path), MovableClock())
    assert again.take() == ["now"]
    again.clock.sleep(60)
    assert again.take() == ["later"]


def test_messages_are_kept_for_ever(queue: StandardQueueUnderTest) -> None:
    queue.send_all("p0")
    queue.clock.sleep(365 * 24 * 3600)
    assert queue.take() == ["p0"]


# ---- waiting


def waited(queue: StandardQueueUnderTest, timeout: float) -> float:
    began = time.monotonic()
    queue.polled.wait(timeout)
    return time.monotonic() - began


def test_a_wait_ends_when_another_connection_sends(queue: StandardQueueUnderTest, path: Path) -> None:
    other = sqlite_standard_queue(SqliteDatabase(path), MovableClock())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(waited, queue, 10)
        other.send_all("p0")
        assert waiting.result() < 5


def test_a_wait_ends_when_the_clock_is_moved_past_a_delay(queue: StandardQueueUnderTest) -> None:
    queue.send_all("p0", delay=600)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(waited, queue, 10)
        queue.clock.sleep(600)
        assert waiting.result() < 5


def test_a_wait_takes_its_time_while_everything_is_delayed(queue: StandardQueueUnderTest) -> None:
    queue.send_all("p0", delay=600)
    assert waited(queue, 0.06) >= 0.06


def test_the_next_moment_is_that_of_the_shortest_delay() -> None:
    queue = make(SqliteDatabase(IN_MEMORY), TIMERS_QUEUE)
    assert queue.next_ready_at() is None
    queue.send(body="p0", delay=60)
    queue.send(body="p1", delay=6)
    assert queue.next_ready_at() == START + 6


# ---- one file, several queues


def test_queues_in_one_file_are_strangers_to_each_other() -> None:
    database = SqliteDatabase(IN_MEMORY)
    timers, tasks = make(database, TIMERS_QUEUE), make(database, TASKS_QUEUE)
    events = SqliteQueue(database, MovableClock(), sender="me")
    timers.send(body="timer")
    tasks.send(body="task")
    events.send(group="g", deduplication_id="id", body="event")
    for queue, body in ((timers, "timer"), (tasks, "task"), (events, "event")):
        assert bodies(queue.receive(max_messages=10, visibility_timeout=30)) == [body]
    assert len({timers.arn, tasks.arn, events.arn}) == 3


def test_a_dead_letter_names_the_queue_it_comes_from(queue: StandardQueueUnderTest) -> None:
    queue.send_all("p0")
    for _ in range(MAX_RECEIVE_COUNT):
        queue.receive_one()
        queue.expire()
    assert queue.receive() == []
    (letter,) = queue.dead_letters.receive(max_messages=1, visibility_timeout=VISIBILITY_SECONDS)
    assert letter.attributes["DeadLetterQueueSourceArn"] == queue.queue.arn


def test_a_queue_without_dead_letters_keeps_trying() -> None:
    clock = MovableClock()
    queue = SqliteStandardQueue(SqliteDatabase(IN_MEMORY), clock, sender="me", name=TIMERS_QUEUE, max_receive_count=1)
    queue.send(body="p0")
    for _ in range(3):
        assert bodies(queue.receive(max_messages=1, visibility_timeout=10)) == ["p0"]
        clock.sleep(11)


# ---- trouble


def test_a_file_locked_for_too_long_is_unavailable(
    queue: StandardQueueUnderTest, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.send_all("p0")
    (handle,) = handles(queue.receive())
    calls: list[Callable[[], None]] = [
        lambda: queue.send_all("p1"),
        lambda: queue.queue.postpone(handle, 1),
        lambda: queue.polled.delete([handle]),
    ]
    monkeypatch.setattr(sqlite_database, "BUSY_SECONDS", 0.02)
    with SqliteDatabase(path).transaction():
        for call in calls:
            with pytest.raises(QueueUnavailableError, match="locked"):
                call()
    queue.polled.delete([handle])
    queue.expire()
    assert queue.take() == []
