"""Regions: each searches for itself, guards see one configuration, and what conflicts is decided in a known way."""

from typing import Any

import pytest

from settle.core.definition import Definition
from settle.core.event import Event
from settle.core.spec import TransitionKind
from tests.support.charts import action, guard, node, on, parallel
from tests.support.loud import loud, no, walk

LOCAL = TransitionKind.LOCAL


def two(*transitions: Any, r1: tuple[Any, ...] = (), r: tuple[Any, ...] = (), s1: tuple[Any, ...] = ()) -> Definition:
    """Two regions with two nodes each, and two nodes outside."""
    return loud(
        parallel("p", node("r", node("r1", *r1), node("r2"), *r), node("s", node("s1", *s1), node("s2")), *transitions),
        node("x"),
        node("y"),
    )


@pytest.mark.parametrize(
    ("chart", "at", "heard"),
    [
        pytest.param(
            two(r1=(on("GO", "p.r.r2"),), s1=(on("GO", "p.s.s2"),)),
            "p.r.r2 p.s.s2",
            "-p.s.s1 -p.r.r1 *GO *GO +p.r.r2 +p.s.s2",
            id="regions move together: all exits, all actions, all entries",
        ),
        pytest.param(
            two(r1=(on("GO", "p.r.r2"),)), "p.r.r2 p.s.s1", "-p.r.r1 *GO +p.r.r2", id="one region moves alone"
        ),
        pytest.param(
            two(on("GO", "x"), r1=(on("GO", "p.r.r2"),)),
            "p.r.r2 p.s.s1",
            "-p.r.r1 *GO +p.r.r2",
            id="the deeper source wins over the parallel node's own transition, although another region chose that",
        ),
        pytest.param(
            two(on("GO", "x"), s1=(on("GO", "p.s.s2"),)),
            "p.r.r1 p.s.s2",
            "-p.s.s1 *GO +p.s.s2",
            id="the deeper source wins also when it comes later",
        ),
        pytest.param(
            two(r1=(on("GO", "x"),), s1=(on("GO", "y"),)),
            "x",
            "-p.s.s1 -p.s -p.r.r1 -p.r -p *GO +x",
            id="of two that leave the whole the first in the document wins",
        ),
        pytest.param(
            two(r1=(on("GO", "x"),), s1=(on("GO", "p.s.s2"),)),
            "x",
            "-p.s.s1 -p.s -p.r.r1 -p.r -p *GO +x",
            id="leaving the whole wins over staying inside when it comes first",
        ),
        pytest.param(
            two(r1=(on("GO", "p.r.r2"),), s1=(on("GO", "x"),)),
            "p.r.r2 p.s.s1",
            "-p.r.r1 *GO +p.r.r2",
            id="staying inside wins over leaving the whole when it comes first",
        ),
        pytest.param(
            two(r1=(on("GO", "p.s.s2"),), s1=(on("GO", "p.s.s2"),)),
            "p.r.r1 p.s.s2",
            "-p.s.s1 -p.s -p.r.r1 -p.r *GO +p.r +p.r.r1 +p.s +p.s.s2",
            id="a target in another region leaves every region, so nothing else moves",
        ),
        pytest.param(
            two(on("GO"), r1=(on("GO", "p.r.r2"),)),
            "p.r.r2 p.s.s1",
            "-p.r.r1 *GO *GO +p.r.r2",
            id="a targetless transition conflicts with nothing",
        ),
        pytest.param(
            two(r=(on("GO", "p.r.r2", kind=LOCAL),), r1=(on("GO", "p.r.r1", kind=LOCAL),)),
            "p.r.r1 p.s.s1",
            "*GO",
            id="in one region the innermost node decides",
        ),
        pytest.param(
            two(r1=(on("GO", "p.r.r1", kind=LOCAL),), s1=(on("GO", "x"),)),
            "p.r.r1 p.s.s1",
            "*GO",
            id="a targeted transition claims its source even when it leaves nothing",
        ),
        pytest.param(two(on("GO")), "p.r.r1 p.s.s1", "*GO", id="a transition that two regions find is taken once"),
    ],
)
def test_regions(chart: Definition, at: str, heard: str) -> None:
    walked = walk(chart, "GO")
    assert (walked.at, walked.heard) == (at, heard)


def test_each_region_searches_its_own_ancestors() -> None:
    """In XState the parallel node would not be asked, because one region has an answer."""
    chart = two(on("GO", actions=(action("whole"),)), r1=(on("GO", "p.r.r2"),))
    assert walk(chart, "GO").heard == "-p.r.r1 *GO *GO whole +p.r.r2"


def test_all_guards_are_asked_before_anything_moves() -> None:
    def free(context: dict[str, Any], _event: Event) -> bool:
        return not context.get("taken")

    def take(context: dict[str, Any], _event: Event, _do: object) -> None:
        context["taken"] = True

    moves = {
        f"{name}1": (on("GO", f"p.{name}.{name}2", guards=(guard("free", free),), before=(action("take", take),)),)
        for name in ("r", "s")
    }
    assert walk(two(**moves), "GO").at == "p.r.r2 p.s.s2"


def test_a_guard_of_a_transition_that_two_regions_find_is_asked_once() -> None:
    asked: list[str] = []

    def ask(_context: Any, event: Event) -> bool:
        asked.append(event.type)
        return True

    assert walk(two(on("GO", guards=(guard("ask", ask),))), "GO").heard == "*GO"
    assert asked == ["GO"]


def test_such_a_guard_is_asked_once_also_where_the_regions_had_other_hopes() -> None:
    asked: list[str] = []

    def ask(_context: Any, event: Event) -> bool:
        asked.append(event.type)
        return True

    hopes = {f"{name}1": (on("GO", f"p.{name}.{name}2", guards=(no(),)),) for name in ("r", "s")}
    assert walk(two(on("GO", guards=(guard("ask", ask),)), **hopes), "GO").heard == "*GO"
    assert asked == ["GO"]


def test_a_transition_that_lost_a_conflict_is_not_taken_later() -> None:
    walked = walk(two(r1=(on("GO", "p.r.r2"),), s1=(on("GO", "x"),)), "GO")
    assert walked.steps == ["GO: -p.r.r1 +p.r.r2"]


def test_a_region_without_a_say_falls_back_to_an_outer_transition_beside_an_inner_one() -> None:
    """Of three regions two agree on the parallel node's transition; the third goes deeper and wins over both."""
    chart = loud(
        parallel("p", node("r"), node("s", on("GO", "p.s", kind=LOCAL)), node("t"), on("GO", "x")),
        node("x"),
    )
    assert walk(chart, "GO").at == "p.r p.s p.t"


@pytest.mark.parametrize(("target", "kind"), [("p.r", LOCAL), ("p.r.r1", LOCAL), ("p.r.r1", TransitionKind.INTERNAL)])
def test_a_region_that_begins_again_leaves_the_others_where_they_are(target: str, kind: TransitionKind) -> None:
    region = node("r", node("r1"), node("r2"), on("AGAIN", target, kind=kind))
    chart = loud(parallel("p", region, node("s", node("s1", on("S", "p.s.s2")), node("s2"))))
    walked = walk(chart, "S").forget()
    assert (walked.send("AGAIN").at, walked.heard) == ("p.r.r1 p.s.s2", "-p.r.r1 *AGAIN +p.r.r1")


def test_eventless_transitions_of_regions_are_taken_together() -> None:
    chart = loud(
        node("a", on("GO", "p")),
        parallel("p", *(node(name, node("1", on("", f"p.{name}.2")), node("2")) for name in ("r", "s"))),
    )
    assert walk(chart, "GO").steps == ["GO: -a +p +p.r +p.r.1 +p.s +p.s.1", ": -p.s.1 -p.r.1 +p.r.2 +p.s.2"]
