"""Machine objects of `transitions`, brought in as they are. That they run as before is in `tests/property`."""

import re
from collections.abc import Callable, Iterator
from enum import Enum, StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, computed_field
from transitions import Machine
from transitions.core import Condition, Event, State, Transition
from transitions.extensions import GraphMachine, HierarchicalMachine, LockedHierarchicalMachine, LockedMachine
from transitions.extensions.asyncio import AsyncMachine
from transitions.extensions.nesting import NestedState
from transitions.extensions.states import (  # type: ignore[attr-defined]  # `Retry` has no type
    Error,
    Retry,
    Tags,
    Timeout,
    Volatile,
    add_state_features,
)

from settle import Context, Statechart
from settle.authoring.imported import find_name
from settle.core.conditions import Guard, InState, Not
from settle.core.definition import Transition as OurTransition
from settle.core.effects import SetTimer
from settle.core.errors import DefinitionError
from settle.core.event import Event as OurEvent
from settle.core.event import EventKind
from settle.core.interpreter import start, step
from settle.core.spec import NodeKind, TransitionKind
from tests.support.driver import Driver

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "settle" / "authoring" / "imported"
DOCUMENT = (ROOT / "docs" / "transitions.md").read_text()
QUIET: dict[str, Any] = {"auto_transitions": False, "model": None}


class Model:
    """What `transitions` moves."""


def flat(states: Any, transitions: Any = (), initial: Any = "a", **words: Any) -> Machine:
    return Machine(states=states, transitions=list(transitions), initial=initial, **{**QUIET, **words})


def nested(states: Any, transitions: Any = (), initial: Any = "a", **words: Any) -> HierarchicalMachine:
    return HierarchicalMachine(states=states, transitions=list(transitions), initial=initial, **{**QUIET, **words})


def bring(machine: object, **words: Any) -> Statechart:
    silenced = {
        "unreachable-node": "small machines leave states out",
        "unused-silence": "and some do not",
        **words.pop("silenced", {}),
    }
    return Statechart.from_transitions(machine, id="m", silenced=silenced, **words)


def warned(machine: object, **words: Any) -> list[tuple[str, str]]:
    return [(finding.code, finding.node) for finding in bring(machine, **words).definition.warnings]


def messages(machine: object, **words: Any) -> list[str]:
    return [finding.message for finding in bring(machine, **words).definition.warnings]


def refused(machine: object, **words: Any) -> list[tuple[str, str]]:
    with pytest.raises(DefinitionError) as caught:
        bring(machine, **words)
    return [(finding.code, finding.node) for finding in caught.value.findings]


def named(name: str, answer: object = None) -> Callable[..., Any]:
    def callback(ctx: dict[str, Any]) -> object:
        ctx.setdefault("log", []).append(name)
        return answer

    callback.__name__ = name
    return callback


def transition(chart: Statechart, place: int = 0) -> OurTransition:
    return chart.definition.transitions[place]


def noting(log: list[str], word: str) -> Callable[..., None]:
    """Return a callback that serves `transitions` and us."""

    def callback(*_: object) -> None:
        log.append(word)

    callback.__name__ = word
    return callback


# Shapes --------------------------------------------------------------------------------------------------------------


class Colour(Enum):
    RED = 1
    GREEN = 2


class Move(StrEnum):
    ON = "on"


def test_a_flat_machine() -> None:
    machine = flat(["a", "b"], [["GO", "a", "b"], ["BACK", "b", "="], ["AWAY", "*", "a"]])
    driver = Driver(bring(machine).definition)
    assert driver.send("GO").send("BACK").configuration == ("b",)
    assert driver.send("AWAY").configuration == ("a",)
    assert warned(machine) == []


@pytest.mark.parametrize("separator", ["_", ".", "/", "->"])
def test_a_nested_machine_with_any_separator(separator: str) -> None:
    class OwnState(NestedState):
        pass

    class OwnMachine(HierarchicalMachine):
        state_cls = OwnState

    OwnState.separator = separator
    states = [
        "idle",
        {"name": "p", "initial": "a", "children": ["a", {"name": "b", "initial": "c", "children": ["c"]}]},
    ]
    deep = separator.join("pbc")
    transitions = [["GO", "idle", "p"], ["GO", separator.join("pa"), deep], ["BACK", "p", "idle"]]
    machine = OwnMachine(states=states, transitions=transitions, initial="idle", **QUIET)
    driver = Driver(bring(machine).definition)
    assert driver.send("GO").send("GO").configuration == ("p.b.c",)
    assert driver.send("BACK").configuration == ("idle",)


def test_enums_as_states_and_triggers() -> None:
    chart = bring(flat(Colour, [[Move.ON, Colour.RED, Colour.GREEN]], initial=Colour.RED))
    assert Driver(chart.definition).send("on").configuration == ("GREEN",)
    states = [{"name": Colour.RED, "initial": Colour.GREEN, "children": [Colour.GREEN]}]
    assert Driver(bring(nested(states, initial=Colour.RED)).definition).configuration == ("RED.GREEN",)


def test_a_machine_that_was_reused_as_children() -> None:
    inner = HierarchicalMachine(
        model=None,
        states=["x", {"name": "y", "initial": "z", "children": ["z"]}],
        initial="x",
        transitions=[["IN", "x", "y"]],
    )
    outer = nested(["a", {"name": "b", "children": inner, "remap": {}}], [["GO", "a", "b"]])
    chart = bring(outer)
    assert Driver(chart.definition).send("GO").send("IN").configuration == ("b.y.z",)
    assert chart.definition.event_types == {"GO", "IN"}
    assert [finding.code for finding in chart.definition.warnings] == ["auto-transitions"]


@pytest.mark.parametrize(
    "kind", [LockedMachine, LockedHierarchicalMachine, partial(GraphMachine, graph_engine="mermaid")]
)
def test_locked_and_drawing_machines_are_machines(kind: Any) -> None:
    machine = kind(Model(), states=["a", "b"], initial="a", transitions=[["GO", "a", "b"]], auto_transitions=False)
    assert Driver(bring(machine).definition).send("GO").configuration == ("b",)
    assert warned(machine) == []


def test_the_initial_state_is_that_of_the_machine_whatever_its_model_did() -> None:
    model: Any = Model()
    machine = flat(["a", "b"], [["GO", "a", "b"]], model=model)
    model.GO()
    assert Driver(bring(machine).definition).configuration == ("a",)


def test_a_nested_initial_state() -> None:
    states = [{"name": "p", "initial": "a", "children": ["a", "b"]}]
    assert Driver(bring(nested(states, initial="p_b")).definition).configuration == ("p.b",)


def test_a_parallel_state_and_a_parallel_machine() -> None:
    regions = [{"name": "r", "initial": "1", "children": ["1", "2"]}, {"name": "s", "initial": "1", "children": ["1"]}]
    inside = nested([{"name": "p", "parallel": regions}], [["GO", "p_r_1", "p_r_2"]], initial="p")
    assert Driver(bring(inside).definition).send("GO").configuration == ("p.r.2", "p.s.1")
    assert warned(inside)[0] == ("outside-common-subset", "p")
    whole = nested(regions, initial=["r", "s"])
    assert Driver(bring(whole).definition).configuration == ("r.1", "s.1")
    leaves = nested([{"name": "p", "parallel": regions}], initial=["p_r_2", "p_s_1"])
    assert Driver(bring(leaves).definition).configuration == ("p.r.2", "p.s.1")


def test_a_list_that_leaves_out_a_region() -> None:
    states = [{"name": "p", "initial": ["r", "s"], "children": ["r", "s", "t"]}]
    assert refused(nested(states, initial="p")) == [("bad-initial", "p")]


def test_the_name_of_the_machine_is_its_id_unless_one_is_given() -> None:
    machine = flat(["a"], [["GO", "a", None]], name="order")
    assert find_name(machine) == "order"
    assert (find_name(flat(["a"])), find_name("no machine")) == ("", "")
    assert Statechart.from_transitions(machine).id == "order"


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ("no machine", ("not-a-machine", "")),
        (Machine, ("not-a-machine", "")),
        (AsyncMachine(states=["a"], initial="a"), ("async-machine", "")),
        (flat(["a"], initial=None), ("bad-initial", "")),
        (flat(["a.b"], initial="a.b"), ("bad-node-name", "a.b")),
        (flat(["a"], [["GO", "a", "c"]]), ("unknown-target", "a")),
        (flat(["a"], [["*", "a", "a"]]), ("bad-trigger", "")),
        (flat(["a"], [["done.it", "a", "a"]]), ("bad-trigger", "")),
        (nested([{"name": "a", "initial": "c", "children": ["b"]}]), ("bad-initial", "a")),
        (
            nested([{"name": "a", "initial": "b", "children": ["b"], "transitions": [["GO", "b", "a"]]}]),
            ("unknown-target", "a.b"),
        ),
    ],
)
def test_what_cannot_be_brought_in_says_where(machine: object, expected: tuple[str, str]) -> None:
    assert refused(machine) == [expected]


def test_a_source_that_is_no_state_is_left_out_as_nothing_ever_takes_it() -> None:
    machine = nested([{"name": "a", "initial": "b", "children": ["b"], "transitions": [["GO", "c", "b"]]}])
    assert warned(machine) == [("unknown-source", "a")]
    assert bring(machine).definition.transitions == ()


def test_every_finding_of_the_import_is_explained() -> None:
    calls = (re.findall(r'(?:error|warn)\(\s*"([a-z-]+)"', path.read_text()) for path in PACKAGE.glob("*.py"))
    codes = {code for found in calls for code in found} | {"outside-common-subset"}
    assert len(codes) > 15
    assert [code for code in sorted(codes) if f"`{code}`" not in DOCUMENT] == []


# Automatic transitions -----------------------------------------------------------------------------------------------


def test_automatic_transitions_are_left_out_and_listed_once() -> None:
    transitions = [["GO", "a", "b"], {"trigger": "to_b", "source": "a", "dest": "b", "before": named("mine")}]
    machine = flat(["a", "b", "c", "d"], transitions, auto_transitions=True)
    chart = bring(machine)
    assert chart.definition.event_types == {"GO", "to_b"}
    (mine,) = (each for each in chart.definition.transitions if each.event == "to_b")
    assert [action.name for action in mine.before] == ["mine"]
    (message,) = (finding.message for finding in chart.definition.warnings if finding.code == "auto-transitions")
    assert "`to_a`, `to_b`, `to_c` and 1 more" in message


def test_automatic_transitions_of_another_attribute() -> None:
    machine = flat(["a", "b"], [["GO", "a", "b"]], auto_transitions=True, model_attribute="status")
    assert bring(machine).definition.event_types == {"GO"}


def test_a_trigger_of_ones_own_may_look_like_one() -> None:
    machine = flat(["a", "b"], [["to_b", "a", "b"], ["to_nowhere", "a", None]])
    assert Driver(bring(machine).definition).send("to_b").configuration == ("b",)
    assert warned(machine) == []


def test_a_callback_that_names_an_automatic_transition() -> None:
    machine = flat([{"name": "a", "on_exit": "to_b"}, "b"], [["GO", "a", "b"]], auto_transitions=True)
    assert refused(machine) == [("auto-transitions", ""), ("unknown-name", "a")]


# Callbacks -----------------------------------------------------------------------------------------------------------

SLOTS = ("prepare_event", "before_state_change", "after_state_change", "finalize_event", "on_final")


def full_machine(*, guarded: bool) -> Machine:
    item = {word: named(word) for word in ("prepare", "before", "after")}
    item |= {"conditions": named("conditions", answer=True)} if guarded else {}
    states: Any = [
        {"name": "a", "on_exit": named("on_exit")},
        {"name": "b", "on_enter": named("on_enter"), "final": True},
    ]
    return flat(
        states, [{"trigger": "GO", "source": "a", "dest": "b", **item}], **{word: named(word) for word in SLOTS}
    )


@pytest.mark.parametrize("guarded", [True, False])
def test_callbacks_run_in_their_order(guarded: bool) -> None:
    conditions = ["conditions"] if guarded else []
    expected = ["prepare_event", "prepare", *conditions, "before_state_change", "before", "on_exit", "on_enter"]
    driver = Driver(bring(full_machine(guarded=guarded)).definition).send("GO")
    assert driver.context["log"] == [*expected, "on_final", "after", "after_state_change", "finalize_event"]
    codes = [code for code, _ in warned(full_machine(guarded=guarded))]
    assert codes == ["prepare-is-condition"] * (2 if guarded else 0) + ["finalize-event"]


def test_what_a_refused_prepare_assigns_is_dropped() -> None:
    item = {"prepare": named("prepared"), "conditions": named("asked", answer=False)}
    driver = Driver(bring(flat(["a", "b"], [{"trigger": "GO", "source": "a", "dest": "b", **item}])).definition)
    assert (driver.send("GO").context, driver.refused_by) == ({}, ("asked",))


@pytest.mark.parametrize(
    ("answer", "holds", "unless"),
    [(True, True, False), (False, False, True), (None, False, False), ("yes", False, False)],
)
def test_conditions_are_compared_with_true_and_false(answer: object, holds: bool, unless: bool) -> None:
    for word, taken in (("conditions", holds), ("unless", unless)):
        machine = flat(["a", "b"], [{"trigger": "GO", "source": "a", "dest": "b", word: named("asked", answer=answer)}])
        assert Driver(bring(machine).definition).send("GO").configuration == ("b" if taken else "a",)


def test_on_exception_is_left_out() -> None:
    machine = flat(["a"], [["GO", "a", None]], on_exception=["handle", named("mend")])
    assert warned(machine) == [("on-exception", "")]
    assert "'handle', 'mend'" in messages(machine)[0]


class Order(Context):
    """A context that was a model of `transitions`, and kept its methods."""

    total: int = 10
    paid: int = 0
    vip: bool = False
    noted: tuple[str, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def rest(self) -> int:
        return self.total - self.paid

    @property
    def is_due(self) -> bool:
        return self.paid < self.total

    def covers(self, event: OurEvent) -> bool:
        return int(event["amount"]) >= self.rest

    def book(self, event: OurEvent, do: Any) -> None:
        self.paid += int(event["amount"])
        do.log("booked")

    def close(self) -> None:
        self.noted = (*self.noted, "closed")

    @staticmethod
    def stamp(ctx: "Order") -> None:
        ctx.noted = (*ctx.noted, "stamped")


def order_machine(**words: Any) -> Machine:
    item = {"conditions": ["covers", "is_due"], "unless": "vip", "before": ["book", "stamp"], "after": "close"}
    transitions = [{"trigger": "pay", "source": "a", "dest": "b", **item}]
    return flat(["a", "b"], transitions, **{"send_event": True, **words})


def test_methods_properties_and_fields_of_the_context_are_found() -> None:
    driver = Driver(bring(order_machine(), context=Order).definition)
    assert driver.send("pay", amount=5).configuration == ("a",)
    assert driver.send("pay", amount=10).configuration == ("b",)
    assert driver.context == {"total": 10, "paid": 10, "vip": False, "noted": ["stamped", "closed"]}
    assert warned(order_machine(), context=Order) == []


def test_the_context_may_be_the_implementation_too() -> None:
    assert warned(order_machine(), context=Order, implementation=Order) == []


def test_the_implementation_comes_first() -> None:
    class Functions:
        @staticmethod
        def close(ctx: Order) -> None:
            ctx.noted = ("by the implementation",)

    driver = Driver(bring(order_machine(), context=Order, implementation=Functions).definition)
    assert driver.send("pay", amount=10).context["noted"] == ["by the implementation"]


def test_methods_that_expect_the_arguments_of_a_trigger_are_warned_of() -> None:
    found = warned(order_machine(send_event=False), context=Order)
    assert set(found) == {("callback-arguments", "a")}
    assert "'covers'" in messages(order_machine(send_event=False), context=Order)[0]


def test_what_pydantic_brings_along_is_no_callback() -> None:
    machine = flat(["a"], [{"trigger": "GO", "source": "a", "dest": None, "before": "copy", "after": "model_config"}])
    assert [code for code, _ in refused(machine, context=Order)] == ["unknown-name", "unknown-name"]


def test_a_callback_by_its_path_is_imported() -> None:
    item = {
        "before": "tests.support.imported_callbacks_nowhere.run",
        "after": "copy.deepcopy",
        "conditions": "os.path.exists",
    }
    machine = flat(["a"], [{"trigger": "GO", "source": "a", "dest": None, **item}])
    with pytest.raises(DefinitionError, match="imported_callbacks_nowhere") as caught:
        bring(machine)
    assert [finding.code for finding in caught.value.findings] == ["unknown-name"]


def test_a_method_of_the_model_object_is_taken_by_its_name() -> None:
    class Shop:
        def close(self) -> None:
            raise AssertionError("all instances would share it")

    shop = Shop()
    machine = flat(["a"], [{"trigger": "GO", "source": "a", "dest": None, "before": shop.close}], model=shop)
    assert Driver(bring(machine, context=Order).definition).send("GO").context["noted"] == ["closed"]
    assert refused(machine) == [("unknown-name", "a")]


def test_a_method_that_the_model_added_by_its_name_alone() -> None:
    class Shop:
        def on_enter_b(self) -> None:
            """`transitions` finds it when the model is added."""

    class Basket(Context):
        entered: bool = False

        def on_enter_b(self) -> None:
            self.entered = True

    machine = flat(["a", "b"], [["GO", "a", "b"]], model=Shop())
    assert Driver(bring(machine, context=Basket).definition).send("GO").context == {"entered": True}


def test_a_trigger_of_the_model_object_is_no_callback() -> None:
    for kind in (Machine, HierarchicalMachine):
        model: Any = Model()
        machine = kind(model, states=["a", "b"], initial="a", transitions=[["GO", "a", "b"]], auto_transitions=False)
        machine.get_state("b").add_callback("enter", model.GO)
        assert refused(machine) == [("bound-trigger", "b")]


def takes_event_data(event_data: Any) -> None:
    """As `transitions` calls it."""


def takes_nothing() -> None:
    """As `transitions` calls it without `send_event`."""


@pytest.mark.parametrize("callback", [takes_event_data, takes_nothing])
@pytest.mark.parametrize("word", ["before", "conditions"])
def test_a_function_of_another_signature_is_told_the_right_one(word: str, callback: Any) -> None:
    machine = flat(["a"], [{"trigger": "GO", "source": "a", "dest": None, word: callback}])
    with pytest.raises(DefinitionError, match=rf"{callback.__name__}\(ctx, event, (do|active)\)") as caught:
        bring(machine)
    assert {finding.code for finding in caught.value.findings} == {"bad-signature"}


def test_a_named_function_of_another_signature() -> None:
    class Functions:
        note = staticmethod(takes_event_data)

    machine = flat(["a"], [{"trigger": "GO", "source": "a", "dest": None, "before": "note"}])
    assert refused(machine, implementation=Functions) == [("bad-signature", "a")]


def test_a_builtin_that_does_not_tell_its_signature() -> None:
    machine = flat(["a"], [{"trigger": "GO", "source": "a", "dest": None, "conditions": min}])
    assert Driver(bring(machine, context={"z": 0}).definition).send("GO").refused_by == ("min",)


def test_whether_another_state_is_active() -> None:
    states = [{"name": "p", "parallel": [{"name": "r", "initial": "1", "children": ["1", "2"]}, "s"]}, "x"]
    item = {"conditions": "is_p_r_2", "unless": "is_x"}
    machine = nested(states, [["NEXT", "p_r_1", "p_r_2"], {"trigger": "GO", "source": "p", "dest": "x", **item}], "p")
    driver = Driver(bring(machine).definition)
    assert driver.send("GO").configuration == ("p.r.1", "p.s")
    assert driver.send("NEXT").send("GO").configuration == ("x",)
    guards = next(each for each in driver.definition.transitions if each.event == "GO").guards
    assert guards == (InState("p.r.2"), Not(InState("x")))


def test_whether_a_state_with_children_is_active_is_not_asked_like_that() -> None:
    states = [{"name": "p", "initial": "r", "children": ["r"]}]
    machine = nested(states, [{"trigger": "GO", "source": "p_r", "dest": None, "conditions": "is_p"}], "p")
    assert refused(machine) == [("unknown-name", "p.r")]


def test_a_function_may_be_named_like_the_question_for_a_state() -> None:
    class Functions:
        @staticmethod
        def is_b(ctx: dict[str, Any]) -> bool:
            return "b" in ctx

    machine = flat(["a", "b"], [{"trigger": "GO", "source": "a", "dest": "b", "conditions": "is_b"}])
    (guard,) = transition(bring(machine, implementation=Functions)).guards
    assert isinstance(guard, Guard)


# Triggers in callbacks -----------------------------------------------------------------------------------------------


class Payment(BaseModel):
    amount: int


@pytest.mark.parametrize("events", [None, {"GO": Payment, "NEXT": Payment}])
def test_a_trigger_as_a_callback_is_raised_with_the_data_of_the_event(events: Any) -> None:
    def note(ctx: dict[str, Any], event: OurEvent) -> None:
        ctx["seen"] = [event.type, event["amount"]]

    states = ["a", {"name": "b", "on_enter": "NEXT"}, {"name": "c", "on_enter": note}]
    machine = flat(states, [["GO", "a", "b"], ["NEXT", "b", "c"]], queued=True)
    driver = Driver(bring(machine, events=events).definition).send("GO", amount=3)
    assert (driver.configuration, driver.context) == (("c",), {"seen": ["NEXT", 3]})
    assert warned(machine) == []


def test_triggers_as_callbacks_run_as_in_a_queued_machine() -> None:
    log: list[str] = []
    note = partial(noting, log)
    states = ["a", {"name": "b", "on_enter": ["NEXT", note("+b")], "on_exit": [note("-b"), "LATER"]}, "c"]
    transitions = [
        {"trigger": "GO", "source": "a", "dest": "b", "after": note("after GO")},
        {"trigger": "NEXT", "source": "b", "dest": "c", "after": note("after NEXT")},
        {"trigger": "LATER", "source": "c", "dest": None, "after": note("after LATER")},
    ]
    model: Any = Model()
    machine = flat(states, transitions, model=model, queued=True)
    driver = Driver(bring(machine).definition)
    model.GO()
    upstream = list(log)
    log.clear()
    driver.send("GO")
    assert (driver.configuration, log) == ((model.state,), upstream)
    assert log == ["+b", "after GO", "-b", "after NEXT", "after LATER"]


def test_a_trigger_as_a_callback_of_an_unqueued_machine_is_warned_of() -> None:
    machine = flat(["a", {"name": "b", "on_enter": "NEXT"}, "c"], [["GO", "a", "b"], ["NEXT", "b", "c"]])
    assert warned(machine) == [("trigger-in-callback", "b")]


def test_a_trigger_with_a_dot_is_not_imported() -> None:
    machine = flat(
        ["a", {"name": "b", "on_enter": "this.next"}], [["GO", "a", "b"], ["this.next", "b", "a"]], queued=True
    )
    assert Driver(bring(machine).definition).send("GO").configuration == ("a",)


# Kinds, and what lies outside ----------------------------------------------------------------------------------------

HOUSE = {
    "name": "p",
    "initial": "a",
    "on_enter": named("+p"),
    "on_exit": named("-p"),
    "children": ["a", {"name": "q", "initial": "c", "children": ["c", "d"], "on_enter": named("+q")}],
}


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        (["GO", "p", "p_a"], TransitionKind.LOCAL),
        (["GO", "p", "p"], TransitionKind.EXTERNAL),
        (["GO", "p_a", "p"], TransitionKind.EXTERNAL),
        (["GO", "p", "x"], TransitionKind.EXTERNAL),
        (["GO", "p", None], TransitionKind.EXTERNAL),
    ],
)
def test_a_transition_into_a_descendant_stays_in_its_source(item: list[Any], kind: TransitionKind) -> None:
    chart = bring(nested([HOUSE, "x"], [item], "x"))
    assert transition(chart).kind is kind
    assert [each for each in chart.definition.warnings if each.code == "outside-common-subset"] == []


def test_a_jump_over_a_state_that_reacts() -> None:
    assert ("outside-common-subset", "p") in warned(nested([HOUSE, "x"], [["GO", "p", "p_q_d"]], "x"))


def test_a_list_inside_a_state_that_leaves_one_that_reacts() -> None:
    house = {**HOUSE, "transitions": [["GO", "q_c", "q_d"], ["BACK", "q", "a"]]}
    assert warned(nested([house, "x"], [["IN", "x", "p"]], "x")) == [("outside-common-subset", "p.q.c")]


def test_a_list_inside_a_state_leaves_all_of_that_state() -> None:
    log: list[str] = []
    words = {"on_enter": noting(log, "+q"), "on_exit": noting(log, "-q")}
    inner = {"name": "q", "initial": "c", "children": ["c", {"name": "d", "on_enter": noting(log, "+d")}], **words}
    states = [{"name": "p", "initial": "q", "children": [inner], "transitions": [["GO", "q", "q_d"]]}]
    model: Any = Model()
    machine = nested(states, initial="p", model=model)
    driver = Driver(bring(machine).definition)
    log.clear()
    model.GO()
    upstream = list(log)
    log.clear()
    driver.send("GO")
    assert log == upstream == ["-q", "+q", "+d"]
    assert warned(machine) == [("initial-entry", "p.q")]


def test_a_list_inside_a_state_that_comes_before_a_deeper_state() -> None:
    house = {**HOUSE, "transitions": [["GO", "q", "a"]]}
    machine = nested([house, "x"], [["GO", "p_q_c", "p_q_d"], ["IN", "x", "p"]], "x")
    assert ("outside-common-subset", "p.q") in warned(machine)


def test_a_list_inside_a_state_comes_before_the_machines_own() -> None:
    house = {**HOUSE, "transitions": [["GO", "a", "q"]]}
    chart = bring(nested([house, "x"], [["GO", "p_a", "x"]], "p"))
    assert Driver(chart.definition).send("GO").configuration == ("p.q.c",)


def test_a_state_with_children_and_no_initial_one() -> None:
    states = ["x", {"name": "p", "children": ["a", "b"]}]
    assert warned(nested(states, [["GO", "x", "p"]], "x")) == [("outside-common-subset", "p")]
    assert warned(nested(states, [["GO", "x", "p_b"]], "x")) == []


def test_what_happens_when_an_instance_begins_is_told() -> None:
    assert warned(nested([HOUSE], [["GO", "p_a", "p_q"]], "p")) == [("initial-entry", "p")]


def test_a_finding_is_silenced_with_a_reason() -> None:
    machine = nested([HOUSE], [["GO", "p_a", "p_q"]], "p")
    assert warned(machine, silenced={"initial-entry@p": "it only counts"}) == []


# Final states --------------------------------------------------------------------------------------------------------


def test_a_final_state_ends_the_instance_without_its_on_exit() -> None:
    machine = flat(["a", {"name": "b", "final": True, "on_exit": named("-b")}], [["GO", "a", "b"]])
    driver = Driver(bring(machine).definition).send("GO")
    assert (driver.snapshot.status, driver.context) == ("done", {})


def test_a_final_state_that_goes_on_is_an_ordinary_one() -> None:
    machine = flat(["a", {"name": "b", "final": True}], [["GO", "a", "b"], ["AGAIN", "*", "a"]], on_final=named("end"))
    driver = Driver(bring(machine).definition)
    assert driver.send("GO").send("AGAIN").configuration == ("a",)
    assert driver.context == {"log": ["end"]}
    assert warned(machine) == [("final-state-continues", "b")]


def test_the_end_of_a_parallel_state() -> None:
    regions = [
        {
            "name": name,
            "initial": "1",
            "children": ["1", {"name": "2", "final": True, "on_final": named(f"final {name}")}],
        }
        for name in ("r", "s")
    ]
    around = {"name": "p", "parallel": regions, "on_final": named("final p")}
    machine = nested([around], [["R", "p_r_1", "p_r_2"], ["S", "p_s_1", "p_s_2"]], "p", on_final=named("end"))
    driver = Driver(bring(machine).definition)
    assert driver.send("S").context == {"log": ["final s"]}
    assert driver.send("R").context == {"log": ["final s", "final r", "final p", "end"]}


def test_a_parallel_state_that_never_ends_says_nothing() -> None:
    inner = {"name": "s", "parallel": ["1", "2"]}
    machine = nested([{"name": "p", "parallel": [inner, "r"], "on_final": named("final p")}], initial="p")
    assert bring(machine).definition.transitions == ()


def test_a_parallel_state_at_whose_end_nothing_is_called() -> None:
    inner = [{"name": name, "initial": "1", "children": [{"name": "1", "final": True}]} for name in "rs"]
    assert bring(nested([{"name": "p", "parallel": inner}], initial="p")).definition.transitions == ()


def test_on_final_of_a_parallel_machine_is_left_out() -> None:
    assert ("on-final", "") in warned(nested(["r", "s"], initial=["r", "s"], on_final=named("end")))


# Features of states --------------------------------------------------------------------------------------------------


def with_features(*features: type[State]) -> type[Machine]:
    class Featured(Machine):
        state_cls = State

    return add_state_features(*features)(Featured)  # type: ignore[no-any-return]


def featured(features: tuple[type[State], ...], states: Any, transitions: Any = (), **words: Any) -> Machine:
    return with_features(*features)(states=states, transitions=list(transitions), initial="a", **{**QUIET, **words})


def test_tags_are_carried_over() -> None:
    machine = featured(
        (Tags,), [{"name": "a", "tags": ["settled", "x"]}, {"name": "b", "tags": "settled"}], [["GO", "a", "b"]]
    )
    nodes = bring(machine).definition.nodes
    assert [sorted(node.tags) for node in nodes[1:]] == [["settled", "x"], ["settled"]]
    assert refused(featured((Tags,), [{"name": "a", "tags": [1]}])) == [("bad-tags", "a")]


def test_a_timeout_is_a_delayed_transition() -> None:
    states = ["a", {"name": "b", "timeout": 90, "on_timeout": [named("late"), "EXPIRE"]}, "c"]
    machine = featured((Timeout,), states, [["GO", "a", "b"], ["EXPIRE", "b", "c"]])
    definition = bring(machine).definition
    waiting = step(definition, start(definition).snapshot, OurEvent(type="GO"), now=100.0)
    (timer,) = waiting.effects
    assert isinstance(timer, SetTimer)
    assert timer.due == 190.0
    fired = step(definition, waiting.snapshot, OurEvent(kind=EventKind.TIMER, key=timer.timer), now=190.0)
    assert (fired.snapshot.configuration, fired.snapshot.context) == (("c",), {"log": ["late"]})
    assert definition.warnings == ()


def test_a_final_state_with_a_timeout_goes_on() -> None:
    states = ["a", {"name": "b", "final": True, "timeout": 1, "on_timeout": named("late")}]
    assert warned(featured((Timeout,), states, [["GO", "a", "b"]])) == [("final-state-continues", "b")]


def test_an_error_state_refuses_the_event() -> None:
    states = ["a", {"name": "bad", "on_enter": named("+bad")}, {"name": "good", "accepted": True}]
    transitions = [["GO", "a", "bad"], ["END", "a", "good"], ["BACK", "a", "a"]]
    machine = featured((Error,), states, transitions)
    driver = Driver(bring(machine).definition)
    assert driver.send("GO").rejected
    assert warned(machine) == [("error-state", "bad")]
    automatic = featured((Error,), states, transitions, auto_transitions=True)
    assert [code for code, _ in warned(automatic)] == ["auto-transitions"]


def test_features_that_keep_data_in_memory() -> None:
    assert warned(featured((Volatile,), ["a", "b"], [["GO", "a", "b"]])) == [("volatile-state", "")]
    retried = featured((Retry,), [{"name": "a", "retries": 2, "on_failure": "fail"}, "b"], [["GO", "a", "b"]])
    assert refused(retried) == [("retry-state", "a")]
    assert warned(featured((Retry,), ["a", "b"], [["GO", "a", "b"]])) == []


def test_classes_that_change_how_a_machine_runs_are_named() -> None:
    class OwnState(State):
        def enter(self, event_data: Any) -> None:
            super().enter(event_data)

    class OwnCondition(Condition):
        def check(self, event_data: Any) -> bool:
            return not super().check(event_data)

    class OwnTransition(Transition):
        condition_cls = OwnCondition

        def execute(self, event_data: Any) -> bool:
            return super().execute(event_data)

    class OwnEvent(Event):
        def trigger(self, model: Any, *args: Any, **words: Any) -> bool:
            return super().trigger(model, *args, **words)

    class OwnMachine(Machine):
        state_cls, transition_cls, event_cls = OwnState, OwnTransition, OwnEvent

        def callback(self, func: Any, event_data: Any) -> None:
            super().callback(func, event_data)

    item = {"conditions": named("asked", answer=True)}
    machine = OwnMachine(
        states=["a"], transitions=[{"trigger": "GO", "source": "a", "dest": None, **item}], initial="a", **QUIET
    )
    assert warned(machine) == [("custom-class", node) for node in ("", "a", "", "a", "a")]


def test_a_class_that_only_adds_something_is_not_named() -> None:
    class Labelled(State):
        label = "x"

    class OwnMachine(Machine):
        state_cls = Labelled

    assert warned(OwnMachine(states=["a"], transitions=[["GO", "a", None]], initial="a", **QUIET)) == []


def test_a_machine_object_stays_as_it_is() -> None:
    machine = full_machine(guarded=True)
    before = repr(sorted(vars(machine)))
    first, second = bring(machine), bring(machine)
    assert repr(sorted(vars(machine))) == before
    assert first.definition.hash == second.definition.hash
    assert first.definition.nodes[2].kind is NodeKind.FINAL


# The document --------------------------------------------------------------------------------------------------------


def blocks() -> Iterator[str]:
    yield from re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


def test_the_example_of_the_document_is_true() -> None:
    code = "\n".join(blocks())
    assert "assert " in code
    exec(compile(code, "docs/transitions.md", "exec"), {"__name__": "example"})  # noqa: S102 - the document is ours
