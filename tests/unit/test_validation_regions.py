"""What validation says about regions that get into each other's way."""

from typing import Any

import pytest

from settle.core.spec import NodeKind, NodeSpec, TransitionKind
from tests.support.charts import action, invoke, node, on, parallel
from tests.support.findings import after, check, maybe, serve

DEEP = NodeKind.DEEP_HISTORY


# Regions that take the same event ------------------------------------------------------------------------------------


def regions(*of_r: Any, beside: tuple[Any, ...]) -> tuple[NodeSpec, ...]:
    """A machine with regions `r` and `s`, in each of which `1` has transitions and `2` is beside it."""
    return (
        parallel(
            "p",
            node("r", node("1", *of_r), node("2")),
            node("s", node("1", *beside), node("2")),
        ),
        node("out"),
        node("off"),
    )


def conflicts(*nodes: NodeSpec, **options: Any) -> list[str]:
    return [str(finding) for finding in check(*nodes, **options) if finding.code == "region-conflict"]


def test_an_event_that_ends_one_region_and_moves_another_is_a_warning() -> None:
    nodes = regions(on("END", "out"), beside=(on("END", "p.s.2"),))
    (found,) = conflicts(*nodes)
    assert found == (
        "region-conflict at 'p.r.1': it has a transition on 'END' that ends all regions of 'p', and 'p.s.1' has one"
        " too; only that of 'p.r.1' is taken, the other is lost; guard one of them, or take the event in the parallel"
        " node itself"
    )
    assert {each.severity for each in check(*nodes) if each.code == "region-conflict"} == {"warning"}


def test_the_first_in_the_document_wins_also_when_it_is_the_one_that_stays() -> None:
    (found,) = conflicts(*regions(on("END", "p.r.2"), beside=(on("END", "out"),)))
    assert found.startswith(
        "region-conflict at 'p.s.1': it has a transition on 'END' that ends all regions of 'p', and"
    )
    assert "only that of 'p.r.1' is taken" in found


def test_two_that_lead_to_different_places_conflict_once() -> None:
    assert len(conflicts(*regions(on("END", "out"), beside=(on("END", "off"),)))) == 1


@pytest.mark.parametrize(
    ("one", "other", "event"),
    [
        ("*", "GO", "'GO'"),
        ("GO", "*", "'GO'"),
        ("pay.*", "pay.x", "'pay.x'"),
        ("*", "pay.*", "'pay.*'"),
        ("*", "*", "'*'"),
    ],
)
def test_patterns_take_the_same_event_too(one: str, other: str, event: str) -> None:
    (found,) = conflicts(*regions(on(one, "out"), beside=(on(other, "p.s.2"),)))
    assert f"a transition on {event} that ends" in found


def test_eventless_transitions_conflict_too() -> None:
    (found,) = conflicts(*regions(on("", "out"), beside=(on("", "p.s.2"),)))
    assert "it has an eventless transition that ends all regions of 'p'" in found


def test_one_across_the_regions_ends_them_too() -> None:
    assert len(conflicts(*regions(on("END", "p.s.2"), beside=(on("END", "p.s.2", actions=(action("t"),)),)))) == 1


def test_an_inner_parallel_node_is_ended_with_the_outer_one() -> None:
    inner = parallel("s", node("x", on("END", "out")), node("y", node("1", on("END", "p.s.y.2")), node("2")))
    nodes = parallel("p", node("r", node("1", on("END", "p.r.2")), node("2")), inner), node("out")
    assert [found.partition("ends all regions of ")[2].partition(" too;")[0] for found in conflicts(*nodes)] == [
        "'p', and 'p.r.1' has one",
        "'p.s', and 'p.s.y.1' has one",
    ]


@pytest.mark.parametrize(
    ("of_r", "beside"),
    [
        (on("END", "out"), on("STOP", "p.s.2")),
        (on("END", "out", guards=maybe), on("END", "p.s.2")),
        (on("END", "out"), on("END", "p.s.2", guards=maybe)),
        (on("END", "out"), on("END", actions=(action("note"),))),
        (on("END", actions=(action("note"),)), on("END", "out")),
        (on("END", "out"), on("END", "out")),
        (on("END", "p.r.2"), on("END", "p.s.2")),
        (on("*", "out"), on("", "p.s.2", guards=maybe)),
        (on("pay.*", "out"), on("pay", "p.s.2")),
        (after("5s", "out"), after("5s", "p.s.2")),
    ],
)
def test_regions_that_do_not_get_into_each_others_way_are_fine(of_r: Any, beside: Any) -> None:
    assert conflicts(*regions(of_r, beside=(beside,))) == []


def test_the_parallel_node_itself_may_take_what_its_regions_take() -> None:
    box = parallel("p", node("r", node("1", on("END", "p.r.2")), node("2")), node("s"), on("END", "out"))
    assert conflicts(box, node("out")) == []


def test_a_region_that_nothing_leads_to_takes_nothing() -> None:
    nodes = regions(on("END", "out"), beside=())
    box = parallel("p", nodes[0].children[0], node("s", node("1"), node("2", on("END", "p.s.1"))))
    assert conflicts(box, node("out")) == []


def test_what_a_history_node_restores_may_lie_in_the_region_alone() -> None:
    region = node("r", node("1", on("END", "p.r.h")), node("2"), node("h", kind=DEEP))
    assert conflicts(parallel("p", region, node("s", node("1", on("END", "p.s.2")), node("2")))) == []


def test_a_history_node_elsewhere_ends_the_regions() -> None:
    nodes = regions(on("END", "box.h"), beside=(on("END", "p.s.2"),))
    assert len(conflicts(*nodes, node("box", node("x"), node("h", kind=DEEP)))) == 1


# Regions that begin again --------------------------------------------------------------------------------------------


def restarts(*nodes: NodeSpec, **options: Any) -> list[str]:
    return [str(finding) for finding in check(*nodes, **options) if finding.code == "restarts-regions"]


def reset(kind: TransitionKind = TransitionKind.EXTERNAL, target: str = "p.r.1") -> NodeSpec:
    return parallel(
        "p",
        node("r", node("1"), node("2"), on("RESET", target, kind=kind)),
        node("s", node("3"), node("4")),
        node("t"),
    )


@pytest.mark.parametrize("target", ["p.r", "p.r.1", "p.r.2"])
def test_a_region_that_resets_itself_begins_the_others_again(target: str) -> None:
    assert restarts(reset(target=target)) == [
        (
            "restarts-regions at 'p.r': its transition on 'RESET' begins 'p.s' again too; add `reenter: False` or"
            " `internal: True`"
        )
    ]
    (finding,) = (each for each in check(reset()) if each.code == "restarts-regions")
    assert finding.severity == "warning"


def test_so_does_a_transition_inside_it_onto_the_region() -> None:
    box = parallel("p", node("r", node("1", on("RESET", "p.r")), node("2")), node("s", node("3"), node("4")))
    (found,) = restarts(box)
    assert found.endswith("on 'RESET' begins 'p.s' again too; name a state inside 'p.r' as its target")


def test_not_all_regions_are_named() -> None:
    others = [node(name, node("x")) for name in "stuvw"]
    (found,) = restarts(parallel("p", node("r", after("5s", "p.r")), *others))
    assert "its transition on the delay '5s' begins 'p.s' and 'p.t' and 'p.u' again too" in found


@pytest.mark.parametrize("kind", [TransitionKind.INTERNAL, TransitionKind.LOCAL])
def test_the_kinds_that_stay_inside_do_not(kind: TransitionKind) -> None:
    assert restarts(reset(kind)) == []


@pytest.mark.parametrize(
    "lively",
    [
        {"entry": (action("e"),)},
        {"exit": (action("x"),)},
    ],
)
def test_a_region_of_one_state_has_something_to_lose_when_it_acts(lively: dict[str, Any]) -> None:
    still = parallel("p", node("r", on("AGAIN", "p.r")), node("s"))
    assert restarts(still) == []
    assert len(restarts(parallel("p", still.children[0], node("s", **lively)))) == 1


def test_or_when_it_runs_or_waits_for_something() -> None:
    region = node("r", on("AGAIN", "p.r"))
    assert len(restarts(parallel("p", region, node("s", invoke("i", serve), on("error.*", "p.r"))))) == 1
    assert len(restarts(parallel("p", region, node("s", after("5s"))))) == 1


@pytest.mark.parametrize("target", ["p.s.3", "out", "p"])
def test_a_transition_that_leads_elsewhere_means_to_leave(target: str) -> None:
    assert restarts(reset(target=target), node("out")) == []


def test_a_transition_of_the_parallel_node_or_within_a_region_is_fine() -> None:
    box = parallel("p", node("r", node("1", on("GO", "p.r.2")), node("2")), node("s", node("3")), on("AGAIN", "p"))
    assert restarts(box) == []
    assert restarts(node("a", node("1"), node("2"), on("RESET", "a.1"))) == []


def test_a_transition_without_a_target_restarts_nothing() -> None:
    assert restarts(parallel("p", node("r", on("NOTE")), node("s", node("3"), node("4")))) == []
