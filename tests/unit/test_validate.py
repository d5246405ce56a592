"""What validation says about definitions, and what it lets pass."""

from typing import Any

import pytest
from pydantic import BaseModel

from settle.core.definition import Definition
from settle.core.errors import DefinitionError, Finding
from settle.core.spec import NodeKind, NodeSpec
from settle.core.validate import validate_definition
from tests.support.charts import action, final, guard, invoke, machine, node, on, parallel, settled

maybe = (guard("maybe", lambda *_: True),)


class Data(BaseModel):
    pass


def serve(_call: Any) -> None: ...


def check(*nodes: NodeSpec, **options: Any) -> list[Finding]:
    try:
        definition: Definition = machine("m", *nodes, **options)
    except DefinitionError as error:
        return list(error.findings)
    assert definition.warnings == validate_definition(definition)
    return list(definition.warnings)


def codes(*nodes: NodeSpec, **options: Any) -> list[tuple[str, str]]:
    return [(finding.code, finding.node) for finding in check(*nodes, **options)]


# Reachable -----------------------------------------------------------------------------------------------------------


def test_a_node_that_nothing_leads_to_is_a_warning_about_its_outermost_part() -> None:
    (finding,) = check(node("a"), node("b", node("c"), node("d")))
    assert str(finding) == (
        "unreachable-node at 'b': nothing leads to it; give some transition this target, or remove it"
    )
    assert finding.severity == "warning"


def test_nodes_are_reached_by_default_by_targets_and_with_the_other_regions() -> None:
    nodes = (
        node("a", on("GO", "p.r.2")),
        parallel("p", node("r", node("1", on("UP", "p.r.2")), node("2", on("DOWN", "p.r.1"))), node("s", node("3"))),
    )
    assert codes(*nodes) == []


def test_a_transition_of_a_node_that_is_never_entered_reaches_nothing() -> None:
    assert codes(node("a"), node("b", on("GO", "c")), node("c")) == [
        ("unreachable-node", "b"),
        ("unreachable-node", "c"),
    ]


def test_history_nodes_reach_their_default_and_are_reached_by_being_targets() -> None:
    shallow = NodeKind.SHALLOW_HISTORY
    box = node(
        "box", node("x"), node("y"), node("h", kind=shallow, history_default=("box.y",)), node("g", kind=shallow)
    )
    found = codes(node("a", on("GO", "box.h"), on("GO2", "box.g")), box)
    assert found == []
    assert codes(node("a", on("GO", "box.h")), box) == [("unreachable-node", "box.x"), ("unreachable-node", "box.g")]


def test_history_without_a_default_enters_what_its_parent_begins_with() -> None:
    deep = NodeKind.DEEP_HISTORY
    regions = parallel("p", node("x"), node("y"), node("h", kind=deep))
    assert codes(node("a", on("GO", "p.h")), regions) == []


# Final and rejected --------------------------------------------------------------------------------------------------


def test_a_final_node_has_no_transitions_and_no_services() -> None:
    found = check(node("a", on("GO", "z")), node("z", on("GO", "a"), invoke("i", serve), kind=NodeKind.FINAL))
    assert [str(finding) for finding in found if finding.severity == "error"] == [
        (
            "final-node-continues at 'z': a final node is the end: it has no transitions and no child nodes; drop them,"
            " or drop `final`"
        ),
        "final-node-invokes at 'z': a final node is the end: its service would never be heard; put it on a node before",
    ]


def test_a_rejected_node_does_nothing_and_is_not_the_first() -> None:
    refusing = node("no", tags=frozenset({"rejected"}))
    assert codes(node("a", on("GO", "no")), refusing) == []
    acting = node("no", tags=frozenset({"rejected"}), entry=(action("note"),))
    (finding,) = check(node("a", on("GO", "no")), acting)
    assert str(finding) == (
        "rejected-node-acts at 'no': nothing of a run that ends at a `rejected` node is kept; drop its services,"
        " transitions and `on_enter`"
    )
    (finding,) = check(refusing)
    assert str(finding) == (
        "rejected-initially at 'no': a new instance would be refused at once; begin at another node, or drop the tag"
        " `rejected`"
    )


# Settling ------------------------------------------------------------------------------------------------------------


def test_a_node_that_nothing_could_move_is_an_error() -> None:
    (finding,) = check(settled("a", on("GO", "b")), node("b", on("GO", "a")))
    assert str(finding) == (
        "never-settles at 'b': tag it `settled` if it waits for the outside, or give it a service or an `always`"
    )
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
        parallel("b", node("c", on("done.invoke.i", "a")), node("d", on("error.invoke.i", "a"), invoke("i", serve))),
        parallel(
            "b",
            node("c", on("done.state.b.d", "a")),
            node("d", node("e", on("", "b.d.f", guards=maybe)), final("f")),
        ),
    ],
)
def test_what_moves_a_node_or_lets_it_rest(busy: NodeSpec) -> None:
    assert codes(settled("a", on("GO", "b")), busy) == []


def test_a_service_beside_it_whose_result_it_does_not_take_does_not_move_a_node() -> None:
    beside = parallel("b", node("c", on("GO", "a")), node("d", on("error.invoke.i", "a"), invoke("i", serve)))
    assert ("never-settles", "b.c") in codes(settled("a", on("GO", "b")), beside)


def test_the_end_of_the_state_around_it_does_not_move_a_node() -> None:
    box = node("b", node("c"), on("done.state.b", "a"), final("d"))
    assert ("never-settles", "b.c") in codes(settled("a", on("GO", "b")), box)


def test_an_unreachable_node_need_not_settle() -> None:
    assert codes(settled("a"), node("b")) == [("unreachable-node", "b")]


def test_a_settled_node_runs_no_service() -> None:
    (finding,) = check(settled("a", invoke("i", serve), on("*", "a")))
    assert str(finding) == (
        "settled-node-invokes at 'a': a settled node waits for the outside, yet it runs a service; move the service to"
        " one before it"
    )
    assert codes(settled("a", node("b", invoke("i", serve), on("*", "a")))) == [("settled-node-invokes", "a.b")]


def test_a_service_does_not_run_over_a_settled_child() -> None:
    (finding,) = check(node("a", settled("b"), invoke("i", serve), on("*", "a")))
    assert str(finding) == (
        "settled-node-invokes at 'a': its service runs while 'a.b' rests; drop that tag `settled`, or move the service"
    )


# Services and done events --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("descriptor", ["error.invoke.i", "error.invoke.*", "error.*", "*"])
def test_the_error_of_a_service_is_taken_by_its_node_or_one_around_it(descriptor: str) -> None:
    assert codes(node("a", on(descriptor, "a"), invoke("i", serve))) == []
    assert codes(node("a", node("b", invoke("i", serve)), on(descriptor, "a"))) == []


def test_an_error_that_nobody_takes_is_a_warning() -> None:
    (finding,) = check(node("a", on("done.invoke.i", "b"), invoke("i", serve)), node("b", on("error.invoke.i", "a")))
    assert str(finding) == (
        "unhandled-service-error at 'a': nothing takes 'error.invoke.i' when its service fails for good; add `on_error`"
        " to the invoke"
    )
    assert finding.severity == "warning"


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
    assert message in [str(finding) for finding in check(*nodes)]


def test_done_events_by_pattern_and_of_nested_ends_are_fine() -> None:
    regions = parallel("p", node("x", final("z")), node("y", final("z")), on("done.state.p", "q"))
    assert codes(regions, node("q", on("done.invoke.*", "p"), on("done.*", "p"))) == []


# Transitions ---------------------------------------------------------------------------------------------------------


def test_a_transition_behind_one_that_is_always_taken_is_a_warning() -> None:
    (finding,) = check(node("a", on("GO", "b"), on("GO", "c", guards=maybe)), node("b", on("X", "c")), node("c"))
    assert str(finding) == (
        "shadowed-transition at 'a': it has 'GO' after one that always takes it; guard the first, or put it last"
    )
    assert finding.severity == "warning"


@pytest.mark.parametrize(("first", "second"), [("*", "GO"), ("pay.*", "pay.done"), ("*", "pay.*")])
def test_patterns_shadow_what_they_match(first: str, second: str) -> None:
    assert codes(node("a", on(first, "b"), on(second, "b")), node("b")) == [("shadowed-transition", "a")]


@pytest.mark.parametrize(("first", "second"), [("GO", "*"), ("GO", "STOP"), ("pay.*", "*"), ("*", "")])
def test_narrow_before_wide_is_the_way_to_write_it(first: str, second: str) -> None:
    assert codes(node("a", on(first, "b"), on(second, "b", guards=maybe)), node("b")) == []


def test_guarded_transitions_shadow_nothing() -> None:
    assert codes(node("a", on("GO", "b", guards=maybe), on("GO", "b")), node("b")) == []


def test_eventless_transitions_shadow_each_other() -> None:
    (finding,) = check(node("a", on("", "b"), on("", "c")), node("b", on("X", "c")), node("c"))
    assert finding.message.startswith("it has an eventless transition after one that always takes it")


def test_a_declared_event_is_taken_somewhere() -> None:
    (finding,) = check(node("a", on("VERIFY", "a")), events={"VERFY": Data, "VERIFY": Data})
    assert str(finding) == (
        "unused-event: `events` declares 'VERFY', which no transition takes (did you mean 'VERIFY'?); correct the name,"
        " or drop it"
    )
    assert finding.severity == "warning"
    assert codes(node("a", on("pay.*", "a")), events={"pay.card": Data}) == []


# Eventless cycles ----------------------------------------------------------------------------------------------------


def test_a_round_that_nothing_can_stop_is_an_error() -> None:
    (finding,) = check(node("a", on("", "b")), node("b", on("", "c")), node("c", on("", "a")))
    assert str(finding) == (
        "eventless-cycle at 'a': its eventless transitions go round for ever (a -> b -> c -> a); guard one of them"
    )
    assert finding.severity == "error"


@pytest.mark.parametrize(
    "nodes",
    [
        (node("a", on("")),),
        (node("a", on("", "a")),),
        (node("p", node("a"), on("", "p")),),
        (node("a", on("", "b")), node("b", node("c", on("GO", "a")), on("", "a"))),
        (parallel("p", node("x", node("1", on("", "p.x.2")), node("2", on("", "p.x.1"))), node("y")),),
    ],
)
def test_rounds_of_every_shape(nodes: tuple[NodeSpec, ...]) -> None:
    assert [code for code, _ in codes(*nodes)] == ["eventless-cycle"]


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
            node("b", node("c", on("", "a")), node("h", kind=NodeKind.DEEP_HISTORY)),
        ),
    ],
)
def test_ways_that_end_are_no_rounds(nodes: tuple[NodeSpec, ...]) -> None:
    assert "eventless-cycle" not in [code for code, _ in codes(*nodes)]


def test_each_round_is_reported_once() -> None:
    found = codes(
        node("a", on("GO", "c"), on("", "b")), node("b", on("", "a")), node("c", on("", "d")), node("d", on("", "c"))
    )
    assert found == [("eventless-cycle", "a"), ("eventless-cycle", "c")]
