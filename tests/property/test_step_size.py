"""A large chart costs a step no more than a small one: counted in calls of functions, so that no clock is asked."""

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

import pytest

from settle.core.codec import PlainCodec
from settle.core.compile import compile_machine
from settle.core.definition import Definition
from settle.core.delay import Delay
from settle.core.event import Event
from settle.core.interpreter import start, step
from settle.core.snapshot import Snapshot
from settle.core.spec import MachineSpec, NodeKind, NodeSpec, TransitionSpec
from tests.support.charts import action, final, guard, invoke, node, on, parallel

T = TypeVar("T")
SIZE = 9
"""States of a group; a group is a state too."""
WALK = ("NEXT", "NEXT", "LEAP", "BACK", "NOTHING", "NEXT")


def make_chart(groups: int, *regions: str) -> MachineSpec:
    """A machine of groups that stand in a ring, or of several such rings side by side."""
    rings = [parallel("", *(node(name, *make_ring(groups, f"{name}."), make_history()) for name in regions))]
    root = rings[0] if regions else node("", *make_ring(groups, ""), make_history())
    return MachineSpec(
        id="m",
        version=1,
        root=root,
        context=PlainCodec(),
        initial_context={"log": []},
        silenced={"never-done": "a ring has no end"},
    )


def make_history() -> NodeSpec:
    return node("back", kind=NodeKind.DEEP_HISTORY)


def make_ring(groups: int, prefix: str) -> list[NodeSpec]:
    return [make_group(f"{prefix}g", number, groups, prefix) for number in range(groups)]


def make_group(path: str, number: int, groups: int, prefix: str) -> NodeSpec:
    here, following = f"{path}{number}", f"{path}{(number + 1) % groups}"
    states = [make_state(here, place) for place in range(SIZE)]
    leaps = (on("LEAP", following), on("BACK", f"{prefix}back"))
    return node(f"g{number}", *states, *leaps, exit=(action("left"),))


def make_state(group: str, place: int) -> NodeSpec:
    following = f"{group}.s{(place + 1) % SIZE}"
    late = TransitionSpec(targets=(following,), delay=Delay(name="5s", seconds=5.0))
    allowed = guard("allowed", lambda _context, _event: True)
    return node(
        f"s{place}",
        on("NEXT", following, guards=(allowed,)),
        late,
        invoke(f"{group}.s{place}", lambda _call: None),
        entry=(action("entered"),),
    )


def count_calls(call: Callable[[], T]) -> tuple[int, T]:
    """Call something; return how many functions, written in Python or not, were called meanwhile."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    gc.disable()  # it calls back whoever asked for it, whenever it comes
    sys.setprofile(count)
    try:
        result = call()
    finally:
        sys.setprofile(before)
        gc.enable()
    return calls, result


def count_walk(definition: Definition) -> list[int]:
    """Return how many calls each step of the walk takes, the start first."""
    calls, begun = count_calls(lambda: start(definition))
    counts, snapshot = [calls], begun.snapshot
    for event in WALK:
        calls, snapshot = count_calls(lambda: give(definition, snapshot, event))  # noqa: B023 - called at once
        counts.append(calls)
    return counts


def give(definition: Definition, snapshot: Snapshot, event: str) -> Snapshot:
    return step(definition, snapshot, Event(type=event), 1.0).snapshot


@pytest.mark.parametrize("regions", [(), ("left", "right")])
def test_a_step_makes_as_many_calls_in_a_chart_of_a_thousand_states_as_in_one_of_twenty(
    regions: tuple[str, ...],
) -> None:
    small, large = (compile_machine(make_chart(groups, *regions)) for groups in (2, 100 // max(1, len(regions))))
    assert (len(small.nodes) < 50, len(large.nodes) > 1000) == (True, True)
    first = [count_walk(definition) for definition in (small, large)]
    assert first[0] == first[1], "also where the configuration was never seen before"
    again = [count_walk(definition) for definition in (small, large)]
    assert again[0] == again[1]
    assert sum(again[1]) < sum(first[1])


def test_compiling_takes_time_in_proportion_to_the_chart() -> None:
    small, large = (count_calls(lambda: compile_machine(make_chart(groups)))[0] for groups in (10, 100))  # noqa: B023 - called at once
    assert large < 12 * small


def test_ending_leaves_only_what_is_active() -> None:
    counts = []
    for states in (10, 1000):
        others = [node(f"s{number}", on("NEXT", f"s{(number + 1) % states}")) for number in range(states)]
        end = on("END", "end")
        definition = compile_machine(
            MachineSpec(id="m", version=1, root=node("", *others, final("end"), end), context=PlainCodec())
        )
        begun = start(definition).snapshot
        counts.append(count_calls(lambda: give(definition, begun, "END"))[0])  # noqa: B023 - called at once
    assert counts[0] == counts[1]
