"""Rounds that nothing can stop."""

import pytest

from settle.core.conditions import InState, Not
from settle.core.errors import MicrostepLimitError
from settle.core.interpreter import start
from settle.core.spec import ErrorPolicy, NodeKind, NodeSpec, TransitionKind
from tests.support.charts import final, node, on, parallel
from tests.support.findings import build, check, codes, maybe, raising, say

DEEP = NodeKind.DEEP_HISTORY


def rounds(*nodes: NodeSpec) -> list[str]:
    return [path for code, path in codes(*nodes) if code == "eventless-cycle"]


def test_a_round_that_nothing_can_stop_is_an_error() -> None:
    (finding,) = check(node("a", on("", "b")), node("b", on("", "c")), node("c", on("", "a")))
    assert str(finding) == (
        "eventless-cycle at 'a': it goes round for ever, which needs no event from outside (a -> b -> c -> a); guard"
        " one of these transitions"
    )
    assert finding.severity == "error"


ENDLESS = [
    (node("a", on("")),),
    (node("a", on("", "a")),),
    (node("p", node("a"), on("", "p")),),
    (node("a", on("", "b")), node("b", node("c", on("GO", "a")), on("", "a"))),
    (parallel("p", node("x", node("1", on("", "p.x.2")), node("2", on("", "p.x.1"))), node("y")),),
    (node("a", on("", "b", guards=(InState("a"),))), node("b", on("", "a", guards=(Not(InState("a")),)))),
    (node("a", on("", "p")), parallel("p", node("x"), node("y", on("", "a")))),
    (node("a", node("x", on("", "a.z")), final("z"), on("done.state.a", "a")),),
    (node("a", final("z"), on("done.state.a", "a")),),
    (node("a", final("z"), on("done.*", "a.z", kind=TransitionKind.LOCAL)),),
    (node("a", node("b", final("z")), on("done.state.a.b", "a")),),
    (node("a", final("z"), on("done.state.a", "b")), node("b", on("", "a"))),
]


@pytest.mark.parametrize("nodes", ENDLESS)
def test_rounds_of_every_shape_are_found_and_are_endless(nodes: tuple[NodeSpec, ...]) -> None:
    assert len(rounds(*nodes)) == 1
    with pytest.raises(MicrostepLimitError):
        start(build(*nodes))


@pytest.mark.parametrize(
    "nodes",
    [
        (node("a", on("", "b")), node("b", on("", "a", guards=maybe))),
        (node("a", on("", "b", guards=maybe), on("", "a")), node("b")),
        (node("p", node("a", on("", "p.b", guards=maybe)), node("b"), on("", "q")), node("q")),
        (node("a", on("", "b")), node("b", on("GO", "a"))),
        (
            parallel(
                "p",
                node("x", node("1", on("", "p.x.2")), node("2")),
                node("y", node("3", on("", "p.y.4")), node("4")),
            ),
        ),
        (
            node("a", on("", "p")),
            parallel("p", node("x", on("", "q")), node("y", on("", "q"))),
            node("q", on("", "r")),
            node("r"),
        ),
        (
            node("a", on("", "b.h")),
            node("b", node("c", on("", "a")), node("h", kind=DEEP)),
        ),
        (
            node("a", on("", "b")),
            node("b", node("c", on("", "a")), node("h", kind=DEEP, history_default=("b.c",)), initial=("b.h",)),
        ),
        (node("a", on("", "p")), parallel("p", node("x", on("", "q")), node("y", on("", "a"))), node("q")),
        (
            node("a", on("", "p")),
            parallel("p", node("x", on("", "q", guards=maybe)), node("y", on("", "a"))),
            node("q"),
        ),
        (node("a", final("z"), on("done.state.a")),),
        (node("a", final("z"), on("done.state.a", "a", guards=maybe)),),
        (node("a", final("z"), on("done.state.a", "a", guards=maybe), on("done.state.a", "b")), node("b")),
        (node("a", node("x", on("GO", "a.z")), final("z"), on("done.state.a", "a")),),
        (node("a", final("z"), on("done.state.a", "a"), entry=(raising("OUT"),)),),
        (parallel("p", node("a", final("z"), on("done.state.p.a", "p.a")), node("b")),),
        (node("a", final("z"), on("done.state.a", "a"), on("", "b", guards=maybe)), node("b")),
        (node("a", node("z", on("done.state.a", "a.z", kind=TransitionKind.LOCAL), kind=NodeKind.FINAL)),),
        (node("a"), final("z")),
    ],
)
def test_ways_that_end_or_may_end_are_no_rounds(nodes: tuple[NodeSpec, ...]) -> None:
    assert rounds(*nodes) == []


def test_a_machine_that_ends_goes_no_further() -> None:
    again = {"transitions": (on("", "z"),)}
    assert [code for code, _ in codes(node("a"), final("z"), root=again)] == []
    regions = {"kind": NodeKind.PARALLEL, "transitions": (on("", "r"),)}
    assert ("eventless-cycle", "r.z") not in codes(node("r", final("z")), node("s", final("z")), root=regions)


def test_an_exception_that_becomes_an_event_may_lead_out() -> None:
    nodes = node("a", final("z"), on("done.state.a", "a"), on("error.execution", "b")), node("b")
    assert codes(*nodes, errors=ErrorPolicy.EVENT) == []
    assert ("eventless-cycle", "a.z") in codes(*nodes)


def test_each_round_is_reported_once() -> None:
    found = codes(
        node("a", on("GO", "c"), on("", "b")), node("b", on("", "a")), node("c", on("", "d")), node("d", on("", "c"))
    )
    assert found == [("eventless-cycle", "a"), ("eventless-cycle", "c")]


def test_the_way_that_is_shown_leaves_out_what_leads_into_it() -> None:
    (found,) = say(node("a", on("", "b")), node("b", on("", "c")), node("c", on("", "b")))
    assert "(b -> c -> b)" in found
