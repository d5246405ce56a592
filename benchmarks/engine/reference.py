"""The three reference machines: Settle beside JSON alone, and the engines beside each other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.engine.courses import PLAIN, PYDANTIC, json_alone, snapshot_course, stored_course
from benchmarks.engine.lanes import Lane, in_process, measure
from benchmarks.engine.peers import Missing, Peer, open_lanes, warm_up
from benchmarks.engine.report import Table
from benchmarks.reference_machines import MACHINES, ReferenceMachine

TARGETS: Final = {PLAIN: 2.0, PYDANTIC: 3.0}
"""Times the cost of JSON alone."""
_JSON: Final = "json.loads and json.dumps alone"

Times = dict[str, dict[str, float]]
"""Microseconds by engine and machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """What Settle is held against, for one machine with one kind of context.

    Attributes:
        size: bytes of the first text.
        json: JSON alone, on the very texts that the course of snapshots goes through.
        stored: Settle on whole stored documents.
        stored_json: JSON alone on those.
    """

    size: int
    json: Lane
    stored: Lane
    stored_json: Lane


def measure_reference(peers: Sequence[Peer | Missing], rounds: int) -> tuple[Table, Table]:
    """Time every machine with every engine."""
    rows: list[list[object]] = []
    times: Times = {_JSON: {}, **{peer.name: {} for peer in peers}}
    notes: list[str] = []
    for machine in MACHINES:
        lanes, why_not = open_lanes(peers, machine)
        notes += [note for note in why_not if note not in notes]
        yardsticks = {name: _open_yardstick(machine, name) for name in TARGETS}
        warm_up(peers, lanes)
        measure([*lanes.values(), *_lanes_of(yardsticks)], rounds)
        rows += [_compare(machine, name, yardsticks[name], lanes[name].best) for name in TARGETS]
        times[_JSON][machine.name] = yardsticks[PLAIN].json.best
        for name, lane in lanes.items():
            times[name][machine.name] = lane.best
    head = ["machine", "bytes", "json alone", "step", "ratio", "at most", "stored ratio"]
    return (
        Table(title="A step beside JSON alone, microseconds per event", head=head, rows=rows),
        tabulate("Engines that have run for long, microseconds per event", times, notes),
    )


def tabulate(title: str, times: Times, notes: Sequence[str]) -> Table:
    """Return a row per engine: what an event of each machine takes, and how many times what it takes with Settle."""
    rows: list[list[object]] = []
    for engine, found in times.items():
        row: list[object] = [engine]
        for machine in MACHINES:
            best = found.get(machine.name)
            row += ["-", "-"] if best is None else [f"{best:.1f}", f"{best / times[PLAIN][machine.name]:.2f}"]
        rows.append(row)
    head = ["engine", *(word for machine in MACHINES for word in (machine.name, "times Settle"))]
    return Table(title=title, head=head, rows=rows, notes=notes)


def _open_yardstick(machine: ReferenceMachine, name: str) -> Yardstick:
    definition = machine.build(pydantic=name == PYDANTIC)
    course, stored = snapshot_course(machine, definition), stored_course(machine, definition)
    count = len(machine.events)
    return Yardstick(
        size=len(course.texts[0]),
        json=Lane(timer=in_process(json_alone(course.texts)), events=count),
        stored=Lane(timer=in_process(stored.run), events=count),
        stored_json=Lane(timer=in_process(json_alone(stored.texts)), events=count),
    )


def _lanes_of(yardsticks: Mapping[str, Yardstick]) -> Iterator[Lane]:
    for yardstick in yardsticks.values():
        yield from (yardstick.json, yardstick.stored, yardstick.stored_json)


def _compare(machine: ReferenceMachine, name: str, yardstick: Yardstick, step: float) -> list[object]:
    return [
        f"{machine.name}, {name.removeprefix('Settle, ')}",
        yardstick.size,
        f"{yardstick.json.best:.1f}",
        f"{step:.1f}",
        f"{step / yardstick.json.best:.2f}",
        f"{TARGETS[name]:.0f}",
        f"{yardstick.stored.best / yardstick.stored_json.best:.2f}",
    ]
