"""What holds for every machine and every sequence of events."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settle.core import interpreter
from settle.core.compile import compile_machine
from settle.core.configuration import load_configuration
from settle.core.definition import Definition
from settle.core.errors import MicrostepLimitError
from settle.core.event import Event, EventKind
from settle.core.interpreter import start, step
from settle.core.macrostep import Macrostep
from settle.core.snapshot import LiveInvoke, Snapshot, Status
from settle.core.spec import MachineSpec
from tests.support.random_charts import machines, walks
from tests.support.reference import EndlessError, Reference

LIMIT = 60
"""Microsteps; enough for machines of this size, and soon reached by those that never come to rest."""

some = settings(max_examples=60)


@pytest.fixture(autouse=True, scope="module")
def low_limit() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interpreter, "MAX_MICROSTEPS", LIMIT)
        yield


def as_event(name: str, snapshot: Snapshot) -> Event | None:
    """A digit stands for the result of a live service."""
    if not name.isdigit():
        return Event(type=name, data={"n": [1]})
    if int(name) >= len(snapshot.invokes):
        return None
    live = snapshot.invokes[int(name)]
    return Event(type=f"done.invoke.{live.id}", kind=EventKind.RESULT, invoke=live.key)


def go(definition: Definition, snapshot: Snapshot | None, event: Event | None) -> Macrostep:
    return start(definition) if snapshot is None or event is None else step(definition, snapshot, event)


def run(definition: Definition, names: list[str]) -> Iterator[tuple[Snapshot, Event | None, Macrostep]]:
    """Yield every macrostep with what it was made from; end where one does not come to rest."""
    try:
        macrostep = start(definition)
        yield macrostep.snapshot, None, macrostep
        for name in names:
            snapshot = macrostep.snapshot
            event = as_event(name, snapshot)
            if event is not None:
                macrostep = step(definition, snapshot, event)
                yield snapshot, event, macrostep
    except MicrostepLimitError:
        return


def revive(snapshot: Snapshot) -> Snapshot:
    """Through JSON text and back."""
    data: dict[str, Any] = json.loads(json.dumps(asdict(snapshot)))
    return Snapshot(
        **{
            **data,
            "configuration": tuple(data["configuration"]),
            "status": Status(data["status"]),
            "history": {path: tuple(paths) for path, paths in data["history"].items()},
            "invokes": tuple(LiveInvoke(**each) for each in data["invokes"]),
        }
    )


@settings(max_examples=250)
@given(machines(), walks())
def test_a_second_interpreter_that_is_as_plain_as_can_be_does_the_same(spec: MachineSpec, names: list[str]) -> None:
    definition, reference = compile_machine(spec), Reference(spec, LIMIT)
    snapshot: Snapshot | None = None
    for name in ["start", *names]:
        event = as_event(name, snapshot) if snapshot else None
        if snapshot is not None and event is None:
            continue
        try:
            expected = reference.start() if event is None else reference.give(deepcopy(event))
        except EndlessError:
            with pytest.raises(MicrostepLimitError):
                go(definition, snapshot, event)
            return
        macrostep = go(definition, snapshot, event)
        snapshot = macrostep.snapshot
        assert list(macrostep.microsteps) == expected
        assert list(macrostep.effects) == reference.effects
        assert snapshot.configuration == reference.configuration
        assert snapshot.context == reference.context
        assert snapshot.history == reference.history
        assert [live.key for live in snapshot.invokes] == list(reference.invokes)
        assert (snapshot.status is Status.DONE, snapshot.output) == (reference.done, reference.output)


@some
@given(machines(), walks())
def test_the_configuration_is_legal_after_every_microstep(spec: MachineSpec, names: list[str]) -> None:
    definition = compile_machine(spec)
    for before, event, macrostep in run(definition, names):
        active = set() if event is None else active_of(definition, before)
        for microstep in macrostep.microsteps:
            assert set(microstep.exited) <= active
            active -= set(microstep.exited)
            assert not set(microstep.entered) & active, "what stays active is never entered again"
            active |= set(microstep.entered)
            leaves = tuple(path for path in definition.numbers if path in active and is_leaf(definition, path))
            assert active_at(definition, leaves) == active
        assert active_of(definition, macrostep.snapshot) == (
            active if macrostep.taken else active_of(definition, before)
        )


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
def test_exits_run_inner_first_and_entries_outer_first(spec: MachineSpec, names: list[str]) -> None:
    definition = compile_machine(spec)
    for _, _, macrostep in run(definition, names):
        for microstep in macrostep.microsteps:
            exited, entered = ([definition.numbers[p] for p in each] for each in (microstep.exited, microstep.entered))
            assert exited == sorted(exited, reverse=True)
            assert entered == sorted(entered)


@some
@given(machines(), walks())
def test_the_same_arguments_give_the_same_answer_and_stay_as_they_are(spec: MachineSpec, names: list[str]) -> None:
    definition = compile_machine(spec)
    for snapshot, event, macrostep in run(definition, names):
        if event is not None:
            kept = deepcopy((snapshot, event))
            assert step(definition, snapshot, event) == macrostep
            assert (snapshot, event) == kept


@some
@given(machines(), walks())
def test_a_snapshot_that_went_through_json_goes_on_the_same(spec: MachineSpec, names: list[str]) -> None:
    definition = compile_machine(spec)
    for snapshot, event, macrostep in run(definition, names):
        assert revive(macrostep.snapshot) == macrostep.snapshot
        if event is not None:
            assert step(definition, revive(snapshot), event) == macrostep


@some
@given(machines(), walks())
def test_what_a_definition_remembers_changes_no_answer(spec: MachineSpec, names: list[str]) -> None:
    forgetful = compile_machine(spec)
    for snapshot, event, macrostep in run(compile_machine(spec), names):
        forgetful.memo.clear()
        assert macrostep == go(forgetful, snapshot, event)


@some
@given(machines(), walks(), st.sampled_from(["UNKNOWN", "B.", "done.state.nowhere"]))
def test_an_event_that_nothing_takes_changes_nothing(spec: MachineSpec, names: list[str], event_type: str) -> None:
    definition = compile_machine(spec)
    for _, _, macrostep in run(definition, names):
        ignored = ended(definition, macrostep.snapshot, Event(type=event_type))
        if ignored is not None and not ignored.taken:
            assert (ignored.snapshot, ignored.effects) == (macrostep.snapshot, ())


def ended(definition: Definition, snapshot: Snapshot, event: Event) -> Macrostep | None:
    """A macrostep, or None when it does not come to rest."""
    try:
        return step(definition, snapshot, event)
    except MicrostepLimitError:
        return None


@some
@given(machines(), walks())
def test_a_result_counts_once(spec: MachineSpec, names: list[str]) -> None:
    definition = compile_machine(spec)
    for _, event, macrostep in run(definition, names):
        if event is not None and event.kind is EventKind.RESULT:
            again = step(definition, macrostep.snapshot, event)
            assert (again.snapshot, again.taken, again.effects) == (macrostep.snapshot, False, ())


@some
@given(machines(), walks())
def test_live_services_belong_to_active_nodes_and_none_outlives_the_machine(
    spec: MachineSpec, names: list[str]
) -> None:
    definition = compile_machine(spec)
    for _, _, macrostep in run(definition, names):
        snapshot = macrostep.snapshot
        assert {live.node for live in snapshot.invokes} <= active_of(definition, snapshot) | {""}
        assert snapshot.status is Status.ACTIVE or not snapshot.invokes
        keys = [live.key for live in snapshot.invokes]
        assert len(set(keys)) == len(keys)


@given(machines())
def test_a_definition_is_the_same_whenever_it_is_compiled(spec: MachineSpec) -> None:
    one, other = compile_machine(spec), compile_machine(spec)
    assert (one.hash, one.table) == (other.hash, other.table)
