"""Any interleaving, any fault: in the end all is as if each instance had been given its events one after the other.

These are the first of the seeds that `make simulate` runs. A failing one shows its shortest history; `make simulate
SEED=<number>` shows it again.
"""

from collections import Counter
from typing import Final

import pytest

from tests.simulation.acts import FAULTS
from tests.simulation.core import one_core
from tests.simulation.figures import Figures
from tests.simulation.history import tell_failure
from tests.simulation.run import run_seed

SEEDS: Final = 240
"""Enough to meet everything that the simulation is for."""


def test_every_schedule_keeps_every_promise_and_they_meet_what_they_are_for() -> None:
    figures = Figures()
    with one_core():
        for seed in range(SEEDS):
            result = run_seed(seed)
            figures.add(result)
            if result.broken is not None:
                pytest.fail(tell_failure(seed, result), pytrace=False)
    others = {"conflict", "crash", "timeout", "stalled past its visibility", "killed by what it ran", "slow service"}
    others |= {"hanging service", "acknowledgement lost", "message of a newer release", "delivered twice", "sent again"}
    others |= {
        "schedule fired twice",
        "queue replaced",
        *(f"deployment: {what}" for what in ("next", "back", "broken")),
    }
    assert set(figures.faults) >= {*FAULTS} | others
    outcomes = {"applied", "ignored", "refused", "precondition_failed", "duplicate", "held", "quarantined", "skipped"}
    lives = {"fired", "delayed", "deleted", "recreated", "retired", "stopped", "callbacks"}
    answers = {f"answer {code}" for code in ("done", "service_failed", "deadline_exceeded")}
    assert set(figures.met) >= outcomes | lives | answers


def test_a_seed_always_gives_the_same_run() -> None:
    for seed in (4, 5, 6):
        first, second = run_seed(seed), run_seed(seed)
        assert first.trace == second.trace
        assert (first.steps, first.faults) == (second.steps, second.faults)


def test_figures_are_sums_over_runs() -> None:
    one, both = Figures(), Figures()
    result = run_seed(5)
    one.add(result)
    both.add(result)
    both.merge(one)
    assert (both.seeds, both.steps, both.checks) == (2, 2 * result.steps, 2 * result.checks)
    assert both.faults == Counter({name: 2 * number for name, number in result.faults.items()})
    assert both.lines()[0].startswith("2 seeds, ")
