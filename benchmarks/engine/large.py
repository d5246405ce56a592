"""Machines of a thousand states: what compiling one takes, and a step beside the same shape with ten states."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.engine.courses import json_alone, open_course
from benchmarks.engine.lanes import Lane, in_process, measure
from benchmarks.engine.report import Table
from benchmarks.engine.shapes import SHAPES, Shape
from settle import Statechart, decode_snapshot
from settle.core.definition import Definition

SMALL: Final = 10
LARGE: Final = 1000
COMPILE_SECONDS: Final = 0.5
"""Most CPU time that compiling a large one may take."""
COMPILE_ROUNDS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A shape in one size.

    Attributes:
        json: JSON alone on the texts that the steps go through.
        step: a definition that has seen the configurations.
        cold: a definition that forgets them before each event.
    """

    json: Lane
    step: Lane
    cold: Lane

    @property
    def lanes(self) -> tuple[Lane, Lane, Lane]:
        """All three."""
        return self.json, self.step, self.cold


def measure_large(rounds: int) -> Table:
    """Compile and step every shape in both sizes."""
    rows: list[list[object]] = []
    for shape in SHAPES:
        seconds, large = compile_machine(shape.words(LARGE))
        _, small = compile_machine(shape.words(SMALL), rounds=1)
        sizes = [_open_size(shape, definition, size) for definition, size in ((small, SMALL), (large, LARGE))]
        measure([lane for size in sizes for lane in size.lanes], rounds)
        rows.append([shape.name, len(large.nodes) - 1, len(large.transitions), f"{seconds:.2f}", *_compare(*sizes)])
    return Table(
        title=f"Machines of {LARGE:,} states, and of {SMALL} in the same shape, microseconds per event",
        head=[
            "shape",
            "states",
            "transitions",
            "compile, s",
            *_name_columns("JSON"),
            *_name_columns("step"),
            *_name_columns("cold step"),
        ],
        rows=rows,
        notes=[
            f"Compiling is to take at most {COMPILE_SECONDS} s of CPU time, the reading of the Python form included.",
            "A cold step works everything out: what the definition remembers is forgotten before each event.",
        ],
    )


def _name_columns(what: str) -> list[str]:
    return [f"{what} of {SMALL}", f"of {LARGE:,}", "ratio"]


def compile_machine(words: Mapping[str, Any], rounds: int = COMPILE_ROUNDS) -> tuple[float, Definition]:
    """Return the smallest CPU time that building a chart took, and its definition."""
    best = float("inf")
    for _ in range(rounds):
        begin = time.process_time()
        chart = Statechart(id="shape", **words)
        best = min(best, time.process_time() - begin)
    return best, chart.definition


def _open_size(shape: Shape, definition: Definition, size: int) -> Size:
    events = shape.events(size)
    course, cold = (open_course(definition, events, forgetful=forgetful) for forgetful in (False, True))
    for each in (course, cold):
        found = decode_snapshot(each.texts[-1]).configuration
        assert found == tuple(shape.leaves(size)), f"{shape.name} of {size} ends at {found}"
    count = len(events)
    return Size(
        json=Lane(timer=in_process(json_alone(course.texts)), events=count),
        step=Lane(timer=in_process(course.run), events=count),
        cold=Lane(timer=in_process(cold.run), events=count, per_round=count),  # one pass: it is long enough
    )


def _compare(small: Size, large: Size) -> list[object]:
    row: list[object] = []
    for one, other in zip(small.lanes, large.lanes, strict=True):
        row += [f"{one.best:.1f}", f"{other.best:.1f}", f"{other.best / one.best:.1f}"]
    return row
