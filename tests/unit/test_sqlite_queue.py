"""The SQLite queue: what survives, what several processes see, and what it costs."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from settle.adapters import sqlite_database
from settle.adapters.sqlite_database import IN_MEMORY, SqliteDatabase
from settle.adapters.sqlite_queue import SqliteQueue
from settle.runtime.errors import QueueUnavailableError
from settle.runtime.limits import DEDUPLICATION_SECONDS
from tests.support.queues import (
    MAX_RECEIVE_COUNT,
    VISIBILITY_SECONDS,
    MovableClock,
    QueueUnderTest,
    bodies,
    handles,
    sqlite_queue,
)

ROOT = Path(__file__).parents[2]
PRODUCERS = 3
EACH = 40

CHILD = """
import sys
from settle.adapters.sqlite_database import SqliteDatabase
from tests.support.queues import MovableClock, handles, sqlite_queue
queue = sqlite_queue(SqliteDatabase(sys.argv[1]), MovableClock())
"""
PRODUCE = """
for number in range(int(sys.argv[3])):
    queue.send(f"{sys.argv[2]}-{number}", group=sys.argv[2])
"""
WORK_UNTIL_KILLED = """
import itertools
queue.send_all("a0", "a1", "a2", group="a")
queue.polled.delete(handles(queue.receive(2))[:1])
for number in itertools.count():
    queue.send(f"b{number}", group="b")
    print(number, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "settle.db"


@pytest.fixture
def queue(path: Path) -> Iterator[QueueUnderTest]:
    database = SqliteDatabase(path)
    yield sqlite_queue(database, MovableClock())
    database.close()


def spawn(program: str, *arguments: str | Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", CHILD + program, *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def reopen(path: Path) -> QueueUnderTest:
    return sqlite_queue(SqliteDatabase(path), MovableClock())


# ---- durability


def test_what_was_acknowledged_survives_being_killed(path: Path) -> None:
    with spawn(WORK_UNTIL_KILLED, path) as child:
        assert child.stdout is not None
        acknowledged = [child.stdout.readline() for _ in range(20)]
        child.kill()
        acknowledged += child.stdout.readlines()
    assert child.returncode == -signal.SIGKILL
    queue = reopen(path)
    # In flight stays in flight, deleted stays deleted, and every send that returned is there.
    taken: list[str] = []
    while batch := queue.take():
        taken += batch
    count = int(acknowledged[-1]) + 1
    assert taken[:count] == [f"b{number}" for number in range(count)]
    assert len(taken) <= count + 1
    queue.expire()
    assert queue.take() == ["a1", "a2"]


def test_sequence_numbers_go_on_after_a_restart_of_an_empty_queue(queue: QueueUnderTest, path: Path) -> None:
    last = [queue.send(str(number)).sequence_number for number in range(3)][-1]
    assert queue.take() == ["0", "1", "2"]
    assert reopen(path).send("3").sequence_number > last


def test_a_delivery_stays_valid_over_a_restart(queue: QueueUnderTest, path: Path) -> None:
    queue.send_all("p0", "p1")
    received = handles(queue.receive())
    again = reopen(path)
    assert again.receive() == []
    again.queue.acknowledge(received)
    again.expire()
    assert again.receive() == []


def test_messages_are_kept_for_ever(queue: QueueUnderTest) -> None:
    queue.send_all("p0")
    queue.clock.sleep(365 * 24 * 3600)
    assert queue.take() == ["p0"]


# ---- several processes and threads


def test_several_processes_send_and_nothing_is_lost_or_reordered(queue: QueueUnderTest, path: Path) -> None:
    children = [spawn(PRODUCE, path, f"g{number}", str(EACH)) for number in range(PRODUCERS)]
    taken: list[str] = []
    while len(taken) < PRODUCERS * EACH:
        queue.polled.wait(10)
        taken += queue.take()
    for child in children:
        with child:
            assert child.wait() == 0
    for number in range(PRODUCERS):
        own = [body for body in taken if body.startswith(f"g{number}-")]
        assert own == [f"g{number}-{i}" for i in range(EACH)]
    assert queue.take() == []


def test_a_wait_ends_when_another_connection_sends(queue: QueueUnderTest, path: Path) -> None:
    other = reopen(path)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(waited, queue, 10)
        other.send_all("p0")
        assert waiting.result() < 5


def test_a_wait_ends_when_the_clock_passes_a_visibility_timeout(queue: QueueUnderTest) -> None:
    queue.send_all("p0")
    queue.receive()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(waited, queue, 10)
        queue.expire()
        assert waiting.result() < 5


def test_a_wait_takes_its_time_when_nothing_comes(queue: QueueUnderTest) -> None:
    queue.send_all("p0", "p1")
    queue.receive(1)
    # The bell was rung, but there is nothing to be had: the group is locked.
    assert waited(queue, 0.06) >= 0.06


def test_a_wait_works_without_named_pipes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "mkfifo")
    queue = reopen(path)
    assert waited(queue, 0.03) >= 0.03
    queue.send_all("p0")
    assert waited(queue, 10) < 5


def test_a_wait_works_where_no_pipe_can_be_made(path: Path) -> None:
    database = SqliteDatabase(path)
    Path(f"{path}-events.fifo.bell").mkdir()
    queue = sqlite_queue(database, MovableClock())
    assert waited(queue, 0.03) >= 0.03


def test_rings_that_nobody_hears_do_not_stop_the_senders() -> None:
    bell = SqliteDatabase(IN_MEMORY).doorbell("events")
    for _ in range(70_000):
        bell.ring()
    bell.wait(10)
    began = time.monotonic()
    bell.wait(0.02)
    assert time.monotonic() - began >= 0.02


def waited(queue: QueueUnderTest, timeout: float) -> float:
    began = time.monotonic()
    queue.polled.wait(timeout)
    return time.monotonic() - began


def test_connections_end_with_their_threads(queue: QueueUnderTest, path: Path) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")

    def descriptors() -> int:
        return sum(str(path) in os.path.realpath(entry) for entry in Path("/proc/self/fd").iterdir())

    queue.send_all("p0")
    before = descriptors()
    for number in range(10):
        thread = threading.Thread(target=queue.send, args=(f"q{number}",))
        thread.start()
        thread.join()
    # SQLite keeps a descriptor for the next connection, so that closing it does not drop the locks of the others.
    assert descriptors() <= before + 2


# ---- trouble


def test_a_file_locked_for_too_long_is_unavailable(
    queue: QueueUnderTest, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_database, "BUSY_SECONDS", 0.02)
    with SqliteDatabase(path).transaction():
        with pytest.raises(QueueUnavailableError, match="locked"):
            queue.send_all("p0")
        assert queue.receive() == []
    queue.send_all("p0")
    assert queue.take() == ["p0"]


def test_a_full_disk_is_unavailable_and_loses_nothing(path: Path) -> None:
    database = SqliteDatabase(path)
    queue = sqlite_queue(database, MovableClock())
    queue.send_all("p0")
    with database.reading() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(QueueUnavailableError, match="full"):
        queue.send("x" * 100_000, deduplication_id="large")
    assert queue.take() == ["p0"]


# ---- rules of its own


def test_a_dead_letter_names_the_queue_it_comes_from(queue: QueueUnderTest) -> None:
    queue.send_all("p0")
    for _ in range(MAX_RECEIVE_COUNT):
        queue.receive()
        queue.expire()
    assert queue.receive() == []
    (letter,) = queue.dead_letters.receive(max_messages=1, visibility_timeout=VISIBILITY_SECONDS)
    assert letter.attributes["DeadLetterQueueSourceArn"] == queue.queue.arn


def test_a_queue_without_dead_letters_keeps_trying() -> None:
    clock = MovableClock()
    queue = SqliteQueue(SqliteDatabase(IN_MEMORY), clock, sender="me", dead_letters=None, max_receive_count=1)
    queue.send(group="g", deduplication_id="id", body="p0")
    for _ in range(3):
        assert bodies(queue.receive(max_messages=1, visibility_timeout=10)) == ["p0"]
        clock.sleep(11)


def test_queues_in_one_file_are_strangers_to_each_other() -> None:
    database, clock = SqliteDatabase(IN_MEMORY), MovableClock()
    one, two = (SqliteQueue(database, clock, sender="me", name=name) for name in ("one.fifo", "two.fifo"))
    for queue in (one, two):
        queue.send(group="g", deduplication_id="id", body=queue.arn)
    (message,) = one.receive(max_messages=10, visibility_timeout=10)
    assert message.body == one.arn
    two.acknowledge([message.receipt_handle])
    (message,) = two.receive(max_messages=10, visibility_timeout=10)
    assert message.body == two.arn


def test_a_message_received_without_timeout_comes_again_at_once(queue: QueueUnderTest) -> None:
    queue.send_all("p0", "p1")
    for _ in range(2):
        assert bodies(queue.receive(visibility_timeout=0)) == ["p0", "p1"]


def test_expired_deduplication_ids_do_not_pile_up() -> None:
    database, clock = SqliteDatabase(IN_MEMORY), MovableClock()
    queue = sqlite_queue(database, clock)
    for number in range(20):
        queue.send(str(number))
        clock.sleep(DEDUPLICATION_SECONDS / 4)
    with database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM queue_deduplication").fetchone()[0] <= 5


@pytest.mark.parametrize("groups", [1, 500])
def test_a_receive_costs_the_same_at_any_depth(groups: int) -> None:
    assert steps_of_a_receive(3000, groups) < 1.5 * steps_of_a_receive(10, 1)


def steps_of_a_receive(depth: int, groups: int) -> int:
    """Count the instructions of SQLite's machine for taking ten messages off a queue and deleting them."""
    database = SqliteDatabase(IN_MEMORY)
    queue = sqlite_queue(database, MovableClock())
    for number in range(depth):
        queue.send(str(number), group=f"g{number * groups // depth}")
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with database.reading() as connection:
        connection.set_progress_handler(count, 1)
        taken = queue.take()
        connection.set_progress_handler(None, 1)
    assert taken
    return steps
