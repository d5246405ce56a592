"""What validation says about services and event names, and what it lets pass."""

import pytest
from pydantic import BaseModel

from settle.core.spec import ErrorPolicy, NodeSpec, TransitionSpec
from tests.support.charts import final, invoke, node, on, parallel
from tests.support.findings import after, check, child, codes, raising, say, serve


class Data(BaseModel):
    pass


# Failures of services ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("descriptor", ["error.invoke.i", "error.invoke.*", "error.*", "*"])
def test_the_error_of_a_service_is_taken_by_its_node_or_one_around_it(descriptor: str) -> None:
    assert codes(node("a", on(descriptor, "a"), invoke("i", serve))) == []
    assert codes(node("a", node("b", invoke("i", serve)), on(descriptor, "a"))) == []


def test_it_may_be_taken_inside_the_node_or_beside_it() -> None:
    assert codes(node("a", node("b", on("error.invoke.i", "a")), invoke("i", serve))) == []
    assert codes(parallel("p", node("a", invoke("i", serve)), node("b", on("error.*", "z"))), final("z")) == []


def test_an_error_that_nobody_takes_is_a_warning() -> None:
    (finding,) = check(node("a", on("done.invoke.i", "b"), invoke("i", serve)), node("b", on("error.invoke.j", "a")))[
        :1
    ]
    assert str(finding) == (
        "unhandled-service-error at 'a': nothing takes 'error.invoke.i' when its service fails for good; add `on_error`"
        " to the invoke"
    )
    assert finding.severity == "warning"


def test_a_child_machine_fails_too() -> None:
    (found,) = say(node("a", on("done.invoke.i", "a"), child("i")))
    assert found.startswith(
        "unhandled-service-error at 'a': nothing takes 'error.invoke.i' when its child fails for good"
    )


def test_an_error_that_is_taken_only_where_its_service_does_not_run_is_not_taken() -> None:
    nodes = node("a", on("done.invoke.i", "b"), invoke("i", serve)), node("b", on("error.invoke.i", "a"))
    assert codes(*nodes) == [("unhandled-service-error", "a"), ("unheard-result", "b")]
    assert say(*nodes)[1] == (
        "unheard-result at 'b': it waits for 'error.invoke.i', but that comes only while 'a' is active, and the two"
        " never are together; move the transition there"
    )


def test_the_machine_itself_may_run_a_service() -> None:
    nodes = node("a", on("done.invoke.i", "b")), node("b", on("error.invoke.i", "a"))
    assert codes(*nodes, root={"invokes": (invoke("i", serve),)}) == []


# Ends and results ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            "done.invoke.chrge",
            (
                "unknown-done-event at 'a': it waits for 'done.invoke.chrge', but no invoke has that id (did you mean"
                " 'charge'?); correct the id"
            ),
        ),
        (
            "error.invoke.x",
            "unknown-done-event at 'a': it waits for 'error.invoke.x', but no invoke has that id; correct the id",
        ),
        (
            "done.state.c",
            "unknown-done-event at 'a': it waits for the end of 'c', but there is no such node; correct the path",
        ),
        (
            "done.state.",
            "unknown-done-event at 'a': it waits for the end of '', but there is no such node; correct the path",
        ),
        (
            "done.state.a",
            "never-done at 'a': it waits for the end of 'a', which has no final child; mark the last one `final`",
        ),
        (
            "done.state.p",
            "never-done at 'a': it waits for the end of 'p', which has no final child; mark the last one `final`",
        ),
    ],
)
def test_a_transition_waits_for_something_that_can_end(event: str, message: str) -> None:
    regions = parallel("p", node("x", final("z")), node("y"))
    nodes = node("a", on(event, "p"), on("error.*", "p"), invoke("charge", serve)), regions
    assert message in say(*nodes)


def test_done_events_by_pattern_and_of_nested_ends_are_fine() -> None:
    regions = parallel("p", node("x", final("z")), node("y", final("z")), on("done.state.p", "q"))
    assert codes(regions, node("q", on("done.invoke.*", "p"), on("done.*", "p"))) == []


def test_a_region_may_be_a_final_node() -> None:
    assert codes(parallel("p", node("x", final("z")), final("y"), on("done.state.p", "q")), node("q")) == []


# Types of the runtime ------------------------------------------------------------------------------------------------


def test_a_type_of_the_runtime_that_it_never_makes_is_a_warning() -> None:
    (finding,) = check(node("a", on("done.invok.i", "b"), invoke("i", serve), on("error.*", "b")), node("b"))[-1:]
    assert str(finding) == (
        "unknown-internal-event at 'a': it waits for 'done.invok.i', a type that is for the runtime alone, which never"
        " makes it (did you mean 'done.invoke.i'?); correct it, or name your own events otherwise"
    )
    assert finding.severity == "warning"


@pytest.mark.parametrize("event", ["settle.start", "error.mine", "done.x", "settle.after.a@6s"])
def test_so_are_others(event: str) -> None:
    nodes = node("a", on(event, "b"), after("5s", "b")), node("b")
    assert codes(*nodes) == [("unknown-internal-event", "a")]


def test_what_a_machine_asks_for_may_be_refused_for_good() -> None:
    assert codes(node("a", on("error.communication", "b")), node("b")) == []


def test_an_exception_is_an_event_only_where_the_machine_says_so() -> None:
    nodes = node("a", on("error.execution", "b")), node("b")
    assert codes(*nodes, errors=ErrorPolicy.EVENT) == []
    (found,) = say(*nodes)
    assert found == (
        "unknown-internal-event at 'a': it waits for 'error.execution', but here an exception ends the macrostep; set"
        " `errors` to 'event', or drop it"
    )


@pytest.mark.parametrize("transition", [on("done.*", "b"), on("error.*", "b"), on("settle.*", "b"), after("5s", "b")])
def test_patterns_and_timers_are_fine(transition: TransitionSpec) -> None:
    assert codes(node("a", transition), node("b")) == []


def test_an_action_may_raise_whatever_it_likes() -> None:
    nodes = node("a", on("error.mine", "b"), on("error.execution", "b"), entry=(raising("error.mine"),)), node("b")
    assert codes(*nodes) == []


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["pay*", "*.paid", "pay.*.done", "**"])
def test_a_star_that_stands_for_nothing_is_a_warning(event: str) -> None:
    (found,) = say(node("a", on(event, "b")), node("b"))
    assert found == (
        f"literal-star at 'a': the `*` in {event!r} stands for nothing; only `*` and `name.*` take several events, so"
        " write one"
    )


@pytest.mark.parametrize("transition", [on("*", "b"), on("pay.*", "b"), on("a.b.*", "b"), after("*", "b")])
def test_a_star_at_the_end_is_fine(transition: TransitionSpec) -> None:
    assert codes(node("a", transition), node("b")) == []


def test_a_declared_event_is_taken_somewhere() -> None:
    (finding,) = check(node("a", on("VERIFY", "a")), events={"VERFY": Data, "VERIFY": Data})
    assert str(finding) == (
        "unused-event: `events` declares 'VERFY', which no transition takes (did you mean 'VERIFY'?); correct the name,"
        " or drop it"
    )
    assert finding.severity == "warning"


@pytest.mark.parametrize("descriptor", ["pay.card", "pay.*", "*"])
def test_patterns_take_declared_events(descriptor: str) -> None:
    taking: NodeSpec = node("a", on(descriptor, "a"))
    assert codes(taking, events={"pay.card": Data}) == []
