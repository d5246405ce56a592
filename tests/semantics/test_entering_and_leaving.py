"""In which order nodes are left and entered, and which of them."""

import pytest

from settle.core.definition import Definition
from settle.core.spec import NodeKind
from tests.support.charts import node, on, parallel
from tests.support.loud import Walk, loud, walk

NESTED = loud(
    node("a", node("b", node("c"), node("d")), node("e"), on("GO", "x.y")),
    node("x", node("w"), node("y", node("z"))),
)
DEEP = loud(
    node("a", node("b", node("c"), node("d", node("e"), node("f"))), initial=("a.b.d.f",)),
    node("z", on("BACK", "a")),
)
DEEP_IN_PARALLEL = loud(
    node("a", node("b"), parallel("p", node("r", node("r1"), node("r2")), node("s", node("s1"))), initial=("a.p.r.r2",))
)
REGIONS = loud(
    node("x", on("ONE", "p.s.s2"), on("ALL", "p"), on("TWO", "p.s.s2", "p.r.r2"), on("DEEP", "p.s.s3.q.t.t2")),
    parallel(
        "p",
        node("r", node("r1"), node("r2")),
        node("s", node("s1"), node("s2"), node("s3", parallel("q", node("t", node("t1"), node("t2")), node("u")))),
        on("OUT", "x"),
    ),
)


@pytest.mark.parametrize(
    ("chart", "at", "heard"),
    [
        pytest.param(NESTED, "a.b.c", "+a +a.b +a.b.c", id="the first child is the initial one"),
        pytest.param(DEEP, "a.b.d.f", "+a +a.b +a.b.d +a.b.d.f", id="an initial node may lie deep"),
        pytest.param(
            DEEP_IN_PARALLEL,
            "a.p.r.r2 a.p.s.s1",
            "+a +a.p +a.p.r +a.p.r.r2 +a.p.s +a.p.s.s1",
            id="a deep initial node in one region lets the others begin by default",
        ),
    ],
)
def test_a_machine_enters_its_initial_nodes_outer_first(chart: Definition, at: str, heard: str) -> None:
    started = Walk(chart)
    assert (started.at, started.heard) == (at, heard)


@pytest.mark.parametrize(
    ("chart", "event", "at", "heard"),
    [
        pytest.param(
            NESTED, "GO", "x.y.z", "-a.b.c -a.b -a *GO +x +x.y +x.y.z", id="inner nodes are left first, entered last"
        ),
        pytest.param(
            REGIONS,
            "ALL",
            "p.r.r1 p.s.s1",
            "-x *ALL +p +p.r +p.r.r1 +p.s +p.s.s1",
            id="a parallel node enters all its regions, each to its end before the next",
        ),
        pytest.param(
            REGIONS,
            "ONE",
            "p.r.r1 p.s.s2",
            "-x *ONE +p +p.r +p.r.r1 +p.s +p.s.s2",
            id="a target inside one region lets the others begin by default",
        ),
        pytest.param(
            REGIONS,
            "TWO",
            "p.r.r2 p.s.s2",
            "-x *TWO +p +p.r +p.r.r2 +p.s +p.s.s2",
            id="several targets are entered in document order, whatever the order they are written in",
        ),
        pytest.param(
            REGIONS,
            "DEEP",
            "p.r.r1 p.s.s3.q.t.t2 p.s.s3.q.u",
            "-x *DEEP +p +p.r +p.r.r1 +p.s +p.s.s3 +p.s.s3.q +p.s.s3.q.t +p.s.s3.q.t.t2 +p.s.s3.q.u",
            id="every parallel node on the way to a target gets all its regions",
        ),
    ],
)
def test_a_transition_leaves_inner_first_and_enters_outer_first(
    chart: Definition, event: str, at: str, heard: str
) -> None:
    walked = walk(chart, event)
    assert (walked.at, walked.heard) == (at, heard)


def test_regions_are_left_last_first() -> None:
    walked = walk(REGIONS, "TWO")
    assert walked.heard
    assert walked.send("OUT").heard == "-p.s.s2 -p.s -p.r.r2 -p.r -p *OUT +x"


def test_the_microsteps_tell_what_was_left_and_entered() -> None:
    walked = walk(NESTED, "GO")
    assert walked.steps == ["GO: -a.b.c -a.b -a +x +x.y +x.y.z"]
    assert Walk(NESTED).steps == ["settle.start: +a +a.b +a.b.c"]


def test_a_machine_may_be_parallel_itself() -> None:
    chart = loud(node("r", node("r1"), node("r2")), node("s"), kind=NodeKind.PARALLEL)
    started = Walk(chart)
    assert (started.at, started.heard) == ("r.r1 s", "+r +r.r1 +s")
