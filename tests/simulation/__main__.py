"""Search for counterexamples: `make simulate`, or `python -m tests.simulation`.

SEEDS=0-1999      runs these seeds
SEED=1234         runs one, and shows what happens; not together with SEEDS
MINUTES=60        runs seeds from the first of SEEDS on, for so long
JOBS=1            processes at once; as many as there are cores unless said
"""

import os
import re
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
    """Run what the environment asks for; return 1 when a promise was broken, 2 when it asks for nothing that can be."""
    seed, seeds = os.environ.get("SEED") or "", os.environ.get("SEEDS") or ""
    try:
        return _show(read_seed(seed, seeds)) if seed else _search(*read_seeds(seeds or DEFAULT))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def read_seed(seed: str, seeds: str = "") -> int:
    """Return the one seed to show.

    Raises:
        ValueError: it is none, or others are asked for too.
    """
    if seeds:
        raise ValueError(f"SEED={seed} shows one seed and SEEDS={seeds} runs many; give one of them")
    if not re.fullmatch(r"\d+", seed, re.ASCII):
        raise ValueError(f"a seed is a number from 0 on, such as SEED=1234, and not {seed!r}")
    return int(seed)


def read_seeds(seeds: str) -> tuple[int, int]:
    """Return the first and the last of the seeds to run.

    Raises:
        ValueError: they are none.
    """
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", seeds, re.ASCII)
    if found is None:
        raise ValueError(
            f"seeds are numbers from 0 on, the first and the last, such as SEEDS=0-1999, and not {seeds!r}"
        )
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise ValueError(f"SEEDS={seeds} ends before it begins; write SEEDS={last}-{first}")
    return first, last


def _show(seed: int) -> int:
    with one_core():
        result = run_seed(seed)
        _say(*result.trace)
        if result.broken is None:
            _say(f"seed {seed} ({rig_of(seed)}) keeps every promise, in {result.steps} steps")
            return 0
        _say(tell_failure(seed, result))
    return 1


def _search(first: int, last: int) -> int:
    minutes = float(os.environ.get("MINUTES") or 0)
    seeds = count(first) if minutes else iter(range(first, last + 1))
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
