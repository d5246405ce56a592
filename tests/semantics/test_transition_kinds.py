"""What a transition leaves: external, internal, local and targetless ones, upwards, inwards and onto themselves."""

import pytest

from settle.core.spec import NodeKind, TransitionKind
from tests.support.charts import node, on, parallel
from tests.support.loud import loud, walk

EXTERNAL, INTERNAL, LOCAL = TransitionKind.EXTERNAL, TransitionKind.INTERNAL, TransitionKind.LOCAL

COMPOUND = loud(
    node(
        "a",
        node(
            "b", on("UP", "a"), on("SELF_E", "a.b"), on("SELF_I", "a.b", kind=INTERNAL), on("SELF_L", "a.b", kind=LOCAL)
        ),
        node("c"),
        *(on(f"CHILD_{kind.name[0]}", "a.c", kind=kind) for kind in TransitionKind),
        *(on(f"SAME_{kind.name[0]}", "a.b", kind=kind) for kind in TransitionKind),
        *(on(f"WHOLE_{kind.name[0]}", "a", kind=kind) for kind in TransitionKind),
        *(on(f"OUT_{kind.name[0]}", "z", kind=kind) for kind in TransitionKind),
        on("STAY"),
    ),
    node("z"),
)


@pytest.mark.parametrize(
    ("event", "at", "heard"),
    [
        pytest.param("CHILD_E", "a.c", "-a.b -a *CHILD_E +a +a.c", id="external to a child: the source is left too"),
        pytest.param("CHILD_I", "a.c", "-a.b *CHILD_I +a.c", id="internal to a child: the source stays"),
        pytest.param("CHILD_L", "a.c", "-a.b *CHILD_L +a.c", id="local to a child: the source stays"),
        pytest.param("SAME_E", "a.b", "-a.b -a *SAME_E +a +a.b", id="external to the active child"),
        pytest.param("SAME_I", "a.b", "-a.b *SAME_I +a.b", id="internal to the active child: it is entered again"),
        pytest.param("SAME_L", "a.b", "-a.b *SAME_L +a.b", id="local to the active child: it is entered again"),
        pytest.param("WHOLE_E", "a.b", "-a.b -a *WHOLE_E +a +a.b", id="external to itself"),
        pytest.param("WHOLE_I", "a.b", "-a.b -a *WHOLE_I +a +a.b", id="internal to itself is external"),
        pytest.param("WHOLE_L", "a.b", "-a.b *WHOLE_L +a.b", id="local to itself: only its inside begins again"),
        pytest.param("OUT_E", "z", "-a.b -a *OUT_E +z", id="external to the outside"),
        pytest.param("OUT_I", "z", "-a.b -a *OUT_I +z", id="internal to the outside is external"),
        pytest.param("OUT_L", "z", "-a.b -a *OUT_L +z", id="local to the outside is external"),
        pytest.param("SELF_E", "a.b", "-a.b *SELF_E +a.b", id="external from an atomic node to itself"),
        pytest.param("SELF_I", "a.b", "-a.b *SELF_I +a.b", id="internal from an atomic node to itself is external"),
        pytest.param("SELF_L", "a.b", "*SELF_L", id="local from an atomic node to itself: it stays"),
        pytest.param("UP", "a.b", "-a.b -a *UP +a +a.b", id="from a child to its parent: the parent is left too"),
        pytest.param("STAY", "a.b", "*STAY", id="without a target nothing is left"),
        pytest.param("NOTHING", "a.b", "", id="an event that nothing takes"),
    ],
)
def test_what_is_left_and_entered(event: str, at: str, heard: str) -> None:
    walked = walk(COMPOUND, event)
    assert (walked.at, walked.heard) == (at, heard)


REGIONS = loud(
    parallel(
        "p",
        node(
            "r",
            node("r1", on("ACROSS", "p.s.s2")),
            node("r2"),
            *(on(f"REGION_{kind.name[0]}", "p.r.r2", kind=kind) for kind in TransitionKind),
        ),
        node("s", node("s1"), node("s2")),
        *(on(f"INTO_{kind.name[0]}", "p.s.s2", kind=kind) for kind in TransitionKind),
        on("SELF_L", "p", kind=LOCAL),
    ),
)


@pytest.mark.parametrize(
    ("event", "at", "heard"),
    [
        pytest.param(
            "REGION_E",
            "p.r.r2 p.s.s1",
            "-p.s.s1 -p.s -p.r.r1 -p.r *REGION_E +p.r +p.r.r2 +p.s +p.s.s1",
            id="external from a region: its siblings begin again too",
        ),
        pytest.param("REGION_I", "p.r.r2 p.s.s1", "-p.r.r1 *REGION_I +p.r.r2", id="internal inside a region"),
        pytest.param("REGION_L", "p.r.r2 p.s.s1", "-p.r.r1 *REGION_L +p.r.r2", id="local inside a region"),
        pytest.param(
            "ACROSS",
            "p.r.r1 p.s.s2",
            "-p.s.s1 -p.s -p.r.r1 -p.r *ACROSS +p.r +p.r.r1 +p.s +p.s.s2",
            id="from one region into another: every region is left, the parallel node stays",
        ),
        pytest.param(
            "INTO_E",
            "p.r.r1 p.s.s2",
            "-p.s.s1 -p.s -p.r.r1 -p.r -p *INTO_E +p +p.r +p.r.r1 +p.s +p.s.s2",
            id="external from a parallel node to its inside",
        ),
        pytest.param(
            "INTO_I",
            "p.r.r1 p.s.s2",
            "-p.s.s1 -p.s -p.r.r1 -p.r -p *INTO_I +p +p.r +p.r.r1 +p.s +p.s.s2",
            id="internal keeps compound sources only",
        ),
        pytest.param(
            "INTO_L",
            "p.r.r1 p.s.s2",
            "-p.s.s1 -p.s -p.r.r1 -p.r *INTO_L +p.r +p.r.r1 +p.s +p.s.s2",
            id="local keeps parallel sources too",
        ),
        pytest.param(
            "SELF_L",
            "p.r.r1 p.s.s1",
            "-p.s.s1 -p.s -p.r.r1 -p.r *SELF_L +p.r +p.r.r1 +p.s +p.s.s1",
            id="local from a parallel node to itself: its regions begin again",
        ),
    ],
)
def test_what_is_left_and_entered_in_parallel_nodes(event: str, at: str, heard: str) -> None:
    walked = walk(REGIONS, event)
    assert (walked.at, walked.heard) == (at, heard)


@pytest.mark.parametrize("kind", list(TransitionKind))
def test_the_machine_itself_is_never_left(kind: TransitionKind) -> None:
    chart = loud(node("a"), node("b"), transitions=(on("GO", "b", kind=kind),), kind=NodeKind.COMPOUND)
    walked = walk(chart, "GO")
    assert (walked.at, walked.heard) == ("b", "-a *GO +b")


def test_a_node_that_stays_active_is_never_entered_again() -> None:
    chart = loud(node("a", node("b"), on("GO", "a.b", kind=LOCAL)), node("c"), transitions=(on("IN", "a", kind=LOCAL),))
    assert walk(chart, "GO").heard == "-a.b *GO +a.b"
    assert walk(chart, "IN").heard == "-a.b -a *IN +a +a.b"
