"""Rounds are compared in pairs, and what they differ by among themselves is told."""

import math

import pytest

from tests.load.comparison import compare, spread
from tests.load.summary import percentile


def test_rounds_that_are_alike_have_a_ratio_of_one() -> None:
    ratio = compare([(10.0, 10.0)] * 6)
    assert (ratio.value, ratio.low, ratio.high, ratio.p) == (1.0, 1.0, 1.0, 1.0)


def test_rounds_that_are_always_slower_cannot_be_chance() -> None:
    ratio = compare([(10.0, 20.0), (20.0, 44.0), (12.0, 23.0), (11.0, 21.0), (14.0, 30.0), (10.0, 19.0)])
    assert ratio.low > 1.8
    assert ratio.high < 2.3
    assert ratio.p == pytest.approx(2 / 64)


def test_rounds_that_are_slower_and_faster_can_be() -> None:
    ratio = compare([(10.0, 20.0), (20.0, 10.0), (10.0, 15.0), (15.0, 10.0)])
    assert ratio.value == pytest.approx(1.0)
    assert ratio.low < 1.0 < ratio.high
    assert ratio.p == 1.0


def test_spread_is_what_the_largest_is_of_the_smallest() -> None:
    assert spread([2.0, 8.0, 4.0]) == 4.0


@pytest.mark.parametrize(("share", "value"), [(0.5, 50.0), (0.9, 90.0), (0.99, 99.0), (1.0, 100.0)])
def test_percentiles_are_values_that_occurred(share: float, value: float) -> None:
    assert percentile([float(number) for number in range(100, 0, -1)], share) == value


def test_nothing_has_no_percentile() -> None:
    assert math.isnan(percentile([], 0.5))
