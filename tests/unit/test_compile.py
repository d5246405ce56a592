"""From a spec to a Definition: numbers, links, the hash, and every mistake that stops the build."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from settle.core.codec import ModelCodec, PlainCodec
from settle.core.compile import compile_machine
from settle.core.definition import Definition
from settle.core.errors import DefinitionError
from settle.core.spec import (
    Delivery,
    InvokeMode,
    MachineSpec,
    NodeKind,
    NodeSpec,
    TransitionKind,
    TransitionSpec,
)
from tests.support.charts import action, final, guard, invoke, machine, node, on, parallel, settled
from tests.support.loud import no


def spec(*nodes: NodeSpec, **options: Any) -> MachineSpec:
    """A machine; `root_*` options are for its root node."""
    root = {name.removeprefix("root_"): options.pop(name) for name in list(options) if name.startswith("root_")}
    top = NodeSpec(name="", children=nodes, **{"kind": NodeKind.COMPOUND, **root})
    return MachineSpec(**{"id": "m", "version": 1, "root": top, "context": PlainCodec(), **options})


def history(name: str, *default: str, kind: NodeKind = NodeKind.SHALLOW_HISTORY, **options: Any) -> NodeSpec:
    return node(name, kind=kind, history_default=default, **options)


def serve(_: object) -> None: ...


# The table -----------------------------------------------------------------------------------------------------------

TREE = machine(
    "m",
    node("a", node("b", on("GO", "c")), history("h"), node("d"), tags=frozenset({"x"})),
    parallel("c", node("e", tags=frozenset({"y"})), node("f", final("g"))),
)


def test_nodes_stand_in_document_order_under_their_paths() -> None:
    paths = ["", "a", "a.b", "a.h", "a.d", "c", "c.e", "c.f", "c.f.g"]
    assert [each.path for each in TREE.nodes] == paths
    assert TREE.numbers == {path: index for index, path in enumerate(paths)}
    assert [each.index for each in TREE.nodes] == list(range(9))


def test_history_nodes_are_no_children() -> None:
    parent = TREE.nodes[1]
    assert (parent.children, parent.history, parent.initial) == ((2, 4), (3,), (2,))


def test_a_node_knows_what_is_around_and_inside_it() -> None:
    inner = TREE.nodes[8]
    assert (inner.parent, inner.ancestors, inner.bit, inner.up) == (7, (7, 5, 0), 1 << 8, 1 << 7 | 1 << 5 | 1)
    assert TREE.nodes[5].within == 1 << 6 | 1 << 7 | 1 << 8
    assert TREE.nodes[0].within == (1 << 9) - 2


def test_only_compound_nodes_have_initial_ones() -> None:
    assert [each.path for each in TREE.nodes if each.initial] == ["", "a", "c.f"]


def test_effective_tags_are_those_of_the_ancestors_too() -> None:
    assert TREE.nodes[2].tags == frozenset()
    assert TREE.nodes[2].effective_tags == {"x"}
    assert TREE.nodes[6].effective_tags == {"y"}


def test_leaves_are_atomic_and_final_nodes() -> None:
    assert [each.path for each in TREE.nodes if each.is_leaf] == ["a.b", "a.d", "c.e", "c.f.g"]


def test_transitions_are_numbered_in_document_order_and_held_by_their_source() -> None:
    definition = machine(
        "m", node("a", node("b", on("2", "a.c"), on("3")), node("c", on("4")), on("1", "a.b")), node("z")
    )
    assert [each.event for each in definition.transitions] == ["1", "2", "3", "4"]
    assert [each.transitions for each in definition.nodes] == [(), (0,), (1, 2), (3,), ()]


@pytest.mark.parametrize(
    ("kind", "targets", "domain"),
    [
        (TransitionKind.EXTERNAL, ("a.b",), ""),
        (TransitionKind.INTERNAL, ("a.b",), "a"),
        (TransitionKind.LOCAL, ("a.b",), "a"),
        (TransitionKind.INTERNAL, ("a",), ""),
        (TransitionKind.LOCAL, ("a",), "a"),
        (TransitionKind.LOCAL, ("z",), ""),
        (TransitionKind.EXTERNAL, ("",), ""),
    ],
)
def test_the_domain_of_a_transition_is_worked_out_once(
    kind: TransitionKind, targets: tuple[str, ...], domain: str
) -> None:
    definition = machine("m", node("a", node("b"), on("GO", *targets, kind=kind)), node("z"))
    assert definition.transitions[0].domain == definition.numbers[domain]


def test_a_domain_is_left_open_without_a_target_and_for_history() -> None:
    definition = machine("m", node("a", node("b"), history("h"), on("STAY"), on("BACK", "a.h")))
    assert [each.domain for each in definition.transitions] == [-1, -1]


def test_event_types_are_what_the_outside_may_send() -> None:
    definition = machine(
        "m", node("a", node("b", on("GO"), on("GO.*"), on("", "a.c", guards=(no(),))), final("c"), on("done.state.a"))
    )
    assert definition.event_types == {"GO", "GO.*"}


def test_event_types_leave_out_all_that_only_the_runtime_makes() -> None:
    assert machine("m", node("a", on("settle.start"), on("GO"))).event_types == {"GO"}


def test_invokes_are_found_by_their_id() -> None:
    definition = machine("m", node("a", invoke("one", serve), node("b", invoke("two", serve))))
    assert list(definition.invokes) == ["one", "two"]


def test_a_machine_that_tags_no_node_settled_is_known() -> None:
    assert not machine("m", node("a")).uses_settled
    assert machine("m", settled("a")).uses_settled


# The hash ------------------------------------------------------------------------------------------------------------


def nothing(*_: object) -> None: ...


BASE = spec(
    node(
        "a",
        on("GO", "b", guards=(guard("g", bool),), actions=(action("t"),)),
        entry=(action("e"),),
        exit=(action("x"),),
    ),
    node("b", invoke("svc", serve), on("done.invoke.svc", "c"), tags=frozenset({"x", "y"}), meta={"k": 1}),
    final("c", output={"n": 1}),
)
CHANGES: dict[str, MachineSpec] = {
    "id": replace(BASE, id="other"),
    "version": replace(BASE, version=2),
    "a node": replace(BASE, root=replace(BASE.root, children=(*BASE.root.children, final("d")))),
    "the order of nodes": replace(BASE, root=replace(BASE.root, children=BASE.root.children[::-1])),
    "initial": replace(BASE, root=replace(BASE.root, initial=("b",))),
    "an event model": replace(BASE, events={"GO": PlainCodec()}),
}


def hash_of(spec: MachineSpec) -> str:
    silenced = dict.fromkeys(("unreachable-node", "shadowed-transition", "unused-event"), "they do not matter here")
    return compile_machine(replace(spec, silenced=silenced)).hash


def with_first(**changes: Any) -> MachineSpec:
    first, *others = BASE.root.children
    return replace(BASE, root=replace(BASE.root, children=(replace(first, **changes), *others)))


def with_transition(**changes: Any) -> MachineSpec:
    (transition,) = BASE.root.children[0].transitions
    return with_first(transitions=(replace(transition, **changes),))


CHANGES |= {
    "an entry action": with_first(entry=(action("other"),)),
    "an exit action": with_first(exit=()),
    "a tag": with_first(tags=frozenset({"new"})),
    "meta": with_first(meta={"new": 1}),
    "an event": with_transition(event="STOP"),
    "a target": with_transition(targets=("c",)),
    "a guard": with_transition(guards=()),
    "a negated guard": with_transition(guards=(guard("g", bool, negated=True),)),
    "an action": with_transition(actions=(action("other"),)),
    "the slot of an action": with_transition(actions=(), before=(action("t"),)),
    "the kind": with_transition(kind=TransitionKind.LOCAL),
    "the transition": with_first(transitions=()),
}


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES)
def test_the_hash_changes_with_the_definition(changed: MachineSpec) -> None:
    assert hash_of(changed) != hash_of(BASE)


def test_every_change_has_a_hash_of_its_own() -> None:
    assert len({hash_of(each) for each in [BASE, *CHANGES.values()]}) == len(CHANGES) + 1


def test_the_hash_does_not_change_with_functions_or_schemas() -> None:
    class One(BaseModel):
        n: int = 0

    class Two(BaseModel):
        text: str = ""

    assert hash_of(with_first(entry=(action("e", nothing),))) == hash_of(BASE)
    assert (
        hash_of(replace(BASE, context=ModelCodec(One)))
        == hash_of(replace(BASE, context=ModelCodec(Two)))
        == hash_of(BASE)
    )


def with_service(**changes: Any) -> MachineSpec:
    first, second, *others = BASE.root.children
    served = replace(second, invokes=(replace(second.invokes[0], **changes),))
    return replace(BASE, root=replace(BASE.root, children=(first, served, *others)))


def in_background(**changes: Any) -> MachineSpec:
    return with_service(mode=InvokeMode.BACKGROUND, **changes)


def test_what_operators_turn_is_not_part_of_the_hash() -> None:
    assert hash_of(replace(BASE, retention=60.0)) == hash_of(BASE)
    assert hash_of(with_service(final_errors=(ValueError,))) == hash_of(BASE)
    turned = {"timeout": 5.0, "attempts": 7, "backoff": 2.0, "max_backoff": 9.0, "final_errors": (ValueError,)}
    assert hash_of(in_background(**turned)) == hash_of(in_background())


def test_where_a_service_runs_and_how_often_and_how_long_at_most_is() -> None:
    hashes = {
        hash_of(BASE),
        hash_of(with_service(timeout=5.0)),
        hash_of(with_service(attempts=7)),
        hash_of(in_background()),
        hash_of(in_background(deadline=60.0)),
        hash_of(in_background(delivery=Delivery.AT_MOST_ONCE)),
    }
    assert len(hashes) == 6


def test_a_word_of_operators_counts_where_it_is_an_authors() -> None:
    """In `meta`, and in the parameters of an action, they are data like any other."""
    assert hash_of(with_first(meta={"retention": 1})) != hash_of(with_first(meta={"retention": 2}))


def test_the_table_shows_what_the_hash_leaves_out() -> None:
    table = compile_machine(replace(in_background(final_errors=(KeyError,)), retention=60.0)).table
    assert table["retention"] == 60.0
    (service,) = table["root"]["children"][1]["invoke"]
    assert service == {
        "id": "svc",
        "src": "svc",
        "timeout": 3.0,
        "attempts": 3,
        "mode": "background",
        "backoff": 1.0,
        "max_backoff": 300.0,
        "deadline": 900.0,
        "final_errors": ["KeyError"],
    }
    (once,) = compile_machine(in_background(delivery=Delivery.AT_MOST_ONCE)).table["root"]["children"][1]["invoke"]
    assert once["delivery"] == "at_most_once"


def test_the_hash_is_the_same_on_every_machine() -> None:
    """Live instances carry it: when this fails, every one of them would be stranded."""
    assert hash_of(BASE) == "44483df60c2db1e1"


def test_the_table_is_the_definition_as_json_data() -> None:
    definition = compile_machine(
        spec(
            node(
                "a",
                on("GO", "z", guards=(guard("g", bool, negated=True),), before=(action("t"),)),
                entry=(action("e"),),
            ),
            node("s", invoke("svc", serve, timeout=1.0), on("done.invoke.svc", "y")),
            final("y", output=nothing),
            final("z", output=1),
            silenced=dict.fromkeys(("unreachable-node", "unhandled-service-error"), "short"),
            events={"GO": PlainCodec()},
        )
    )
    assert definition.table == {
        "id": "m",
        "version": 1,
        "root": {
            "name": "",
            "kind": "compound",
            "children": [
                {
                    "name": "a",
                    "kind": "atomic",
                    "entry": ["e"],
                    "transitions": [
                        {"event": "GO", "targets": ["z"], "guards": [{"not": "g"}], "before": ["t"], "kind": "external"}
                    ],
                },
                {
                    "name": "s",
                    "kind": "atomic",
                    "invoke": [{"id": "svc", "src": "svc", "timeout": 1.0, "attempts": 3}],
                    "transitions": [{"event": "done.invoke.svc", "targets": ["y"], "kind": "external"}],
                },
                {"name": "y", "kind": "final", "output": "nothing"},
                {"name": "z", "kind": "final", "output": 1},
            ],
        },
        "context": {},
        "events": {"GO": {}},
    }


# Mistakes ------------------------------------------------------------------------------------------------------------


def findings_of(build: MachineSpec) -> list[tuple[str, str]]:
    with pytest.raises(DefinitionError) as caught:
        compile_machine(build)
    return [(finding.code, finding.node) for finding in caught.value.findings]


REGIONS = parallel("p", node("r", node("r1"), node("r2"), history("rh")), node("s", node("s1")), history("h"))
MISTAKES: dict[str, tuple[MachineSpec, list[tuple[str, str]]]] = {
    "two nodes of one path": (spec(node("a"), node("a")), [("duplicate-node", "a")]),
    "a name with the separator": (spec(node("a.b")), [("bad-node-name", "a.b")]),
    "an empty name": (spec(node("a", node(""))), [("bad-node-name", "a.")]),
    "a target that is not there": (spec(node("a", on("GO", "nowhere"))), [("unknown-target", "a")]),
    "an initial node that is not there": (spec(node("a", node("b"), initial=("a.x",))), [("unknown-target", "a")]),
    "a default that is not there": (spec(node("a", node("b"), history("h", "a.x"))), [("unknown-target", "a.h")]),
    "an initial node from elsewhere": (spec(node("a", node("b"), initial=("z",)), node("z")), [("bad-initial", "a")]),
    "itself as its initial node": (spec(node("a", node("b"), initial=("a",))), [("bad-initial", "a")]),
    "a compound node without children": (spec(node("a", kind=NodeKind.COMPOUND)), [("no-children", "a")]),
    "a parallel node without children": (spec(parallel("p")), [("no-children", "p")]),
    "nothing but history inside": (spec(node("a", history("h"))), [("no-children", "a")]),
    "a machine without nodes": (spec(), [("no-children", "")]),
    "a machine that is a leaf": (spec(root_kind=NodeKind.ATOMIC), [("bad-root", "")]),
    "a machine that is final": (spec(root_kind=NodeKind.FINAL), [("bad-root", "")]),
    "an atomic node with children": (spec(node("a", node("b"), kind=NodeKind.ATOMIC)), [("has-children", "a")]),
    "a final node with children": (spec(node("a", node("b"), kind=NodeKind.FINAL)), [("has-children", "a")]),
    "an atomic node with history": (spec(node("a", history("h"), kind=NodeKind.ATOMIC)), [("has-children", "a")]),
    "a history node with children": (
        spec(node("a", node("b"), node("h", node("c"), kind=NodeKind.DEEP_HISTORY))),
        [("has-children", "a.h")],
    ),
    "two invokes of one id": (
        spec(node("a", invoke("svc", serve)), node("b", invoke("svc", serve))),
        [("duplicate-invoke", "b")],
    ),
    "settled and rejected": (
        spec(node("a", tags=frozenset({"settled", "rejected"}))),
        [("settled-and-rejected", "a")],
    ),
    "two children of a compound node as targets": (
        spec(node("a", on("GO", "a", "b")), node("b")),
        [("bad-targets", "a")],
    ),
    "a node and its own child as targets": (spec(node("a", node("b"), on("GO", "a", "a.b"))), [("bad-targets", "a")]),
    "a child and its own parent as targets": (spec(node("a", node("b"), on("GO", "a.b", "a"))), [("bad-targets", "a")]),
    "one target twice": (spec(node("a", on("GO", "a", "a"))), [("bad-targets", "a")]),
    "two nodes of one region as targets": (
        spec(node("a", on("GO", "p.r.r1", "p.r.r2")), REGIONS),
        [("bad-targets", "a")],
    ),
    "a region and its history as targets": (
        spec(node("a", on("GO", "p.r.rh", "p.r.r1")), REGIONS),
        [("bad-targets", "a")],
    ),
    "the history of all regions and one of them as targets": (
        spec(node("a", on("GO", "p.s", "p.h")), REGIONS),
        [("bad-targets", "a")],
    ),
    "two initial nodes that exclude each other": (
        spec(node("a", node("b"), node("c"), initial=("a.b", "a.c"))),
        [("bad-targets", "a")],
    ),
    "two defaults that exclude each other": (
        spec(node("a", node("b"), node("c"), history("h", "a.b", "a.c"))),
        [("bad-targets", "a.h")],
    ),
    "a default outside the parent": (
        spec(node("a", node("b"), history("h", "z")), node("z")),
        [("bad-history", "a.h")],
    ),
    "the parent as default": (spec(node("a", node("b"), history("h", "a"))), [("bad-history", "a.h")]),
    "itself as default": (spec(node("a", node("b"), history("h", "a.h"))), [("bad-history", "a.h")]),
    "two history nodes as each other's default": (
        spec(node("a", node("b"), history("h", "a.i"), history("i", "a.h"))),
        [("bad-history", "a.h"), ("bad-history", "a.i")],
    ),
    "a history node to begin with that has no default": (
        spec(node("a", node("b"), history("h"), initial=("a.h",))),
        [("bad-history", "a.h")],
    ),
}


@pytest.mark.parametrize(("build", "expected"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_stops_the_build(build: MachineSpec, expected: list[tuple[str, str]]) -> None:
    assert findings_of(build) == expected


def test_all_mistakes_are_told_at_once() -> None:
    build = spec(node("a", on("GO", "x"), on("GO", "y")), node("a"))
    assert findings_of(build) == [("duplicate-node", "a"), ("unknown-target", "a"), ("unknown-target", "a")]


def test_an_unknown_target_comes_with_what_was_meant_perhaps() -> None:
    with pytest.raises(DefinitionError, match="there is no node 'waitng'; did you mean 'waiting'") as caught:
        compile_machine(spec(node("waiting", on("GO", "waitng"), on("OFF", "qqq"))))
    assert str(caught.value) == (
        "machine 'm' cannot be built:\n"
        "  - unknown-target at 'waiting': there is no node 'waitng'; did you mean 'waiting'?\n"
        "  - unknown-target at 'waiting': there is no node 'qqq'"
    )


ACCEPTED: dict[str, MachineSpec] = {
    "one target per region": spec(node("a", on("GO", "p.r.r2", "p.s.s1")), REGIONS),
    "the history of one region and a node of another": spec(node("a", on("GO", "p.r.rh", "p.s")), REGIONS),
    "one initial node per region": spec(REGIONS, root_initial=("p.r.r2", "p.s.s1")),
    "a history node to begin with that has a default": spec(
        node("a", node("b"), history("h", "a.b"), initial=("a.h",))
    ),
    "a deeper history node as default": spec(node("a", node("b", node("c"), history("i")), history("h", "a.b.i"))),
}


@pytest.mark.parametrize("build", ACCEPTED.values(), ids=ACCEPTED)
def test_what_can_be_active_together_may_be_named_together(build: MachineSpec) -> None:
    assert isinstance(compile_machine(build), Definition)


# Warnings and silence ------------------------------------------------------------------------------------------------


def test_a_warning_does_not_stop_the_build() -> None:
    definition = compile_machine(spec(node("a"), node("b")))
    assert [str(finding) for finding in definition.warnings] == [
        "unreachable-node at 'b': nothing leads to it; give some transition this target, or remove it"
    ]


@pytest.mark.parametrize("silenced", ["unreachable-node", "unreachable-node@b"])
def test_a_finding_is_silenced_by_its_code_or_by_its_code_and_node(silenced: str) -> None:
    assert compile_machine(spec(node("a"), node("b"), silenced={silenced: "on purpose"})).warnings == ()
    assert compile_machine(spec(node("a"), node("b"), node("c"), silenced={"unreachable-node@b": "x"})).warnings


def test_a_validation_error_stops_the_build_together_with_the_warnings() -> None:
    build = spec(node("a"), node("b"), settled("c"))
    assert findings_of(build)[0] == ("unreachable-node", "b")
    assert ("never-settles", "a") in findings_of(build)


def test_a_transition_spec_is_external_unless_it_says_otherwise() -> None:
    assert TransitionSpec(event="GO").kind is TransitionKind.EXTERNAL


def test_nodes_that_lie_too_deep_are_refused() -> None:
    inner = node("x")
    for _ in range(2000):
        inner = node("x", inner)
    with pytest.raises(DefinitionError, match="too-deep"):
        compile_machine(spec(inner))
