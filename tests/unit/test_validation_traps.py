"""The proof that an instance comes to rest, and where it fails."""

import pytest

from settle.core.conditions import InState
from settle.core.spec import NodeKind, NodeSpec
from tests.support.charts import final, invoke, node, on, parallel, settled
from tests.support.findings import after, check, child, codes, maybe, raising, say, serve

SHALLOW, DEEP = NodeKind.SHALLOW_HISTORY, NodeKind.DEEP_HISTORY


def busy(name: str, path: str, to: str) -> NodeSpec:
    """A node whose service leads on, however it ends."""
    return node(name, invoke(path, serve), on(f"done.invoke.{path}", to), on(f"error.invoke.{path}", to))


def waiting(*nodes: NodeSpec, event: str = "GO") -> tuple[NodeSpec, ...]:
    return settled("a", on(event, "b")), *nodes


# Traps ---------------------------------------------------------------------------------------------------------------


def test_two_nodes_that_call_each_other_for_ever_are_an_error() -> None:
    (finding,) = check(*waiting(busy("b", "b", "c"), busy("c", "c", "b")))
    assert str(finding) == (
        "cannot-settle at 'b': the instance goes round 'b', 'c' for ever and never rests; tag one of them `settled`, or"
        " give one a way to a state that is, or that is final"
    )
    assert finding.severity == "error"


def test_a_service_whose_result_leads_nowhere_is_one() -> None:
    (found,) = say(*waiting(node("b", invoke("i", serve), on("error.*"))))
    assert found == (
        "cannot-settle at 'b': no way leads from it to a state that rests; tag it `settled`, or give it a way to one"
        " that is, or that is final"
    )


def test_a_timer_that_begins_again_is_one() -> None:
    assert codes(*waiting(node("b", after("1m", "c")), busy("c", "c", "b"))) == [("cannot-settle", "b")]
    assert codes(*waiting(node("b", after("1m", "b")))) == [("cannot-settle", "b")]


def test_an_event_from_outside_is_no_way_out_since_it_waits_until_the_instance_rests() -> None:
    nodes = waiting(busy("b", "b", "c"), node("c", on("STOP", "a"), after("1m", "b")))
    assert codes(*nodes) == [("cannot-settle", "b"), ("event-never-seen", "c")]


def test_only_the_innermost_trap_is_named() -> None:
    nodes = waiting(busy("b", "b", "c"), busy("c", "c", "d"), busy("d", "d", "e"), busy("e", "e", "d"))
    assert codes(*nodes) == [("cannot-settle", "d")]


def test_a_way_that_ends_where_nothing_moves_has_that_finding_alone() -> None:
    assert codes(*waiting(busy("b", "b", "c"), node("c", on("GO", "a")))) == [("never-settles", "c")]


def test_each_trap_is_named() -> None:
    nodes = (
        settled("a", on("B", "b"), on("C", "c")),
        node("b", after("1m", "b")),
        node("c", node("d", after("1m", "c.e")), busy("e", "e", "c.d")),
    )
    assert codes(*nodes) == [("cannot-settle", "b"), ("cannot-settle", "c.d")]


def test_many_nodes_of_a_trap_are_not_all_listed() -> None:
    ring = [busy(f"n{i}", f"n{i}", f"n{(i + 1) % 6}") for i in range(6)]
    (found,) = say(settled("a", on("GO", "n0")), *ring)
    assert "the instance goes round 'n0', 'n1', 'n2', 'n3' and 2 more for ever" in found


@pytest.mark.parametrize(
    "nodes",
    [
        (busy("b", "b", "a"),),
        (busy("b", "b", "c"), busy("c", "c", "a")),
        (busy("b", "b", "c"), final("c")),
        (busy("b", "b", "c"), node("c", tags=frozenset({"rejected"}))),
        (node("b", invoke("b", serve), on("done.invoke.b", "b"), on("error.invoke.b", "a")),),
        (node("b", on("", "c", guards=maybe), after("1m", "b")), settled("c")),
        (node("b", busy("x", "b.x", "b.y"), busy("y", "b.y", "b.x"), after("1h", "a")),),
        (node("b", busy("x", "b.x", "b.z"), final("z"), on("done.state.b", "a")),),
        (node("b", node("x", after("1m", "b.y")), settled("y")),),
        (node("b", node("x", after("1m", "b.x")), on("*", "a")),),
    ],
)
def test_a_way_to_rest_is_enough(nodes: tuple[NodeSpec, ...]) -> None:
    assert codes(*waiting(*nodes)) == []


def test_where_events_are_raised_or_children_send_them_any_of_them_may_lead_out() -> None:
    leading_out = node("c", on("STOP", "a"), after("1m", "b"))
    raising_one = node("b", after("1m", "c"), entry=(raising("STOP"),))
    assert codes(*waiting(raising_one, leading_out)) == []
    with_child = node("b", child("i"), on("error.*", "c"), on("done.*", "c"))
    assert codes(*waiting(with_child, leading_out)) == []
    assert codes(*waiting(raising_one, node("c", after("1m", "b")))) == [("cannot-settle", "b")]


def test_history_leads_to_all_that_it_may_restore() -> None:
    def nodes(kind: NodeKind) -> tuple[NodeSpec, ...]:
        inner = node("x", node("1", after("1m", "b.w")), settled("2", on("OUT", "back")))
        box = node("b", node("w", after("1m", "b.x.2")), inner, node("h", kind=kind))
        return settled("a", on("GO", "b")), box, node("back", after("1m", "b.h"))

    assert "cannot-settle" not in dict(codes(*nodes(SHALLOW)))
    assert "cannot-settle" not in dict(codes(*nodes(DEEP)))


def test_history_of_what_never_rests_is_no_way_out() -> None:
    box = node("b", node("x", after("1m", "c")), node("h", kind=DEEP))
    assert codes(*waiting(box, node("c", after("1m", "b.h")))) == [("cannot-settle", "b.x")]


def test_a_condition_does_not_make_a_trap() -> None:
    guarded = on("", "a", guards=(InState("b"),))
    assert "cannot-settle" not in dict(codes(*waiting(node("b", after("1m", "b"), guarded))))


# Regions -------------------------------------------------------------------------------------------------------------


def test_a_region_that_never_rests_keeps_the_others_from_resting() -> None:
    regions = parallel("b", settled("r"), node("s", node("x", after("1m", "b.s.y")), busy("y", "y", "b.s.x")))
    (finding,) = check(*waiting(regions))
    assert str(finding) == (
        "regions-never-rest at 'b': its region 'b.s' never rests once it is at 'b.s.x', 'b.s.y', so that no combination"
        " of regions does; tag a state of it `settled`, make one final, or lead out of 'b'"
    )
    assert finding.severity == "error"


def test_the_innermost_parallel_node_is_named() -> None:
    inner = parallel("s", settled("t"), node("u", after("1m", "b.s.u")))
    assert codes(*waiting(parallel("b", settled("r"), inner))) == [("regions-never-rest", "b.s")]


def test_a_trap_beside_a_state_that_rests_is_one_of_the_leaf() -> None:
    region = node("s", settled("x", on("GO", "b.s.y")), node("y", after("1m", "b.s.y")))
    assert codes(*waiting(parallel("b", settled("r"), region))) == [("cannot-settle", "b.s.y")]


@pytest.mark.parametrize(
    "regions",
    [
        parallel("b", settled("r"), node("s", after("1m", "a"))),
        parallel("b", settled("r"), node("s", node("x", after("1m", "b.s.y")), settled("y"))),
        parallel("b", settled("r"), node("s", node("x", after("1m", "b.s.y")), final("y"))),
        parallel("b", node("r", after("1m", "a")), node("s", after("2m", "b.s"))),
        parallel("b", node("r", after("1m", "b.r")), node("s", after("2m", "b.s")), after("1h", "a")),
        parallel(
            "b",
            node("r", node("x", after("1m", "b.r.y")), final("y")),
            node("s", busy("x", "x", "b.s.y"), final("y")),
            on("done.state.b", "a"),
        ),
    ],
)
def test_regions_that_rest_together_or_end_by_themselves_are_fine(regions: NodeSpec) -> None:
    found = dict(codes(*waiting(regions)))
    assert not found.keys() & {"regions-never-rest", "cannot-settle", "never-settles"}
