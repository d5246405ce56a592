"""The clock of the local system goes forwards only, for everybody at once, and stays ahead over restarts."""

import struct
import time
from pathlib import Path

import pytest

from settle.adapters.shifted_clock import MAX_AHEAD_SECONDS, ShiftedClock
from settle.local.clock import open_clock
from settle.local.errors import StartError

DAY = 86_400.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settle.clock"


def real_now() -> float:
    return time.time()  # noqa: TID251 - compared with the clock under test


def test_new_clock_shows_the_time_of_this_machine(path: Path) -> None:
    before = real_now()
    assert before <= ShiftedClock(path).now() <= real_now()


def test_advance_is_seen_by_everybody_who_has_the_file_open(path: Path) -> None:
    writer, reader = ShiftedClock(path), ShiftedClock(path)
    writer.advance(DAY)
    before = real_now()
    assert before + DAY <= reader.now() <= real_now() + DAY
    writer.advance(0.5)
    assert reader.ahead == DAY + 0.5


def test_clock_that_is_opened_again_is_still_ahead(path: Path) -> None:
    ShiftedClock(path).advance(DAY)
    assert open_clock(path).ahead == DAY
    assert open_clock(path, fresh=True).ahead == 0


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf"), MAX_AHEAD_SECONDS])
def test_clock_goes_neither_backwards_nor_too_far(path: Path, seconds: float) -> None:
    clock = ShiftedClock(path)
    clock.advance(1)
    with pytest.raises(ValueError, match="clock"):
        clock.advance(seconds)
    assert clock.ahead == 1


def test_clock_may_be_a_hundred_years_ahead(path: Path) -> None:
    clock = ShiftedClock(path)
    clock.advance(MAX_AHEAD_SECONDS)
    assert clock.ahead == MAX_AHEAD_SECONDS


def test_sleeping_takes_no_notice_of_the_shift(path: Path) -> None:
    clock = ShiftedClock(path)
    clock.advance(DAY)
    before = time.monotonic()
    clock.sleep(0)
    assert time.monotonic() - before < 1


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), 2 * MAX_AHEAD_SECONDS])
def test_damaged_file_is_named_with_the_remedy(path: Path, seconds: float) -> None:
    path.write_bytes(struct.pack("d", seconds))
    with pytest.raises(
        StartError, match=r"settle\.clock is damaged .*; to start anew, delete it together with the data"
    ):
        open_clock(path)


def test_file_that_cannot_be_opened_is_named(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StartError, match=r"settle\.clock cannot be used: Is a directory"):
        open_clock(path)
