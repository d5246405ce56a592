"""Conditions: combined, with parameters, and about what is active."""

from typing import Any

import pytest

from settle import Active, Event, Statechart, and_, in_state, not_, or_, start, step
from settle.core.errors import DefinitionError, UserCodeError


class Guards:
    @staticmethod
    def yes(_ctx: Any) -> bool:
        return True

    @staticmethod
    def no(_ctx: Any) -> bool:
        return False

    @staticmethod
    def at_least(ctx: Any, *, amount: int) -> bool:
        return bool(ctx["total"] >= amount)

    @staticmethod
    def same(_ctx: Any, event: Event, name: str) -> bool:
        return bool(event["name"] == name)


def gate(*conditions: Any, **more: Any) -> Statechart:
    return Statechart(
        id="m",
        implementation=Guards,
        states=["a", "b"],
        transitions=[{"trigger": "GO", "source": "a", "dest": "b", "conditions": list(conditions), **more}],
    )


def opens(chart: Statechart, data: Any = None, **context: Any) -> bool:
    first = start(chart.definition, input=context).snapshot
    return step(chart.definition, first, Event(type="GO", data=data or {})).taken


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (and_("yes", "yes"), True),
        (and_("yes", "no"), False),
        (or_("no", "yes"), True),
        (or_("no", "no"), False),
        (not_("no"), True),
        (not_(and_("yes", or_("no", not_("yes")))), True),
        ({"and": ["yes", {"not": "no"}]}, True),
        (Guards.yes, True),
    ],
)
def test_conditions_combine(condition: Any, *, holds: bool) -> None:
    assert opens(gate(condition)) is holds


def test_unless_takes_them_too() -> None:
    assert not opens(gate(unless=or_("no", "yes")))
    assert opens(gate(unless=and_("no", "yes")))


def test_conditions_stop_asking_when_the_answer_is_known() -> None:
    def broken(_ctx: Any) -> bool:
        raise AssertionError

    assert opens(gate(or_("yes", broken)))
    assert not opens(gate(and_("no", broken)))


def test_a_guard_may_have_parameters() -> None:
    chart = gate({"type": "at_least", "params": {"amount": 10}})
    assert opens(chart, total=10)
    assert not opens(chart, total=9)
    assert opens(gate({"type": "same", "params": {"name": "ada"}}), {"name": "ada"})


def test_parameters_belong_to_the_definition() -> None:
    ten, nine = (gate({"type": "at_least", "params": {"amount": amount}}).definition for amount in (10, 9))
    assert ten.hash != nine.hash
    (transition,) = ten.table["root"]["children"][0]["transitions"]
    assert transition["guards"] == [{"type": "at_least", "params": {"amount": 10}}]


def test_the_condition_that_does_not_hold_is_named() -> None:
    chart = gate(or_("no", {"type": "at_least", "params": {"amount": 10}}))
    first = start(chart.definition, input={"total": 1}).snapshot
    assert step(chart.definition, first, Event(type="GO")).refused_by == ("no or at_least(amount=10)",)


REGIONS = [
    {
        "name": "both",
        "parallel": [
            {"name": "left", "children": ["a", "b"]},
            {"name": "right", "children": ["x", "y"]},
        ],
    }
]


def in_regions(condition: Any) -> Statechart:
    return Statechart(
        id="m",
        states=REGIONS,
        transitions=[
            {"trigger": "GO", "source": "both.left.a", "dest": "both.left.b"},
            {"trigger": "GO", "source": "both.right.x", "dest": "both.right.y", "conditions": condition},
        ],
    )


def went(chart: Statechart) -> tuple[str, ...]:
    return step(chart.definition, start(chart.definition).snapshot, Event(type="GO")).snapshot.configuration


@pytest.mark.parametrize("state", ["both.left.a", "both", "both.right.x"])
def test_in_state_asks_the_configuration_that_the_event_met(state: str) -> None:
    """The other region moves in the same microstep, and is not seen to have moved."""
    assert went(in_regions(in_state(state))) == ("both.left.b", "both.right.y")


def test_a_guard_may_ask_for_itself() -> None:
    def alone(_ctx: Any, _event: Event, active: Active) -> bool:
        return active.in_state("both.left.a") and not active.in_state("both.left.b")

    assert went(in_regions(alone)) == ("both.left.b", "both.right.y")


def test_an_action_sees_nodes_come_and_go() -> None:
    seen: list[tuple[str, bool, bool]] = []

    def look(name: str) -> Any:
        def act(_ctx: Any, _event: Event, do: Any) -> None:
            seen.append((name, do.in_state("a"), do.in_state("b")))

        act.__name__ = name
        return act

    chart = Statechart(
        id="m",
        states=[{"name": "a", "on_exit": look("exit")}, {"name": "b", "on_enter": look("enter")}],
        transitions=[
            {
                "trigger": "GO",
                "source": "a",
                "dest": "b",
                "before": look("before"),
                "actions": look("actions"),
                "after": look("after"),
            }
        ],
    )
    step(chart.definition, start(chart.definition).snapshot, Event(type="GO"))
    assert seen == [
        ("before", True, False),
        ("exit", True, False),
        ("actions", False, False),
        ("enter", False, True),
        ("after", False, True),
    ]


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        (in_state("nowhere"), "unknown-target"),
        ({"xor": ["yes", "no"]}, "bad-condition"),
        ({"and": []}, "bad-condition"),
        ({"type": "at_least", "params": [1]}, "bad-params"),
        ({"type": "at_least", "params": {"amount": object()}}, "bad-params"),
        ({"type": "at_least", "params": {"sum": 1}}, "bad-signature"),
        ({"type": "nope"}, "unknown-name"),
    ],
)
def test_a_condition_that_is_none_is_a_mistake(condition: Any, code: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        gate(condition)
    assert code in {finding.code for finding in caught.value.findings}


def test_parameters_are_the_same_for_every_call() -> None:
    def grow(ctx: Any, *, items: list[int]) -> bool:
        items.append(1)
        ctx["seen"] = len(items)
        return True

    chart = Statechart(
        id="m",
        implementation={"grow": grow},
        states=["a"],
        transitions=[
            {
                "trigger": "GO",
                "source": "a",
                "dest": None,
                "conditions": {"type": "grow", "params": {"items": []}},
                "actions": {"type": "grow", "params": {"items": []}},
            }
        ],
    )
    snapshot = start(chart.definition).snapshot
    for _ in range(3):
        snapshot = step(chart.definition, snapshot, Event(type="GO")).snapshot
        assert snapshot.context == {"seen": 1}
    assert chart.definition.table["root"]["children"][0]["transitions"][0]["guards"][0]["params"] == {"items": []}


def test_a_guard_whose_answer_is_neither_true_nor_false_is_at_fault() -> None:
    class Unclear:
        def __bool__(self) -> bool:
            raise ValueError("ambiguous")

    with pytest.raises(UserCodeError, match="ambiguous"):
        opens(gate(lambda _ctx: Unclear()))


def test_a_guard_that_would_have_to_be_waited_for_is_at_fault() -> None:
    async def later() -> bool:
        return True

    waiting = later()
    with pytest.raises(UserCodeError, match="a guard never waits"):
        opens(gate(lambda _ctx: waiting))
    waiting.close()


def test_an_exception_that_cannot_tell_its_text_is_told_all_the_same() -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise ValueError

    def fail(_ctx: Any) -> bool:
        raise MuteError

    with pytest.raises(UserCodeError, match=r"raised MuteError: \(its text cannot be had: ValueError"):
        opens(gate(fail))
