"""What validation says about a machine, held against what the machine does."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import settle.core.run
from settle.core.certainty import is_always_active_with, may_both_be_active
from settle.core.compile import compile_machine
from settle.core.conditions import InState, guards_of
from settle.core.configuration import is_settled, load_configuration
from settle.core.definition import Definition
from settle.core.errors import StepError
from settle.core.event import Event, EventKind
from settle.core.interpreter import start, step
from settle.core.macrostep import Macrostep
from settle.core.snapshot import Snapshot, Status
from settle.core.spec import ErrorPolicy, MachineSpec
from settle.core.validation import validate_definition
from settle.core.validation.cycles import find_certain_ways
from settle.core.validation.regions import find_conflicts, find_restarts
from settle.core.validation.shadowing import find_shadowed
from settle.core.validation.survey import Survey
from settle.core.validation.traps import find_dead_ends
from tests.support.busy_charts import busy_machines
from tests.support.random_functions import EVENTS

LIMIT = 60
"""Microsteps; enough for machines of this size, and soon reached by those that never come to rest."""

some = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(autouse=True, scope="module")
def low_limit() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settle.core.run, "MAX_MICROSTEPS", LIMIT)
        yield


@dataclass(frozen=True, kw_only=True)
class Move:
    """A macrostep, the snapshot it began with, and the type of its event."""

    before: Snapshot | None
    event: str
    macrostep: Macrostep

    @property
    def after(self) -> Snapshot:
        return self.macrostep.snapshot


def busy_walks() -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 30), max_size=12)


def wander(definition: Definition, choices: list[int]) -> Iterator[Move]:
    """Move an instance as the runtime would: what happens by itself at any time, events from outside when it rests."""
    try:
        macrostep = start(definition)
        yield Move(before=None, event="", macrostep=macrostep)
        for choice in choices:
            before = macrostep.snapshot
            events = list(list_events(definition, before))
            if before.status is not Status.ACTIVE or not events:
                return
            event = events[choice % len(events)]
            macrostep = step(definition, before, event)
            yield Move(before=before, event=event.type, macrostep=macrostep)
    except StepError:  # user code that raises, or a round without an end
        return


def list_events(definition: Definition, snapshot: Snapshot) -> Iterator[Event]:
    """Yield what may happen next."""
    for live in snapshot.invokes:
        for outcome in ("done", "error"):
            yield Event(type=f"{outcome}.invoke.{live.id}", kind=EventKind.RESULT, key=live.key)
    for timer in snapshot.timers:
        yield Event(kind=EventKind.TIMER, key=timer.key)
    has_child = any(definition.invokes[live.id].machine for live in snapshot.invokes)
    if has_child or is_settled(definition, snapshot):
        yield from (Event(type=name, data={"n": 1}) for name in EVENTS)


def active(definition: Definition, snapshot: Snapshot) -> int:
    return load_configuration(definition, snapshot.configuration)


def found_at(definition: Definition, code: str) -> int:
    """Return the nodes that have a finding, as bits."""
    found = (finding for finding in validate_definition(definition) if finding.code == code)
    return sum({1 << definition.numbers[finding.node] for finding in found})


@given(busy_machines(), busy_walks())
@some
def test_only_what_is_reachable_is_ever_active(spec: MachineSpec, choices: list[int]) -> None:
    definition = compile_machine(spec)
    reachable = Survey(definition).reachable
    for move in wander(definition, choices):
        entered = {definition.numbers[path] for each in move.macrostep.microsteps for path in each.entered}
        assert not sum(1 << index for index in entered) & ~reachable
        assert not active(definition, move.after) & ~reachable


@given(busy_machines(), busy_walks())
@some
def test_what_is_shadowed_is_never_taken(spec: MachineSpec, choices: list[int]) -> None:
    definition = compile_machine(spec)
    shadowed = {transition.index for transition in find_shadowed(Survey(definition))}
    for move in wander(definition, choices):
        assert not shadowed & {index for each in move.macrostep.microsteps for index in each.transitions}


@given(busy_machines(), busy_walks())
@some
def test_of_two_that_conflict_only_one_is_taken(spec: MachineSpec, choices: list[int]) -> None:
    definition = compile_machine(spec)
    pairs = [{one.index, other.index} for _, one, other in find_conflicts(Survey(definition))]
    for move in wander(definition, choices):
        assert not [pair for pair in pairs for each in move.macrostep.microsteps if pair <= set(each.transitions)]


@given(busy_machines(), busy_walks())
@some
def test_what_restarts_regions_leaves_them(spec: MachineSpec, choices: list[int]) -> None:
    definition = compile_machine(spec)
    restarts = {transition.index: others for transition, _, others in find_restarts(Survey(definition))}
    for move in wander(definition, choices):
        for microstep in move.macrostep.microsteps:
            for index in microstep.transitions:
                assert {other.path for other in restarts.get(index, ())} <= set(microstep.exited) & set(
                    microstep.entered
                )


@given(busy_machines(), busy_walks())
@some
def test_conditions_on_what_is_active_are_judged_rightly(spec: MachineSpec, choices: list[int]) -> None:
    definition = compile_machine(spec)
    asked = {
        (transition.source, definition.numbers[leaf.path])
        for transition in definition.transitions
        for condition in transition.guards
        for leaf in guards_of(condition)
        if isinstance(leaf, InState)
    }
    for move in wander(definition, choices):
        mask = active(definition, move.after)
        for source, node in asked:
            if mask >> source & 1:
                assert mask >> node & 1 or not is_always_active_with(definition, node, source)
                assert may_both_be_active(definition, node, source) or not mask >> node & 1


@given(busy_machines(), busy_walks())
@some
def test_results_that_are_not_heard_lead_nowhere(spec: MachineSpec, choices: list[int]) -> None:
    definition = compile_machine(spec)
    deaf = found_at(definition, "unheard-result")
    for move in wander(definition, choices):
        for microstep in move.macrostep.microsteps:
            if microstep.event.startswith(("done.invoke.", "error.invoke.")):
                taken = [definition.transitions[index] for index in microstep.transitions]
                assert not any(deaf >> each.source & 1 for each in taken if each.event == microstep.event)


@given(busy_machines(), busy_walks())
@some
def test_what_goes_round_for_ever_never_rests(spec: MachineSpec, choices: list[int]) -> None:
    definition = compile_machine(spec)
    certain = sum(1 << leaf for leaf, _ in find_certain_ways(Survey(definition)))
    for move in wander(definition, choices):
        if move.after.status is Status.ACTIVE:
            assert not active(definition, move.after) & certain


@given(busy_machines(), busy_walks())
@some
def test_what_never_settles_is_never_left(spec: MachineSpec, choices: list[int]) -> None:
    definition = compile_machine(replace(spec, errors=ErrorPolicy.RAISE))
    stuck = found_at(definition, "never-settles")
    for move in wander(definition, choices):
        if move.before is not None and move.before.status is Status.ACTIVE:
            assert active(definition, move.before) & stuck & ~active(definition, move.after) == 0


@given(busy_machines(), busy_walks())
@some
def test_no_instance_rests_that_is_in_a_trap(spec: MachineSpec, choices: list[int]) -> None:
    definition = compile_machine(replace(spec, errors=ErrorPolicy.RAISE))
    trapped = sum(leaf.bit for leaves in find_dead_ends(Survey(definition)) for leaf in leaves)
    caught = False
    for move in wander(definition, choices):
        caught = caught or bool(definition.uses_settled and active(definition, move.after) & trapped)
        assert not (caught and is_settled(definition, move.after))


@given(busy_machines(), busy_walks())
@some
def test_where_events_are_never_seen_no_instance_rests(spec: MachineSpec, choices: list[int]) -> None:
    definition = compile_machine(replace(spec, errors=ErrorPolicy.RAISE))
    deaf = found_at(definition, "event-never-seen")
    for move in wander(definition, choices):
        if move.after.status is Status.ACTIVE and is_settled(definition, move.after):
            assert not active(definition, move.after) & deaf
