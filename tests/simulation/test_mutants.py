"""Every guarantee that is taken out of the runtime is noticed, by one of the seeds that have to pass anyway."""

import pytest

from tests.simulation.all_mutants import all_mutants
from tests.simulation.core import one_core
from tests.simulation.mutants import Mutant
from tests.simulation.run import CI_SEEDS, rig_of, run_seed


def find_seed(mutant: Mutant) -> tuple[int, tuple[str, str]] | None:
    """Return the first seed that notices a mutant, and how; the one that is known to is tried first."""
    others = (seed for seed in range(CI_SEEDS) if rig_of(seed) == mutant.kind)
    with pytest.MonkeyPatch.context() as patch, one_core():
        mutant.apply(patch)
        for seed in (mutant.seed, *others):
            broken = run_seed(seed).broken
            if broken is not None:
                return seed, broken
    return None


@pytest.mark.parametrize("mutant", all_mutants(), ids=lambda mutant: mutant.name)
def test_a_guarantee_that_is_missing_is_noticed(mutant: Mutant) -> None:
    found = find_seed(mutant)
    assert found is not None, "none of the seeds notices"
    seed, (promise, how) = found
    assert promise in mutant.notices, how
    assert seed in range(CI_SEEDS)
    assert run_seed(seed).broken is None, "the runtime as it is breaks this promise too"
