"""The long lane: `python -m tests.fuzz.loaders --minutes 10`. Ends with 1 when something was found.

Every input follows from the name of its target and a number, so what was found is had again with
`--only TARGET --first NUMBER --inputs 1`.
"""

import argparse
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Any, Final

import coverage

SLICE_SECONDS: Final = 0.5
"""Processor time that a target is given before the next one has its turn."""
MEASURED: Final = (
    *("settle/runtime/envelope.py", "settle/runtime/open_envelope.py", "settle/runtime/instance_codec.py"),
    *(
        "settle/runtime/item_codec.py",
        "settle/runtime/ring.py",
        "settle/runtime/tokens.py",
        "settle/runtime/message.py",
    ),
    *("settle/runtime/standard_message.py", "settle/runtime/dead_letter.py", "settle/core/snapshot_codec.py"),
    *("settle/core/json_text.py", "settle/core/stored_definition.py", "settle/authoring/compiled.py"),
    *("settle/adapters/blocked_index.py", "settle/authoring/xstate/*.py", "functions/consumer/handler.py"),
    "functions/worker/handler.py",
)
"""What loads: the lines and branches of these that the lane runs are counted."""


class Lane:
    """Runs targets in turns, and keeps count.

    Args:
        runs: what tries one input of a target, by its name.
        first: number of the first input of each.
    """

    def __init__(self, runs: Mapping[str, Callable[[Random], str]], first: int) -> None:
        self._runs = runs
        self._next = dict.fromkeys(runs, first)
        self.inputs: Counter[str] = Counter()
        self.seconds = dict.fromkeys(runs, 0.0)
        self.answers: dict[str, Counter[str]] = {name: Counter() for name in runs}
        self.bugs: dict[tuple[str, str, str], str] = {}

    def turn(self, inputs: int = 0) -> None:
        """Give each target some inputs, or a slice of time."""
        for name, run in self._runs.items():
            began, tried = time.process_time(), 0
            while tried < inputs or (not inputs and time.process_time() < began + SLICE_SECONDS):
                self._try(name, run)
                tried += 1
            self.seconds[name] += time.process_time() - began

    def _try(self, name: str, run: Callable[[Random], str]) -> None:
        number = self._next[name]
        self._next[name] += 1
        self.inputs[name] += 1
        try:
            self.answers[name][run(Random(f"{name}-{number}"))] += 1  # noqa: S311 - to be had again
        except Exception as error:  # noqa: BLE001 - whatever a loader lets out is what is looked for
            place = traceback.extract_tb(error.__traceback__)[-1]
            key = (name, type(error).__name__, f"{place.filename}:{place.lineno}")
            self.bugs.setdefault(key, f"--only {name} --first {number} --inputs 1\n{traceback.format_exc()[-3000:]}")
            self.answers[name]["BUG"] += 1

    def report(self) -> None:
        """Print the figures."""
        sys.stdout.write("\n| target | inputs | CPU seconds | answers |\n|---|---|---|---|\n")
        for name in self._runs:
            answers = ", ".join(f"{answer} {count:,}" for answer, count in self.answers[name].most_common())
            sys.stdout.write(f"| {name} | {self.inputs[name]:,} | {self.seconds[name]:.0f} | {answers} |\n")
        sys.stdout.write(f"| all | {self.inputs.total():,} | {sum(self.seconds.values()):.0f} | |\n\n")
        for key, told in self.bugs.items():
            sys.stdout.write(f"FOUND {key}\n{told}\n")


def main() -> int:
    """Run the lane; return 1 when something was found."""
    parser = argparse.ArgumentParser(description="Fuzz everything that is loaded.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--inputs", type=int, default=0, help="inputs of each target, in place of a time")
    parser.add_argument("--first", type=int, default=0, help="number of the first input of each target")
    parser.add_argument("--only", action="append", default=[], help="a target; all when left out")
    given = parser.parse_args()
    measure = coverage.Coverage(branch=True, include=list(MEASURED), data_file=None, config_file=False)
    measure.start()
    lane = _run(given)
    measure.stop()
    lane.report()
    measure.report(file=sys.stdout, show_missing=True, skip_covered=True, skip_empty=True)
    return 1 if lane.bugs else 0


def _run(given: argparse.Namespace) -> Lane:
    # Here, so that what is run when these are imported is measured too.
    from tests.fuzz.loaders.handlers import SCENARIOS  # noqa: PLC0415
    from tests.fuzz.loaders.targets import TARGETS, Target  # noqa: PLC0415
    from tests.fuzz.loaders.world import make_world  # noqa: PLC0415

    def try_target(target: Target, choices: Random) -> str:
        return target.run(target.draw(choices))

    def play(scenario: Any, choices: Random) -> str:
        world.log.unforeseen.clear()
        return str(scenario.play(choices, world))

    with make_world() as world:
        runs: dict[str, Callable[[Random], str]] = {
            **{name: partial(try_target, target) for name, target in TARGETS.items()},
            **{name: partial(play, scenario) for name, scenario in SCENARIOS.items()},
        }
        lane = Lane({name: run for name, run in runs.items() if name in given.only or not given.only}, given.first)
        if given.inputs:
            lane.turn(given.inputs)
            return lane
        end = time.monotonic() + given.minutes * 60
        while time.monotonic() < end:
            lane.turn()
    return lane


if __name__ == "__main__":
    sys.exit(main())
