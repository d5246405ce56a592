"""Timers, services and children: what is live, and what effects say about it."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings

import settle.core.run
from settle.core.compile import compile_machine
from settle.core.configuration import active_paths
from settle.core.definition import Definition
from settle.core.effects import CancelTimer, SetTimer, StartChild, StartService, StopChild, StopService
from settle.core.event import Event
from settle.core.interpreter import STOP_EVENT, step
from settle.core.snapshot import LiveTimer, Snapshot, Status
from settle.core.spec import MachineSpec
from tests.support.random_charts import machines
from tests.support.random_walks import Live, Turn, bring, list_live, walks, wander

some = settings(max_examples=100)


@pytest.fixture(autouse=True, scope="module")
def low_limit() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settle.core.run, "MAX_MICROSTEPS", 60)
        yield


def live_in(snapshot: Snapshot | None) -> dict[str, Live]:
    return {live.key: live for live in list_live(snapshot)} if snapshot else {}


@some
@given(machines(), walks())
def test_what_is_live_belongs_to_active_nodes_and_nothing_outlives_the_machine(
    spec: MachineSpec, words: list[str]
) -> None:
    definition = compile_machine(spec)
    for turn in wander(definition, words):
        snapshot = turn.macrostep.snapshot
        active = {"", *active_paths(definition, snapshot)}
        assert {live.node for live in snapshot.invokes} <= active
        assert {timer.node for timer in snapshot.timers} <= active | {None}
        assert snapshot.status is Status.ACTIVE or not live_in(snapshot)


@some
@given(machines(), walks())
def test_entry_numbers_only_grow_and_are_given_once(spec: MachineSpec, words: list[str]) -> None:
    given_to: dict[int, str] = {}
    for turn in wander(compile_machine(spec), words):
        before, after = turn.before, turn.macrostep.snapshot
        first = before.entries if before else 0
        new = [live for key, live in live_in(after).items() if key not in live_in(before)]
        assert all(first < live.entry <= after.entries for live in new)
        for live in list_live(after):
            assert given_to.setdefault(live.entry, live.key) == live.key
        for numbers in ([live.entry for live in after.invokes], [live.entry for live in after.timers]):
            assert numbers == sorted(numbers), "they stand in the order in which they began"


@some
@given(machines(), walks())
def test_effects_say_what_begins_and_what_ends(spec: MachineSpec, words: list[str]) -> None:
    """What begins and ends in one macrostep is not mentioned; what brought the event ends by itself."""
    definition = compile_machine(spec)
    for turn in wander(definition, words):
        before, after = live_in(turn.before), live_in(turn.macrostep.snapshot)
        begins = [effect_of(definition, live, begins=True) for key, live in after.items() if key not in before]
        ended = before.keys() - after.keys() - {turn.event.key}
        ends = [effect_of(definition, before[key], begins=False) for key in ended]
        kinds = (SetTimer, CancelTimer, StartService, StopService, StartChild, StopChild)
        said = [effect for effect in turn.macrostep.effects if isinstance(effect, kinds)]
        assert sorted(map(str, said)) == sorted(map(str, [*begins, *ends]))


def effect_of(definition: Definition, live: Live, *, begins: bool) -> object:
    if isinstance(live, LiveTimer):
        return SetTimer(timer=live.key, due=live.due) if begins else CancelTimer(timer=live.key)
    if definition.invokes[live.id].machine:
        return StartChild(invoke=live.key) if begins else StopChild(invoke=live.key)
    return StartService(invoke=live.key) if begins else StopService(invoke=live.key)


@some
@given(machines(), walks())
def test_a_node_keeps_what_it_has_until_it_is_left_and_begins_it_anew_when_it_is_entered(
    spec: MachineSpec, words: list[str]
) -> None:
    definition = compile_machine(spec)
    for turn in wander(definition, words):
        snapshot = turn.macrostep.snapshot
        if snapshot.status is not Status.ACTIVE:
            continue
        left, entered = moves(turn)
        before = live_in(turn.before).items()
        kept = {key for key, live in before if live.node not in {None, *left} and key != turn.event.key}
        assert kept <= live_in(snapshot).keys()
        failed = {error.node for error in turn.macrostep.errors}
        for node in definition.nodes:
            if node.path in entered - failed:
                own = [live for live in live_in(snapshot).values() if live.node == node.path]
                ids = [*(invoke.id for invoke in node.invokes), *(timer.id for timer in node.timers)]
                assert [live.id for live in own] == ids


def moves(turn: Turn) -> tuple[set[str], set[str]]:
    """The nodes that were left at all, and those that were entered after they were left last."""
    left, entered = set[str](), set[str]()
    for microstep in turn.macrostep.microsteps:
        left |= set(microstep.exited)
        entered = entered - set(microstep.exited) | set(microstep.entered)
    return left, entered | ({""} if turn.before is None else set())


@some
@given(machines(), walks())
def test_what_is_not_live_any_more_changes_nothing(spec: MachineSpec, words: list[str]) -> None:
    """In any order and any number of times."""
    definition, seen = compile_machine(spec), dict[str, Event]()
    for turn in wander(definition, words):
        snapshot = turn.macrostep.snapshot
        seen |= {key: bring(live) for key, live in live_in(snapshot).items()}
        for key, event in seen.items():
            if key not in live_in(snapshot):
                macrostep = step(definition, snapshot, event, turn.now)
                assert (macrostep.snapshot, macrostep.taken, macrostep.effects) == (snapshot, False, ())


@some
@given(machines(), walks())
def test_a_stopped_machine_stays_where_it_was_with_nothing_live(spec: MachineSpec, words: list[str]) -> None:
    for turn in wander(compile_machine(spec), [*words, "stop"]):
        if turn.event.type == STOP_EVENT and turn.before is not None:
            snapshot = turn.macrostep.snapshot
            assert snapshot.configuration == turn.before.configuration
            assert snapshot.status is (turn.before.status if turn.before.status != "active" else Status.STOPPED)
            assert not live_in(snapshot)
