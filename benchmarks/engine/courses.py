"""Courses: one pass over a machine's events with Settle, from JSON text to JSON text after every event."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from benchmarks.engine.lanes import Timer, in_process
from benchmarks.engine.peers import Peer
from benchmarks.reference_machines import ReferenceMachine
from settle import Event, decode_snapshot, encode_snapshot, start, step
from settle.core.definition import Definition
from settle.runtime.instance import Instance, InstanceKey, Watermark
from settle.runtime.instance_codec import decode_instance, encode_instance
from settle.runtime.receipt import Outcome, Position, ShortReceipt
from settle.runtime.ring import trim_ring

PLAIN: Final = "Settle, plain context"
PYDANTIC: Final = "Settle, pydantic context"

Handle = Callable[[str, Event], str]
"""Takes the text of what is stored and an event; returns the next text."""


class Course:
    """One pass, always from the same first text.

    Attributes:
        texts: what stood after each event.
    """

    def __init__(self, events: Sequence[str], first: str, handle: Handle) -> None:
        self._events = [Event(type=name) for name in events]
        self._first, self._handle = first, handle
        self.texts: list[str] = []
        text = first
        for event in self._events:
            text = handle(text, event)
            self.texts.append(text)

    def run(self) -> None:
        """Handle every event."""
        text, handle = self._first, self._handle
        for event in self._events:
            text = handle(text, event)


def open_course(
    definition: Definition,
    events: Sequence[str],
    context: Mapping[str, Any] | None = None,
    *,
    forgetful: bool = False,
) -> Course:
    """Return a course over snapshots alone.

    Args:
        definition: the machine.
        events: one pass.
        context: what the first context is made from.
        forgetful: whether the machine forgets before each event what it has worked out.
    """
    memo = definition.memo

    def handle(text: str, event: Event) -> str:
        return encode_snapshot(step(definition, decode_snapshot(text), event).snapshot)

    def handle_forgetfully(text: str, event: Event) -> str:
        memo.clear()
        return handle(text, event)

    first = encode_snapshot(start(definition, input=context).snapshot)
    return Course(events, first, handle_forgetfully if forgetful else handle)


def snapshot_course(machine: ReferenceMachine, definition: Definition) -> Course:
    """Return a course of a reference machine over snapshots alone, checked."""
    course = open_course(definition, machine.events, machine.context().model_dump())
    last = decode_snapshot(course.texts[-1])
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

    course = Course(machine.events, encode_instance(first), handle)
    last = decode_instance(first.key, first.incarnation, first.revision, course.texts[-1]).snapshot
    machine.check(last.configuration, last.context)
    return course


def json_alone(texts: Sequence[str]) -> Callable[[], None]:
    """Return what reads and writes the texts with the standard library and does nothing with them."""

    def run() -> None:
        for text in texts:
            json.dumps(json.loads(text))

    return run


def settle_peers() -> list[Peer]:
    """Return Settle with a plain context and with a pydantic one, each with a definition that has seen nothing yet."""

    def prepare(machine: ReferenceMachine, *, pydantic: bool) -> Timer:
        return in_process(snapshot_course(machine, machine.build(pydantic=pydantic)).run)

    return [
        Peer(name=name, prepare=partial(prepare, pydantic=pydantic))
        for name, pydantic in ((PLAIN, False), (PYDANTIC, True))
    ]
