"""When an instance rests, what it refuses, and how a configuration is told to the outside."""

from typing import Any

import pytest

from settle.core.configuration import (
    active_paths,
    active_tags,
    is_settled,
    next_events,
    state_value,
    tagged_nodes,
)
from settle.core.definition import Definition
from settle.core.interpreter import start
from settle.core.snapshot import Status
from settle.core.spec import NodeKind
from tests.support.charts import final, invoke, machine, node, on, parallel, settled
from tests.support.loud import Walk, loud, walk


def serve(_: object) -> None: ...


# Settled -------------------------------------------------------------------------------------------------------------

WAIT = frozenset({"settled"})


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        pytest.param((settled("a"),), True, id="a tagged leaf"),
        pytest.param((node("a"), settled("b")), False, id="another node is tagged"),
        pytest.param((node("a", node("b", node("c")), tags=WAIT),), True, id="a tagged ancestor"),
        pytest.param((parallel("p", settled("r"), settled("s")),), True, id="every region is tagged"),
        pytest.param((parallel("p", settled("r"), node("s")),), False, id="one region is not"),
        pytest.param((parallel("p", settled("r"), node("s"), tags=WAIT),), True, id="the parallel node itself is"),
        pytest.param((parallel("p", settled("r"), node("s", final("t"))),), True, id="a region that ended rests"),
        pytest.param((node("a", final("b")), settled("c")), True, id="a final leaf rests"),
        pytest.param((node("a"),), True, id="no node is tagged: nothing happens by itself"),
    ],
)
def test_an_instance_is_settled_when_every_leaf_rests(nodes: tuple[Any, ...], *, expected: bool) -> None:
    definition = loud(*nodes)
    assert is_settled(definition, Walk(definition).snapshot) is expected


def test_the_tag_on_the_machine_itself_covers_every_node() -> None:
    definition = loud(node("a"), tags=WAIT)
    assert is_settled(definition, Walk(definition).snapshot)


def test_a_machine_without_the_tag_is_settled_when_no_service_runs() -> None:
    walked = walk(loud(node("a", on("GO", "b")), node("b", invoke("svc", serve), on("done.invoke.svc", "a"))))
    assert is_settled(walked.definition, walked.snapshot)
    walked.send("GO")
    assert not is_settled(walked.definition, walked.snapshot)
    walked.answer("svc#1")
    assert is_settled(walked.definition, walked.snapshot)


def test_a_machine_that_ended_is_settled() -> None:
    walked = walk(loud(node("a", on("GO", "z")), settled("b"), final("z")), "GO")
    assert walked.snapshot.status is Status.DONE
    assert is_settled(walked.definition, walked.snapshot)


@pytest.mark.parametrize("status", [Status.DONE, Status.ERROR, Status.STOPPED])
def test_an_instance_that_is_over_takes_nothing(status: Status) -> None:
    walked = walk(loud(node("a", on("GO", "b")), node("b")))
    walked.snapshot = walked.snapshot._replace(status=status)
    before = walked.snapshot
    assert walked.send("GO").snapshot == before
    assert next_events(walked.definition, before) == ()


# Tags ----------------------------------------------------------------------------------------------------------------

TAGGED = machine(
    "m",
    node("a", node("b", tags=frozenset({"x", "y"})), on("GO", "no.really"), tags=frozenset({"x"})),
    node("no", node("really", tags=frozenset({"rejected"}))),
)


def test_active_tags_are_those_of_every_active_node() -> None:
    assert active_tags(TAGGED, start(TAGGED).snapshot) == {"x", "y"}


def test_tagged_nodes_are_those_that_carry_the_tag_themselves() -> None:
    snapshot = start(TAGGED).snapshot
    assert tagged_nodes(TAGGED, snapshot, "x") == ("a", "a.b")
    assert tagged_nodes(TAGGED, snapshot, "y") == ("a.b",)
    assert tagged_nodes(TAGGED, snapshot, "rejected") == ()


def test_the_node_that_refuses_an_event_is_found() -> None:
    """The step takes the event; whoever asked for it keeps the old snapshot and names the node."""
    walked = walk(loud(node("a", on("GO", "b.no")), node("b", node("no", tags=frozenset({"rejected"})))), "GO")
    assert tagged_nodes(walked.definition, walked.snapshot, "rejected") == ("b.no",)


# What may come next --------------------------------------------------------------------------------------------------


def test_next_events_are_those_that_active_nodes_have_transitions_for() -> None:
    chart = loud(
        node("a", node("b", on("B"), on("A.*"), on("", "c", guards=())), on("B"), on("Z", "c")),
        node("c", on("C")),
        transitions=(on("*"),),
        initial=("c",),
    )
    assert next_events(chart, Walk(chart).snapshot) == ("*", "C")


def test_next_events_leave_out_what_only_the_runtime_makes() -> None:
    chart = loud(node("a", on("GO"), on("done.state.a"), on("error.*"), on("done.invoke.x")))
    assert next_events(chart, Walk(chart).snapshot) == ("GO",)


def test_an_instance_that_ended_waits_for_nothing() -> None:
    walked = walk(loud(node("a", on("GO", "z")), final("z"), transitions=(on("ANY"),)), "GO")
    assert next_events(walked.definition, walked.snapshot) == ()


# The configuration told ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chart", "value", "paths"),
    [
        (loud(node("a")), "a", ("a",)),
        (loud(node("a", node("b"))), {"a": "b"}, ("a", "a.b")),
        (loud(node("a", node("b", node("c")))), {"a": {"b": "c"}}, ("a", "a.b", "a.b.c")),
        (
            loud(parallel("p", node("r", node("1")), node("s"))),
            {"p": {"r": "1", "s": {}}},
            ("p", "p.r", "p.r.1", "p.s"),
        ),
        (loud(node("r", node("1")), node("s"), kind=NodeKind.PARALLEL), {"r": "1", "s": {}}, ("r", "r.1", "s")),
    ],
)
def test_a_configuration_is_told_as_xstate_tells_it(chart: Definition, value: Any, paths: tuple[str, ...]) -> None:
    snapshot = Walk(chart).snapshot
    assert state_value(chart, snapshot) == value
    assert active_paths(chart, snapshot) == paths


def test_an_instance_that_has_not_started_is_nowhere() -> None:
    chart = loud(node("a", on("GO")))
    snapshot = Walk(chart).snapshot._replace(configuration=())
    assert not snapshot.started
    assert state_value(chart, snapshot) is None
    assert active_paths(chart, snapshot) == ()
    assert next_events(chart, snapshot) == ()
