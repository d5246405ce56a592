"""Two interpreters, the fast one and one that is as plain as can be, do the same with the same machine."""

from collections.abc import Iterator
from copy import deepcopy
from hashlib import shake_256

import pytest
from hypothesis import given, settings

import settle.core.run
from settle.core.compile import compile_machine
from settle.core.definition import Definition
from settle.core.errors import EffectLimitError, EventInvalidError, MicrostepLimitError, SettleError, UserCodeError
from settle.core.event import Event
from settle.core.interpreter import STOP_EVENT
from settle.core.macrostep import Macrostep
from settle.core.snapshot import Snapshot
from settle.core.spec import MachineSpec
from tests.support.random_charts import machines, make_machine
from tests.support.random_choices import Choices
from tests.support.random_walks import START, WORDS, Walker, turn, walks
from tests.support.reference import EndlessError, Outcome, Reference
from tests.support.reference_code import AbortedError, GreedyError, RefusedError

ENDLESS = (EndlessError, GreedyError)
LIMIT = 60
"""Microsteps; enough for machines of this size, and soon reached by those that never come to rest."""


@pytest.fixture(autouse=True, scope="module")
def low_limit() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settle.core.run, "MAX_MICROSTEPS", LIMIT)
        yield


@settings(max_examples=600)
@given(machines(), walks())
def test_a_second_interpreter_that_is_as_plain_as_can_be_does_the_same(spec: MachineSpec, words: list[str]) -> None:
    compare(spec, words)


def test_the_same_with_hundreds_of_larger_machines() -> None:
    """Hypothesis likes small ones."""
    for seed in range(800):
        choices = Choices(shake_256(b"%d" % seed).digest(300 + 300 * (seed % 4)))
        words = [choices.pick(WORDS) for _ in range(12)]
        compare(make_machine(choices), words)


def compare(spec: MachineSpec, words: list[str]) -> None:
    definition, reference, walker = compile_machine(spec), Reference(spec, LIMIT), Walker()
    snapshot: Snapshot | None = None
    for word in ["start", *words]:
        event = START if snapshot is None else walker.next(word, snapshot)
        if event is None:
            continue
        expected = expect(reference, event, walker.now)
        found = find(definition, snapshot, event, walker.now)
        if isinstance(found, Macrostep) and isinstance(expected, Outcome):
            check(found, expected)
            check_state(found.snapshot, reference)
            snapshot = found.snapshot
        else:
            assert found == expected
        if snapshot is None or expected in ENDLESS:
            return


def find(definition: Definition, snapshot: Snapshot | None, event: Event, now: float) -> object:
    """Return how a macrostep goes, or why it fails."""
    try:
        return turn(definition, snapshot, event, now)
    except SettleError as error:
        return reason(error)


def expect(reference: Reference, event: Event, now: float) -> object:
    """Return how it should go, or why it should fail."""
    event = deepcopy(event)
    try:
        if event.type == START.type:
            return reference.start(now)
        return reference.stop(now) if event.type == STOP_EVENT else reference.give(event, now)
    except AbortedError as error:
        return error.fault
    except RefusedError:
        return "refused"
    except ENDLESS as error:
        return type(error)


def reason(error: SettleError) -> object:
    match error:
        case UserCodeError():
            return (error.role, error.name, error.node)
        case EventInvalidError():
            return "refused"
        case MicrostepLimitError():
            return EndlessError
        case EffectLimitError():
            return GreedyError
        case _:
            raise error


def check(macrostep: Macrostep, expected: Outcome) -> None:
    assert list(macrostep.microsteps) == expected.steps
    assert list(macrostep.effects) == expected.effects
    assert list(macrostep.refused_by) == expected.refused_by
    assert [reason(error) for error in macrostep.errors] == expected.errors


def check_state(snapshot: Snapshot, reference: Reference) -> None:
    state = reference.state
    assert snapshot.configuration == reference.configuration
    assert snapshot.context == state.context
    assert snapshot.history == state.history
    assert list(snapshot.invokes) == state.invokes
    assert list(snapshot.timers) == state.timers
    assert (snapshot.status, snapshot.output, snapshot.entries) == (state.status, state.output, state.entries)
