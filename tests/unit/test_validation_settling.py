"""What validation says about machines that use the tag `settled`, but for the proof that they come to rest."""

import pytest

from settle.core.spec import Action, InvokeMode, NodeSpec, TransitionKind
from tests.support.charts import action, final, invoke, node, on, parallel, settled
from tests.support.findings import after, check, child, codes, maybe, raising, say, serve

MEND = "tag it `settled` if it waits for the outside, or give it a service, a `timeout` or an `always`"


def waiting(*nodes: NodeSpec) -> tuple[NodeSpec, ...]:
    """Nodes behind one at which the machine waits."""
    return settled("a", on("GO", "b")), *nodes


# Leaves that nothing moves -------------------------------------------------------------------------------------------


def test_a_node_that_nothing_could_move_is_an_error() -> None:
    (finding,) = check(*waiting(node("b", on("GO", "a"))))
    assert str(finding) == f"never-settles at 'b': nothing could ever move it; {MEND}"
    assert finding.severity == "error"


def test_a_machine_without_the_tag_needs_none() -> None:
    assert codes(node("a", on("GO", "b")), node("b", on("GO", "a"))) == []


@pytest.mark.parametrize(
    "busy",
    [
        settled("b"),
        settled("b", node("c")),
        node("b", tags=frozenset({"rejected"})),
        final("b"),
        node("b", on("", "a", guards=maybe)),
        node("b", node("c"), on("", "a", guards=maybe)),
        node("b", on("error.invoke.i", "a"), invoke("i", serve)),
        node("b", node("c"), on("error.*", "a"), invoke("i", serve)),
        node("b", after("24h", "a")),
        node("b", node("c"), after("24h", "a")),
        node("b", child("i"), on("error.*", "a")),
        parallel("b", node("c", on("done.invoke.i", "a")), node("d", on("error.invoke.i", "a"), invoke("i", serve))),
        parallel("b", node("c", on("*", "a")), node("d", after("24h", "b.d"))),
        parallel("b", node("c"), node("d", after("24h", "a"))),
        parallel("b", node("c"), node("d", invoke("i", serve), on("done.invoke.i", "a"), on("error.*", "a"))),
        parallel("b", node("c"), parallel("d", node("e"), node("f", on("", "a", guards=maybe)))),
        parallel("b", node("c", on("ANSWER", "a")), node("d", child("i"), on("error.*", "a"))),
        parallel(
            "b",
            node("c", on("done.state.b.d", "a")),
            node("d", node("e", on("", "b.d.f", guards=maybe)), final("f")),
        ),
    ],
)
def test_what_moves_a_node_or_lets_it_rest(busy: NodeSpec) -> None:
    found = dict(codes(*waiting(busy)))
    assert "never-settles" not in found
    assert "may-never-settle" not in found


@pytest.mark.parametrize(
    ("still", "leaf"),
    [
        (parallel("b", node("c", on("GO", "a")), node("d", invoke("i", serve), on("error.invoke.i"))), "b.c"),
        (parallel("b", node("c", on("GO", "a")), node("d", after("24h", "b.d", kind=TransitionKind.LOCAL))), "b.c"),
        (node("b", node("c"), on("done.state.b", "a"), final("d")), "b.c"),
        (node("b", on("error.execution", "a")), "b"),
        (node("b", on("*", "a")), "b"),
        (parallel("b", node("c", on("done.state.b", "a")), settled("d")), "b.c"),
    ],
)
def test_what_does_not_move_a_node(still: NodeSpec, leaf: str) -> None:
    assert ("never-settles", leaf) in codes(*waiting(still))


def test_an_unreachable_node_need_not_settle() -> None:
    assert codes(settled("a"), node("b")) == [("unreachable-node", "b")]


def test_where_an_action_raises_events_one_of_them_may_move_it() -> None:
    (finding,) = check(*waiting(node("b", on("NEXT", "a"), entry=(raising(),))))
    assert str(finding) == f"may-never-settle at 'b': only an event that an action raises could move it; {MEND}"
    assert finding.severity == "warning"


def test_an_event_that_ends_the_region_beside_it_may_be_raised_too() -> None:
    beside = parallel("b", node("c"), settled("d", on("NEXT", "a"), entry=(raising(),)))
    assert codes(*waiting(beside)) == [("may-never-settle", "b.c")]


@pytest.mark.parametrize("acting", [raising(), action("note")])
def test_where_no_event_is_taken_it_does_not_matter_what_actions_raise(acting: Action) -> None:
    assert codes(*waiting(node("b", entry=(acting,)))) == [("never-settles", "b")]


# Events that are never seen ------------------------------------------------------------------------------------------


def test_an_event_from_outside_that_is_taken_only_where_no_instance_rests_is_a_warning() -> None:
    (finding,) = check(*waiting(node("b", on("PAY", "a"), after("24h", "a"))))
    assert str(finding) == (
        "event-never-seen at 'b': it never sees 'PAY': events from outside wait until the instance rests, and it never"
        " rests here; tag it `settled` if it waits for the outside, or drop the transition"
    )
    assert finding.severity == "warning"


def test_all_such_events_of_a_node_are_named_at_once() -> None:
    box = node("b", node("c", after("24h", "a")), on("PAY", "a"), on("card.*", "a"), on("", "a", guards=maybe))
    (found,) = say(*waiting(box))
    assert found.startswith("event-never-seen at 'b': it never sees 'PAY', 'card.*': ")


@pytest.mark.parametrize(
    "busy",
    [
        settled("b", on("PAY", "a"), after("24h", "a")),
        node("b", settled("c", after("24h", "b.d")), node("d", after("24h", "b.c")), on("PAY", "a")),
        node("b", node("c", after("24h", "b.d")), final("d"), on("PAY", "a")),
        node("b", on("*", "a"), after("24h", "a")),
        node("b", on("done.*", "a"), after("24h", "a")),
        parallel("b", node("c", after("24h", "a")), settled("d"), on("PAY", "a")),
        node("b", on("PAY", "a"), child("i"), on("error.*", "a")),
        node("b", on("PAY", "a"), after("24h", "a"), entry=(raising("PAY"),)),
    ],
)
def test_events_that_may_be_seen_are_fine(busy: NodeSpec) -> None:
    assert "event-never-seen" not in dict(codes(*waiting(busy)))


def test_a_node_that_nothing_moves_has_one_finding_and_not_two() -> None:
    assert codes(*waiting(node("b", on("PAY", "a")))) == [("never-settles", "b")]


def test_without_the_tag_no_event_waits() -> None:
    assert codes(node("a", on("GO", "b")), node("b", on("PAY", "a"), after("24h", "a"))) == []


# Services of settled nodes -------------------------------------------------------------------------------------------


def test_a_settled_node_runs_no_service() -> None:
    (finding,) = check(settled("a", invoke("i", serve), on("*", "a")))
    assert str(finding) == (
        "settled-node-invokes at 'a': a settled node waits for the outside, yet it runs a service; move the service to"
        " one before it, or let it run in the `background`"
    )
    assert finding.severity == "error"
    assert codes(settled("a", node("b", invoke("i", serve), on("*", "a")))) == [("settled-node-invokes", "a.b")]


def test_a_service_does_not_run_over_a_settled_child() -> None:
    (found,) = say(node("a", settled("b"), invoke("i", serve), on("*", "a")))
    assert found == (
        "settled-node-invokes at 'a': its service runs while 'a.b' rests; drop that tag `settled`, move the service, or"
        " let it run in the `background`"
    )


def test_a_child_machine_lives_on_while_its_parent_rests() -> None:
    assert codes(settled("a", child("i"), on("*", "a"))) == []
    assert codes(node("a", settled("b"), child("i"), on("*", "a"))) == []


def test_a_service_in_the_background_goes_on_while_a_node_rests() -> None:
    beside = invoke("i", serve, mode=InvokeMode.BACKGROUND)
    assert codes(settled("a", beside, on("*", "a"))) == []
    assert codes(node("a", settled("b"), beside, on("*", "a"))) == []
    assert codes(settled("a", beside, invoke("j", serve), on("*", "a"))) == [("settled-node-invokes", "a")]


def test_a_service_in_the_background_moves_a_node_that_does_not_rest() -> None:
    """Events from outside are held meanwhile, which is what a node without the tag asks for."""
    beside = invoke("i", serve, mode=InvokeMode.BACKGROUND)
    assert codes(*waiting(node("b", on("done.invoke.i", "a"), on("error.invoke.i", "a"), beside))) == []
    assert codes(*waiting(node("b", on("done.invoke.i", "a"), on("error.invoke.i", "b"), on("X", "a"), beside))) == [
        ("event-never-seen", "b")
    ]
    assert ("cannot-settle", "b") in codes(*waiting(node("b", on("done.invoke.i", "b"), on("error.*", "b"), beside)))


def test_without_the_tag_a_machine_rests_while_a_service_runs_in_the_background() -> None:
    assert codes(node("a", invoke("i", serve, mode=InvokeMode.BACKGROUND), on("GO", "a"), on("error.*", "a"))) == []


def test_a_timer_runs_while_a_node_rests() -> None:
    assert codes(settled("a", after("24h", "b")), final("b")) == []
