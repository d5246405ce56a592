"""Why the step is ours: what `transitions` itself does with the charts that it can define.

Each test runs one configuration in both: `transitions`' own machine first, pinned as it is in the release we use, then
ours. A test that fails after an upgrade of `transitions` says that upstream mended the fault, which is worth knowing.
"""

from typing import Any

import pytest
from transitions.extensions.nesting import HierarchicalMachine, NestedState

from settle import Event, Statechart
from settle.core.errors import DefinitionError, UserCodeError
from tests.support.driver import Driver


class DottedState(NestedState):
    separator = "."


class DottedMachine(HierarchicalMachine):
    """`transitions` with our separator, so that one configuration serves both."""

    state_cls = DottedState


class Model:
    """What `transitions` moves."""

    state: Any

    def __init__(self) -> None:
        self.log: list[str] = []


def upstream(states: Any, transitions: Any, initial: str, **options: Any) -> Any:
    model = Model()
    DottedMachine(model, states=states, transitions=transitions, initial=initial, auto_transitions=False, **options)
    return model


def ours(states: Any, transitions: Any, initial: str) -> Driver:
    return Driver(Statechart(id="m", states=states, transitions=transitions, initial=initial).definition)


def region(name: str) -> dict[str, Any]:
    return {"name": name, "initial": "1", "children": ["1", "2"]}


REGIONS = [{"name": "p", "parallel": [region("r"), region("s")]}, "x", "y"]


def test_one_region_leaves_and_one_stays() -> None:
    """`transitions` executes each hit at once and ends with a region that has no state."""
    transitions = [["GO", "p.r.1", "x"], ["GO", "p.s.1", "p.s.2"]]
    model = upstream(REGIONS, transitions, "p")
    model.GO()
    assert model.state == "p.s.2"
    assert ours(REGIONS, transitions, "p").send("GO").configuration == ("x",)


def test_two_regions_leave() -> None:
    """`transitions` enters the first target and then the second."""
    entered: list[str] = []
    states = [REGIONS[0], *({"name": name, "on_enter": lambda name=name: entered.append(name)} for name in "xy")]
    model = upstream(states, [["GO", "p.r.1", "x"], ["GO", "p.s.1", "y"]], "p")
    model.GO()
    assert (model.state, entered) == ("y", ["x", "y"])
    driver = ours(REGIONS, [["GO", "p.r.1", "x"], ["GO", "p.s.1", "y"]], "p").send("GO")
    assert driver.configuration == ("x",)


def test_a_guard_sees_the_other_region_already_moved() -> None:
    """Both guards hold before the event; in `transitions` only one of the two transitions is taken."""
    model = Model()

    def first_is_at_1() -> bool:
        return "p.r.1" in model.state

    def second_is_at_1() -> bool:
        return "p.s.1" in model.state

    transitions: Any = [["GO", "p.r.1", "p.r.2", second_is_at_1], ["GO", "p.s.1", "p.s.2", first_is_at_1]]
    DottedMachine(model, states=REGIONS, transitions=transitions, initial="p", auto_transitions=False)
    model.GO()  # type: ignore[attr-defined]
    assert sorted(model.state) in (["p.r.1", "p.s.2"], ["p.r.2", "p.s.1"])

    def always_asked(ctx: dict[str, Any]) -> bool:
        return not ctx.get("moved")

    def moved(ctx: dict[str, Any]) -> None:
        ctx["moved"] = True

    guarded = [
        {"trigger": "GO", "source": f"p.{name}.1", "dest": f"p.{name}.2", "conditions": always_asked, "before": moved}
        for name in ("r", "s")
    ]
    assert ours(REGIONS, guarded, "p").send("GO").configuration == ("p.r.2", "p.s.2")


def test_a_target_inside_a_parallel_state() -> None:
    """`transitions` enters that one region and leaves the other without a state."""
    model = upstream(REGIONS, [["GO", "x", "p.r.2"]], "x")
    model.GO()
    assert model.state == "p.r.2"
    assert ours(REGIONS, [["GO", "x", "p.r.2"]], "x").send("GO").configuration == ("p.r.2", "p.s.1")


def test_an_unhandled_event_in_nested_parallel_states() -> None:
    """`transitions` raises about a state that nobody named, though it was told to ignore such events."""
    inner = {"name": "b", "parallel": ["x", "y"]}
    states = [{"name": "p", "parallel": ["a", inner]}, "q"]
    model = upstream(states, [["GO", "q", "p"]], "p", ignore_invalid_triggers=True)
    with pytest.raises(ValueError, match="is not a registered state"):
        model.GO()
    driver = ours(states, [["GO", "q", "p"]], "p")
    before = driver.snapshot
    assert driver.send("GO").snapshot == before


def test_one_of_two_regions_ends() -> None:
    """In `transitions` the end of the last region alone calls the machine's `on_final` (issue 715)."""
    ends: list[str] = []
    ending = [{"name": name, "initial": "1", "children": ["1", {"name": "2", "final": True}]} for name in ("r", "s")]
    transitions = [["R", "p.r.1", "p.r.2"], ["S", "p.s.1", "p.s.2"]]
    states = [{"name": "p", "parallel": ending}]
    model = upstream(states, transitions, "p", on_final=lambda: ends.append("over"))
    model.S()
    assert (sorted(model.state), ends) == (["p.r.1", "p.s.2"], ["over"])
    driver = ours([{**states[0], "on_done": "over"}, "over"], transitions, "p").send("S")
    assert driver.configuration == ("p.r.1", "p.s.2")
    assert driver.send("R").configuration == ("over",)


def test_a_name_with_an_underscore() -> None:
    """The default separator of `transitions` is the underscore: a name that has one cannot be built."""
    states = [{"name": "wait_payment", "initial": "asked", "children": ["asked"]}, "x"]
    with pytest.raises(KeyError, match="wait"):
        HierarchicalMachine(Model(), states=states, initial="x")
    assert ours(states, [["GO", "x", "wait_payment"]], "x").send("GO").configuration == ("wait_payment.asked",)


def test_a_state_with_children_and_no_initial_one() -> None:
    """`transitions` stays on the state itself, in none of its children."""
    states = ["x", {"name": "a", "children": ["b"]}]
    model = upstream(states, [["GO", "x", "a"]], "x")
    model.GO()
    assert model.state == "a"
    assert ours(states, [["GO", "x", "a"]], "x").send("GO").configuration == ("a.b",)


def test_a_deeper_state_and_an_event_declared_around_it() -> None:
    """In `transitions` a list inside a state beats a deeper state; in SCXML and XState the deepest wins."""
    inner = {"name": "b", "initial": "c", "children": ["c", "d"]}
    states = [{"name": "a", "initial": "b", "children": [inner, "e"], "transitions": [["GO", "b", "e"]]}]
    transitions = [["GO", "a.b.c", "a.b.d"]]
    model = upstream(states, transitions, "a")
    model.GO()
    assert model.state == "a.e"
    assert ours(states, transitions, "a").send("GO").configuration == ("a.b.d",)


def test_an_exception_while_a_state_is_entered() -> None:
    """`transitions` keeps the new state, half entered; a step of ours is not taken at all."""

    def broken(*_: Any) -> None:
        raise RuntimeError("no")

    states = ["a", {"name": "b", "on_enter": broken}]
    model = upstream(states, [["GO", "a", "b"]], "a")
    with pytest.raises(RuntimeError):
        model.GO()
    assert model.state == "b"
    driver = ours(states, [["GO", "a", "b"]], "a")
    with pytest.raises(UserCodeError):
        driver.send("GO")
    assert driver.configuration == ("a",)


def test_a_misspelt_initial_state() -> None:
    """`transitions` adds a state of that name and begins there."""
    assert upstream(["idle"], [["GO", "idle", "idle"]], "iddle").state == "iddle"
    with pytest.raises(DefinitionError, match="bad-initial"):
        ours(["idle"], [["GO", "idle", "idle"]], "iddle")


def test_a_second_state_of_one_name() -> None:
    """In `transitions` the second dict replaces the first, with all that stood in it."""
    states = [{"name": "a", "initial": "b", "children": ["b"]}, {"name": "a"}]
    assert upstream(states, [["GO", "a", "a"]], "a").state == "a"
    with pytest.raises(DefinitionError, match="duplicate-node"):
        ours(states, [["GO", "a", "a"]], "a")


def test_a_caller_may_jump_anywhere_by_default() -> None:
    """A model of `transitions` gets a trigger for every state; ours takes no event that the machine does not name."""
    model: Any = Model()
    HierarchicalMachine(model, states=["unpaid", "paid"], initial="unpaid")
    model.to_paid()
    assert model.state == "paid"
    driver = ours(["unpaid", "paid"], [["PAY", "unpaid", "paid"]], "unpaid")
    assert driver.send("to_paid").configuration == ("unpaid",)


def test_actions_between_exits_and_entries() -> None:
    """`transitions` has `before` and `after`; the place where SCXML and XState act is ours."""
    log: list[str] = []

    def say(word: str) -> Any:
        def action(_ctx: Any, event: Event) -> None:
            log.append(f"{word} {event.type}")

        action.__name__ = word
        return action

    states = [{"name": "a", "on_exit": say("leave")}, {"name": "b", "on_enter": say("enter")}]
    ours(states, [{"trigger": "GO", "source": "a", "dest": "b", "actions": say("act")}], "a").send("GO")
    assert log == ["leave GO", "act GO", "enter GO"]
