"""Every mutant."""

from typing import Final

from tests.simulation import mutants_of_effects, mutants_of_order, mutants_of_storage
from tests.simulation.mutants import MUTANTS, Mutant

MODULES: Final = (mutants_of_storage, mutants_of_effects, mutants_of_order)


def all_mutants() -> list[Mutant]:
    """Return them, once the modules that register them are there."""
    return [each for each in MUTANTS if any(hasattr(module, each.name) for module in MODULES)]
