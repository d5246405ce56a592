"""Timers in the runtime: set in the commit, carried outside, fired once and never early."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from settle.adapters.sqlite_queue import EVENT_QUEUE
from settle.adapters.sqlite_standard_queue import TIMERS_QUEUE, SqliteStandardQueue
from settle.core.definition import Definition
from settle.core.delay import Delay
from settle.core.spec import TransitionSpec
from settle.runtime.errors import QueueUnavailableError, ScheduleRefusedError, SchedulerUnavailableError
from tests.support.charts import action, guard, machine, node, on, settled
from tests.support.ports import Broken
from tests.support.system import System

GROUP = "m/1"
DAY = 86_400.0


def after(seconds: float, *targets: str, **more: Any) -> TransitionSpec:
    return on("", *targets, delay=Delay(name=f"{seconds:g}s", seconds=seconds), **more)


def waiting(seconds: float) -> Definition:
    return machine(
        "m",
        settled("idle", on("GO", "waiting")),
        settled("waiting", on("STOP", "idle"), after(seconds, "over")),
        settled("over", on("AGAIN", "waiting")),
    )


@pytest.mark.parametrize("seconds", [0.5, 60.0, 899.0, 900.0, 901.0, 3600.0, DAY, 3650 * DAY])
def test_a_timer_fires_when_it_is_due_and_not_a_second_earlier(seconds: float) -> None:
    system = System(waiting(seconds))
    system.post(GROUP, "GO")
    system.advance(seconds - 0.4)
    assert system.state(GROUP) == ("waiting",)
    system.advance(1.5)
    assert system.state(GROUP) == ("over",)
    assert system.instance(GROUP).snapshot.timers == ()
    assert system.instance(GROUP).version == 3


def test_a_timer_of_zero_fires_at_once() -> None:
    system = System(waiting(0.0))
    system.post(GROUP, "GO")
    system.run_all()
    assert system.state(GROUP) == ("over",)


def test_after_downtime_a_due_timer_fires_at_once() -> None:
    system = System(waiting(DAY))
    system.post(GROUP, "GO")
    system.run_all()
    system.clock.sleep(30 * DAY)
    system.run_all()
    assert system.state(GROUP) == ("over",)


@pytest.mark.parametrize("seconds", [60.0, DAY])
def test_a_cancelled_timer_changes_nothing(seconds: float) -> None:
    system = System(waiting(seconds))
    system.post(GROUP, "GO")
    system.run_all()
    system.post(GROUP, "STOP")
    system.advance(2 * seconds)
    assert system.state(GROUP) == ("idle",)
    assert system.instance(GROUP).version == 3
    assert system.schedules.next_at() is None, "what is far ahead is deleted, not waited for"


def test_a_node_entered_again_waits_anew() -> None:
    system = System(waiting(600.0))
    system.post(GROUP, "GO")
    system.advance(500)
    system.post(GROUP, "STOP", "GO")
    system.advance(300)
    assert system.state(GROUP) == ("waiting",), "the first timer is stale"
    system.advance(301)
    assert system.state(GROUP) == ("over",)


def test_a_timer_that_is_delivered_twice_fires_once() -> None:
    system = System(waiting(60.0))
    system.post(GROUP, "GO")
    system.run_all()
    system.clock.sleep(61)
    (received,) = system.timers.receive(max_messages=10, visibility_timeout=30)
    system.timers_queue.send(body=received.body)
    system.clock.sleep(400)
    system.forward()
    system.clock.sleep(400)
    system.run_all()
    assert system.state(GROUP) == ("over",)
    assert system.instance(GROUP).version == 3


def test_a_stale_timer_costs_no_write_and_no_line(caplog: pytest.LogCaptureFixture) -> None:
    system = System(waiting(60.0))
    system.post(GROUP, "GO", "STOP")
    system.run_all()
    revision = system.instance(GROUP).revision
    with caplog.at_level("INFO", logger="settle"):
        system.advance(61)
    assert system.instance(GROUP).revision == revision
    assert caplog.records == []


def test_a_timer_that_no_transition_takes_is_used_up() -> None:
    never = guard("never", lambda *_: False)
    system = System(machine("m", settled("waiting", after(5.0, "over", guards=(never,))), settled("over", on("GO"))))
    system.post(GROUP, "GO")
    system.advance(10)
    assert system.state(GROUP) == ("waiting",)
    assert system.instance(GROUP).snapshot.timers == ()


def test_a_timer_of_a_paused_instance_is_held_until_it_is_resumed() -> None:
    system = System(waiting(60.0))
    system.post(GROUP, "GO")
    system.run_all()
    system.control(GROUP, "pause")
    system.advance(120)
    assert system.state(GROUP) == ("waiting",)
    assert system.instance(GROUP).urgent is not None
    system.control(GROUP, "resume")
    system.run_all()
    assert system.state(GROUP) == ("over",)
    assert system.instance(GROUP).urgent is None


def test_held_events_and_timers_are_applied_in_the_order_in_which_they_came() -> None:
    system = System(waiting(60.0))
    system.post(GROUP, "GO")
    system.run_all()
    system.control(GROUP, "pause")
    system.advance(50)
    system.post(GROUP, "STOP")
    system.advance(50)
    system.control(GROUP, "resume")
    system.run_all()
    assert system.state(GROUP) == ("idle",), "STOP came first, so the timer is late"


def test_a_timer_whose_action_fails_blocks_the_instance_and_is_not_lost() -> None:
    broken: list[bool] = [True]

    def explode(*_: object) -> None:
        if broken:
            raise RuntimeError("kaboom")

    system = System(
        machine("m", settled("waiting", after(5.0, "over", actions=(action("x", explode),))), settled("over", on("GO")))
    )
    system.post(GROUP, "GO")
    system.advance(10)
    blocked = system.instance(GROUP).blocked
    assert blocked is not None
    assert blocked.code == "user_code"
    broken.clear()
    system.control(GROUP, "retry")
    system.run_all()
    assert system.state(GROUP) == ("over",)


def test_events_that_waited_for_a_timer_with_any_name_are_applied_after_it() -> None:
    def remind(_context: object, _event: object, do: Any) -> None:
        do.send(None, "WAKE", delay=60, id="Größe 1 \u2014 später")

    system = System(
        machine(
            "m",
            settled("idle", on("GO", "asleep"), on("PING", "pinged")),
            node("asleep", on("WAKE", "idle"), entry=(action("remind", remind),)),
            settled("pinged", on("GO", "asleep")),
        )
    )
    system.post(GROUP, "GO", "PING")
    system.run_all()
    assert system.state(GROUP) == ("asleep",)
    system.advance(61)
    assert system.state(GROUP) == ("pinged",)
    assert system.instance(GROUP).held is None


def test_a_timer_that_blocks_can_be_given_up() -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("kaboom")

    system = System(
        machine("m", settled("waiting", after(5.0, "over", actions=(action("x", explode),))), settled("over", on("GO")))
    )
    system.post(GROUP, "GO")
    system.advance(10)
    system.control(GROUP, "skip")
    system.run_all()
    assert system.instance(GROUP).blocked is None
    assert system.instance(GROUP).urgent is None
    assert system.state(GROUP) == ("waiting",)


def test_an_unreadable_timer_is_buried() -> None:
    system = System(waiting(60.0))
    system.timers.send(body="garbage")
    system.run_all()
    assert [message.body for message in system.buried()] == ["garbage"]


def test_only_the_consumer_and_its_schedules_set_timers() -> None:
    system = System(waiting(60.0))
    system.post(GROUP, "GO")
    system.run_all()
    system.clock.sleep(61)
    (received,) = system.timers.receive(max_messages=10, visibility_timeout=30)
    stranger = SqliteStandardQueue(system.database, system.clock, sender="stranger", name=TIMERS_QUEUE)
    system.timers.delete([received.receipt_handle])
    stranger.send(body=received.body)
    system.run_all()
    assert system.state(GROUP) == ("waiting",)
    assert [message.body for message in system.buried()] == [received.body]


def test_a_delayed_message_to_itself_is_an_event_when_its_time_has_come() -> None:
    def remind(_context: object, _event: object, do: Any) -> None:
        do.send(None, "REMIND", {"n": 1}, delay="2h", id="reminder")

    def note(context: dict[str, Any], event: Any, _do: object) -> None:
        context["n"] = event["n"]

    system = System(
        machine(
            "m",
            settled(
                "idle",
                on("GO", actions=(action("remind", remind),)),
                on("CALM", actions=(action("calm", lambda _c, _e, do: do.cancel("reminder")),)),
                on("REMIND", actions=(action("note", note),)),
            ),
        )
    )
    system.post(GROUP, "GO")
    system.advance(7199)
    assert system.context(GROUP) == {}
    system.advance(2)
    assert system.context(GROUP) == {"n": 1}
    system.post(GROUP, "GO", "CALM")
    system.advance(8000)
    assert system.instance(GROUP).version == 5
    assert system.instance(GROUP).snapshot.timers == ()


@pytest.mark.parametrize("seconds", [60.0, DAY])
def test_a_timer_that_cannot_be_sent_waits_in_the_outbox(seconds: float) -> None:
    system = System(waiting(seconds))
    system.timers_queue = Broken(system.timers, QueueUnavailableError("down"))
    system.scheduler = Broken(system.schedules, SchedulerUnavailableError("down"))
    system.post(GROUP, "GO")
    system.run_all()
    assert len(system.instance(GROUP).outbox) == 1
    system.advance(seconds + 120)
    assert system.state(GROUP) == ("over",)
    assert system.instance(GROUP).outbox == ()


def test_a_timer_that_is_refused_for_good_becomes_an_error_event() -> None:
    def note(context: dict[str, Any], event: Any, _do: object) -> None:
        context["code"] = event["code"]

    system = System(
        machine(
            "m",
            settled("idle", on("GO", "waiting")),
            settled("waiting", after(DAY, "over"), on("error.communication", actions=(action("note", note),))),
            settled("over", on("AGAIN", "waiting")),
        )
    )
    system.scheduler = Broken(system.schedules, ScheduleRefusedError("never"))
    system.post(GROUP, "GO")
    system.run_all()
    assert system.context(GROUP) == {"code": "schedule_refused"}
    assert system.instance(GROUP).outbox == ()


def test_a_forwarder_that_cannot_send_lets_the_timer_come_again() -> None:
    system = System(waiting(60.0))
    system.post(GROUP, "GO")
    system.run_all()
    system.clock.sleep(61)
    system.queue = Broken(system.polled, QueueUnavailableError("down"))
    assert system.forward() == 1
    assert queued(system) == 0
    system.clock.sleep(31)
    system.run_all()
    assert system.state(GROUP) == ("over",)


def queued(system: System) -> int:
    with system.database.reading() as connection:
        rows: Iterator[tuple[int]] = connection.execute(
            "SELECT count(*) FROM queue_message WHERE queue = ?", (EVENT_QUEUE,)
        )
        return next(rows)[0]


@pytest.mark.parametrize("ago", [0.0, 1.0, 3650 * DAY])
def test_a_time_in_the_past_is_due_at_once(ago: float) -> None:
    def when(_context: object, event: Any) -> datetime:
        return datetime.fromtimestamp(event["now"] - ago, UTC)

    system = System(
        machine(
            "m",
            settled("idle", on("GO", "waiting")),
            settled("waiting", on("", "over", delay=Delay(name="when", fn=when))),
            settled("over", on("AGAIN", "waiting")),
        )
    )
    system.post(GROUP, ("GO", {"now": system.clock.now()}))
    system.run_all()
    assert system.state(GROUP) == ("over",)


@pytest.mark.parametrize("delay", [-1.0, float("nan"), 1e12, "soon"])
def test_what_is_no_delay_blocks_the_instance_with_the_reason(delay: object) -> None:
    system = System(
        machine(
            "m",
            settled("idle", on("GO", "waiting")),
            settled("waiting", on("", "over", delay=Delay(name="when", fn=lambda *_: delay))),
            settled("over", on("AGAIN", "waiting")),
        )
    )
    system.post(GROUP, "GO")
    system.run_all()
    blocked = system.instance(GROUP).blocked
    assert blocked is not None
    assert "delay" in blocked.message


def test_states_that_time_out_at_once_in_a_circle_end_in_a_clear_error() -> None:
    system = System(machine("m", settled("a", after(0.0, "b"), on("GO")), settled("b", after(0.0, "a"))))
    system.post(GROUP, "GO")
    system.run_all(rounds=1000)
    blocked = system.instance(GROUP).blocked
    assert blocked is not None
    assert blocked.code == "too_many_hops"
