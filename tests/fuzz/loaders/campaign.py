"""The long run over everything that is loaded, and how much of the loaders it reaches."""

import io
import time
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any, Final

from coverage import Coverage

from tests.fuzz.registry import Budget, Report

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

    def lines(self) -> list[str]:
        """Return the figures."""
        lines = ["", "| target | inputs | CPU seconds | answers |", "|---|---|---|---|"]
        for name in self._runs:
            answers = ", ".join(f"{answer} {count:,}" for answer, count in self.answers[name].most_common())
            lines.append(f"| {name} | {self.inputs[name]:,} | {self.seconds[name]:.0f} | {answers} |")
        return [*lines, f"| all | {self.inputs.total():,} | {sum(self.seconds.values()):.0f} | |", ""]


def run(budget: Budget) -> Report:
    """Try things until the time is over."""

    def go_on(lane: Lane) -> None:
        while not budget.is_over():
            lane.turn()

    return run_lane(go_on, first=budget.begin)


def run_lane(play: Callable[[Lane], None], *, first: int, only: Collection[str] = ()) -> Report:
    """Let something play with the lane; return what it came to.

    Args:
        play: gives turns.
        first: number of the first input of each target.
        only: names of targets; all when it is empty.
    """
    measure = Coverage(branch=True, include=list(MEASURED), data_file=None, config_file=False)
    measure.start()
    try:
        with _open_lane(first, only) as lane:
            play(lane)
    finally:
        measure.stop()
    table = io.StringIO()
    measure.report(file=table, show_missing=True, skip_covered=True, skip_empty=True)
    return Report(
        lines=(*lane.lines(), *table.getvalue().splitlines()),
        faults=tuple(f"{' '.join(key)}\n{told}" for key, told in lane.bugs.items()),
    )


@contextmanager
def _open_lane(first: int, only: Collection[str]) -> Iterator[Lane]:
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
        yield Lane({name: run for name, run in runs.items() if name in only or not only}, first)
