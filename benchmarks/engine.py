"""What a step costs beside reading and writing the same snapshot as JSON.

    python -m benchmarks.engine

JSON text in, one event, JSON text out, on three reference machines; against `json.loads` and `json.dumps` of the same
texts, in the same run, one after the other and round after round. CPU time; the smallest round counts, because another
process can only make a round slower. The ratios hold on any machine, the microseconds only on this one.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from transitions import EventData
from transitions.extensions.nesting import HierarchicalMachine

from benchmarks.reference_machines import MACHINES, OnDict, ReferenceMachine
from benchmarks.tables import print_table
from settle.core.definition import Definition
from settle.core.event import Event
from settle.core.interpreter import start, step
from settle.runtime.instance import Instance, InstanceKey, Watermark
from settle.runtime.instance_codec import (
    _pack_snapshot,  # what is measured is the snapshot alone, which nothing but the codec needs
    _unpack_snapshot,
    decode_instance,
    encode_instance,
)
from settle.runtime.item_codec import from_json, to_json
from settle.runtime.receipt import Outcome, Position, ShortReceipt
from settle.runtime.ring import trim_ring

ROUNDS: Final = 100
EVENTS_PER_ROUND: Final = 60
TARGETS: Final = {False: 2.0, True: 3.0}
"""Times the cost of JSON alone, with a plain context and with a pydantic one."""
NOTE: Final = """
json alone: json.loads and json.dumps of the same snapshots. ratio: step over that. stored ratio: the same for the whole
document that an item holds. transitions: HierarchicalMachine, one shared machine, plain context; its parallel states
mean something else, so `order` is not run on it."""
_MICROSECONDS: Final = 1e6


@dataclass(kw_only=True)
class Lane:
    """One thing to time: `run` handles `events` events."""

    name: str
    run: Callable[[], object]
    events: int
    best: float = field(default=float("inf"))

    def measure(self, passes: int) -> None:
        """Time some passes and keep the best, in microseconds per event."""
        begin = time.process_time()
        for _ in range(passes):
            self.run()
        taken = time.process_time() - begin
        self.best = min(self.best, taken / (passes * self.events) * _MICROSECONDS)


def measure(lanes: Sequence[Lane], rounds: int) -> None:
    """Time every lane in turn, so that each meets the same neighbours."""
    for _ in range(rounds):
        for lane in lanes:
            lane.measure(max(1, EVENTS_PER_ROUND // lane.events))


# Courses -------------------------------------------------------------------------------------------------------------

Handle = Callable[[str, Event], str]
"""Takes the text of a snapshot and an event; returns the text of the next one."""


class Course:
    """One pass over a machine's events, from its first text.

    Attributes:
        texts: what stood after each event.
    """

    def __init__(self, machine: ReferenceMachine, first: str, handle: Handle) -> None:
        self._events = [Event(type=name) for name in machine.events]
        self._first, self._handle = first, handle
        self.texts = [first]
        for event in self._events:
            self.texts.append(handle(self.texts[-1], event))
        del self.texts[0]

    def run(self) -> None:
        """Handle every event."""
        text, handle = self._first, self._handle
        for event in self._events:
            text = handle(text, event)


def snapshot_course(machine: ReferenceMachine, definition: Definition) -> Course:
    """Return a course over snapshots alone, checked."""
    key = InstanceKey(machine.name, "1")

    def handle(text: str, event: Event) -> str:
        snapshot = _unpack_snapshot(from_json(text), key)
        return to_json(_pack_snapshot(step(definition, snapshot, event).snapshot, key.machine))

    first = start(definition, input=machine.context().model_dump()).snapshot
    course = Course(machine, to_json(_pack_snapshot(first, key.machine)), handle)
    last = _unpack_snapshot(from_json(course.texts[-1]), key)
    machine.check(last.configuration, last.context)
    return course


def stored_course(machine: ReferenceMachine, definition: Definition) -> Course:
    """Return a course over whole stored documents: times, watermark and receipts beside the snapshot."""
    sequence = 18_849_496_460_467_696_128
    receipts = [
        ShortReceipt(position=Position(sequence + 4096 * number), outcome=Outcome.APPLIED, version=number)
        for number in range(1, 8)
    ]
    first = Instance(
        key=InstanceKey(machine.name, "order-4711"),
        incarnation="01jab3c4d5e6f7g8",
        revision=7,
        version=7,
        snapshot=start(definition, input=machine.context().model_dump()).snapshot,
        created_at=1_790_000_000.123456,
        updated_at=1_790_003_600.654321,
        watermark=Watermark(
            queue="arn:aws:sqs:us-east-1:123456789012:settle-events.fifo", position=receipts[-1].position
        ),
        ring=trim_ring(receipts),
    )

    def handle(text: str, event: Event) -> str:
        instance = decode_instance(first.key, first.incarnation, first.revision, text)
        return encode_instance(replace(instance, snapshot=step(definition, instance.snapshot, event).snapshot))

    return Course(machine, encode_instance(first), handle)


def json_alone(texts: Sequence[str]) -> Callable[[], None]:
    """Return what reads and writes the texts and does nothing with them."""

    def run() -> None:
        for text in texts:
            json.dumps(json.loads(text))

    return run


# transitions ---------------------------------------------------------------------------------------------------------


class _Model:
    """What `transitions` moves: state and context, and the actions by name."""

    def __init__(self, state: str, context: dict[str, Any]) -> None:
        self.state, self.context = state, context

    def count(self, _event: EventData) -> None:
        OnDict.count(self.context)


class Peer:
    """The same with `transitions`: one shared machine, a model per event, state and context as JSON text."""

    def __init__(self, machine: ReferenceMachine) -> None:
        self._machine = HierarchicalMachine(
            model=None,
            states=machine.states,
            transitions=machine.transitions,
            initial=machine.initial,
            auto_transitions=False,
            send_event=True,
        )
        self._events = machine.events
        self._first = json.dumps({"state": machine.initial, "context": machine.context().model_dump()})
        last = json.loads(self.run())
        machine.check([last["state"]], last["context"])

    def run(self) -> str:
        """Handle every event; return the last text."""
        text = self._first
        for event in self._events:
            data: Mapping[str, Any] = json.loads(text)
            model = _Model(data["state"], data["context"])
            self._machine.trigger_event(model, event)
            text = json.dumps({"state": model.state, "context": model.context})
        return text


# Tables --------------------------------------------------------------------------------------------------------------


def measure_machine(machine: ReferenceMachine, rounds: int) -> list[list[object]]:
    """Return a row per kind of context."""
    rows: list[list[object]] = []
    peer = Peer(machine) if isinstance(machine.initial, str) else None
    for pydantic in (False, True):
        definition = machine.build(pydantic=pydantic)
        course, stored = snapshot_course(machine, definition), stored_course(machine, definition)
        count = len(machine.events)
        lanes = [
            Lane(name="json", run=json_alone(course.texts), events=count),
            Lane(name="step", run=course.run, events=count),
            Lane(name="stored json", run=json_alone(stored.texts), events=count),
            Lane(name="stored", run=stored.run, events=count),
        ]
        if peer is not None:
            lanes.append(Lane(name="peer", run=peer.run, events=count))
        measure(lanes, rounds)
        plain, whole, stored_plain, stored_whole = (lane.best for lane in lanes[:4])
        rows.append(
            [
                f"{machine.name}, {'pydantic' if pydantic else 'plain'} context",
                len(course.texts[0]),
                f"{plain:.1f}",
                f"{whole:.1f}",
                f"{whole / plain:.2f}",
                f"{TARGETS[pydantic]:.0f}",
                f"{stored_whole / stored_plain:.2f}",
                f"{lanes[4].best:.1f}" if peer else "-",
                f"{lanes[4].best / whole:.1f}" if peer else "-",
            ]
        )
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    print_table(
        "One event, JSON text to JSON text; microseconds of CPU",
        ["machine", "bytes", "json alone", "step", "ratio", "at most", "stored ratio", "transitions", "x step"],
        [row for machine in MACHINES for row in measure_machine(machine, rounds)],
    )
    print(NOTE)


if __name__ == "__main__":
    main()
