"""The SQLite scheduler: how its schedules fire."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from settle.adapters import sqlite_database
from settle.adapters.sqlite_database import IN_MEMORY, SqliteDatabase
from settle.adapters.sqlite_scheduler import FIRED_AT_ONCE, SCHEDULER, SqliteScheduler
from settle.adapters.sqlite_standard_queue import TIMERS_QUEUE, SqliteStandardQueue
from settle.runtime.errors import SchedulerUnavailableError
from tests.support.queues import START, MovableClock, bodies, handles


class Schedules:
    """A scheduler, and the queue that it fires into."""

    def __init__(self, database: SqliteDatabase, clock: MovableClock) -> None:
        self.clock = clock
        self.scheduler = SqliteScheduler(database, clock)
        self.queue = SqliteStandardQueue(database, clock, sender="me", name=TIMERS_QUEUE)

    def add(self, name: str, after: float, body: str | None = None) -> None:
        self.scheduler.schedule(name=name, at=START + after, body=body or name)

    def fire(self) -> int:
        return self.scheduler.fire_due(self.queue)

    def take(self) -> list[str]:
        messages = self.queue.receive(max_messages=10, visibility_timeout=30)
        self.queue.delete(handles(messages))
        return bodies(messages)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settle.db"


@pytest.fixture
def schedules(path: Path) -> Iterator[Schedules]:
    database = SqliteDatabase(path)
    yield Schedules(database, MovableClock())
    database.close()


def test_a_schedule_fires_once_and_not_before_its_time(schedules: Schedules) -> None:
    schedules.add("timer", 99.5)
    schedules.clock.sleep(99.9)
    assert (schedules.fire(), schedules.take()) == (0, [])
    schedules.clock.sleep(0.1)
    assert (schedules.fire(), schedules.take()) == (1, ["timer"])
    assert (schedules.fire(), schedules.take()) == (0, [])


def test_a_time_in_the_past_fires_at_once(schedules: Schedules) -> None:
    schedules.add("timer", -1000)
    assert (schedules.fire(), schedules.take()) == (1, ["timer"])


def test_what_fires_can_be_received_at_once_and_tells_who_sent_it(schedules: Schedules) -> None:
    schedules.add("timer", 10)
    schedules.clock.sleep(3600)
    schedules.fire()
    schedules.queue.wait(10)
    (message,) = schedules.queue.receive(max_messages=10, visibility_timeout=30)
    assert message.attributes["SenderId"] == SCHEDULER
    assert message.attributes["SentTimestamp"] == str(int((START + 3600) * 1000))


def test_a_cancelled_schedule_does_not_fire(schedules: Schedules) -> None:
    schedules.add("timer", 10)
    schedules.scheduler.cancel("timer")
    schedules.clock.sleep(10)
    assert (schedules.fire(), schedules.take()) == (0, [])


def test_a_name_that_has_fired_may_be_used_again_and_waits_for_nothing(schedules: Schedules) -> None:
    for body in ("first", "second"):
        schedules.add("timer", 0, body)
        assert schedules.fire() == 1
    assert sorted(schedules.take()) == ["first", "second"]


def test_next_at_is_the_earliest_of_all_rounded_up(schedules: Schedules) -> None:
    assert schedules.scheduler.next_at() is None
    schedules.add("late", 20)
    schedules.add("early", 9.25)
    assert schedules.scheduler.next_at() == START + 10
    schedules.clock.sleep(10)
    schedules.fire()
    assert schedules.scheduler.next_at() == START + 20


def test_many_fire_in_parts_the_longest_due_first(schedules: Schedules) -> None:
    for number in range(FIRED_AT_ONCE + 1):
        schedules.add(f"timer-{number}", -number)
    assert [schedules.fire() for _ in range(3)] == [FIRED_AT_ONCE, 1, 0]
    taken: list[str] = []
    while some := schedules.take():
        taken += some
    assert taken[-1] == "timer-0"
    assert len(set(taken)) == FIRED_AT_ONCE + 1


def test_schedules_survive_a_restart(schedules: Schedules, path: Path) -> None:
    schedules.add("timer", 10)
    again = Schedules(SqliteDatabase(path), MovableClock(START + 10))
    assert (again.fire(), again.take()) == (1, ["timer"])
    schedules.clock.sleep(10)
    assert (schedules.fire(), schedules.take()) == (0, [])


def test_a_firing_that_fails_half_way_sends_nothing_and_forgets_nothing() -> None:
    database = SqliteDatabase(IN_MEMORY)
    schedules = Schedules(database, MovableClock())
    for name in ("timer-1", "timer-2"):
        schedules.add(name, 0)
    with database.reading() as connection:
        connection.execute(
            "CREATE TEMP TRIGGER fails BEFORE INSERT ON queue_message WHEN NEW.body = 'timer-2'"
            " BEGIN SELECT RAISE(ABORT, 'broken'); END"
        )
    with pytest.raises(Exception, match="broken"):
        schedules.fire()
    assert schedules.take() == []
    with database.reading() as connection:
        connection.execute("DROP TRIGGER fails")
    assert (schedules.fire(), schedules.take()) == (2, ["timer-1", "timer-2"])


def test_a_file_locked_for_too_long_is_unavailable(
    schedules: Schedules, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedules.add("timer", 0)
    monkeypatch.setattr(sqlite_database, "BUSY_SECONDS", 0.02)
    with SqliteDatabase(path).transaction():
        for call in (schedules.fire, lambda: schedules.add("other", 0), lambda: schedules.scheduler.cancel("timer")):
            with pytest.raises(SchedulerUnavailableError, match="locked"):
                call()
    assert (schedules.fire(), schedules.take()) == (1, ["timer"])


def test_looking_while_nothing_is_due_needs_no_lock(schedules: Schedules, path: Path) -> None:
    schedules.add("timer", 10)
    with SqliteDatabase(path).transaction():
        assert schedules.fire() == 0


@pytest.mark.parametrize("count", [10, 3000])
def test_a_look_costs_the_same_however_many_wait(count: int) -> None:
    database = SqliteDatabase(IN_MEMORY)
    schedules = Schedules(database, MovableClock())
    with database.transaction() as connection:
        for number in range(count):
            connection.execute("INSERT INTO schedule VALUES (?, ?, 'body')", (str(number), START + 10 + number))
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    with database.reading() as connection:
        connection.set_progress_handler(step, 1)
        assert schedules.fire() == 0
        connection.set_progress_handler(None, 1)
    assert steps < 30
