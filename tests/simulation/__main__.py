"""Search for counterexamples: `make simulate`, or `python -m tests.simulation`.

SEEDS=0-1999      runs these seeds
SEED=1234         runs one, and shows what happens
MINUTES=60        runs seeds from the first of SEEDS on, for so long
JOBS=1            processes at once; as many as there are cores unless said
"""

import os
import sys
import time
from itertools import count
from typing import Final

from tests.simulation.core import one_core
from tests.simulation.history import tell_failure
from tests.simulation.run import CI_SEEDS, rig_of, run_seed
from tests.simulation.search import search

DEFAULT: Final = f"0-{CI_SEEDS - 1}"


def main() -> int:
    """Run what the environment asks for; return 1 when a promise was broken."""
    seed = os.environ.get("SEED")
    return _show(int(seed)) if seed else _search()


def _show(seed: int) -> int:
    with one_core():
        result = run_seed(seed)
        _say(*result.trace)
        if result.broken is None:
            _say(f"seed {seed} ({rig_of(seed)}) keeps every promise, in {result.steps} steps")
            return 0
        _say(tell_failure(seed, result))
    return 1


def _search() -> int:
    first, _, last = (os.environ.get("SEEDS") or DEFAULT).partition("-")
    minutes = float(os.environ.get("MINUTES") or 0)
    seeds = count(int(first)) if minutes else iter(range(int(first), int(last or first) + 1))
    until = time.monotonic() + minutes * 60 if minutes else None
    figures, failed = search(seeds, until, int(os.environ.get("JOBS") or os.cpu_count() or 1))
    _say(*figures.lines())
    if failed:
        _say(tell_failure(*failed[0]))
        _say(f"seeds that break a promise: {', '.join(str(number) for number, _ in failed)}")
    return int(bool(failed))


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
