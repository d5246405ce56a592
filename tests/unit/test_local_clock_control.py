"""An advance of the clock waits for what is being worked on, and then for what fell due."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from settle.adapters.shifted_clock import ShiftedClock
from settle.local.clock_control import ClockControl
from settle.local.errors import BusyError
from settle.local.gate import Gate

PATIENCE = 10.0
DAY = 86_400.0


@pytest.fixture
def clock(tmp_path: Path) -> ShiftedClock:
    return ShiftedClock(tmp_path / "settle.clock")


def make_control(
    clock: ShiftedClock, gate: Gate, *, wake: Callable[[], None] = lambda: None, patience: float = 0.0
) -> ClockControl:
    return ClockControl(clock, gate, wake=wake, drain_seconds=patience, idle_seconds=patience)


def test_it_tells_the_time_and_how_far_that_is_ahead(clock: ShiftedClock) -> None:
    control = make_control(clock, Gate())
    assert control.tell()["ahead"] == "0s"
    clock.advance(3 * DAY)
    told = control.tell()
    assert told["ahead"] == "3d"
    assert told["now"].endswith("Z")
    assert len(told["now"]) == len("2026-01-01T00:00:00.000Z")


def test_advances_add_up(clock: ShiftedClock) -> None:
    control = make_control(clock, Gate())
    control.advance(DAY)
    assert control.advance(3600)["ahead"] == "25h"
    assert clock.ahead == DAY + 3600


def test_who_sleeps_is_woken_after_the_clock_was_moved(clock: ShiftedClock) -> None:
    seen: list[float] = []
    make_control(clock, Gate(), wake=lambda: seen.append(clock.ahead)).advance(DAY)
    assert seen == [DAY]


def test_answer_waits_until_what_fell_due_is_done(clock: ShiftedClock) -> None:
    gate = Gate()
    gate.expect("timers")
    threads: list[threading.Thread] = []

    def poll() -> None:
        assert gate.enter("timers", 0) is not None
        gate.begin()
        gate.leave_done("timers")
        turn = gate.enter("timers", 0)
        assert turn is not None
        gate.leave_idle("timers", turn)

    def wake() -> None:
        threads.append(threading.Thread(target=poll))
        threads[0].start()

    assert make_control(clock, gate, wake=wake, patience=PATIENCE).advance(DAY)["idle"] is True
    threads[0].join(PATIENCE)


def test_answer_says_when_something_is_left_to_do(clock: ShiftedClock) -> None:
    gate = Gate()
    gate.expect("timers")
    answer = make_control(clock, gate).advance(DAY)
    assert (answer["ahead"], answer["idle"]) == ("1d", False)


def test_clock_stands_while_somebody_works(clock: ShiftedClock) -> None:
    gate = Gate()
    gate.expect("timers")
    gate.enter("timers", 0)
    gate.begin()
    with pytest.raises(BusyError):
        make_control(clock, gate).advance(DAY)
    assert clock.ahead == 0


def test_advance_that_is_refused_holds_nobody_up(clock: ShiftedClock) -> None:
    gate = Gate()
    gate.expect("timers")
    gate.enter("timers", 0)
    gate.begin()
    with pytest.raises(ValueError, match="forwards"):
        make_control(clock, gate, patience=PATIENCE).advance(-1)
