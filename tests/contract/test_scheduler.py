"""What every scheduler promises, whatever it stands on. That schedules fire is not among it: moto's never do."""

import pytest

from settle.runtime.errors import ScheduleRefusedError
from settle.runtime.limits import MAX_MESSAGE_BYTES, MAX_SCHEDULE_NAME
from tests.support.queues import START
from tests.support.schedulers import SchedulerUnderTest

LATER = START + 86_400


def test_a_schedule_is_kept_with_its_time_and_body(scheduler: SchedulerUnderTest) -> None:
    scheduler.scheduler.schedule(name="timer-1", at=LATER, body='{"b\u00f6dy": "\U0001f600"}')
    scheduler.scheduler.schedule(name="timer-2", at=LATER + 1, body="other")
    assert scheduler.kept() == {
        "timer-1": (LATER, '{"b\u00f6dy": "\U0001f600"}'),
        "timer-2": (LATER + 1, "other"),
    }


@pytest.mark.parametrize(("fraction", "second"), [(0.0, 0), (0.000001, 1), (0.5, 1), (0.999999, 1)])
def test_a_time_is_rounded_up_to_a_second_so_that_nothing_fires_early(
    scheduler: SchedulerUnderTest, fraction: float, second: int
) -> None:
    scheduler.scheduler.schedule(name="timer", at=LATER + fraction, body="body")
    assert scheduler.kept()["timer"][0] == LATER + second


def test_a_schedule_of_the_same_name_stays_as_it_is(scheduler: SchedulerUnderTest) -> None:
    scheduler.scheduler.schedule(name="timer", at=LATER, body="first")
    scheduler.scheduler.schedule(name="timer", at=LATER + 60, body="second")
    assert scheduler.kept() == {"timer": (LATER, "first")}


def test_names_differ_by_the_case_of_their_letters(scheduler: SchedulerUnderTest) -> None:
    scheduler.scheduler.schedule(name="timer", at=LATER, body="small")
    scheduler.scheduler.schedule(name="TIMER", at=LATER, body="large")
    assert len(scheduler.kept()) == 2


def test_a_cancelled_schedule_is_gone_and_the_others_stay(scheduler: SchedulerUnderTest) -> None:
    for name in ("timer-1", "timer-2"):
        scheduler.scheduler.schedule(name=name, at=LATER, body=name)
    scheduler.scheduler.cancel("timer-1")
    assert scheduler.kept() == {"timer-2": (LATER, "timer-2")}


def test_cancelling_what_is_not_there_is_passed_over(scheduler: SchedulerUnderTest) -> None:
    scheduler.scheduler.cancel("never")
    scheduler.scheduler.schedule(name="timer", at=LATER, body="body")
    scheduler.scheduler.cancel("timer")
    scheduler.scheduler.cancel("timer")
    assert scheduler.kept() == {}


@pytest.mark.parametrize("name", ["x" * MAX_SCHEDULE_NAME, "a", "0aZ-_.", "-"])
def test_every_name_that_aws_takes_is_taken_and_can_be_cancelled(scheduler: SchedulerUnderTest, name: str) -> None:
    scheduler.scheduler.schedule(name=name, at=LATER, body="body")
    assert scheduler.kept() == {name: (LATER, "body")}
    scheduler.scheduler.cancel(name)
    assert scheduler.kept() == {}


@pytest.mark.parametrize("name", ["", "x" * (MAX_SCHEDULE_NAME + 1), "a/b", "a b", "\u00f6", "a\n"])
def test_a_name_that_aws_refuses_is_refused(scheduler: SchedulerUnderTest, name: str) -> None:
    with pytest.raises(ScheduleRefusedError):
        scheduler.scheduler.schedule(name=name, at=LATER, body="body")
    assert scheduler.kept() == {}


@pytest.mark.parametrize("body", ["", "a\x00b", "x" * (MAX_MESSAGE_BYTES + 1)])
def test_a_body_that_the_queue_would_refuse_is_refused(scheduler: SchedulerUnderTest, body: str) -> None:
    with pytest.raises(ScheduleRefusedError):
        scheduler.scheduler.schedule(name="timer", at=LATER, body=body)
    assert scheduler.kept() == {}


def test_the_largest_body_of_the_queue_is_taken(scheduler: SchedulerUnderTest) -> None:
    scheduler.scheduler.schedule(name="timer", at=LATER, body="x" * MAX_MESSAGE_BYTES)
    assert len(scheduler.kept()["timer"][1]) == MAX_MESSAGE_BYTES


@pytest.mark.parametrize("at", [float("inf"), float("nan"), 1e12, 1e300])
def test_a_time_that_has_no_date_is_refused(scheduler: SchedulerUnderTest, at: float) -> None:
    with pytest.raises(ScheduleRefusedError):
        scheduler.scheduler.schedule(name="timer", at=at, body="body")
    assert scheduler.kept() == {}


def test_the_last_date_that_an_expression_can_hold_is_taken(scheduler: SchedulerUnderTest) -> None:
    last = 253_402_300_799.0  # 9999-12-31T23:59:59Z
    scheduler.scheduler.schedule(name="timer", at=last, body="body")
    assert scheduler.kept() == {"timer": (last, "body")}
