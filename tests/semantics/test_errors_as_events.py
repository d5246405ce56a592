"""The error policy `event`: an exception of user code becomes `error.execution`."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from settle import Actions, Event, Statechart, start, step
from settle.core.definition import Definition
from settle.core.errors import ContextInvalidError, MicrostepLimitError, UserCodeError
from settle.core.macrostep import Macrostep
from tests.support.semantics import note, see


def fail(*_: object) -> None:
    raise RuntimeError("no luck")


def caught(*, on_enter: object = (), on_exit: object = (), **transition: Any) -> Statechart:
    return Statechart(
        id="m",
        errors="event",
        states=[
            {"name": "a", "on_exit": on_exit},
            {"name": "b", "on_enter": on_enter},
            {"name": "failed", "on_enter": note("failed")},
        ],
        transitions=[
            {"trigger": "GO", "source": "a", "dest": "b", **transition},
            {"trigger": "error.execution", "source": ["a", "b"], "dest": "failed"},
        ],
    )


def go(chart: Statechart) -> Macrostep:
    return step(chart.definition, start(chart.definition).snapshot, Event(type="GO"))


@pytest.mark.parametrize("slot", ["before", "actions", "after"])
def test_the_rest_of_the_list_is_left_out_and_the_microstep_goes_on(slot: str) -> None:
    chart = caught(on_exit=note("exit"), on_enter=note("enter"), **{slot: [note("one"), fail, note("two")]})
    leaves, heard = see(chart, "GO")
    assert leaves == ["failed"]
    assert "two" not in heard
    assert [word for word in heard if word != "one"] == ["exit", "enter", "failed"]


def test_lists_of_other_nodes_are_lists_of_their_own() -> None:
    assert see(caught(on_exit=[fail, note("exit")], on_enter=note("enter")), "GO") == (["failed"], ["enter", "failed"])


def test_a_guard_that_raises_does_not_hold() -> None:
    went = go(caught(conditions=fail))
    assert went.snapshot.configuration == ("failed",)
    assert [step.event for step in went.microsteps] == ["error.execution"]


def test_the_errors_are_told() -> None:
    went = go(caught(actions=fail))
    (error,) = went.errors
    assert str(error) == "action 'fail' of 'a' raised RuntimeError: no luck"
    assert isinstance(error.__cause__, RuntimeError)


def test_the_event_says_what_happened() -> None:
    told: list[Any] = []
    chart = Statechart(
        id="m",
        errors="event",
        states=["a"],
        transitions=[
            {"trigger": "GO", "source": "a", "dest": None, "actions": fail},
            {"trigger": "error.execution", "source": "a", "dest": None, "actions": lambda _c, e: told.append(e.data)},
        ],
    )
    go(chart)
    assert told == [
        {
            "message": "action 'fail' of 'a' raised RuntimeError: no luck",
            "role": "action",
            "name": "fail",
            "node": "a",
        }
    ]


def test_what_was_assigned_and_raised_before_the_error_stays() -> None:
    def assign_and_fail(ctx: Any, _event: Event, do: Actions) -> None:
        ctx["n"] = 1
        do.raise_("RAISED")
        raise RuntimeError

    chart = Statechart(
        id="m",
        errors="event",
        states=["a", "b"],
        transitions=[
            {"trigger": "GO", "source": "a", "dest": None, "actions": assign_and_fail},
            {"trigger": "RAISED", "source": "a", "dest": "b"},
        ],
    )
    went = go(chart)
    assert (went.snapshot.context, went.snapshot.configuration) == ({"n": 1}, ("b",))


def test_an_error_that_nothing_takes_is_dropped_but_told() -> None:
    chart = Statechart(id="m", errors="event", states=["a"], transitions=[["GO", "a", None, None, None, None, fail]])
    went = go(chart)
    assert went.taken
    assert len(went.errors) == 1


ROLES: dict[str, Callable[[], Definition]] = {
    "output": lambda: (
        Statechart(
            id="m",
            errors="event",
            states=[
                {"name": "a", "children": ["x", {"name": "z", "final": True, "output": fail}], "on_done": "b"},
                "b",
                "failed",
            ],
            transitions=[
                {"trigger": "GO", "source": "a.x", "dest": "a.z"},
                {"trigger": "error.execution", "source": "a", "dest": "failed"},
            ],
        ).definition
    ),
    "input": lambda: (
        Statechart(
            id="m",
            errors="event",
            states=[
                "a",
                {"name": "b", "invoke": {"src": lambda: None, "input": fail, "on_done": "a", "on_error": "a"}},
                "failed",
            ],
            transitions=[
                {"trigger": "GO", "source": "a", "dest": "b"},
                {"trigger": "error.execution", "source": "b", "dest": "failed"},
            ],
        ).definition
    ),
    "delay": lambda: (
        Statechart(
            id="m",
            errors="event",
            states=["a", {"name": "b", "timeout": fail, "on_timeout": "a"}, "failed"],
            transitions=[
                {"trigger": "GO", "source": "a", "dest": "b"},
                {"trigger": "error.execution", "source": "b", "dest": "failed"},
            ],
        ).definition
    ),
}


@pytest.mark.parametrize("role", ROLES)
def test_every_function_of_a_definition_may_fail(role: str) -> None:
    definition = ROLES[role]()
    went = step(definition, start(definition).snapshot, Event(type="GO"))
    assert went.snapshot.configuration == ("failed",)
    assert [error.role for error in went.errors] == [role]
    assert (went.snapshot.timers, went.snapshot.invokes) == ((), ())


def test_under_the_policy_raise_nothing_is_kept() -> None:
    chart = Statechart(id="m", states=["a"], transitions=[["GO", "a", None, None, None, None, fail]])
    with pytest.raises(UserCodeError, match="no luck"):
        go(chart)


def test_a_context_that_cannot_be_stored_aborts_under_either_policy() -> None:
    def spoil(ctx: Any) -> None:
        ctx["x"] = object()

    with pytest.raises(ContextInvalidError):
        go(caught(actions=spoil))


@pytest.mark.parametrize("trigger", ["always", "*"])
def test_a_guard_that_always_raises_does_not_go_on_for_ever(trigger: str) -> None:
    """Each error is an event, after which the guard is asked again."""
    chart = Statechart(
        id="m",
        errors="event",
        states=["a", "b"],
        transitions=[{"trigger": trigger, "source": "a", "dest": "b", "conditions": fail}],
    )
    with pytest.raises(MicrostepLimitError):
        go(chart)


def test_a_service_that_began_before_an_input_failed_leaves_no_trace() -> None:
    chart = Statechart(
        id="m",
        errors="event",
        states=[
            "idle",
            {
                "name": "p",
                "parallel": [
                    {"name": "one", "invoke": {"src": lambda: None, "on_error": "idle"}},
                    {"name": "two", "invoke": {"src": lambda: None, "input": fail, "on_error": "idle"}},
                ],
            },
            "failed",
        ],
        transitions=[["GO", "idle", "p"], ["error.execution", "p", "failed"]],
    )
    went = go(chart)
    assert (went.snapshot.configuration, went.effects, went.snapshot.invokes) == (("failed",), (), ())


def test_an_event_that_was_raised_before_an_error_is_loaded_like_any_other() -> None:
    class Data(BaseModel):
        n: int

    def raise_and_fail(_ctx: Any, _event: Event, do: Actions) -> None:
        do.raise_("B", {"n": 1})
        raise RuntimeError

    def raise_what_does_not_fit(_ctx: Any, _event: Event, do: Actions) -> None:
        do.raise_("B", {"n": "x"})

    seen: list[object] = []
    for act, expected in ((raise_and_fail, [Data(n=1)]), (raise_what_does_not_fit, [])):
        seen.clear()
        chart = Statechart(
            id="m",
            errors="event",
            events={"B": Data},
            states=["a"],
            transitions=[
                {"trigger": "GO", "source": "a", "dest": None, "actions": act},
                {"trigger": "B", "source": "a", "dest": None, "actions": lambda _ctx, event: seen.append(event.data)},
            ],
        )
        assert len(go(chart).errors) == 1
        assert seen == expected


def test_an_error_event_that_does_not_fit_its_own_model_is_an_error() -> None:
    class Other(BaseModel):
        n: int

    chart = Statechart(
        id="m",
        errors="event",
        events={"error.execution": Other},
        states=["a"],
        transitions=[
            {"trigger": "GO", "source": "a", "dest": None, "actions": fail},
            {"trigger": "error.execution", "source": "a", "dest": None},
        ],
    )
    with pytest.raises(UserCodeError, match="no luck"):
        go(chart)
