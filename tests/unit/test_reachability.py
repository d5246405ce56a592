"""Which nodes can ever be active."""

from settle.core.bits import iterate
from settle.core.certainty import is_always_active_with, may_both_be_active, may_hold, may_run_together, must_hold
from settle.core.conditions import AllOf, AnyOf, Condition, InState, Not
from settle.core.definition import Definition
from settle.core.reachability import find_entered, find_leaves, find_reachable
from settle.core.spec import MAX_DEPTH, NodeKind, NodeSpec, TransitionKind
from tests.support.charts import final, guard, invoke, node, on, parallel
from tests.support.findings import after, build, maybe, serve

SHALLOW, DEEP = NodeKind.SHALLOW_HISTORY, NodeKind.DEEP_HISTORY


def unreached(*nodes: NodeSpec) -> list[str]:
    """The nodes that nothing leads to."""
    definition = build(*nodes)
    reachable = find_reachable(definition)
    return [each.path for each in definition.nodes if not reachable & each.bit]


def paths(definition: Definition, bits: int) -> list[str]:
    return [each.path for each in iterate(definition.nodes, bits) if each.index]


# Targets and defaults ------------------------------------------------------------------------------------------------


def test_nodes_are_reached_by_default_by_targets_and_with_the_other_regions() -> None:
    nodes = (
        node("a", on("GO", "p.r.2")),
        parallel("p", node("r", node("1", on("UP", "p.r.2")), node("2", on("DOWN", "p.r.1"))), node("s", node("3"))),
    )
    assert unreached(*nodes) == []


def test_a_transition_of_a_node_that_is_never_entered_reaches_nothing() -> None:
    assert unreached(node("a"), node("b", on("GO", "c")), node("c")) == ["b", "c"]


def test_a_region_that_stays_does_not_begin_again() -> None:
    """Both regions are entered by name, and what moves later stays in its own."""
    nodes = (
        node("a", on("GO", "p.r.2", "p.s.4")),
        parallel("p", node("r", node("1"), node("2", on("ON", "p.r.5")), node("5")), node("s", node("3"), node("4"))),
    )
    assert unreached(*nodes) == ["p.r.1", "p.s.3"]


def test_regions_begin_again_when_a_transition_leaves_them() -> None:
    nodes = (
        node("a", on("GO", "p.r.2", "p.s.4")),
        parallel("p", node("r", node("1"), node("2")), node("s", node("3"), node("4", on("AGAIN", "p.s")))),
    )
    assert unreached(*nodes) == []


def test_initial_nodes_may_lie_further_in() -> None:
    inner = parallel("p", node("r", node("1"), node("2")), node("s", node("3"), node("4")))
    assert unreached(node("a", inner, initial=("a.p.r.2",))) == ["a.p.r.1", "a.p.s.4"]


def test_a_local_transition_onto_its_source_enters_what_it_begins_with() -> None:
    box = node("box", node("x"), node("y"), on("AGAIN", "box", kind=TransitionKind.LOCAL))
    assert unreached(node("a", on("GO", "box.y")), box) == []


def test_a_definition_may_be_nested_deeply() -> None:
    inner = node("n")
    for _ in range(MAX_DEPTH - 2):
        inner = node("n", inner)
    assert unreached(inner) == []


# History -------------------------------------------------------------------------------------------------------------


def test_history_nodes_reach_their_default_and_are_reached_by_being_targets() -> None:
    box = node(
        "box", node("x"), node("y"), node("h", kind=SHALLOW, history_default=("box.y",)), node("g", kind=SHALLOW)
    )
    assert unreached(node("a", on("GO", "box.h"), on("GO2", "box.g")), box) == []
    assert unreached(node("a", on("GO", "box.h")), box) == ["box.x", "box.g"]


def test_history_without_a_default_enters_what_its_parent_begins_with() -> None:
    assert unreached(node("a", on("GO", "p.h")), parallel("p", node("x"), node("y"), node("h", kind=DEEP))) == []


def test_the_default_of_a_history_node_may_name_one_region_and_the_others_begin() -> None:
    regions = (node("r", node("1"), node("2")), node("s", node("3"), node("4")))
    box = parallel("p", *regions, node("h", kind=DEEP, history_default=("p.r.2",)))
    assert unreached(node("a", on("GO", "p.h")), box) == ["p.r.1", "p.s.4"]


def test_shallow_history_begins_again_in_the_child_that_was_active() -> None:
    """`x` was only ever entered at `2`; coming back to it by history enters it at `1`."""
    box = node("box", node("w"), node("x", node("1"), node("2")), node("h", kind=SHALLOW))
    nodes = node("a", on("GO", "box.x.2"), on("BACK", "box.h")), box
    assert unreached(*nodes) == []
    assert unreached(*nodes[:1], node("box", *box.children[:2], node("h", kind=DEEP))) == ["box.x.1"]


def test_history_of_a_history_node_is_followed() -> None:
    inner = node("inner", node("x"), node("y"), node("h", kind=DEEP, history_default=("box.inner.y",)))
    box = node("box", inner, node("g", kind=DEEP, history_default=("box.inner.h",)))
    assert unreached(node("a", on("GO", "box.g")), box) == ["box.inner.x"]


# What can never come -------------------------------------------------------------------------------------------------


def test_a_delay_is_always_over_at_some_time() -> None:
    assert unreached(node("a", after("5s", "b")), node("b")) == []


def test_a_result_comes_only_while_its_node_is_active() -> None:
    assert unreached(node("a", invoke("i", serve), on("done.invoke.i", "b")), node("b")) == []
    assert unreached(node("a", invoke("i", serve), on("GO", "b")), node("b", on("error.invoke.i", "c")), node("c")) == [
        "c"
    ]


def test_a_result_is_heard_around_beside_and_inside_the_node() -> None:
    assert unreached(node("a", node("b", invoke("i", serve)), on("done.invoke.i", "z")), node("z")) == []
    assert unreached(node("a", node("b", on("done.invoke.i", "z")), invoke("i", serve)), node("z")) == []
    assert unreached(parallel("p", node("a", invoke("i", serve)), node("b", on("done.invoke.i", "z"))), node("z")) == []


def test_the_result_of_a_service_of_a_node_that_is_never_entered_never_comes() -> None:
    nodes = node("a", node("b"), node("c", invoke("i", serve)), on("done.invoke.i", "z")), node("z")
    assert unreached(*nodes) == ["a.c", "z"]


def test_an_end_comes_only_when_a_final_child_is_entered() -> None:
    box = node("box", node("x", on("GO", "box.y")), node("y"), final("z"), on("done.state.box", "b"))
    assert unreached(box, node("b")) == ["box.z", "b"]
    box = node("box", node("x", on("GO", "box.z")), final("z"), on("done.state.box", "b"))
    assert unreached(box, node("b")) == []


def test_a_parallel_node_ends_when_each_region_can() -> None:
    def regions(*inner: NodeSpec) -> tuple[NodeSpec, NodeSpec]:
        return parallel("p", node("r", *inner, final("z")), final("s"), on("done.state.p", "b")), node("b")

    assert unreached(*regions(node("x", on("GO", "p.r.z")))) == []
    assert unreached(*regions(node("x"))) == ["p.r.z", "b"]


def test_what_nothing_could_ever_make_come_is_followed_since_it_has_a_finding_of_its_own() -> None:
    assert unreached(node("a", on("done.state.a", "b"), on("done.invoke.x", "c")), node("b"), node("c")) == []


def test_a_condition_on_a_node_that_is_never_active_never_holds() -> None:
    def nodes(*guards: Condition) -> tuple[NodeSpec, ...]:
        return node("a", on("GO", "b", guards=guards)), node("b"), node("never")

    assert unreached(*nodes(InState("never"))) == ["b", "never"]
    assert unreached(*nodes(AllOf((*maybe, InState("never"))))) == ["b", "never"]
    assert unreached(*nodes(AnyOf((*maybe, InState("never"))))) == ["never"]
    assert unreached(*nodes(Not(InState("never")))) == ["never"]
    assert unreached(*nodes(Not(InState("a")))) == ["b", "never"]
    assert unreached(*nodes(Not(AnyOf((*maybe, InState("a")))))) == ["b", "never"]


def test_a_condition_is_asked_again_when_more_is_reached() -> None:
    regions = (
        node("r", node("1", on("GO", "p.r.2", guards=(InState("p.s.4"),))), node("2")),
        node("s", node("3", on("ON", "p.s.4")), node("4")),
    )
    assert unreached(parallel("p", *regions)) == []


# Questions about two nodes -------------------------------------------------------------------------------------------


def two_regions() -> Definition:
    regions = node("r", node("1"), node("2")), node("s", node("only"), node("h", kind=DEEP))
    return build(node("a", on("GO", "p")), parallel("p", *regions), node("z"))


def test_nodes_of_different_regions_run_together() -> None:
    definition = two_regions()
    number = definition.numbers
    assert may_run_together(definition, number["p.r.1"], number["p.s"])
    assert not may_run_together(definition, number["p.r.1"], number["p.r.2"])
    assert not may_run_together(definition, number["p"], number["p.r"])
    assert not may_run_together(definition, number["a"], number["p.r"])


def test_both_are_active_when_nested_or_together_and_no_history_node_ever_is() -> None:
    definition = two_regions()
    number = definition.numbers
    assert may_both_be_active(definition, number["p"], number["p.r.1"])
    assert may_both_be_active(definition, number["p.r.2"], number["p.s.only"])
    assert not may_both_be_active(definition, number["p.r.2"], number["p.s.h"])
    assert not may_both_be_active(definition, number["a"], number["z"])


def test_what_is_around_a_node_or_all_that_a_region_has_is_always_active_with_it() -> None:
    definition = two_regions()
    number = definition.numbers
    always = [path for path in number if is_always_active_with(definition, number[path], number["p.r.1"])]
    assert always == ["", "p", "p.r", "p.r.1", "p.s", "p.s.only"]


def test_conditions_that_always_or_never_hold() -> None:
    definition = two_regions()
    source = definition.numbers["p.r.1"]
    always, never, open_ = InState("p.s"), InState("a"), guard("maybe", lambda *_: True)

    def ask(condition: Condition) -> tuple[bool, bool]:
        return may_hold(definition, condition, source, ~0), must_hold(definition, condition, source)

    assert [ask(each) for each in (always, never, open_)] == [(True, True), (False, False), (True, False)]
    assert [ask(Not(each)) for each in (always, never, open_)] == [(False, False), (True, True), (True, False)]
    assert (ask(AllOf((always, open_))), ask(AllOf((always,))), ask(AllOf(()))) == (
        (True, False),
        (True, True),
        (True, True),
    )
    assert (ask(AnyOf((never, open_))), ask(AnyOf((always, open_))), ask(AnyOf(()))) == (
        (True, False),
        (True, True),
        (False, False),
    )


def test_what_an_entry_ends_at() -> None:
    definition = two_regions()
    number = definition.numbers
    entered = find_entered(definition, [number["p.r.2"]])
    assert paths(definition, entered) == ["p", "p.r", "p.r.2", "p.s", "p.s.only"]
    assert [leaf.path for leaf in find_leaves(definition, entered)] == ["p.r.2", "p.s.only"]
    inside = find_entered(definition, [number["p.r.2"]], number["p.r"])
    assert paths(definition, inside) == ["p.r", "p.r.2"]
