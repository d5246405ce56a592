"""Whether two kinds of rounds differ, and by how much, when rounds of one kind differ among themselves.

Requests of one round are not independent of each other: a busy neighbour makes all of them slow. So the round is what
is compared, each with its partner, and resampled.
"""

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

RESAMPLES: Final = 2000
CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """How much larger something is in one kind of rounds.

    Attributes:
        value: geometric mean over the pairs.
        low: of the interval that 95 of 100 bootstraps over the pairs fall into.
        high: of it.
        p: how often signs drawn at random would give as much, by all that could be drawn: the exact sign-flip test.
    """

    value: float
    low: float
    high: float
    p: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f}), p = {self.p:.2f}"


def compare(pairs: Sequence[tuple[float, float]]) -> Ratio:
    """Compare pairs of figures: of a round without, and of its partner with what is looked at."""
    logs = [math.log(changed / usual) for usual, changed in pairs]
    mean = _mean(logs)
    choice = random.Random(len(logs))  # noqa: S311 - the same answer for the same figures
    means = sorted(_mean(choice.choices(logs, k=len(logs))) for _ in range(RESAMPLES))
    tail = int((1 - CONFIDENCE) / 2 * RESAMPLES)
    flips = [_mean([sign * log for sign, log in zip(signs, logs, strict=True)]) for signs in _signs(len(logs))]
    as_large = sum(abs(flipped) >= abs(mean) - 1e-12 for flipped in flips)
    return Ratio(
        value=math.exp(mean),
        low=math.exp(means[tail]),
        high=math.exp(means[-tail - 1]),
        p=as_large / len(flips),
    )


def spread(figures: Sequence[float]) -> float:
    """Return by what factor figures of one kind of rounds differ: the noise."""
    return max(figures) / min(figures)


def _signs(count: int) -> list[tuple[int, ...]]:
    return list(itertools.product((1, -1), repeat=count))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
