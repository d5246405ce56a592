"""Numbers as text."""

import math
from collections.abc import Sequence
from typing import Final

from benchmarks.tables import print_table

SHARES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of all does not exceed. Exact: all of them are kept."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else math.nan


def print_latencies(title: str, rows: Sequence[tuple[str, Sequence[float]]]) -> None:
    """Print a table of latencies in milliseconds."""
    print_table(
        title,
        ["", "number", *SHARES],
        [
            [name, len(values), *(f"{percentile(values, share):.1f}" for share in SHARES.values())]
            for name, values in rows
        ],
    )


def print_facts(facts: Sequence[tuple[str, object]]) -> None:
    """Print names and values."""
    for name, value in facts:
        print(f"{name:<28} {value}")


def print_problems(problems: Sequence[str], shown: int = 20) -> int:
    """Print what is wrong; return the exit status."""
    for problem in problems[:shown]:
        print(f"  ! {problem}")
    print(f"{len(problems)} problems" if problems else "everything is exact")
    return 1 if problems else 0
