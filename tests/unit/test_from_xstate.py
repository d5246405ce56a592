"""What carries over from a machine of XState 5; what each chart does there was looked up by running it."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from settle import Context, DefinitionError, Event, Statechart
from settle.core.conditions import describe_condition
from settle.core.event import EventKind
from settle.core.interpreter import start, step
from settle.core.service import ServiceCall
from settle.core.spec import Delivery, InvokeSpec, NodeKind, Selection, TransitionKind
from tests.support.driver import Driver


def note(name: str) -> Callable[[dict[str, Any]], None]:
    def action(ctx: dict[str, Any]) -> None:
        ctx.setdefault("log", []).append(name)

    action.__name__ = name
    return action


def at_least(ctx: dict[str, Any], _event: Event, *, n: int) -> bool:
    return bool(ctx.get("n", 0) >= n)


def add(ctx: dict[str, Any], _event: Event, *, by: int) -> None:
    ctx["n"] = ctx.get("n", 0) + by


def price(call: ServiceCall) -> dict[str, Any]:
    return {"total": 42, "for": call.invoke}


IMPLEMENTATION = SimpleNamespace(
    **{name: note(name) for name in ("+a", "+b", "+p", "-a", "-p", "+x", "!1", "!2", "start p")},
    yes=lambda _ctx: True,
    no=lambda _ctx: False,
    atLeast=at_least,
    add=add,
    price=price,
    patience=lambda ctx: ctx["patience"],
)


def chart(config: Any, **options: Any) -> Statechart:
    return Statechart.from_xstate(config, **{"implementation": IMPLEMENTATION, **options})


def machine(states: dict[str, Any], **rest: Any) -> Statechart:
    """A machine that begins in its first state, with what is unreachable or unfinished in it left alone."""
    silenced = dict.fromkeys(("unreachable-node", "unhandled-service-error", "unused-silence"), "only a test")
    return chart({"id": "m", "initial": next(iter(states)), "states": states, **rest}, silenced=silenced)


def run(states: dict[str, Any], *events: str, **rest: Any) -> tuple[list[str], list[str]]:
    """Return the active leaves and what was noted after some events."""
    driver = Driver(machine(states, **rest).definition)
    for event in events:
        driver.send(event)
    return list(driver.configuration), list(driver.context.get("log", []))


# The machine as a whole -----------------------------------------------------------------------------------------------


def test_a_machine_is_read_from_an_object_or_from_text() -> None:
    config = {"id": "light", "initial": "red", "states": {"red": {"on": {"NEXT": "green"}}, "green": {}}}
    for written in (config, json.dumps(config)):
        light = chart(written)
        assert (light.id, light.version, light.definition.selection) == ("light", 1, Selection.XSTATE)
        assert Driver(light.definition).send("NEXT").configuration == ("green",)


def test_the_name_and_the_version_can_be_given() -> None:
    config = {"initial": "a", "states": {"a": {"on": {"GO": "#(machine).b"}}, "b": {}}}
    for named in (config, {"id": "(machine)", **config}):
        renamed = chart(named, id="order", version=3)
        assert (renamed.id, renamed.version, renamed.definition.machine) == ("order", 3, "order")
        assert Driver(renamed.definition).send("GO").configuration == ("b",)


def test_a_machine_without_a_name_is_not_built() -> None:
    with pytest.raises(DefinitionError, match="bad-id"):
        chart({"initial": "a", "states": {"a": {}}})


def test_the_context_begins_as_the_file_says() -> None:
    config = {"id": "m", "initial": "a", "context": {"n": 1, "items": [None]}, "states": {"a": {}}}
    assert start(chart(config).definition).snapshot.context == {"n": 1, "items": [None]}
    assert start(chart(config).definition, input={"n": 2}).snapshot.context == {"n": 2, "items": [None]}


def test_the_context_of_the_file_fits_a_model() -> None:
    class Counter(Context):
        n: int = 0
        name: str = "it"

    config = {"id": "m", "initial": "a", "context": {"n": 1}, "states": {"a": {}}}
    assert start(chart(config, context=Counter).definition).snapshot.context == {"n": 1, "name": "it"}


def test_keys_that_are_numbers_come_first_as_in_javascript() -> None:
    definition = machine({"b": {}, "10": {}, "2": {}, "01": {}}, type="parallel", initial=None).definition
    assert [node.path for node in definition.nodes] == ["", "2", "10", "b", "01"]


# States ---------------------------------------------------------------------------------------------------------------


def test_the_kinds_of_states() -> None:
    definition = machine(
        {
            "a": {"initial": "b", "states": {"b": {}, "h": {"history": "deep"}}},
            "p": {
                "type": "parallel",
                "states": {
                    "q": {"type": "atomic"},
                    "h": {"type": "history"},
                    "i": {"type": "history", "history": True},
                },
            },
            "c": {"type": "compound", "initial": "d", "states": {"d": {}}},
            "f": {"type": "final"},
        }
    ).definition
    assert {node.path: node.kind for node in definition.nodes} == {
        "": NodeKind.COMPOUND,
        "a": NodeKind.COMPOUND,
        "a.b": NodeKind.ATOMIC,
        "a.h": NodeKind.DEEP_HISTORY,
        "p": NodeKind.PARALLEL,
        "p.q": NodeKind.ATOMIC,
        "p.h": NodeKind.SHALLOW_HISTORY,
        "p.i": NodeKind.SHALLOW_HISTORY,
        "c": NodeKind.COMPOUND,
        "c.d": NodeKind.ATOMIC,
        "f": NodeKind.FINAL,
    }


def test_tags_meta_and_descriptions_are_kept() -> None:
    definition = machine(
        {"a": {"tags": "x", "meta": {"n": 1}, "description": "first"}, "b": {"tags": ["x", "y"]}},
        on={"GO": {"target": ".a", "description": "back", "meta": {"m": 2}}},
        description="all",
    ).definition
    root, a, b = definition.nodes
    assert (root.description, a.description, a.meta) == ("all", "first", {"n": 1})
    assert (a.tags, b.tags) == (frozenset("x"), frozenset("xy"))
    assert (definition.transitions[0].description, definition.transitions[0].meta) == ("back", {"m": 2})


@pytest.mark.parametrize("initial", ["b", {"target": "b"}, {"target": ["b"], "actions": "start p"}])
def test_an_initial_state_may_have_actions(initial: Any) -> None:
    states = {"p": {"entry": "+p", "initial": initial, "states": {"a": {}, "b": {"entry": "+b"}}}}
    actions = ["start p"] if "actions" in initial else []
    assert run(states) == (["p.b"], ["+p", *actions, "+b"])


def test_entry_and_exit_actions_are_a_name_an_object_or_a_list() -> None:
    states = {"a": {"entry": "+a", "exit": {"type": "-a"}, "on": {"GO": "b"}}, "b": {"entry": ["+b", {"type": "+x"}]}}
    assert run(states, "GO")[1] == ["+a", "-a", "+b", "+x"]


def test_functions_may_stand_where_names_do() -> None:
    done = note("done")
    states = {"a": {"on": {"GO": {"target": "b", "guard": lambda _ctx: True, "actions": done}}}, "b": {}}
    assert run(states, "GO") == (["b"], ["done"])


def test_params_become_keyword_arguments() -> None:
    states = {
        "a": {
            "on": {
                "ADD": {"actions": {"type": "add", "params": {"by": 2}}},
                "GO": {"target": "b", "guard": {"type": "atLeast", "params": {"n": 3}}},
            }
        },
        "b": {},
    }
    driver = Driver(machine(states).definition)
    assert driver.send("ADD").send("GO").configuration == ("a",)
    assert driver.send("ADD").send("GO").configuration == ("b",)


def test_the_output_of_a_final_state_is_data() -> None:
    states = {
        "a": {"initial": "f", "onDone": "b", "states": {"f": {"type": "final", "output": {"n": [1]}}}},
        "b": {"type": "final", "output": "unused"},
    }
    definition = machine(states, output={"ok": True}).definition
    assert definition.nodes[definition.numbers["a.f"]].output == {"n": [1]}
    assert start(definition).snapshot.output == {"ok": True}


# Transitions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["b", {"target": "b"}, [{"target": "b"}], {"target": ["b"]}, ["b"]])
def test_a_transition_is_a_target_an_object_or_a_list(written: Any) -> None:
    assert run({"a": {"on": {"GO": written}}, "b": {}}, "GO")[0] == ["b"]


def test_the_first_transition_whose_guard_holds_is_taken() -> None:
    written = [{"target": "b", "guard": "no"}, {"target": "c", "guard": "yes", "actions": "!1"}, "b"]
    assert run({"a": {"on": {"GO": written}}, "b": {}, "c": {}}, "GO") == (["c"], ["!1"])


@pytest.mark.parametrize("written", [{}, None, "", {"target": ""}, {"target": []}])
def test_a_transition_without_anything_forbids_its_event(written: Any) -> None:
    outer = {"initial": "inner", "on": {"GO": "other"}, "states": {"inner": {"on": {"GO": written}}}}
    assert run({"outer": outer, "other": {}}, "GO")[0] == ["outer.inner"]


def test_a_transition_without_a_target_stays() -> None:
    assert run({"a": {"entry": "+a", "on": {"GO": {"actions": "!1"}}}}, "GO") == (["a"], ["+a", "!1"])


@pytest.mark.parametrize(
    ("reenter", "kind", "noted"),
    [
        (None, TransitionKind.LOCAL, ["+p", "!1"]),
        (False, TransitionKind.LOCAL, ["+p", "!1"]),
        (True, TransitionKind.EXTERNAL, ["+p", "-p", "!1", "+p"]),
    ],
)
def test_a_source_stays_unless_it_is_reentered(reenter: bool | None, kind: TransitionKind, noted: list[str]) -> None:
    written = {"target": ".b", "actions": "!1", "reenter": reenter}
    states = {"p": {"entry": "+p", "exit": "-p", "initial": "a", "on": {"GO": written}, "states": {"a": {}, "b": {}}}}
    assert machine(states).definition.transitions[0].kind is kind
    assert run(states, "GO") == (["p.b"], noted)


def test_eventless_transitions_stand_under_always() -> None:
    states = {"a": {"always": [{"target": "b", "guard": "no"}, {"target": "c", "actions": "!1"}]}, "b": {}, "c": {}}
    assert run(states) == (["c"], ["!1"])


def test_a_machine_has_transitions_and_actions_of_its_own() -> None:
    states = {"a": {}, "b": {"initial": "c", "states": {"c": {}}}}
    rest = {"entry": "+x", "on": {"GO": ".b", "DEEP": ".b.c", "ID": "#m.b", "STAY": {"actions": "!1"}}}
    for event, at in [("GO", "b.c"), ("DEEP", "b.c"), ("ID", "b.c"), ("STAY", "a")]:
        assert run(states, event, **rest)[0] == [at]
    assert run(states, "STAY", **rest)[1] == ["+x", "!1"]


# Targets --------------------------------------------------------------------------------------------------------------

MAP: dict[str, Any] = {
    "a": {"initial": "b", "states": {"b": {}, "c": {"id": "there", "initial": "d", "states": {"d": {}, "e": {}}}}},
    "z": {"id": "last.one"},
    "p": {
        "type": "parallel",
        "states": {
            "q": {"initial": "u", "states": {"u": {}, "v": {}}},
            "r": {"initial": "w", "states": {"w": {}, "x": {}}},
        },
    },
}


@pytest.mark.parametrize(
    ("source", "target", "path"),
    [
        ("a.b", "c", "a.c"),
        ("a.b", "c.e", "a.c.e"),
        ("a.b", "b", "a.b"),
        ("a", ".c", "a.c"),
        ("a", ".c.e", "a.c.e"),
        ("a", "z", "z"),
        ("a", "a.b", "a.b"),
        ("a.c.d", "#there", "a.c"),
        ("z", "#there.e", "a.c.e"),
        ("z", "#m.a.c", "a.c"),
        ("z", "#m", ""),
        ("a", "#last\\.one", "z"),
        ("a", "#m\\.a\\.b", "a.b"),
        ("a", ".", "a"),
        ("", ".a.b", "a.b"),
        ("", "#there", "a.c"),
        ("", ".", ""),
    ],
)
def test_targets_are_written_in_five_ways(source: str, target: str, path: str) -> None:
    config = json.loads(json.dumps({"id": "m", "initial": "a", "states": MAP}))
    at = config
    for key in filter(None, source.split(".")):
        at = at["states"][key]
    at["on"] = {"GO": target}
    definition = chart(config, silenced={"unreachable-node": "only a test"}).definition
    assert [definition.nodes[index].path for index in definition.transitions[0].targets] == [path]


def test_a_transition_may_have_a_target_in_each_region() -> None:
    states = {**MAP, "a": {"on": {"GO": {"target": ["p.q.v", "#m.p.r.x"]}}}}
    assert run(states, "GO")[0] == ["p.q.v", "p.r.x"]


def test_a_target_may_be_a_history_state() -> None:
    states = {
        "a": {"on": {"GO": "p.h"}},
        "p": {
            "initial": {"target": "x", "actions": "start p"},
            "on": {"OUT": "a", "NEXT": ".y"},
            "states": {"x": {"entry": "+x"}, "y": {"entry": "+b"}, "h": {"type": "history"}},
        },
    }
    assert run(states, "GO") == (["p.x"], ["start p", "+x"])
    assert run(states, "GO", "NEXT", "OUT", "GO") == (["p.y"], ["start p", "+x", "+b", "+b"])


@pytest.mark.parametrize("target", ["y", "#why", ["y"], "y.z"])
def test_a_history_state_has_a_default(target: Any) -> None:
    history = {"type": "history", "target": target}
    inner = {"x": {}, "y": {"id": "why", "initial": "z", "states": {"z": {}}}, "h": history}
    states = {"a": {"on": {"GO": "p.h"}}, "p": {"initial": {"target": "x", "actions": "start p"}, "states": inner}}
    assert run(states, "GO") == (["p.y.z"], [])


def test_the_history_of_a_parallel_state_begins_with_all_its_regions() -> None:
    states = {
        "a": {"on": {"GO": "p.h"}},
        "p": {"type": "parallel", "states": {"q": {}, "r": {}, "h": {"history": True}}},
    }
    assert run(states, "GO")[0] == ["p.q", "p.r"]


# Events ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "event"),
    [
        ("GO", "GO"),
        ("pay.failed", "pay.failed"),
        ("*", "*"),
        ("pay.*", "pay.*"),
        ("xstate.done.state.m.a", "done.state.a"),
        ("xstate.done.state.custom", "done.state.b.c"),
        ("done.state.m.a", "done.state.a"),
        ("done.state.b.c", "done.state.b.c"),
        ("xstate.done.actor.load", "done.invoke.load"),
        ("xstate.done.actor.0.m.a", "done.invoke.a"),
        ("done.invoke.load", "done.invoke.load"),
        ("done.invoke.a", "done.invoke.a"),
        ("xstate.error.actor.load", "error.invoke.load"),
        ("error.platform.load", "error.invoke.load"),
        ("error.invoke.load", "error.invoke.load"),
        ("error.execution", "error.execution"),
        ("xstate.done.*", "done.*"),
        ("xstate.done.state.*", "done.state.*"),
        ("xstate.done.actor.*", "done.invoke.*"),
        ("xstate.error.*", "error.*"),
        ("xstate.error.actor.*", "error.invoke.*"),
        ("done.*", "done.*"),
    ],
)
def test_events_that_the_runtime_makes_have_our_names(written: str, event: str) -> None:
    ends = {"initial": "f", "states": {"f": {"type": "final"}}}
    states = {
        "a": {**ends, "invoke": {"src": "price"}},
        "b": {"initial": "c", "invoke": {"src": "price", "id": "load"}, "states": {"c": {**ends, "id": "custom"}}},
    }
    definition = machine(states, on={written: {"actions": "!1"}}).definition
    assert [transition.event for transition in definition.transitions] == [event]


def test_the_most_specific_name_is_asked_first() -> None:
    on = {"*": "other", "pay.*": "group", "pay.ok": [{"target": "exact", "guard": "no"}], "pay": "exact"}
    states = {"a": {"on": on}, "exact": {}, "group": {}, "other": {}}
    assert [run(states, event)[0] for event in ("pay", "pay.x", "X")] == [["exact"], ["group"], ["other"]]


def test_the_end_of_a_state_is_taken_by_on_done() -> None:
    states = {
        "p": {
            "type": "parallel",
            "onDone": {"target": "b", "actions": "!1"},
            "states": {
                name: {"initial": "x", "states": {"x": {"on": {name: "f"}}, "f": {"type": "final"}}} for name in "qr"
            },
        },
        "b": {},
    }
    assert run(states, "q") == (["p.q.f", "p.r.x"], [])
    assert run(states, "q", "r") == (["b"], ["!1"])


# Services -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["price", {"src": "price"}, [{"src": "price"}], {"src": price}])
def test_a_service_is_invoked_by_its_name(written: Any) -> None:
    states = {"a": {"invoke": written, "on": {"xstate.done.actor.0.m.a": "b"}}, "b": {}}
    assert Driver(machine(states).definition).run_services().configuration == ("b",)


def test_the_results_of_a_service_lead_on() -> None:
    invoke = {
        "id": "load",
        "src": "price",
        "input": {"x": [1]},
        "onDone": "b",
        "onError": {"target": "c", "actions": "!1"},
    }
    definition = machine({"a": {"invoke": invoke}, "b": {}, "c": {}}).definition
    begun = Driver(definition)
    assert (begun.snapshot.invokes[0].id, begun.snapshot.invokes[0].input) == ("load", {"x": [1]})
    assert begun.answer().configuration == ("b",)
    assert Driver(definition).fail().configuration == ("c",)


def test_several_services_of_a_state_are_told_apart() -> None:
    invoke = ["price", {"src": "price"}, {"src": "price", "id": "third"}]
    definition = machine({"a": {"invoke": invoke}}, invoke="price").definition
    assert list(definition.invokes) == ["m", "a.0", "a.1", "third"]


def test_an_invoke_takes_the_words_that_only_settle_has() -> None:
    invoke = [{"src": "price", "timeout": "PT10S", "attempts": 5}, {"src": "pay", "machine": "payment"}]
    first, second = machine({"a": {"invoke": invoke}}).definition.invokes.values()
    assert (first.timeout, first.attempts, first.machine) == (10.0, 5, False)
    assert (second.src, second.fn, second.machine) == ("payment", None, True)


def read_invokes(*written: dict[str, Any], **options: Any) -> list[InvokeSpec]:
    config = {"id": "m", "initial": "a", "states": {"a": {"invoke": list(written), "on": {"error.*": "a"}}}}
    return list(chart(config, **options).definition.invokes.values())


def test_services_run_inline_unless_the_file_or_the_caller_says_otherwise() -> None:
    plain, own = {"src": "price"}, {"src": "price", "mode": "inline"}
    other, machine = {"src": "price", "mode": "background"}, {"src": "pay", "machine": "payment"}
    read = read_invokes(plain, own, other, machine)
    assert [spec.background for spec in read] == [False, False, True, False]
    read = read_invokes(plain, own, other, machine, services="background")
    assert [spec.background for spec in read] == [True, False, True, False]
    assert [spec.timeout for spec in read[:3]] == [60.0, 3.0, 60.0]
    assert read[3].machine


def test_the_words_of_a_service_in_the_background_are_those_of_the_python_api() -> None:
    (spec,) = read_invokes(
        {
            "src": "price",
            "mode": "background",
            "timeout": "PT2M",
            "attempts": 5,
            "backoff": "2s",
            "maxBackoff": "1h",
            "delivery": "at_least_once",
            "deadline": "P2D",
        }
    )
    assert (spec.timeout, spec.attempts, spec.backoff, spec.max_backoff) == (120.0, 5, 2.0, 3600.0)
    assert (spec.delivery, spec.deadline) == (Delivery.AT_LEAST_ONCE, 2 * 86400.0)


def test_an_imported_chart_may_be_deleted_after_its_end() -> None:
    assert chart({"id": "m", "initial": "a", "states": {"a": {}}}, retention="30d").definition.retention == 30 * 86400.0


# Delays ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "due"),
    [("1000", 1.0), ("1", 0.001), ("0.5", 0.0005), ("1e3", 1.0), (250, 0.25), ("PT2S", 2.0), ("24h", 86400.0)],
)
def test_a_number_is_milliseconds(key: str | int, due: float) -> None:
    begun = start(machine({"a": {"after": {key: "b"}}, "b": {}}).definition).snapshot
    assert [timer.due for timer in begun.timers] == [pytest.approx(due)]


def test_a_delayed_transition_is_taken_when_its_timer_fires() -> None:
    after = {"1000": [{"target": "b", "guard": "no"}, {"target": "c", "actions": "!1"}], "2000": "b"}
    definition = machine({"a": {"after": after}, "b": {}, "c": {}}).definition
    begun = start(definition).snapshot
    assert [timer.id for timer in begun.timers] == ["a@1s", "a@2s"]
    fired = step(definition, begun, Event(kind=EventKind.TIMER, key=begun.timers[0].key), now=1.0).snapshot
    assert (fired.configuration, fired.timers) == (("c",), ())


def test_a_delay_may_have_a_name() -> None:
    definition = machine({"a": {"after": {"patience": "b"}}, "b": {}}, context={"patience": "1h"}).definition
    assert [timer.due for timer in start(definition).snapshot.timers] == [3600.0]


def test_timers_are_set_in_the_order_of_javascript() -> None:
    after = {"patience": "b", "200": "b", "100": "b"}
    definition = machine({"a": {"after": after}, "b": {}}, context={"patience": 0.1}).definition
    assert [timer.id for timer in start(definition).snapshot.timers] == ["a@100ms", "a@200ms", "a@patience"]


# Guards that combine others -------------------------------------------------------------------------------------------

NO_GUARD = {"not": "no"}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"type": "not", "guard": "no"}, NO_GUARD),
        ({"type": "not", "guards": ["no"]}, NO_GUARD),
        ({"type": "xstate.guard:not", "params": {"guard": {"type": "no"}}}, NO_GUARD),
        ({"type": "and", "guards": ["yes", "no"]}, {"and": ["yes", "no"]}),
        (
            {"type": "xstate.or", "params": {"guards": ["yes", {"type": "not", "guard": "no"}]}},
            {"or": ["yes", NO_GUARD]},
        ),
        ({"type": "stateIn", "stateValue": "#m.p.q"}, {"in": "p.q"}),
        ({"type": "stateIn", "stateValue": "#here"}, {"in": "p"}),
        ({"type": "stateIn", "stateValue": "p.q.u"}, {"in": "p.q.u"}),
        ({"type": "stateIn", "params": {"stateValue": {"p": {}}}}, {"in": "p"}),
        (
            {"type": "stateIn", "stateValue": {"p": {"q": "u", "r": "w"}}},
            {"and": [{"in": "p.q.u"}, {"in": "p.r.w"}]},
        ),
        ({"type": "atLeast", "params": {"n": 1}}, {"type": "atLeast", "params": {"n": 1}}),
    ],
)
def test_guards_may_be_combined(written: Any, read: Any) -> None:
    states = {"a": {}, "p": {**MAP["p"], "id": "here", "on": {"GO": {"target": "a", "guard": written}}}}
    transition = machine(states).definition.transitions[0]
    assert [describe_condition(guard) for guard in transition.guards] == [read]


def test_a_function_may_have_the_name_of_a_combination() -> None:
    implementation = SimpleNamespace(**{"not": lambda _ctx: True, "stateIn": lambda _ctx: False})
    states = {"a": {"on": {"GO": [{"target": "b", "guard": {"type": "stateIn"}}, {"target": "c", "guard": "not"}]}}}
    config = {"id": "m", "initial": "a", "states": {**states, "b": {}, "c": {}}}
    assert Driver(chart(config, implementation=implementation).definition).send("GO").configuration == ("c",)


# Actions that XState has itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        {"type": "xstate.raise", "event": {"type": "NEXT", "n": 1}},
        {"type": "xstate.raise", "params": {"event": {"type": "NEXT"}}},
        {"type": "@xstate.raise", "event": "NEXT"},
    ],
)
def test_a_raised_event_is_handled_in_the_same_macrostep(written: Any) -> None:
    states = {"a": {"entry": written, "on": {"NEXT": "b"}}, "b": {}}
    assert run(states)[0] == ["b"]


@pytest.mark.parametrize(("delay", "due"), [(1500, 1.5), ("PT1M", 60.0), ("patience", 7.0)])
def test_a_raised_event_may_be_delayed_and_cancelled(delay: Any, due: float) -> None:
    later = {"type": "xstate.raise", "event": {"type": "NEXT", "n": 1}, "id": "later", "delay": delay}
    cancel = {"type": "xstate.cancel", "sendId": "later"}
    states = {"a": {"entry": later, "on": {"NEXT": "b", "STOP": {"actions": cancel}}}, "b": {}}
    driver = Driver(machine(states, context={"patience": 7}).definition)
    (timer,) = driver.snapshot.timers
    assert (timer.id, timer.due, timer.type, timer.data) == ("later", due, "NEXT", {"n": 1})
    assert driver.send("STOP").snapshot.timers == ()


@pytest.mark.parametrize(
    ("written", "message", "data"),
    [
        ({"value": "hello"}, "hello", {}),
        ({"params": {"message": "hello"}}, "hello", {}),
        ({"value": "hello", "label": "a"}, "a: hello", {}),
        ({"args": [1, 2], "label": "a"}, "a", {"value": [1, 2]}),
        ({}, "xstate.log", {}),
    ],
)
def test_a_log_line_is_kept(written: Any, message: str, data: Any) -> None:
    states = {"a": {"entry": {"type": "xstate.log", **written}}}
    (line,) = start(machine(states).definition).effects
    assert (line.message, line.data) == (message, data)  # type: ignore[union-attr]


def test_an_option_that_an_imported_machine_does_not_take_is_a_mistake() -> None:
    config: Any = {"id": "m", "initial": "a", "states": {"a": {}}}
    with pytest.raises(DefinitionError, match="unknown-keyword: an imported machine has the unknown keyword `versoin`"):
        Statechart.from_xstate(config, versoin=2)
    with pytest.raises(DefinitionError, match="refused-keyword: an imported machine has `selection`"):
        Statechart.from_xstate(config, selection="scxml")


def test_keys_that_are_no_text_are_findings_too() -> None:
    config: Any = {"id": "m", "initial": "a", "states": {"a": {"on": {"GO": {1: 2}}}}}
    chart = Statechart.from_xstate(config)
    assert any("unknown key `1`" in str(warning) for warning in chart.definition.warnings)
