"""What validation says about conditions on what is active, and what it lets pass."""

import pytest

from settle.core.conditions import AllOf, AnyOf, Condition, InState, Not
from settle.core.spec import NodeKind, NodeSpec
from tests.support.charts import node, on, parallel
from tests.support.findings import check, codes, maybe, say

DEEP = NodeKind.DEEP_HISTORY


def asking(*guards: Condition) -> tuple[NodeSpec, ...]:
    """A machine whose node `p.r.1` asks."""
    asked = on("GO", "p.r.2", guards=guards), on("SKIP", "p.r.2"), on("OUT", "z")
    return (
        node("a", on("IN", "p"), on("BACK", "p.h")),
        parallel(
            "p",
            node("r", node("1", *asked), node("2")),
            node("s", node("3", on("ON", "p.s.4")), node("4")),
            node("t", node("only")),
            node("h", kind=DEEP),
        ),
        node("z"),
    )


@pytest.mark.parametrize("path", ["p.s.3", "p.s.4"])
def test_a_node_of_another_region_may_be_active_or_not(path: str) -> None:
    assert codes(*asking(InState(path))) == []
    assert codes(*asking(AnyOf((*maybe, AllOf((Not(InState(path)),)))))) == []


@pytest.mark.parametrize("path", ["a", "z", "p.r.2"])
def test_a_node_that_is_never_active_where_it_is_asked_is_a_warning(path: str) -> None:
    (finding,) = check(*asking(InState(path)))
    assert str(finding) == (
        f"never-in-state at 'p.r.1': it asks whether {path!r} is active, which it never is when 'p.r.1' is; correct the"
        " name"
    )
    assert finding.severity == "warning"


@pytest.mark.parametrize("path", ["", "p", "p.r", "p.r.1", "p.s", "p.t", "p.t.only"])
def test_a_node_that_always_is_is_one_too(path: str) -> None:
    (finding,) = check(*asking(InState(path)))
    what = repr(path) if path else "the machine itself"
    assert str(finding) == (
        f"always-in-state at 'p.r.1': it asks whether {what} is active, which it always is when 'p.r.1' is; drop that"
        " condition"
    )
    assert finding.severity == "warning"


def test_conditions_are_looked_into() -> None:
    inside = AllOf((*maybe, Not(AnyOf((InState("p.s.3"), InState("a"))))))
    assert codes(*asking(inside)) == [("never-in-state", "p.r.1")]


def test_a_node_that_nothing_leads_to_is_never_active() -> None:
    nodes = parallel("p", node("r", on("GO", guards=(InState("p.s.4"),))), node("s", node("3"), node("4")))
    assert say(nodes)[1:] == [
        "never-in-state at 'p.r': it asks whether 'p.s.4' is active, but nothing ever leads there; correct the name"
    ]


def test_nor_is_a_history_node() -> None:
    (found,) = say(*asking(InState("p.h")))
    assert found.endswith("asks whether 'p.h' is active, but a history node never is; name a node that can be")


def test_a_transition_that_can_never_be_taken_leads_nowhere() -> None:
    def nodes(condition: Condition) -> tuple[NodeSpec, ...]:
        return node("a", on("GO", "b", guards=(condition,))), node("b")

    assert codes(*nodes(InState("b"))) == [("unreachable-node", "b"), ("never-in-state", "a")]
    assert codes(*nodes(Not(InState("a")))) == [("unreachable-node", "b"), ("always-in-state", "a")]
