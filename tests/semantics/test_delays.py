"""Delayed transitions: a timer is set when their source is entered, and belongs to that life of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from settle import Event, EventKind, Statechart, start, step
from settle.core.definition import Definition
from settle.core.effects import CancelTimer, Effect, SetTimer
from settle.core.errors import UserCodeError
from settle.core.snapshot import LiveTimer, Snapshot

NOW = 1000.0


def waiting(**transition: Any) -> Definition:
    """A machine that waits in `a`, and ends in `late` unless GO comes first."""
    return Statechart(
        id="m",
        states=["a", "b", "late"],
        transitions=[
            {"source": "a", "dest": "late", "delay": "1h", **transition},
            {"trigger": "GO", "source": "a", "dest": "b"},
            {"trigger": "BACK", "source": "b", "dest": "a"},
        ],
    ).definition


def fire(definition: Definition, snapshot: Snapshot, timer: LiveTimer | str, now: float = NOW) -> Snapshot:
    key = timer if isinstance(timer, str) else timer.key
    return step(definition, snapshot, Event(kind=EventKind.TIMER, key=key), now).snapshot


def begin(definition: Definition, **context: Any) -> tuple[Snapshot, tuple[Effect, ...]]:
    macrostep = start(definition, input=context, now=NOW)
    return macrostep.snapshot, macrostep.effects


def test_entering_the_source_sets_a_timer() -> None:
    snapshot, effects = begin(waiting())
    (timer,) = snapshot.timers
    assert timer == LiveTimer(id="a@1h", entry=1, due=NOW + 3600, type="settle.after.a@1h", node="a")
    assert effects == (SetTimer(timer="a@1h#1", due=NOW + 3600),)


def test_the_transition_is_taken_when_the_timer_fires() -> None:
    definition = waiting()
    snapshot, _ = begin(definition)
    fired = fire(definition, snapshot, snapshot.timers[0])
    assert (fired.configuration, fired.timers) == (("late",), ())


def test_leaving_the_source_cancels_it() -> None:
    definition = waiting()
    snapshot, _ = begin(definition)
    left = step(definition, snapshot, Event(type="GO"), NOW)
    assert left.effects == (CancelTimer(timer="a@1h#1"),)
    assert left.snapshot.timers == ()
    assert fire(definition, left.snapshot, "a@1h#1") == left.snapshot


def test_a_timer_of_an_earlier_life_changes_nothing() -> None:
    definition = waiting()
    snapshot, _ = begin(definition)
    for event in ("GO", "BACK"):
        snapshot = step(definition, snapshot, Event(type=event), NOW).snapshot
    assert [timer.key for timer in snapshot.timers] == ["a@1h#2"]
    assert fire(definition, snapshot, "a@1h#1") == snapshot
    assert fire(definition, snapshot, "a@1h#2").configuration == ("late",)


def test_a_timer_whose_guard_does_not_hold_is_used_up() -> None:
    definition = waiting(conditions=lambda ctx: ctx.get("ready", False))
    snapshot, _ = begin(definition)
    fired = fire(definition, snapshot, snapshot.timers[0])
    assert (fired.configuration, fired.timers) == (("a",), ())


def test_a_timer_of_a_node_that_is_entered_and_left_at_once_leaves_no_trace() -> None:
    chart = Statechart(
        id="m",
        states=["idle", {"name": "a", "timeout": "1h", "on_timeout": "idle", "always": "b"}, "b"],
        transitions=[{"trigger": "GO", "source": "idle", "dest": "a"}],
    )
    went = step(chart.definition, begin(chart.definition)[0], Event(type="GO"))
    assert (went.snapshot.configuration, went.effects, went.snapshot.timers) == (("b",), (), ())


def test_transitions_of_one_node_with_one_delay_share_a_timer_and_are_tried_in_order() -> None:
    chart = Statechart(
        id="m",
        states=["a", "first", "second"],
        transitions=[
            {"source": "a", "dest": "first", "delay": "1h", "conditions": lambda ctx: ctx.get("first", False)},
            {"source": "a", "dest": "second", "delay": "1h"},
        ],
    )
    for first in (True, False):
        snapshot, _ = begin(chart.definition, first=first)
        assert len(snapshot.timers) == 1
        fired = fire(chart.definition, snapshot, snapshot.timers[0])
        assert fired.configuration == ("first" if first else "second",)


def test_a_transition_that_stays_does_not_set_the_timer_again() -> None:
    definition = waiting(dest=None)
    snapshot, _ = begin(definition)
    assert fire(definition, snapshot, snapshot.timers[0]).timers == ()


def test_leaving_a_parent_cancels_the_timers_of_its_children_and_the_end_cancels_all() -> None:
    chart = Statechart(
        id="m",
        states=[
            {
                "name": "p",
                "timeout": 5,
                "on_timeout": "out",
                "children": [{"name": "c", "timeout": 7, "on_timeout": "out"}],
            },
            "out",
            {"name": "over", "final": True},
        ],
        transitions=[
            {"trigger": "OUT", "source": "p", "dest": "out"},
            {"trigger": "END", "source": "p", "dest": "over"},
        ],
    )
    snapshot, _ = begin(chart.definition)
    assert [timer.id for timer in snapshot.timers] == ["p@5s", "p.c@7s"]
    for event in ("OUT", "END"):
        left = step(chart.definition, snapshot, Event(type=event), NOW)
        assert left.snapshot.timers == ()
        assert {effect.timer for effect in left.effects if isinstance(effect, CancelTimer)} == {"p@5s#1", "p.c@7s#2"}


@pytest.mark.parametrize(
    ("delay", "due"),
    [
        (90, 90.0),
        (0.5, 0.5),
        ("500ms", 0.5),
        ("2d", 172800.0),
        ("1h30m", 5400.0),
        ("PT24H", 86400.0),
        ("P1DT1S", 86401.0),
        (timedelta(minutes=2), 120.0),
        (datetime.fromtimestamp(NOW + 60, UTC), 60.0),
        (datetime.fromtimestamp(NOW - 60, UTC), 0.0),
        (0, 0.0),
    ],
)
def test_a_delay_is_a_duration_or_a_time(delay: object, due: float) -> None:
    snapshot, _ = begin(waiting(delay=delay))
    assert snapshot.timers[0].due == NOW + due


@pytest.mark.parametrize("delay", [lambda ctx: ctx["wait"], lambda ctx, event: f"{ctx['wait']}{event['unit']}"])
def test_a_delay_may_be_computed_when_the_node_is_entered(delay: Any) -> None:
    snapshot, _ = begin(waiting(delay=delay), wait=3, unit="s")
    assert snapshot.timers[0].due == NOW + 3


def test_a_delay_may_name_a_function() -> None:
    class Delays:
        @staticmethod
        def patience(ctx: Any) -> timedelta:
            return timedelta(days=ctx["days"])

    chart = Statechart(
        id="m", implementation=Delays, states=[{"name": "a", "timeout": "patience", "on_timeout": "b"}, "b"]
    )
    snapshot, _ = begin(chart.definition, days=2)
    assert (snapshot.timers[0].id, snapshot.timers[0].due) == ("a@patience", NOW + 172800)


@pytest.mark.parametrize("value", [-1, "soon", "P1", None, datetime(2026, 1, 1), float("nan"), "99999999d"])  # noqa: DTZ001
def test_what_computes_no_delay_is_at_fault(value: object) -> None:
    def wait(_ctx: Any) -> object:
        return value

    with pytest.raises(UserCodeError, match="delay 'wait' of 'a' raised ValueError"):
        begin(waiting(delay=wait))


def test_the_event_of_a_timer_names_it() -> None:
    seen: list[tuple[str, EventKind]] = []

    def note(_ctx: Any, event: Event) -> None:
        seen.append((event.type, event.kind))

    definition = waiting(actions=note)
    snapshot, _ = begin(definition)
    fire(definition, snapshot, snapshot.timers[0])
    assert seen == [("settle.after.a@1h", EventKind.TIMER)]
