"""The machine itself is a node: it may have actions, transitions, a timeout, services and an output."""

from typing import Any

import pytest

from settle import DefinitionError, Event, EventKind, Statechart, start, step, stop
from settle.core.effects import CancelTimer, SetTimer, StartChild, StartService, StopChild, StopService
from settle.core.snapshot import Status
from tests.support.semantics import note, see


def test_entry_actions_of_the_machine_run_first_and_exit_actions_last() -> None:
    chart = Statechart(
        id="m",
        on_enter=note("+m"),
        on_exit=note("-m"),
        states=[{"name": "a", "on_enter": note("+a")}, {"name": "z", "final": True, "on_exit": note("-z")}],
        transitions=[["GO", "a", "z"]],
    )
    assert see(chart, "GO") == (["z"], ["+m", "+a", "-z", "-m"])


def test_always_and_timeout_of_the_machine() -> None:
    chart = Statechart(
        id="m",
        timeout="30d",
        on_timeout="expired",
        always={"dest": "full", "conditions": lambda ctx: ctx.get("n", 0) > 1},
        states=["open", "full", "expired"],
        transitions=[
            {
                "trigger": "ADD",
                "source": "open",
                "dest": None,
                "actions": lambda ctx: ctx.update(n=ctx.get("n", 0) + 1),
            }
        ],
    )
    begun = start(chart.definition)
    assert begun.effects == (SetTimer(timer="@30d#1", due=2_592_000.0),)
    with pytest.raises(Exception, match="took 1000 microsteps"):  # it is asked again in every state
        see(chart, "ADD", "ADD")
    expired = step(chart.definition, begun.snapshot, Event(kind=EventKind.TIMER, key="@30d#1"))
    assert expired.snapshot.configuration == ("expired",)


def test_the_output_of_the_machine_takes_the_place_of_that_of_its_final_node() -> None:
    def total(ctx: Any) -> Any:
        return {"sum": ctx["n"]}

    chart = Statechart(
        id="m",
        output=total,
        states=["a", {"name": "z", "final": True, "output": 1, "on_exit": lambda ctx: ctx.update(n=ctx["n"] + 1)}],
        transitions=[["GO", "a", "z"]],
    )
    done = step(chart.definition, start(chart.definition, input={"n": 1}).snapshot, Event(type="GO")).snapshot
    assert (done.status, done.output) == (Status.DONE, {"sum": 2})


def test_a_parallel_machine_may_have_an_output() -> None:
    chart = Statechart(
        id="m",
        output={"ok": True},
        initial=["l", "r"],
        states=[
            {"name": "l", "children": [{"name": "z", "final": True}]},
            {"name": "r", "children": ["x", {"name": "z", "final": True}]},
        ],
        transitions=[["GO", "r.x", "r.z"]],
    )
    assert step(chart.definition, start(chart.definition).snapshot, Event(type="GO")).snapshot.output == {"ok": True}


def test_a_service_of_the_machine_runs_until_it_ends() -> None:
    chart = Statechart(
        id="m",
        invoke={"src": lambda: None, "on_done": {"dest": None, "actions": note("done")}, "on_error": "a"},
        states=["a", {"name": "z", "final": True}],
        transitions=[["GO", "a", "z"]],
    )
    begun = start(chart.definition)
    assert begun.effects == (StartService(invoke="machine#1"),)
    assert step(chart.definition, begun.snapshot, Event(type="GO")).effects == (StopService(invoke="machine#1"),)


def test_a_dict_as_context_is_what_an_instance_begins_with() -> None:
    chart = Statechart(id="m", context={"n": 1, "list": []}, states=["a"])
    assert start(chart.definition).snapshot.context == {"n": 1, "list": []}
    assert start(chart.definition, input={"n": 2}).snapshot.context == {"n": 2, "list": []}


# Children and what they are given --------------------------------------------------------------------------------


PARENT = Statechart(
    id="parent",
    states=[
        "idle",
        {
            "name": "paying",
            "timeout": "1h",
            "on_timeout": "idle",
            "invoke": {
                "machine": "payment",
                "id": "pay",
                "input": lambda ctx, event: {"total": ctx["total"], "by": event["by"]},
                "on_done": "paid",
                "on_error": "idle",
            },
        },
        "paid",
    ],
    transitions=[["PAY", "idle", "paying"], ["STOP", "paying", "idle"]],
)


def test_a_child_is_started_with_its_input_and_stopped_with_its_node() -> None:
    first = start(PARENT.definition, input={"total": 5}).snapshot
    paying = step(PARENT.definition, first, Event(type="PAY", data={"by": "ada"}))
    assert paying.effects == (SetTimer(timer="paying@1h#1", due=3600.0), StartChild(invoke="pay#2"))
    (live,) = paying.snapshot.invokes
    assert (live.src, live.node, live.input) == ("payment", "paying", {"total": 5, "by": "ada"})
    left = step(PARENT.definition, paying.snapshot, Event(type="STOP"))
    assert left.effects == (CancelTimer(timer="paying@1h#1"), StopChild(invoke="pay#2"))


def test_the_result_of_a_child_is_that_of_an_invoke() -> None:
    first = start(PARENT.definition, input={"total": 5}).snapshot
    paying = step(PARENT.definition, first, Event(type="PAY", data={"by": "ada"})).snapshot
    result = Event(type="done.invoke.pay", kind=EventKind.RESULT, key="pay#2")
    assert step(PARENT.definition, paying, result).snapshot.configuration == ("paid",)


def test_a_machine_can_be_stopped_from_outside() -> None:
    chart = Statechart(
        id="m",
        on_exit=note("-m"),
        states=[
            {
                "name": "a",
                "on_exit": note("-a"),
                "timeout": 1,
                "on_timeout": "a",
                "invoke": {"src": lambda: None, "on_error": "a"},
            }
        ],
    )
    see(chart)
    begun = start(chart.definition).snapshot
    stopped = stop(chart.definition, begun)
    assert stopped.snapshot.status is Status.STOPPED
    assert stopped.snapshot.configuration == ("a",)
    assert set(stopped.effects) == {StopService(invoke="a#2"), CancelTimer(timer="a@1s#1")}
    assert (stopped.snapshot.invokes, stopped.snapshot.timers) == ((), ())
    assert not step(chart.definition, stopped.snapshot, Event(type="GO")).taken
    assert stop(chart.definition, stopped.snapshot).snapshot == stopped.snapshot


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"selection": "best"}, "bad-selection"),
        ({"errors": "ignore"}, "bad-errors"),
        ({"initial": {"actions": "x"}}, "bad-initial"),
        ({"initial": {"dest": "nowhere"}}, "bad-initial"),
        ({"description": 5}, "bad-description"),
        ({"output": object()}, "bad-output"),
        ({"invoke": {"machine": "x", "src": "y"}}, "bad-invoke"),
        ({"invoke": {"src": "y", "input": object()}}, "bad-input"),
        ({"on_enter": {"type": 5}}, "bad-action"),
    ],
)
def test_a_word_that_is_wrong_is_a_mistake(words: dict[str, Any], code: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        Statechart(id="m", states=["a"], **words)
    assert code in {finding.code for finding in caught.value.findings}


def test_a_chart_with_words_of_its_own_cannot_stand_inside_another() -> None:
    inner = Statechart(id="inner", on_enter=note("x"), states=["a"])
    with pytest.raises(DefinitionError, match="has words of its own"):
        Statechart(id="m", states=[{"name": "p", "children": inner}])
