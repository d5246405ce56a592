"""Schedules are fired when they are due, on either backend."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from settle.adapters.aws_resources import create_resources
from settle.adapters.eventbridge_scheduler import EventBridgeScheduler, make_scheduler_client
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_scheduler import SqliteScheduler
from settle.adapters.sqs_queue import SqsPolledQueue
from settle.adapters.sqs_standard_queue import SqsStandardQueue
from settle.local.data_directory import DataDirectory
from settle.local.embedded_backend import EmbeddedBackend
from settle.local.gate import Gate
from settle.local.moto_schedules import MotoSchedules
from settle.local.schedule_thread import LOOK_SECONDS, ScheduleThread
from settle.runtime.errors import SchedulerUnavailableError
from tests.support.queues import REGION, START, MotoClients, MovableClock, moto_clients

PATIENCE = 10.0
HOUR = 3600.0
ROLE_ARN = "arn:aws:iam::000000000000:role/scheduler"


class Source:
    """Says when the next schedule is due, one answer after the other, then None; an error is raised."""

    def __init__(self, *answers: float | Exception | None) -> None:
        self.answers, self.fired = list(answers), 0
        self.asked = threading.Semaphore(0)

    def next_at(self) -> float | None:
        self.asked.release()
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def fire_due(self) -> int:
        self.fired += 1
        return 1


class TestThread:
    """When it looks, and that nothing ends it."""

    @pytest.mark.parametrize(
        ("next_at", "pause"),
        [(None, LOOK_SECONDS), (START + HOUR, LOOK_SECONDS), (START + 0.25, 0.25)],
    )
    def test_it_sleeps_until_the_next_schedule_but_not_long(self, next_at: float | None, pause: float) -> None:
        source = Source(next_at)
        assert ScheduleThread(source, MovableClock(), Gate()).look() == pytest.approx(pause)
        assert source.fired == 0

    @pytest.mark.parametrize("next_at", [START, START - HOUR])
    def test_it_fires_what_is_due_and_looks_again_at_once(self, next_at: float) -> None:
        source = Source(next_at)
        assert ScheduleThread(source, MovableClock(), Gate()).look() == 0
        assert source.fired == 1

    def test_firing_is_work_and_a_look_in_vain_is_not(self) -> None:
        gate = Gate()
        thread = ScheduleThread(Source(START), MovableClock(), gate)
        thread.look()
        assert not gate.wait_until_idle(0)
        thread.look()
        assert gate.wait_until_idle(0)

    def test_nothing_is_fired_while_the_gate_is_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("settle.local.schedule_thread.LOOK_SECONDS", 0.001)
        gate, source = Gate(), Source(START)
        pauses: list[float] = []
        schedules = ScheduleThread(source, MovableClock(), gate)
        thread = threading.Thread(target=lambda: pauses.append(schedules.look()))
        gate.expect("other")
        gate.enter("other", 0)

        def leave_once_it_is_closed() -> None:
            while gate.enter("other", 0) is not None:
                gate.leave_failed("other")
            thread.start()
            thread.join(PATIENCE)
            gate.leave_failed("other")

        leaving = threading.Thread(target=leave_once_it_is_closed)
        leaving.start()
        with gate.closed(PATIENCE):
            assert pauses == [0.0]
        leaving.join(PATIENCE)
        assert source.fired == 0

    def test_it_outlives_whatever_goes_wrong_and_can_be_woken(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr("settle.local.schedule_thread.BACK_OFF_SECONDS", 0)
        monkeypatch.setattr("settle.local.schedule_thread.LOOK_SECONDS", PATIENCE)
        gate = Gate()
        source = Source(SchedulerUnavailableError("away"), RuntimeError("a bug"))
        thread = ScheduleThread(source, MovableClock(), gate)
        thread.start()
        for _ in range(3):
            assert source.asked.acquire(timeout=PATIENCE)
        thread.wake()
        assert source.asked.acquire(timeout=PATIENCE)
        thread.stop(PATIENCE)
        assert "schedules cannot be fired: away" in caplog.text
        assert "a bug" in caplog.text


class TestEmbedded:
    """Schedules in the database."""

    def test_due_ones_come_out_of_the_timers_queue_after_an_advance(self, tmp_path: Path) -> None:
        with DataDirectory(tmp_path) as data:
            backend = EmbeddedBackend(data)
            gate = Gate()
            thread = ScheduleThread(backend.schedules, backend.clock, gate)
            scheduler = SqliteScheduler(SqliteDatabase(data.database), backend.clock)
            now = backend.clock.now()
            for name, at in (("late", now + 2 * HOUR), ("soon", now + HOUR)):
                scheduler.schedule(name=name, at=at, body=name)
            assert thread.look() == LOOK_SECONDS
            backend.clock.advance(HOUR + 1)
            assert thread.look() == 0
            assert thread.look() == LOOK_SECONDS
            (message,) = backend.sources.timers.receive(max_messages=10, visibility_timeout=30)
            assert (message.body, message.attributes["SenderId"]) == ("soon", "scheduler")


class Moto:
    """The scheduler of a guarded moto, and what fires its schedules."""

    def __init__(self, clients: MotoClients) -> None:
        self.clock = clients.clock
        self.client = make_scheduler_client(region=REGION)
        made = create_resources(
            clients.dynamodb, clients.sqs, prefix="test", visibility_timeout=30, scheduler=self.client
        )
        self.scheduler = EventBridgeScheduler(
            self.client, group=made.schedule_group, role_arn=ROLE_ARN, target_arn=made.timers_queue_arn
        )
        self.queue = SqsPolledQueue(
            clients.sqs, queue_url=made.timers_queue_url, arn=made.timers_queue_arn, long_poll_seconds=0
        )
        timers = SqsStandardQueue(clients.sqs, queue_url=made.timers_queue_url, arn=made.timers_queue_arn)
        self.group = made.schedule_group
        self.schedules = MotoSchedules(self.client, self.scheduler, timers, group=self.group, clock=self.clock)

    def schedule(self, name: str, seconds: float) -> None:
        self.scheduler.schedule(name=name, at=self.clock.now() + seconds, body=f"body of {name}")

    def fire(self) -> int:
        """Look, and fire what is due."""
        self.schedules.next_at()
        return self.schedules.fire_due()

    def names(self) -> list[str]:
        return sorted(one["Name"] for one in self.client.list_schedules(GroupName=self.group)["Schedules"])

    def take(self) -> list[str]:
        messages = self.queue.receive(max_messages=10, visibility_timeout=30)
        self.queue.delete([message.receipt_handle for message in messages])
        return [message.body for message in messages]


@pytest.fixture
def moto() -> Iterator[Moto]:
    with moto_clients() as clients:
        yield Moto(clients)


class TestMoto:
    """Schedules inside moto."""

    def test_what_is_not_due_stays(self, moto: Moto) -> None:
        moto.schedule("late", HOUR)
        assert moto.fire() == 0
        assert moto.schedules.next_at() == START + HOUR
        assert (moto.names(), moto.take()) == (["late"], [])

    def test_what_is_due_is_sent_and_deleted(self, moto: Moto) -> None:
        moto.schedule("late", 2 * HOUR)
        moto.schedule("second", 2)
        moto.schedule("first", 1)
        moto.clock.sleep(HOUR)
        assert moto.fire() == 2
        assert moto.schedules.next_at() == START + 2 * HOUR
        assert moto.names() == ["late"]
        assert moto.take() == ["body of first", "body of second"]
        assert moto.fire() == 0

    def test_nothing_is_next_when_there_is_none(self, moto: Moto) -> None:
        assert moto.fire() == 0
        assert moto.schedules.next_at() is None

    def test_cancelled_one_is_forgotten(self, moto: Moto) -> None:
        moto.schedule("cancelled", HOUR)
        moto.fire()
        moto.scheduler.cancel("cancelled")
        moto.clock.sleep(2 * HOUR)
        assert moto.fire() == 0
        assert (moto.schedules.next_at(), moto.take()) == (None, [])

    def test_more_than_a_page_of_them_is_read(self, moto: Moto, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("settle.local.moto_schedules.PAGE", 2)
        for number in range(5):
            moto.schedule(f"s{number}", 1)
        moto.clock.sleep(2)
        assert moto.fire() == 5
        assert moto.names() == []

    def test_one_that_is_cancelled_while_it_is_read_is_passed_over(
        self, moto: Moto, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        moto.schedule("cancelled", HOUR)
        get = moto.client.get_schedule

        def cancelled_first(**arguments: Any) -> Any:
            moto.scheduler.cancel("cancelled")
            return get(**arguments)

        monkeypatch.setattr(moto.client, "get_schedule", cancelled_first)
        assert moto.fire() == 0
        assert moto.schedules.next_at() is None

    def test_recurring_one_is_none_of_ours(self, moto: Moto) -> None:
        moto.client.create_schedule(
            Name="recurring",
            GroupName=moto.group,
            ScheduleExpression="rate(1 hour)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": "arn:aws:sqs:eu-central-1:000000000000:timers", "RoleArn": ROLE_ARN, "Input": "x"},
        )
        with pytest.raises(ValueError, match="recurring is no one-time schedule"):
            moto.fire()

    def test_throttled_scheduler_is_unavailable(self, moto: Moto, monkeypatch: pytest.MonkeyPatch) -> None:
        def throttle(**_: Any) -> Any:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "GetSchedule")

        moto.schedule("one", HOUR)
        monkeypatch.setattr(moto.client, "get_schedule", throttle)
        with pytest.raises(SchedulerUnavailableError):
            moto.fire()
