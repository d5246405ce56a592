"""Waiting: how often, and how long, somebody looks."""

import pytest

from settle.runtime.poll import Pauses, poll
from tests.support.system import ManualClock

PAUSES = Pauses(first=0.05, longest=1.0)


class CountingClock(ManualClock):
    """A clock that remembers how long it slept."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        super().sleep(seconds)


@pytest.fixture
def clock() -> CountingClock:
    return CountingClock()


def test_pauses_grow_to_the_longest(clock: CountingClock) -> None:
    assert poll(clock, PAUSES, 4, lambda: ("nothing", False)) == "nothing"
    assert clock.slept == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1, 1, 0.45])


def test_a_look_that_is_done_is_the_last(clock: CountingClock) -> None:
    assert poll(clock, PAUSES, 4, lambda: ("something", len(clock.slept) == 2)) == "something"
    assert clock.slept == [0.05, 0.1]


def test_no_time_is_still_one_look(clock: CountingClock) -> None:
    assert poll(clock, PAUSES, 0, lambda: ("something", False)) == "something"
    assert clock.slept == [0]


def test_a_clock_that_is_moved_meanwhile_ends_no_wait(clock: CountingClock) -> None:
    def look() -> tuple[str, bool]:
        if len(clock.slept) == 3:
            clock._now += 86_400.0
        return "something", len(clock.slept) == 8

    assert poll(clock, PAUSES, 60, look) == "something"
    assert len(clock.slept) == 8
