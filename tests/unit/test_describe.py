"""Describing a machine in sentences."""

from collections import Counter
from functools import partial, wraps
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from settle.core.compile import compile_machine
from settle.core.definition import Definition
from settle.core.errors import DefinitionError
from settle.core.spec import (
    Action,
    Delivery,
    InvokeMode,
    InvokeSpec,
    MachineSpec,
    NodeKind,
    NodeSpec,
    TransitionKind,
)
from settle.drawing.describe import describe
from settle.drawing.describe_transitions import describe_transition
from settle.runtime.machine_files import find_machine_files, load_machine_file
from tests.support.charts import action, final, guard, machine, node, on, parallel, settled
from tests.support.drawn_machine import SHOP
from tests.support.random_charts import machines

GOLDEN = Path(__file__).parent.parent / "golden" / "drawing" / "shop.txt"


def lines(definition: Definition) -> list[str]:
    return [line.strip() for line in describe(definition).splitlines()]


def after(definition: Definition, heading: str) -> list[str]:
    """Return what is indented below a heading."""
    found = describe(definition).splitlines()
    place = next(place for place, line in enumerate(found) if line.strip().startswith(heading))
    depth = len(found[place]) - len(found[place].lstrip())
    below = []
    for line in found[place + 1 :]:
        if len(line) - len(line.lstrip()) <= depth:
            break
        below.append(line.strip())
    return below


def test_a_machine_with_everything_reads_as_it_did() -> None:
    assert describe(SHOP) == GOLDEN.read_text(encoding="utf-8"), "read it, then keep it as the golden file"


def check_complete(definition: Definition) -> None:
    """Each transition has its sentence, once, and no line is empty twice in a row."""
    sentences = Counter(describe_transition(definition, transition) for transition in definition.transitions)
    found = Counter(lines(definition))
    assert {sentence: found[sentence] for sentence in sentences} == sentences
    assert "\n\n\n" not in describe(definition)


@pytest.mark.parametrize("path", find_machine_files(), ids=lambda path: path.stem)
def test_every_transition_of_the_sample_machines_has_its_sentence(path: Path) -> None:
    check_complete(load_machine_file(path).definition)


@settings(max_examples=100, deadline=None)
@given(spec=machines())
def test_every_transition_of_any_machine_has_its_sentence(spec: MachineSpec) -> None:
    try:
        definition = compile_machine(spec)
    except DefinitionError:
        return
    check_complete(definition)
    assert describe(definition) == describe(definition)


def test_states_follow_each_other_as_they_are_written_and_nested() -> None:
    definition = machine("m", node("a", settled("b"), settled("c")), settled("d"))
    assert describe(definition).splitlines() == [
        "m, version 1",
        "It begins in a.",
        "",
        "a: begins in b",
        "  b: waits",
        "  c: waits",
        "",
        "d: waits",
    ]


def test_events_that_a_node_takes_for_its_children_stand_once() -> None:
    definition = machine("m", node("a", settled("b"), settled("c"), on("CANCEL", "d")), final("d"))
    assert after(definition, "a:") == ["anywhere in a:", "CANCEL: goes to d", "b: waits", "c: waits"]


def test_what_the_whole_machine_takes_comes_first() -> None:
    definition = machine("m", settled("a"), final("b"), root={"transitions": (on("STOP", "b"),)})
    assert lines(definition)[:5] == ["m, version 1", "It begins in a.", "", "anywhere:", "STOP: goes to b"]


def test_choices_are_told_in_the_order_in_which_they_are_asked() -> None:
    definition = machine(
        "m",
        settled(
            "a",
            on("GO", "b", guards=(guard("x", bool), guard("y", bool, negated=True))),
            on("GO", "c", guards=(guard("z", bool),)),
            on("GO", "d", actions=(action("note"),)),
        ),
        *(final(name) for name in "bcd"),
    )
    assert after(definition, "a:") == [
        "GO, if x and not y: goes to b",
        "GO, else if z: goes to c",
        "GO, otherwise: goes to d, doing note",
    ]


def test_near_nodes_have_their_name_and_others_their_path() -> None:
    definition = machine(
        "m", node("a", settled("x", on("N", "a.y"), on("F", "b.y")), settled("y")), node("b", settled("y"))
    )
    assert after(definition, "x:") == ["N: goes to y", "F: goes to b.y"]


@pytest.mark.parametrize(
    ("kind", "target", "sentence"),
    [
        (TransitionKind.EXTERNAL, "p", "begins again"),
        (TransitionKind.LOCAL, "p", "goes back to where p begins"),
        (TransitionKind.EXTERNAL, "p.b", "begins again, at b"),
        (TransitionKind.INTERNAL, "p.b", "goes to b"),
        (TransitionKind.LOCAL, "p.b", "goes to b"),
    ],
)
def test_leaving_a_node_and_staying_in_it_read_differently(kind: TransitionKind, target: str, sentence: str) -> None:
    definition = machine("m", node("p", settled("a"), settled("b"), on("GO", target, kind=kind)))
    assert after(definition, "anywhere in p") == [f"GO: {sentence}"]


def test_leading_back_to_a_node_around_the_source_begins_that_again() -> None:
    definition = machine("m", node("p", node("q", settled("a", on("UP", "p"), on("IN", "p.b"))), settled("b")))
    assert after(definition, "a: waits") == ["UP: begins p again", "IN: goes to p.b"]


def test_a_move_that_begins_all_regions_again_says_so() -> None:
    assert after(SHOP, "due: waits")[1:3] == [
        "UP: begins work again, at work.pay",
        "JUMP, if in work.ship.picking: begins work again, at work.ship.sent",
    ]


def test_a_leaf_that_a_local_transition_leads_to_itself_stays() -> None:
    definition = machine(
        "m", settled("a", on("GO", "a", kind=TransitionKind.LOCAL), on("NOTE", actions=(action("note"),)))
    )
    assert after(definition, "a:") == ["GO: stays", "NOTE: stays, doing note"]


def test_services_and_machines_are_named() -> None:
    assert "charging: runs the service charge_card (at most once, 10 seconds each)" in lines(SHOP)
    assert any(
        line.endswith("; runs the machine watcher as watch; runs the machine watcher as spare") for line in lines(SHOP)
    )
    assert {"when charge_card is done: goes to paid", "when watch fails: goes to expired"} <= {*lines(SHOP)}


def describe_invoke(**options: Any) -> str:
    """What a machine without the tag says about a node with an invoke, but that it waits."""
    definition = machine("m", node("a", InvokeSpec(id="a", src="ship", **options), on("error.invoke.a")))
    (line,) = (line for line in lines(definition) if line.startswith("a: "))
    return line.removeprefix("a: ").removesuffix("; waits")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, " for at most 15m"),
        ({"deadline": 6 * 3600.0}, " for at most 6h"),
        ({"attempts": 5}, " for at most 15m (at most 5 times, 60 seconds each)"),
        ({"timeout": 5.0}, " for at most 15m (at most 3 times, 5 seconds each)"),
        ({"backoff": 10.0}, " for at most 15m (with 10s to 5m in between)"),
        ({"max_backoff": 3600.0}, " for at most 15m (with 1s to 1h in between)"),
        (
            {"final_errors": (ValueError, KeyError), "delivery": Delivery.AT_MOST_ONCE, "attempts": 1},
            (
                " for at most 15m (at most once, 60 seconds each, never again when its end is not known, never again"
                " after ValueError or KeyError)"
            ),
        ),
    ],
)
def test_how_a_service_in_the_background_is_tried_again(options: dict[str, Any], expected: str) -> None:
    given = {"mode": InvokeMode.BACKGROUND, "timeout": 60.0, **options}
    assert describe_invoke(**given) == f"runs the service ship in the background{expected}"


def test_errors_that_end_an_inline_service_are_named_too() -> None:
    said = describe_invoke(final_errors=(ValueError,))
    assert said == "runs the service ship (never again after ValueError)"


def test_how_long_an_ended_instance_is_kept_is_told() -> None:
    assert "It is deleted 30d after it has ended." in lines(machine("m", settled("a"), retention=30 * 86400.0))
    assert not any("deleted" in line for line in lines(SHOP))


def test_a_machine_of_regions_says_what_it_is() -> None:
    definition = machine("m", settled("a"), settled("b"), root={"kind": NodeKind.PARALLEL})
    assert "It is all of these at the same time: a, b." in lines(definition)


def test_a_node_of_which_there_is_nothing_to_say_has_its_name() -> None:
    definition = machine("m", node("a", on("", "b"), on("X", "b")), settled("b"))
    assert after(definition, "a") == ["at once: goes to b", "X: goes to b"]
    assert "a" in lines(definition)


def test_texts_for_people_stand_where_they_belong() -> None:
    assert lines(SHOP)[:4] == [
        "shop, version 2",
        "A shop, as far as it is known.",
        "It begins in draft.",
        "on entry: greet",
    ]
    assert after(SHOP, "draft:")[:2] == ["The order is", "being written."]
    assert after(SHOP, "paused:")[-2:] == ["at once, if is_old: goes to closed", "(Nobody came back.)"]
    assert "It has to be created before its first event." in lines(SHOP)
    assert "It has to be created before its first event." not in lines(machine("m", settled("a")))


def test_long_outputs_are_cut() -> None:
    definition = machine("m", settled("a", on("END", "b")), final("b", output={"text": "x" * 99}))
    (answer,) = after(definition, "b:")
    assert answer.endswith("xxx...")
    assert len(answer) == len("answers with ") + 60


def _explained(_context: object, _event: object, _do: object, **_params: Any) -> None:
    """Explain
    itself.

    At length.
    """


@wraps(_explained)
def _wrapped(context: object, event: object, do: object) -> None:
    _explained(context, event, do)


class _Callable:
    """A class, which says nothing about the action."""

    def __call__(self, *_: object) -> None: ...


@pytest.mark.parametrize("fn", [_explained, _wrapped, partial(_explained, by=1), partial(_wrapped)])
def test_functions_say_what_their_names_stand_for(fn: Any) -> None:
    definition = machine("m", settled("a", entry=(Action(name="explain", fn=fn),)))
    assert after(definition, "What the names stand for") == ["explain: Explain itself."]


def test_functions_without_a_docstring_are_left_out() -> None:
    definition = machine("m", settled("a", entry=(Action(name="silent", fn=_Callable()), action("plain"))))
    assert "What the names stand for:" not in lines(definition)


def test_one_name_with_two_meanings_has_both() -> None:
    def other(_context: object, _event: object, _do: object) -> None:
        """Do something else."""

    definition = machine("m", settled("a", entry=(Action(name="x", fn=_explained), Action(name="x", fn=other))))
    assert after(definition, "What the names stand for") == ["x: Explain itself. / Do something else."]


def test_what_computes_an_output_may_have_no_name() -> None:
    definition = machine("m", settled("a", on("END", "b")), final("b", output=lambda _context, _event: 1))
    assert after(definition, "b:") == ["answers with a computed value"]


def test_a_parallel_node_and_its_history_are_told_in_order() -> None:
    history = NodeSpec(name="h", kind=NodeKind.SHALLOW_HISTORY)
    definition = machine("m", parallel("p", settled("a"), settled("b"), history), settled("q", on("BACK", "p.h")))
    assert after(definition, "p:") == ["a: waits", "b: waits", "h: remembers where p was left"]
    assert after(definition, "q:") == ["BACK: goes to where p was left (h)"]
