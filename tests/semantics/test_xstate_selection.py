"""`selection="xstate"`: what XState decides differently, for charts that were drawn for it."""

from typing import Any

import pytest

from settle import Statechart
from tests.support.semantics import note, see

STATES: list[Any] = [
    {
        "name": "both",
        "parallel": [
            {"name": "left", "children": ["a", "b"]},
            {"name": "right", "children": ["x", "y"]},
        ],
    },
    "out",
]


def regions(selection: str) -> Statechart:
    return Statechart(
        id="m",
        selection=selection,
        states=STATES,
        transitions=[
            {"trigger": "GO", "source": "both.left.a", "dest": "both.left.b"},
            {"trigger": "GO", "source": "both", "dest": None, "actions": note("both")},
        ],
    )


def test_a_parallel_node_is_asked_only_when_no_region_has_a_transition() -> None:
    assert see(regions("scxml"), "GO") == (["both.left.b", "both.right.x"], ["both"])
    assert see(regions("xstate"), "GO") == (["both.left.b", "both.right.x"], [])
    assert see(regions("xstate"), "GO", "GO") == (["both.left.b", "both.right.x"], ["both"])


def test_eventless_transitions_are_searched_by_leaf_all_the_same() -> None:
    def once(ctx: dict[str, bool]) -> bool:
        return not ctx.get("seen")

    def see_it(ctx: dict[str, bool]) -> None:
        ctx["seen"] = True

    chart = Statechart(
        id="m",
        selection="xstate",
        states=[
            {
                "name": "both",
                "always": {"dest": None, "conditions": once, "actions": [see_it, note("both")]},
                "parallel": [
                    {"name": "left", "children": [{"name": "a", "always": {"dest": "b", "conditions": once}}, "b"]},
                    {"name": "right", "children": ["x"]},
                ],
            }
        ],
    )
    assert see(chart) == (["both.left.b", "both.right.x"], ["both"])


@pytest.mark.parametrize(
    ("event", "scxml", "xstate"),
    [
        ("A", "any", "exact"),
        ("A.x", "any", "any.x"),
        ("A.x.y", "any", "group.x"),
        ("B", "any", "group"),
        ("B.x", "any", "group"),
        ("C", "any", "any"),
    ],
)
def test_in_one_node_the_most_specific_name_is_asked_first(event: str, scxml: str, xstate: str) -> None:
    names = {"any": "*", "exact": "A", "any.x": "A.x", "group.x": "A.x.*", "group": "B.*"}
    for selection, expected in (("scxml", scxml), ("xstate", xstate)):
        chart = Statechart(
            id="m",
            selection=selection,
            silenced={"shadowed-transition": "that is the point"},
            states=["s"],
            transitions=[
                {"trigger": trigger, "source": "s", "dest": None, "actions": note(name)}
                for name, trigger in names.items()
            ],
        )
        assert see(chart, event)[1] == [expected]


def test_an_exact_name_whose_guard_does_not_hold_leaves_it_to_the_next() -> None:
    chart = Statechart(
        id="m",
        selection="xstate",
        states=["s"],
        transitions=[
            {"trigger": "*", "source": "s", "dest": None, "actions": note("any")},
            {"trigger": "A", "source": "s", "dest": None, "actions": note("exact"), "conditions": lambda _: False},
        ],
    )
    assert see(chart, "A")[1] == ["any"]
