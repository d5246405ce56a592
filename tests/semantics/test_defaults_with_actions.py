"""What is entered by default may run actions of its own: SCXML's content of `<initial>` and `<history>`."""

from settle import Statechart
from tests.support.semantics import note, see


def test_initial_actions_run_after_the_entry_of_the_parent_and_before_that_of_the_child() -> None:
    chart = Statechart(
        id="m",
        states=[
            "idle",
            {
                "name": "p",
                "on_enter": note("+p"),
                "initial": {"dest": "b", "actions": [note("one"), note("two")]},
                "children": ["a", {"name": "b", "on_enter": note("+b")}],
            },
        ],
        transitions=[
            {"trigger": "GO", "source": "idle", "dest": "p"},
            {"trigger": "DEEP", "source": "idle", "dest": "p.b"},
        ],
    )
    assert see(chart, "GO") == (["p.b"], ["+p", "one", "two", "+b"])
    assert see(chart, "DEEP") == (["p.b"], ["+p", "+b"])


def test_the_machine_itself_may_have_them_and_begin_deep_inside() -> None:
    chart = Statechart(
        id="m",
        on_enter=note("+m"),
        initial={"dest": ["both.left.b", "both.right.y"], "actions": note("initial")},
        states=[
            {
                "name": "both",
                "on_enter": note("+both"),
                "parallel": [
                    {"name": "left", "children": ["a", "b"]},
                    {"name": "right", "children": ["x", "y"]},
                ],
            }
        ],
    )
    assert see(chart) == (["both.left.b", "both.right.y"], ["+m", "initial", "+both"])


def test_the_actions_of_a_history_node_run_while_it_has_recorded_nothing() -> None:
    chart = Statechart(
        id="m",
        states=[
            "out",
            {
                "name": "p",
                "on_enter": note("+p"),
                "children": [
                    {"name": "a", "on_enter": note("+a")},
                    {"name": "b", "on_enter": note("+b")},
                    {"name": "h", "history": "shallow", "default": {"dest": "b", "actions": note("default")}},
                ],
            },
        ],
        transitions=[
            {"trigger": "IN", "source": "out", "dest": "p.h"},
            {"trigger": "OUT", "source": "p", "dest": "out"},
        ],
    )
    assert see(chart, "IN") == (["p.b"], ["+p", "default", "+b"])
    assert see(chart, "IN", "OUT", "IN")[1] == ["+p", "default", "+b", "+p", "+b"]


def test_a_default_that_is_a_history_node_runs_the_actions_of_both() -> None:
    inner = {
        "name": "q",
        "on_enter": note("+q"),
        "children": ["x", "y", {"name": "h", "history": "deep", "default": {"dest": "y", "actions": note("inner")}}],
    }
    chart = Statechart(
        id="m",
        states=[
            "out",
            {
                "name": "p",
                "on_enter": note("+p"),
                "children": [
                    "z",
                    inner,
                    {"name": "h", "history": "deep", "default": {"dest": "q.h", "actions": note("outer")}},
                ],
            },
        ],
        transitions=[{"trigger": "IN", "source": "out", "dest": "p.h"}],
    )
    assert see(chart, "IN") == (["p.q.y"], ["+p", "outer", "+q", "inner"])
