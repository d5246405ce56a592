"""Run the fuzzers: `make fuzz MINUTES=10`, or `python -m tests.fuzz --minutes 10 --only http --seed 7`."""

import argparse
import logging
import sys
import time
from importlib import import_module
from pathlib import Path

from tests.fuzz.registry import FUZZERS, Budget, Fuzzer


def main() -> int:
    """Run them one after another, each for its share of the time; 1 when one of them found something."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="for all of them together")
    parser.add_argument("--only", choices=sorted(FUZZERS), action="append", help="this one alone; may be repeated")
    parser.add_argument("--seed", type=int, default=0, help="where to begin; 0 for another one each day")
    given = parser.parse_args()
    # What the machines under fuzz log of their own mistakes is nothing that was found.
    logging.getLogger("settle").addHandler(logging.NullHandler())
    logging.getLogger("settle").propagate = False
    names = given.only or sorted(FUZZERS)
    found = 0
    for name in names:
        module, _, function = FUZZERS[name].partition(":")
        fuzzer: Fuzzer = getattr(import_module(module), function)
        begun = time.monotonic()
        budget = Budget(
            begin=given.seed or int(begun),
            spent=lambda begun=begun: time.monotonic() - begun,  # type: ignore[misc]
            seconds=given.minutes * 60 / len(names),
        )
        report = fuzzer(budget)
        print(f"{name}: {time.monotonic() - begun:.0f} s, seeds from {budget.begin}")
        print("\n".join(report.lines))
        for fault in report.faults:
            print(f"\nFOUND by {name}:\n{fault}")
        found += len(report.faults)
    print(f"\n{found} found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    sys.exit(main())
