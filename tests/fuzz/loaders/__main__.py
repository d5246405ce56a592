"""Some inputs of some targets: `python -m tests.fuzz.loaders --only TARGET --first NUMBER --inputs 1`.

Every input follows from the name of its target and a number, so what `make fuzz` has found is had again.
"""

import argparse
import sys

from tests.fuzz.loaders.campaign import run_lane


def main() -> int:
    """Run them; return 1 when something was found."""
    parser = argparse.ArgumentParser(description="Fuzz what is loaded.")
    parser.add_argument("--inputs", type=int, default=1000, help="inputs of each target")
    parser.add_argument("--first", type=int, default=0, help="number of the first input of each target")
    parser.add_argument("--only", action="append", default=[], help="a target; all when left out")
    given = parser.parse_args()
    report = run_lane(lambda lane: lane.turn(given.inputs), first=given.first, only=given.only)
    sys.stdout.writelines(f"{line}\n" for line in (*report.lines, *report.faults))
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
