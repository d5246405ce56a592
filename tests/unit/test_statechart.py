"""The Python front end: what it reads, and what it says about what it cannot read."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from enum import Enum, StrEnum
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

import settle
from settle import Actions, Context, DefinitionError, Event, ServiceCall, Statechart
from settle.core.definition import Definition, Node
from settle.core.spec import Delivery, InvokeMode, InvokeSpec, NodeKind, TransitionKind
from tests.support.driver import Driver


class Implementation:
    @staticmethod
    def yes(_ctx: Any) -> bool:
        return True

    @staticmethod
    def no(_ctx: Any, _event: Event) -> bool:
        return False

    @staticmethod
    def note(ctx: Any, event: Event, do: Actions) -> None:
        ctx.setdefault("log", []).append(event.type)
        do.log("noted")

    @staticmethod
    def serve(_call: ServiceCall) -> dict[str, int]:
        return {"answer": 42}


def build(states: Any, transitions: Any = (), **options: Any) -> Definition:
    options = {"implementation": Implementation, **options}
    return Statechart(id="m", states=states, transitions=transitions, **options).definition


def node(definition: Definition, path: str) -> Node:
    return definition.nodes[definition.numbers[path]]


def edges(definition: Definition, path: str) -> list[tuple[str, tuple[str, ...]]]:
    """Events and targets of a node's transitions."""
    transitions = (definition.transitions[index] for index in node(definition, path).transitions)
    return [(t.event, tuple(definition.nodes[target].path for target in t.targets)) for t in transitions]


# States --------------------------------------------------------------------------------------------------------------


def test_nested_children_become_nodes_in_document_order() -> None:
    definition = build(["a", {"name": "b", "initial": "d", "children": ["c", {"name": "d", "children": ["e"]}]}])
    assert [n.path for n in definition.nodes] == ["", "a", "b", "b.c", "b.d", "b.d.e"]
    assert [n.kind for n in definition.nodes][2:5] == [NodeKind.COMPOUND, NodeKind.ATOMIC, NodeKind.COMPOUND]
    assert node(definition, "b").initial == (definition.numbers["b.d"],)


def test_a_path_as_a_name_makes_the_states_around_it() -> None:
    assert [n.path for n in build(["a.b", "a.c"]).nodes] == ["", "a", "a.b", "a.c"]


def test_states_is_an_alias_of_children() -> None:
    assert [n.path for n in build([{"name": "a", "states": ["b"]}]).nodes] == ["", "a", "a.b"]


def test_parallel_is_a_list_of_regions() -> None:
    definition = build(
        [{"name": "p", "parallel": ["a", {"name": "b", "children": ["c"]}, {"name": "h", "history": "deep"}]}]
    )
    assert node(definition, "p").kind is NodeKind.PARALLEL
    assert Driver(definition).configuration == ("p.a", "p.b.c")


def test_initial_as_a_list_of_all_children_means_parallel() -> None:
    definition = build([{"name": "p", "initial": ["a", "b"], "children": ["a", "b"]}])
    assert node(definition, "p").kind is NodeKind.PARALLEL


def test_a_machine_is_parallel_when_initial_lists_all_its_states() -> None:
    assert Driver(build(["a", "b"], initial=["a", "b"])).configuration == ("a", "b")


def test_the_first_state_is_initial_unless_one_is_named() -> None:
    assert Driver(build(["a", "b"])).configuration == ("a",)
    assert Driver(build(["a", "b"], initial="b")).configuration == ("b",)
    assert Driver(build(["a", {"name": "b", "children": ["c", "d"]}], initial="b.d")).configuration == ("b.d",)


def test_enums_name_states_sources_targets_and_initial() -> None:
    class Inner(Enum):
        X = 1
        Y = 2

    class Outer(Enum):
        A = 1
        B = Inner

    definition = build(
        Outer,
        [["GO", Outer.A, Inner.Y], {"trigger": "BACK", "source": [Outer.B], "dest": [Outer.A]}],
        initial=Outer.B,
    )
    assert [n.path for n in definition.nodes] == ["", "A", "B", "B.X", "B.Y"]
    assert edges(definition, "A") == [("GO", ("B.Y",))]
    assert edges(definition, "B") == [("BACK", ("A",))]
    assert Driver(definition).configuration == ("B.X",)


def test_enum_targets_in_keywords_are_found_wherever_they_stand() -> None:
    class Light(Enum):
        RED = 1
        GREEN = 2

    definition = build(
        [{"name": Light.RED, "always": Light.GREEN}, {"name": "box", "children": [{"name": Light.GREEN}]}]
    )
    assert edges(definition, "RED") == [("", ("box.GREEN",))]


def test_tags_meta_final_and_output() -> None:
    definition = build(
        [
            {"name": "a", "tags": ["settled", "waiting"], "meta": {"who": "bo"}},
            {"name": "b", "tags": "settled"},
            {"name": "c", "final": True, "output": {"sum": 3}},
        ],
        [["GO", "a", "b"], ["GO", "b", "c"]],
    )
    assert node(definition, "a").tags == {"settled", "waiting"}
    assert node(definition, "a").meta == {"who": "bo"}
    assert node(definition, "b").tags == {"settled"}
    assert node(definition, "c").kind is NodeKind.FINAL
    assert Driver(definition).send("GO").send("GO").snapshot.output == {"sum": 3}


def test_output_may_be_a_function() -> None:
    def total(ctx: dict[str, Any]) -> dict[str, Any]:
        return {"total": ctx["n"] * 2}

    definition = build(["a", {"name": "z", "final": True, "output": total}], [["GO", "a", "z"]])
    assert Driver(definition, n=4).send("GO").snapshot.output == {"total": 8}
    assert definition.table["root"]["children"][1]["output"] == "total"


def test_history_remembers_and_has_a_default() -> None:
    definition = build(
        [
            {"name": "w", "children": ["a", "b", {"name": "h", "history": "shallow", "default": "b"}]},
            {"name": "off", "tags": []},
        ],
        [["NEXT", "w.a", "w.b"], ["OFF", "w", "off"], ["ON", "off", "w.h"]],
        initial="off",
    )
    assert node(definition, "w.h").kind is NodeKind.SHALLOW_HISTORY
    driver = Driver(definition).send("ON")
    assert driver.configuration == ("w.b",)
    deep = build([{"name": "w", "children": ["a", {"name": "h", "history": "deep", "default": ["w.a"]}]}])
    assert node(deep, "w.h").kind is NodeKind.DEEP_HISTORY


def test_entry_and_exit_actions() -> None:
    definition = build(
        [{"name": "a", "on_exit": "note"}, {"name": "b", "on_enter": ["note", "note"]}], [["GO", "a", "b"]]
    )
    assert Driver(definition).send("GO").context["log"] == ["GO", "GO", "GO"]


# Transitions ---------------------------------------------------------------------------------------------------------


def test_transitions_inside_a_state_name_states_inside_it() -> None:
    definition = build(
        [
            {
                "name": "a",
                "children": ["b", "c"],
                "transitions": [["GO", "b", "c"], ["SAME", "*", "="], ["ALL", "*", "b"]],
            }
        ]
    )
    assert edges(definition, "a.b") == [("GO", ("a.c",)), ("SAME", ("a.b",)), ("ALL", ("a.b",))]
    assert edges(definition, "a.c") == [("SAME", ("a.c",)), ("ALL", ("a.b",))]
    assert edges(definition, "a") == []


def test_the_star_leaves_out_final_and_history_states() -> None:
    states = ["a", {"name": "b", "children": ["c", {"name": "h", "history": "deep"}]}, {"name": "z", "final": True}]
    definition = build(states, [["STOP", "*", "z"], ["AGAIN", "*", "="]])
    assert edges(definition, "a") == [("STOP", ("z",)), ("AGAIN", ("a",))]
    assert edges(definition, "b") == [("STOP", ("z",)), ("AGAIN", ("b",))]
    assert edges(definition, "b.c") == [("AGAIN", ("b.c",))]
    assert edges(definition, "z") == []
    assert edges(definition, "b.h") == []


def test_sources_and_targets_may_be_lists() -> None:
    states = [
        "a",
        "b",
        {"name": "p", "parallel": [{"name": "x", "children": ["1", "2"]}, {"name": "y", "children": ["1", "2"]}]},
    ]
    definition = build(states, [["GO", ["a", "b"], ["p.x.2", "p.y.2"]]])
    assert edges(definition, "b") == [("GO", ("p.x.2", "p.y.2"))]
    assert Driver(definition).send("GO").configuration == ("p.x.2", "p.y.2")


def test_a_target_of_none_runs_actions_and_stays() -> None:
    definition = build(["a"], [{"trigger": "NOTE", "source": "a", "dest": None, "actions": "note"}])
    assert edges(definition, "a") == [("NOTE", ())]
    assert Driver(definition).send("NOTE").context["log"] == ["NOTE"]


def test_the_kinds_of_a_transition() -> None:
    words: list[dict[str, Any]] = [{}, {"reenter": True}, {"reenter": False}, {"internal": True}]
    definition = build(
        [{"name": "a", "children": ["b"]}],
        [{"trigger": f"E{index}", "source": "a", "dest": "a.b", **word} for index, word in enumerate(words)],
    )
    kinds = [transition.kind for transition in definition.transitions]
    external, local, internal = TransitionKind.EXTERNAL, TransitionKind.LOCAL, TransitionKind.INTERNAL
    assert kinds == [external, external, local, internal]


def test_conditions_and_unless_become_guards_in_order() -> None:
    definition = build(["a", "b"], [["GO", "a", "b", ["yes", "yes"], "no"]])
    assert [str(guard) for guard in definition.transitions[0].guards] == ["yes", "yes", "not no"]
    assert Driver(definition).send("GO").configuration == ("b",)


def test_before_actions_and_after_stand_around_exits_and_entries() -> None:
    def say(word: str) -> Callable[[Any], None]:
        def action(ctx: Any) -> None:
            ctx.setdefault("log", []).append(word)

        action.__name__ = word
        return action

    definition = build(
        [{"name": "a", "on_exit": say("exit")}, {"name": "b", "on_enter": say("enter")}],
        [
            {
                "trigger": "GO",
                "source": "a",
                "dest": "b",
                "before": say("before"),
                "actions": [say("actions")],
                "after": say("after"),
            }
        ],
    )
    assert Driver(definition).send("GO").context["log"] == ["before", "exit", "actions", "enter", "after"]


def test_triggers_may_be_members_of_an_enum_of_text() -> None:
    class Old(str, Enum):  # noqa: UP042 - as it was written before StrEnum
        GO = "go"

    class New(StrEnum):
        STOP = "stop"

    definition = build(["a", "b"], [[Old.GO, "a", "b"], [New.STOP, "b", "a"]])
    assert definition.event_types == {"go", "stop"}


@pytest.mark.parametrize("trigger", ["", "always"])
def test_a_trigger_may_say_that_no_event_is_needed(trigger: str) -> None:
    assert Driver(build(["a", "b"], [[trigger, "a", "b"]])).configuration == ("b",)


def test_transitions_of_one_source_keep_their_order_across_event_types() -> None:
    definition = build(["a", "b", "c"], [["GO", "a", "b", "no"], ["*", "a", "c", "no"], ["GO", "a", "b"]])
    assert [event for event, _ in edges(definition, "a")] == ["GO", "*", "GO"]


def test_what_stands_in_the_state_comes_before_what_stands_inside_and_outside() -> None:
    definition = build(
        [
            {
                "name": "p",
                "children": [{"name": "a", "always": {"dest": "b", "conditions": "no"}}, "b"],
                "transitions": [["", "a", "b"]],
            }
        ],
        [["", "p.a", "p.b"]],
        silenced={"shadowed-transition": "the test is about order"},
    )
    assert [len(definition.transitions[i].guards) for i in node(definition, "p.a").transitions] == [1, 0, 0]


# Keywords ------------------------------------------------------------------------------------------------------------


def test_an_invoke_runs_a_service_and_its_result_is_a_transition() -> None:
    states = [
        {"name": "a", "invoke": {"src": "serve", "on_done": {"dest": "b", "actions": "note"}, "on_error": "c"}},
        "b",
        {"name": "c", "children": ["d"]},
    ]
    definition = build(states)
    assert list(definition.invokes) == ["a"]
    assert (definition.invokes["a"].src, definition.invokes["a"].timeout, definition.invokes["a"].attempts) == (
        "serve",
        3.0,
        3,
    )
    assert edges(definition, "a") == [("done.invoke.a", ("b",)), ("error.invoke.a", ("c",))]
    assert Driver(definition).run_services().configuration == ("b",)
    assert Driver(definition).fail().configuration == ("c.d",)


@pytest.mark.parametrize(("written", "seconds"), [(2, 2.0), (0.5, 0.5), ("250ms", 0.25), ("2s", 2.0), ("1.5m", 90.0)])
def test_the_timeout_of_an_invoke(written: Any, seconds: float) -> None:
    definition = build(
        [{"name": "a", "invoke": {"src": "serve", "timeout": written, "attempts": 7, "id": "x", "on_error": "a"}}]
    )
    assert definition.invokes["x"].timeout == seconds
    assert definition.invokes["x"].attempts == 7


def invoked(**words: Any) -> InvokeSpec:
    """The only invoke of a chart, written in these words."""
    written = {"on_error": "a", **({} if "machine" in words else {"src": "serve"}), **words}
    (spec,) = build([{"name": "a", "invoke": written}]).invokes.values()
    return spec


def test_a_service_runs_inline_unless_it_says_otherwise() -> None:
    assert invoked() == invoked(mode="inline")
    assert (invoked().inline, invoked().background) == (True, False)
    assert (invoked(machine="other").inline, invoked(machine="other").background) == (False, False)


@pytest.mark.parametrize("mode", ["background", InvokeMode.BACKGROUND])
def test_a_service_in_the_background_has_more_time(mode: str) -> None:
    spec = invoked(mode=mode)
    assert (spec.inline, spec.background) == (False, True)
    assert (spec.timeout, spec.attempts, spec.deadline) == (60.0, 3, 900.0)
    assert (spec.backoff, spec.max_backoff, spec.final_errors) == (1.0, 300.0, ())
    assert spec.delivery is Delivery.AT_LEAST_ONCE


def test_how_a_service_in_the_background_is_tried_again() -> None:
    spec = invoked(
        mode="background",
        attempts=5,
        timeout="10m",
        backoff=timedelta(seconds=2),
        max_backoff="1h",
        final_errors=[ValueError, KeyError],
        delivery="at_least_once",
        deadline="2d",
    )
    assert (spec.attempts, spec.timeout, spec.backoff, spec.max_backoff) == (5, 600.0, 2.0, 3600.0)
    assert (spec.final_errors, spec.deadline) == ((ValueError, KeyError), 2 * 86400.0)


@pytest.mark.parametrize(
    ("written", "pauses"),
    [
        ({"backoff": "10m"}, (600.0, 600.0)),
        ({"backoff": "5s"}, (5.0, 300.0)),
        ({"max_backoff": "500ms"}, (0.5, 0.5)),
        ({"max_backoff": "1h"}, (1.0, 3600.0)),
    ],
)
def test_one_of_two_pauses_is_enough(written: Any, pauses: tuple[float, float]) -> None:
    spec = invoked(mode="background", **written)
    assert (spec.backoff, spec.max_backoff) == pauses


def test_a_service_that_may_be_begun_once_has_one_attempt() -> None:
    spec = invoked(mode="background", delivery="at_most_once")
    assert (spec.delivery, spec.attempts) == (Delivery.AT_MOST_ONCE, 1)
    assert invoked(mode="background", delivery=Delivery.AT_MOST_ONCE, attempts=1) == spec


@pytest.mark.parametrize("errors", [ValueError, [ValueError], (ValueError,)])
def test_an_inline_service_may_fail_for_good_too(errors: Any) -> None:
    assert invoked(final_errors=errors).final_errors == (ValueError,)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(None, None), ("30d", 30 * 86400.0), ("P30D", 30 * 86400.0), (timedelta(days=1), 86400.0), (5, 5.0), (0, 0.0)],
)
def test_how_long_an_ended_instance_is_kept(written: Any, seconds: float | None) -> None:
    assert build(["a"], retention=written).retention == seconds
    assert build(["a"], retention=written).hash == build(["a"]).hash


def test_several_invokes_of_a_state_are_numbered() -> None:
    definition = build(
        [
            {"name": "a", "invoke": ["serve", Implementation.serve, {"src": "serve", "id": "third", "on_done": ["b"]}]},
            "b",
        ]
    )
    assert list(definition.invokes) == ["a.0", "a.1", "third"]
    assert edges(definition, "a") == [("done.invoke.third", ("b",))]


def test_the_end_of_a_state_is_a_transition() -> None:
    box = {"name": "box", "on_done": "b", "children": [{"name": "a", "always": "z"}, {"name": "z", "final": True}]}
    definition = build([{"name": "outer", "children": [box, "b"]}])
    assert edges(definition, "outer.box") == [("done.state.outer.box", ("outer.b",))]
    assert edges(definition, "outer.box.a") == [("", ("outer.box.z",))]
    assert Driver(definition).configuration == ("outer.b",)


def test_keywords_mean_a_sibling_first_and_a_path_from_the_root_next() -> None:
    definition = build(
        [
            {"name": "outer", "children": [{"name": "a", "always": [{"dest": "z", "conditions": "no"}, "far.z"]}, "z"]},
            {"name": "far", "children": ["z"]},
            "z",
        ]
    )
    assert edges(definition, "outer.a") == [("", ("outer.z",)), ("", ("far.z",))]


def test_a_keyword_transition_may_stay() -> None:
    definition = build([{"name": "a", "invoke": {"src": "serve", "on_done": {"actions": "note"}}}])
    assert Driver(definition).run_services().context["log"] == ["done.invoke.a"]


class Hm:
    @staticmethod
    def hm(ctx: Any) -> bool:
        return bool(ctx)


# Reuse ---------------------------------------------------------------------------------------------------------------


def make_inner() -> Statechart:
    class Data(BaseModel):
        n: int

    return Statechart(
        id="inner",
        implementation=Implementation,
        events={"N": Data},
        states=["one", {"name": "two", "always": {"dest": "end", "conditions": "yes", "actions": "note"}}, "end"],
        transitions=[["N", "one", "two"], {"trigger": "M", "source": "two", "dest": "end", "actions": "note"}],
        initial="one",
    )


def test_a_chart_can_stand_inside_another_more_than_once() -> None:
    inner = make_inner()
    definition = Statechart(
        id="outer",
        states=[
            {"name": "a", "children": inner, "transitions": [["N", "two", "one"]]},
            {"name": "b", "children": [inner, "more"]},
        ],
        transitions=[["GO", "a", "b.two"]],
    ).definition
    assert edges(definition, "a.one") == [("N", ("a.two",))]
    assert edges(definition, "a.two") == [("", ("a.end",)), ("M", ("a.end",)), ("N", ("a.one",))]
    assert edges(definition, "b.two") == [("", ("b.end",)), ("M", ("b.end",))]
    assert "N" in definition.events
    assert edges(inner.definition, "two") == [("", ("end",)), ("M", ("end",))]


def test_charts_and_states_side_by_side_may_take_the_same_events() -> None:
    other = Statechart(
        id="other", states=["q", "r"], transitions=[["N", "q", "r"], ["", "r", "q", "hm"]], implementation=Hm
    )
    first = {"name": "x", "always": {"dest": "q", "conditions": "hm"}}
    definition = Statechart(
        id="outer", implementation=Hm, states=[{"name": "a", "children": [first, make_inner(), other]}]
    )
    assert edges(definition.definition, "a.x") == [("", ("a.q",))]
    assert edges(definition.definition, "a.one") == [("N", ("a.two",))]
    assert edges(definition.definition, "a.q") == [("N", ("a.r",))]
    assert edges(definition.definition, "a.r") == [("", ("a.q",))]
    assert edges(other.definition, "q") == [("N", ("r",))]


def test_the_states_of_a_chart_can_be_taken_over_as_they_are() -> None:
    definition = Statechart(id="outer", states=[make_inner(), "more"], transitions=[["GO", "end", "more"]]).definition
    assert [n.path for n in definition.nodes] == ["", "one", "two", "end", "more"]
    assert edges(definition, "two") == [("", ("end",)), ("M", ("end",))]
    assert node(definition, "").initial == (definition.numbers["one"],)


def test_remap_drops_states_beside_the_chart_too_as_transitions_does() -> None:
    box = {"name": "a", "children": [make_inner(), {"name": "end"}], "remap": {"end": "over"}}
    definition = Statechart(id="outer", states=[box, "over"]).definition
    assert "a.end" not in definition.numbers


def test_remap_leads_out_of_a_reused_chart_and_keeps_actions() -> None:
    definition = Statechart(
        id="outer", states=[{"name": "a", "children": make_inner(), "remap": {"end": "over"}}, "over"]
    ).definition
    assert [n.path for n in definition.nodes] == ["", "a", "a.one", "a.two", "over"]
    assert edges(definition, "a.two") == [("", ("over",)), ("M", ("over",))]
    assert Driver(definition).send("N", n=1).context["log"] == ["N"]


def test_a_reused_chart_finds_its_own_names_and_its_own_root() -> None:
    class Other:
        @staticmethod
        def note(ctx: Any) -> None:
            ctx["other"] = True

    chart = Statechart(
        id="outer",
        implementation=Other,
        states=[{"name": "a", "children": make_inner()}, {"name": "end", "on_enter": "note"}],
    )
    assert edges(chart.definition, "a.two")[0] == ("", ("a.end",))
    assert any("shadowed-name at 'a.two'" in str(warning) for warning in chart.definition.warnings)
    assert Driver(chart.definition).send("N", n=1).context == {"other": True}


# Functions -----------------------------------------------------------------------------------------------------------


def test_functions_take_as_many_arguments_as_they_want() -> None:
    seen: list[str] = []

    def guard_of_one(ctx: Any) -> bool:
        return bool(ctx["ok"])

    def guard_of_two(_ctx: Any, event: Event) -> bool:
        return event.type == "GO"

    def action_of_one(_ctx: Any) -> None:
        seen.append("one")

    def action_of_two(_ctx: Any, event: Event) -> None:
        seen.append(event.type)

    def action_of_three(_ctx: Any, _event: Event, do: Actions) -> None:
        do.raise_("INNER")

    def any_arguments(*arguments: Any) -> None:
        seen.append(str(len(arguments)))

    def with_default(_ctx: Any, event: Event | None = None) -> None:
        seen.append(event.type if event else "none")

    actions = [action_of_one, action_of_two, action_of_three, any_arguments, with_default]
    definition = build(
        ["a", {"name": "b", "invoke": lambda: {"from": "nothing"}}, {"name": "c", "final": True}],
        [
            {
                "trigger": "GO",
                "source": "a",
                "dest": "b",
                "conditions": [guard_of_one, guard_of_two],
                "actions": actions,
            },
            ["done.invoke.b", "b", "c"],
        ],
    )
    assert Driver(definition, ok=True).send("GO").run_services().configuration == ("c",)
    assert seen == ["one", "GO", "3", "GO"]


def test_names_resolve_on_an_instance_and_on_a_module() -> None:
    class Limits:
        def __init__(self, most: int) -> None:
            self.most = most

        def below(self, ctx: Any) -> bool:
            return bool(ctx["n"] < self.most)

    definition = build(["a", "b"], [["GO", "a", "b", "below"]], implementation=Limits(5))
    assert Driver(definition, n=4).send("GO").configuration == ("b",)
    refused = Driver(definition, n=5).send("GO")
    assert (refused.configuration, refused.refused_by) == (("a",), ("below",))

    module = ModuleType("rules")
    module.__dict__["below"] = lambda ctx: ctx["n"] < 9
    assert Driver(build(["a", "b"], [["GO", "a", "b", "below"]], implementation=module), n=8).send(
        "GO"
    ).configuration == ("b",)


def test_a_function_is_known_by_its_name() -> None:
    by_reference = build(["a", "b"], [["GO", "a", "b", Implementation.yes]])
    by_name = build(["a", "b"], [["GO", "a", "b", "yes"]])
    assert by_reference.hash == by_name.hash


@pytest.mark.parametrize("function", [lambda _ctx: True, partial(Implementation.no, _event=Event(type="X"))])
def test_a_function_without_a_name_is_a_warning(function: Any) -> None:
    warnings = build(["a", "b"], [["GO", "a", "b", function]]).warnings
    assert [warning.code for warning in warnings] == ["unnamed-function"]
    assert build(["a", "b"], [["GO", "a", "b", function]], silenced={"unnamed-function": "a test"}).warnings == ()


def test_builtins_are_taken_as_they_are() -> None:
    assert Driver(build(["a", "b"], [["GO", "a", "b", None, bool]])).send("GO").configuration == ("b",)


# Context, events, versions -------------------------------------------------------------------------------------------


def test_the_context_model_checks_assignments_and_unknown_fields() -> None:
    class Order(Context):
        n: int = 0

    order = Order()
    with pytest.raises(ValueError, match="valid integer"):
        order.n = "many"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="Extra inputs"):
        Order(m=1)  # type: ignore[call-arg]


def test_actions_get_the_context_as_its_model() -> None:
    class Order(Context):
        n: int = 0

    def count(ctx: Order) -> None:
        ctx.n += 1

    definition = build([{"name": "a", "on_enter": count}], context=Order)
    assert Driver(definition, n=2).context == {"n": 3}


def test_event_models_reach_guards_and_actions() -> None:
    class Pay(BaseModel):
        amount: int

    def enough(_ctx: Any, event: Event) -> bool:
        return bool(event.data.amount >= 10 and event["amount"] >= 10)

    definition = build(["a", "b"], [["PAY", "a", "b", enough]], events={"PAY": Pay})
    assert Driver(definition).send("PAY", amount="12").configuration == ("b",)


def test_older_versions_stay_known() -> None:
    old = Statechart(id="m", states=["a"])
    new = Statechart(id="m", version=2, states=["a", "b"], transitions=[["GO", "a", "b"]], versions=[old])
    assert new.versions == {2: new.definition, 1: old.definition}
    assert repr(new) == "<Statechart m version 2>"


def test_create_on_event_is_carried() -> None:
    assert build(["a"]).create_on_event
    assert not build(["a"], create_on_event=False).create_on_event


# The package ---------------------------------------------------------------------------------------------------------


def test_the_core_is_imported_without_the_front_end() -> None:
    code = (
        "import sys, settle, settle.core.interpreter; print('transitions' in sys.modules, 'Statechart' in dir(settle))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "True"]


def test_the_package_knows_its_names() -> None:
    assert all(getattr(settle, name) for name in settle.__all__)
    assert set(settle.__all__) <= set(dir(settle))
    with pytest.raises(AttributeError, match="'settle' has no attribute 'Nothing'"):
        _ = settle.Nothing


def test_an_implementation_may_be_a_dict_whose_names_are_no_identifiers() -> None:
    chart = Statechart(
        id="m",
        implementation={"Mode: First": lambda ctx: ctx.update(ok=True)},
        states=["a"],
        transitions=[{"trigger": "GO", "source": "a", "dest": None, "actions": "Mode: First"}],
    )
    assert Driver(chart.definition).send("GO").context == {"ok": True}


def test_states_that_lie_too_deep_are_refused_through_every_door() -> None:
    ours: dict[str, Any] = {"name": "x"}
    theirs: dict[str, Any] = {}
    for _ in range(450):
        ours = {"name": "x", "children": [ours]}
        theirs = {"initial": "x", "states": {"x": theirs}}
    with pytest.raises(DefinitionError, match="too-deep"):
        Statechart(id="m", states=[ours])
    with pytest.raises(DefinitionError, match="too-deep"):
        Statechart.from_xstate(theirs, id="m")
