"""A definition that was stored is the same one, and does the same."""

import json
from dataclasses import fields
from typing import Any

from hypothesis import given, settings

from settle.core.compile import compile_machine
from settle.core.definition import Definition
from settle.core.spec import MachineSpec
from settle.core.stored_definition import load_definition, store_definition
from tests.support.random_charts import machines
from tests.support.random_walks import walks, wander

some = settings(max_examples=150)


def come_back(definition: Definition) -> Definition:
    """Store a definition as text and load it, its functions found again by number."""
    outsiders: list[object] = []

    def refer(value: object) -> int:
        outsiders.append(value)
        return len(outsiders) - 1

    text = json.dumps(store_definition(definition, refer))
    return load_definition(
        json.loads(text), outsiders.__getitem__, context=definition.context, events=definition.events
    )


def parts_of(definition: Definition) -> list[Any]:
    """Everything in it; nodes and transitions by their fields, since they are equal to nothing but themselves."""
    listed: list[Any] = [*definition.nodes, *definition.transitions]
    rows = [[getattr(part, field.name) for field in fields(part)] for part in listed]
    timers = [(timer.id, timer.event, timer.delay) for node in definition.nodes for timer in node.timers]
    names = [field.name for field in fields(definition) if field.name not in {"nodes", "transitions"}]
    return [
        [[value for value in row if not _is_timers(value)] for row in rows],
        timers,
        [getattr(definition, name) for name in names],
    ]


def _is_timers(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and type(value[0]).__name__ == "TimerSpec"


@some
@given(machines())
def test_every_part_comes_back(spec: MachineSpec) -> None:
    definition = compile_machine(spec)
    assert parts_of(come_back(definition)) == parts_of(definition)


@some
@given(machines(), walks())
def test_it_takes_every_step_that_the_built_one_takes(spec: MachineSpec, words: list[str]) -> None:
    definition = compile_machine(spec)
    loaded = come_back(definition)
    # As text: errors that microsteps report are equal to nothing but themselves.
    assert repr(list(wander(loaded, words))) == repr(list(wander(definition, words)))
