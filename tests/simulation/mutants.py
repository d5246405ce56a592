"""The runtime with one of its guarantees taken out: what the simulation has to notice.

Each mutant is what somebody might write who does not know why the rule is there. A guarantee whose removal is not
noticed is not tested.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest

Patch = pytest.MonkeyPatch
Apply = Callable[[Patch], None]

EVENTS: Final = "events"
LONG_WORK: Final = "long work"


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A fault, deliberately made.

    Attributes:
        apply: takes the guarantee out.
        kind: of the world that has to notice.
        seed: that notices it, as long as nothing changes; tried first, for the others take a while.
        notices: the promises of which one is found broken first.
    """

    apply: Apply
    kind: str
    seed: int
    notices: frozenset[str]

    @property
    def name(self) -> str:
        return self.apply.__name__


MUTANTS: Final[list[Mutant]] = []


def mutant(kind: str, seed: int, *notices: str) -> Callable[[Apply], Apply]:
    """Register a mutant."""

    def register(apply: Apply) -> Apply:
        MUTANTS.append(Mutant(apply=apply, kind=kind, seed=seed, notices=frozenset(notices)))
        return apply

    return register
