"""What holds for every machine and every sequence of events."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import settle.core.run
from settle.core.active import Active
from settle.core.codec import PlainCodec
from settle.core.compile import compile_machine
from settle.core.conditions import Guard
from settle.core.configuration import load_configuration
from settle.core.definition import Definition
from settle.core.errors import MicrostepLimitError, StepError
from settle.core.event import Event
from settle.core.interpreter import start, step
from settle.core.macrostep import Macrostep
from settle.core.snapshot import Snapshot
from settle.core.snapshot_codec import decode_snapshot, encode_snapshot
from settle.core.spec import ErrorPolicy, MachineSpec, Selection
from tests.support.charts import node, on
from tests.support.random_charts import machines
from tests.support.random_walks import walks, wander

LIMIT = 60
"""Microsteps; enough for machines of this size, and soon reached by those that never come to rest."""

some = settings(max_examples=100)


@pytest.fixture(autouse=True, scope="module")
def low_limit() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settle.core.run, "MAX_MICROSTEPS", LIMIT)
        yield


# Configurations ------------------------------------------------------------------------------------------------------


@some
@given(machines(), walks())
def test_the_configuration_is_legal_after_every_microstep(spec: MachineSpec, words: list[str]) -> None:
    definition = compile_machine(spec)
    for turn in wander(definition, words):
        active = active_of(definition, turn.before) if turn.before else set()
        for microstep in turn.macrostep.microsteps:
            assert set(microstep.exited) <= active
            active -= set(microstep.exited)
            assert not set(microstep.entered) & active, "what stays active is never entered again"
            active |= set(microstep.entered)
            leaves = tuple(path for path in definition.numbers if path in active and is_leaf(definition, path))
            assert active_at(definition, leaves) == active
        assert active_of(definition, turn.macrostep.snapshot) == active


def is_leaf(definition: Definition, path: str) -> bool:
    return definition.nodes[definition.numbers[path]].is_leaf


def active_of(definition: Definition, snapshot: Snapshot) -> set[str]:
    return active_at(definition, snapshot.configuration)


def active_at(definition: Definition, leaves: tuple[str, ...]) -> set[str]:
    """Raises when it is not a legal configuration."""
    mask = load_configuration(definition, leaves)
    return {node.path for node in definition.nodes if mask & node.bit and node.index}


@some
@given(machines(), walks())
def test_exits_run_inner_first_and_entries_outer_first(spec: MachineSpec, words: list[str]) -> None:
    definition = compile_machine(spec)
    for turn in wander(definition, words):
        for microstep in turn.macrostep.microsteps:
            exited, entered = ([definition.numbers[p] for p in each] for each in (microstep.exited, microstep.entered))
            assert exited == sorted(exited, reverse=True)
            assert entered == sorted(entered)


# The same arguments, the same answer ---------------------------------------------------------------------------------


@some
@given(machines(), walks())
def test_the_same_arguments_give_the_same_answer_and_stay_as_they_are(spec: MachineSpec, words: list[str]) -> None:
    definition = compile_machine(spec)
    for turn in wander(definition, words):
        kept = deepcopy((turn.before, turn.event, describe(turn.macrostep)))
        assert same(turn.repeat(definition), turn.macrostep)
        assert (turn.before, turn.event, describe(turn.macrostep)) == kept


def same(one: Macrostep, other: Macrostep) -> bool:
    """Errors are compared by what they say: an exception is equal to nothing but itself."""
    return describe(one) == describe(other)


def describe(macrostep: Macrostep) -> tuple[object, ...]:
    return (*macrostep[:-1], [str(error) for error in macrostep.errors])


@some
@given(machines(), walks())
def test_a_snapshot_that_went_through_json_goes_on_the_same(spec: MachineSpec, words: list[str]) -> None:
    definition = compile_machine(spec)
    for turn in wander(definition, words):
        assert revive(turn.macrostep.snapshot) == turn.macrostep.snapshot
        revived = revive(turn.before) if turn.before else None
        assert same(replace(turn, before=revived).repeat(definition), turn.macrostep)


def revive(snapshot: Snapshot) -> Snapshot:
    return decode_snapshot(encode_snapshot(snapshot))


@some
@given(machines(), walks())
def test_what_a_definition_remembers_changes_no_answer(spec: MachineSpec, words: list[str]) -> None:
    forgetful = compile_machine(spec)
    for turn in wander(compile_machine(spec), words):
        forgetful.memo.clear()
        assert same(turn.repeat(forgetful), turn.macrostep)


@given(machines())
def test_a_definition_is_the_same_whenever_it_is_compiled(spec: MachineSpec) -> None:
    one, other = compile_machine(spec), compile_machine(spec)
    assert (one.hash, one.table) == (other.hash, other.table)


# What changes nothing ------------------------------------------------------------------------------------------------


@some
@given(machines(), walks(), st.sampled_from(["UNKNOWN", "B.", "done.state.nowhere"]))
def test_an_event_that_nothing_takes_changes_nothing(spec: MachineSpec, words: list[str], event_type: str) -> None:
    definition = compile_machine(spec)
    for turn in wander(definition, words):
        snapshot = turn.macrostep.snapshot
        ignored = try_step(definition, snapshot, Event(type=event_type))
        if ignored is not None and not ignored.taken:
            assert (ignored.snapshot, ignored.effects) == (snapshot, ())


def try_step(definition: Definition, snapshot: Snapshot, event: Event) -> Macrostep | None:
    """A macrostep, or None when it fails."""
    try:
        return step(definition, snapshot, event)
    except StepError:
        return None


@some
@given(machines(), walks())
def test_nothing_changes_a_machine_that_has_ended(spec: MachineSpec, words: list[str]) -> None:
    definition = compile_machine(spec)
    for turn in wander(definition, [*words, "stop", "A", "B", "stale 0"]):
        if turn.before is not None and turn.before.status != "active":
            assert turn.macrostep == Macrostep(snapshot=turn.before)


# Macrosteps end ------------------------------------------------------------------------------------------------------


@some
@given(machines(), walks())
def test_a_macrostep_has_no_more_microsteps_than_the_limit(spec: MachineSpec, words: list[str]) -> None:
    assert all(len(turn.macrostep.microsteps) <= LIMIT for turn in wander(compile_machine(spec), words))


@pytest.mark.parametrize("selection", list(Selection))
@pytest.mark.parametrize("descriptor", ["", "*", "error.execution"])
def test_a_guard_that_fails_for_ever_ends_the_macrostep(descriptor: str, selection: Selection) -> None:
    """Each time it is asked it raises an error event, and each error event has it asked again."""
    asked = 0

    def fail(_context: object, event: Event, _active: Active) -> bool:
        nonlocal asked
        asked += 1
        if asked > 10 * LIMIT:
            pytest.fail("it is asked again and again")
        if event.type == "settle.start":
            return False
        raise ValueError

    root = node("", node("a", on(descriptor, "b", guards=(Guard(name="fail", fn=fail),))), node("b"))
    spec = MachineSpec(
        id="m", version=1, root=root, context=PlainCodec(), selection=selection, errors=ErrorPolicy.EVENT
    )
    definition = compile_machine(spec)
    with pytest.raises(MicrostepLimitError):
        step(definition, start(definition).snapshot, Event(type="error.execution"))
