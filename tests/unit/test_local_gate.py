"""The gate keeps pollers out while it is closed, and knows when all of them have looked in vain."""

import threading

import pytest

from settle.local.errors import BusyError
from settle.local.gate import Gate

PATIENCE = 10.0
"""Seconds until a test gives up; none of them is meant to pass."""


def look_in_vain(gate: Gate, poller: str) -> None:
    turn = gate.enter(poller, 0)
    assert turn is not None
    gate.leave_idle(poller, turn)


def begin(gate: Gate, poller: str = "events") -> None:
    assert gate.enter(poller, 0) is not None
    gate.begin()


def work(gate: Gate) -> None:
    begin(gate)
    gate.leave_done("events")


class TestClosing:
    """An advance happens between two pieces of work."""

    @pytest.fixture
    def gate(self) -> Gate:
        gate = Gate()
        gate.expect("events", takes=5)
        return gate

    def test_nobody_enters_a_closed_gate(self, gate: Gate) -> None:
        tried, entered = threading.Event(), threading.Event()

        def poll() -> None:
            tried.set()
            assert gate.enter("events", PATIENCE) is not None
            entered.set()

        with gate.closed(0):
            thread = threading.Thread(target=poll)
            thread.start()
            assert tried.wait(PATIENCE)
            assert not entered.is_set()
        thread.join(PATIENCE)
        assert entered.is_set()

    def test_closing_waits_for_the_work_that_is_under_way(self, gate: Gate) -> None:
        begin(gate)
        done = threading.Event()

        def finish() -> None:
            wait_until_closed(gate)
            done.set()
            gate.leave_done("events")

        thread = threading.Thread(target=finish)
        thread.start()
        with gate.closed(PATIENCE):
            assert done.is_set()
        thread.join(PATIENCE)

    def test_poller_that_finds_the_gate_closed_for_too_long_goes_away(self, gate: Gate) -> None:
        assert gate.enter("events", 0) is not None
        answers: list[int | None] = []

        def poll() -> None:
            wait_until_closed(gate)
            answers.append(gate.enter("events", 0.001))
            gate.leave_failed("events")

        thread = threading.Thread(target=poll)
        thread.start()
        with gate.closed(PATIENCE):
            assert answers == [None]
        thread.join(PATIENCE)

    def test_work_that_does_not_end_leaves_the_gate_open(self, gate: Gate) -> None:
        begin(gate)
        with pytest.raises(BusyError, match="did not end within 0 seconds"), gate.closed(0):
            pytest.fail("somebody is inside")
        assert gate.enter("events", 0) is not None

    def test_end_of_the_system_ends_the_wait(self, gate: Gate) -> None:
        assert gate.enter("events", 0) is not None

        def end() -> None:
            wait_until_closed(gate)
            gate.end()

        thread = threading.Thread(target=end)
        thread.start()
        with pytest.raises(BusyError, match="the system is ending"), gate.closed(PATIENCE):
            pytest.fail("somebody is inside")
        thread.join(PATIENCE)

    def test_who_takes_long_is_kept_out_first_and_the_others_go_on_meanwhile(self, gate: Gate) -> None:
        gate.expect("tasks", takes=60)
        begin(gate, "tasks")

        def finish() -> None:
            while gate.enter("tasks", 0) is not None:
                gate.leave_failed("tasks")
            work(gate)
            gate.leave_done("tasks")

        thread = threading.Thread(target=finish)
        thread.start()
        with gate.closed(PATIENCE):
            thread.join(PATIENCE)
            assert not thread.is_alive()


class TestIdle:
    """Nothing is left to do when everybody has looked in vain since the last work was done."""

    @pytest.fixture
    def gate(self) -> Gate:
        gate = Gate()
        for poller in ("events", "timers"):
            gate.expect(poller)
        return gate

    def test_not_before_everybody_has_looked(self, gate: Gate) -> None:
        assert not gate.wait_until_idle(0)
        look_in_vain(gate, "events")
        assert not gate.wait_until_idle(0)
        look_in_vain(gate, "timers")
        assert gate.wait_until_idle(0)

    def test_work_makes_everybody_look_again(self, gate: Gate) -> None:
        look_in_vain(gate, "timers")
        work(gate)
        look_in_vain(gate, "events")
        assert not gate.wait_until_idle(0)
        look_in_vain(gate, "timers")
        assert gate.wait_until_idle(0)

    def test_look_that_began_before_the_work_was_done_does_not_count(self, gate: Gate) -> None:
        turn = gate.enter("events", 0)
        assert turn is not None
        work(gate)
        gate.leave_idle("timers", turn)
        look_in_vain(gate, "events")
        assert not gate.wait_until_idle(0)

    def test_advance_makes_everybody_look_again(self, gate: Gate) -> None:
        for poller in ("events", "timers"):
            look_in_vain(gate, poller)
        with gate.closed(0):
            pass
        assert not gate.wait_until_idle(0)

    def test_not_while_somebody_works(self, gate: Gate) -> None:
        begin(gate)
        for poller in ("events", "timers"):
            look_in_vain(gate, poller)
        assert not gate.wait_until_idle(0)

    def test_failed_look_does_not_count(self, gate: Gate) -> None:
        look_in_vain(gate, "events")
        assert gate.enter("events", 0) is not None
        gate.leave_failed("events")
        assert not gate.wait_until_idle(0)

    def test_pollers_are_told_that_somebody_waits(self, gate: Gate) -> None:
        def look() -> None:
            while not gate.is_watched:
                pass
            for poller in ("events", "timers"):
                look_in_vain(gate, poller)

        thread = threading.Thread(target=look)
        thread.start()
        assert gate.wait_until_idle(PATIENCE)
        thread.join(PATIENCE)
        assert not gate.is_watched

    def test_end_of_the_system_ends_the_wait(self, gate: Gate) -> None:
        gate.end()
        assert not gate.wait_until_idle(PATIENCE)


def wait_until_closed(gate: Gate) -> None:
    """Return once somebody waits for the gate to be empty: only then does nobody enter any more."""
    while gate.enter("events", 0) is not None:
        gate.leave_failed("events")
