"""A part of the long lane in every run: the same inputs each time, so that what fails fails for a reason of today."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.loaders.targets import TARGETS, Target

EXAMPLES = 150
SLOW = {"xstate": 60, "xstate-object": 30, "statechart": 60, "compiled": 60, "step": 100}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_loader_reads_what_is_right_and_raises_errors_of_its_own_for_the_rest(target: Target) -> None:
    @settings(max_examples=SLOW.get(target.name, EXAMPLES))
    @given(choices=st.randoms(use_true_random=False))
    def fuzz(choices: Random) -> None:
        target.run(target.draw(choices))

    fuzz()


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_inputs_of_a_target_reach_what_is_right_as_well_as_what_is_wrong(target: Target) -> None:
    answers = {target.run(target.draw(Random(seed))) for seed in range(60)}  # noqa: S311 - to be had again
    assert "read" in answers
    assert len(answers) > 1 or not target.errors
