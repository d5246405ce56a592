"""Whole handlers under garbage, in every run."""

from collections.abc import Iterator
from random import Random

import pytest

from tests.fuzz.loaders.handlers import SCENARIOS, Scenario
from tests.fuzz.loaders.world import World, make_world

ROUNDS = 60


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with make_world() as world:
        yield world


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_a_handler_answers_whatever_it_is_given(scenario: Scenario, world: World) -> None:
    answers = {scenario.play(Random(f"{scenario.name}-{number}"), world) for number in range(ROUNDS)}  # noqa: S311
    assert answers
