"""Drawing a machine. What Mermaid makes of a drawing is looked at by hand; here a strict reader stands for it."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from settle.core.compile import compile_machine
from settle.core.definition import Definition
from settle.core.errors import DefinitionError
from settle.core.reachability import find_entered, find_leaves
from settle.core.spec import InvokeMode, InvokeSpec, MachineSpec, NodeKind
from settle.drawing.active_nodes import UnknownNodeError
from settle.drawing.mermaid import mermaid
from settle.drawing.mermaid_text import escape, make_ids, wrap
from settle.runtime.machine_files import find_machine_files, load_machine_file
from tests.support.charts import action, final, guard, machine, node, on, parallel, settled
from tests.support.drawn_machine import ACTIVE, SHOP
from tests.support.mermaid_lines import Drawing, read_diagram, unescape
from tests.support.random_charts import machines

GOLDEN = Path(__file__).parent.parent / "golden" / "drawing" / "shop.mmd"
HERE = "machine_"


def drawing(definition: Definition, *configuration: str) -> Drawing:
    return read_diagram(mermaid(definition, configuration))


def arrows(definition: Definition) -> set[tuple[str, str, str]]:
    return set(drawing(definition).arrows())


def test_a_machine_with_everything_looks_as_it_did() -> None:
    assert mermaid(SHOP, ACTIVE) == GOLDEN.read_text(encoding="utf-8"), "look at it, then keep it as the golden file"


@pytest.mark.parametrize("path", find_machine_files(), ids=lambda path: path.stem)
def test_every_sample_machine_can_be_drawn(path: Path) -> None:
    definition = load_machine_file(path).definition
    first = find_leaves(definition, find_entered(definition, [0]))
    shown = drawing(definition, *(leaf.path for leaf in first))
    assert len(shown.boxes()) >= len(definition.nodes) - 1


@settings(max_examples=150, deadline=None)
@given(spec=machines())
def test_any_machine_can_be_drawn(spec: MachineSpec) -> None:
    try:
        definition = compile_machine(spec)
    except DefinitionError:
        return
    shown = drawing(definition, *(node.path for node in definition.nodes[1:]))
    assert {make_ids(definition)[node.index] for node in definition.nodes[1:]} <= {*shown.boxes()}
    assert mermaid(definition) == mermaid(definition)


def test_every_transition_is_shown_once() -> None:
    words = " ".join(drawing(SHOP).texts()).replace(",", "").split()
    events = [transition.event for transition in SHOP.transitions if transition.event.isupper()]
    assert len(set(events)) == 18
    assert {event: words.count(event) for event in events} == {event: events.count(event) for event in events}


# Arrows --------------------------------------------------------------------------------------------------------------


def test_an_arrow_says_when_it_is_taken_and_what_it_does() -> None:
    definition = machine(
        "m",
        settled(
            "a",
            on("GO", "b", guards=(guard("ready", bool), guard("late", bool, negated=True)), before=(action("x"),)),
            on("GO", "c", guards=(guard("old", bool),), actions=(action("y"),), after=(action("z"),)),
            on("GO", "d"),
        ),
        *(final(name) for name in "bcd"),
    )
    assert arrows(definition) == {
        ("[*]", "a_", ""),
        ("a_", "b_", "GO [ready and not late] / x"),
        ("a_", "c_", "GO [else if old] / y, z"),
        ("a_", "d_", "GO [else]"),
    }


def test_timers_services_ends_and_eventless_transitions_are_named_in_words() -> None:
    assert {
        ("draft_", "expired_", "• ⏱ after 24h • ⏱ after offer_end [is_urgent]"),
        ("work_pay_charging_", "work_pay_paid_", "done charge_card"),
        ("work_pay_charging_", "work_pay_due_", "error charge_card"),
        ("work_", "closed_", "done"),
        ("work_", "expired_", "error watch"),
        ("paused_", "closed_", "always [is_old]"),
        ("machine_about", "cancelled_", "error.execution"),
    } <= arrows(SHOP)
    assert "• any event / wonder, stays" in drawing(SHOP).boxes()["machine_about"].lines


def test_transitions_between_the_same_two_nodes_share_an_arrow() -> None:
    definition = machine("m", settled("a", on("X", "b"), on("Y", "b", actions=(action("note"),))), final("b"))
    assert ("a_", "b_", "• X • Y / note") in arrows(definition)


def test_what_leads_into_a_box_ends_at_its_border() -> None:
    definition = machine(
        "m",
        settled("a", on("ONE", "p.l.y"), on("TWO", "p.l.y", "p.r.z"), on("BACK", "p.l.h")),
        parallel(
            "p",
            node("l", settled("x"), settled("y", on("END", "a")), node("h", kind=NodeKind.DEEP_HISTORY)),
            node("r", settled("w"), settled("z")),
        ),
    )
    into = "• ONE into l.y • TWO into l.y and r.z • BACK into l (H*)"
    assert ("a_", "p_", into) in arrows(definition)


def test_what_leads_out_of_a_box_passes_a_signpost() -> None:
    definition = machine(
        "m",
        node("p", settled("x", on("OUT", "a.y")), settled("z", on("OUT", "a.y"), on("OVER", "a"))),
        node("a", settled("x", on("IN", "p")), settled("y")),
    )
    shown = drawing(definition)
    assert {name: box.title for name, box in shown.boxes().items() if "→" in box.title} == {
        "p_to1": "→ a.y",
        "p_to2": "→ a",
        "a_to1": "→ p",
    }
    assert {("p_x_", "p_to1", "OUT"), ("p_z_", "p_to1", "OUT"), ("p_z_", "p_to2", "OVER")} <= {*shown.arrows()}
    assert ("p_", "a_", "from x into y, z into y, z") in shown.arrows()
    assert shown.classes["signpost"] == ["p_to1", "p_to2", "a_to1"]


def test_what_leads_from_region_to_region_ends_at_a_signpost() -> None:
    shown = drawing(SHOP)
    assert shown.boxes()["work_pay_to1"].title == "→ ship.sent"
    label = "JUMP [in work.ship.picking] begins work again"
    assert ("work_pay_due_", "work_pay_to1", label) in shown.arrows()
    assert not [end for start, end, _ in shown.arrows() if start == "work_pay_"]


def test_what_begins_anywhere_in_a_box_begins_at_a_box_about_it() -> None:
    shown = drawing(SHOP)
    assert ("work_pay_about", "work_pay_paid_", "SKIP") in shown.arrows()
    assert ("machine_about", "paused_", "PANIC") in shown.arrows()
    assert shown.boxes()["work_pay_about"].title == "anywhere in pay"
    assert shown.classes["about"] == ["machine_about", "work_about", "work_pay_about"]


def test_deep_initial_nodes_are_named_at_the_arrow() -> None:
    inner = parallel("p", node("l", settled("a"), settled("b")), node("r", settled("c"), settled("d")))
    definition = machine("m", node("o", settled("x"), inner, initial=("o.p.l.b", "o.p.r.d")), root={"initial": ("o",)})
    assert {("[*]", "o_", ""), ("[*]", "o_p_", "into l.b and r.d")} <= arrows(definition)


# Boxes ---------------------------------------------------------------------------------------------------------------


def test_a_box_says_what_its_node_is() -> None:
    boxes = drawing(SHOP).boxes()
    assert boxes["work_pay_charging_"].lines == ["⚙ charge_card", "on exit / tidy"]
    assert boxes["work_pay_paid_"].lines == ["◉ end", 'gives {"ok": true}']
    assert boxes["closed_"].lines == ["◉ end", "gives _invoice"]
    assert boxes["refused_"].lines == ["✗ refuses the event"]
    assert (boxes["work_ship_picking_"].title, boxes["work_ship_picking_"].lines) == ("picking #indoors", ["waits"])
    assert boxes["work_about"].lines[:2] == ["⚙ machine watcher (watch)", "⚙ machine watcher (spare)"]


def test_a_service_in_the_background_says_so() -> None:
    spec = InvokeSpec(id="x", src="ship", mode=InvokeMode.BACKGROUND, timeout=60.0, deadline=3600.0)
    definition = machine("m", settled("a", spec, on("error.invoke.x")))
    (line,) = [line for line in drawing(definition).boxes()["a_"].lines if "ship" in line]
    assert line.replace("<br/>", " ") == "⚙ ship (x) in the background for at most 1h"


def test_what_a_machine_answers_stands_in_the_box_about_it() -> None:
    definition = machine("m", settled("a", on("END", "b")), final("b"), root={"output": {"n": 1}})
    assert drawing(definition).boxes()["machine_about"].lines == ['gives {"n": 1}']


def test_what_stays_or_begins_again_is_a_line_in_the_box() -> None:
    boxes = drawing(SHOP).boxes()
    assert boxes["draft_"].lines == ["waits", "• PING / pong, stays", "• AGAIN begins again", "• SAME, stays"]
    assert boxes["work_pay_due_"].lines == ["waits", "• UP begins work again → work.pay"]
    assert boxes["work_pay_about"].lines == ["on entry / open_till", "• REDO → work.pay"]
    assert boxes["work_about"].lines[2:] == [
        "• RESET begins again",
        "• BOTH begins again → pay.paid and ship.sent",
        "• done work.pay / thank, stays",
    ]


def test_history_nodes_show_their_default() -> None:
    shown = drawing(SHOP)
    assert shown.boxes()["work_pay_back_"].title == "(H*)"
    assert ("work_pay_back_", "work_pay_due_", "the first time / recall") in shown.arrows()
    last = shown.boxes()["work_last_"]
    assert (last.title, last.lines) == ("(H)", ["• the first time → pay.due and ship.picking"])


def test_regions_stand_side_by_side() -> None:
    rows = drawing(SHOP).boxes()["work_"].rows
    assert [list(row.boxes) for row in rows] == [["work_about", "work_last_"], ["work_pay_"], ["work_ship_"]]


def test_a_machine_of_regions_is_a_box_itself() -> None:
    definition = machine("m", settled("a"), settled("b"), root={"kind": NodeKind.PARALLEL})
    shown = drawing(definition)
    assert (list(shown.top.boxes), shown.top.arrows) == (["machine_"], [("[*]", "machine_", "")])
    assert [list(row.boxes) for row in shown.boxes()["machine_"].rows] == [["a_"], ["b_"]]


def test_ends_rests_and_refusals_have_a_class() -> None:
    classes = drawing(SHOP).classes
    assert classes["waits"] == ["draft_", "work_pay_due_", "work_ship_picking_", "paused_"]
    assert classes["end"] == ["work_pay_paid_", "work_ship_sent_", "expired_", "closed_", "cancelled_"]
    assert classes["refuses"] == ["refused_"]


def test_without_the_tag_whatever_does_not_move_by_itself_waits() -> None:
    served = node("served", *SHOP.nodes[SHOP.numbers["work.pay.charging"]].invokes, on("DONE", "rests"))
    passing = node("passing", on("", "rests"))
    definition = machine("m", node("rests", on("A", "passing"), on("B", "served")), passing, served)
    assert drawing(definition).classes["waits"] == ["rests_"]


def test_without_the_tag_it_waits_beside_a_child_and_a_service_in_the_background() -> None:
    beside = (InvokeSpec(id="x", src="ship", mode=InvokeMode.BACKGROUND), InvokeSpec(id="y", src="m", machine=True))
    definition = machine("m", node("a", *beside, on("error.*")))
    assert drawing(definition).classes["waits"] == ["a_"]


def test_the_configuration_is_marked() -> None:
    classes = drawing(SHOP, *ACTIVE).classes
    assert classes["active"] == ["work_pay_due_", "work_ship_picking_"]
    assert classes["around"] == ["work_", "work_pay_", "work_ship_"]
    assert not {"active", "around"} & {*drawing(SHOP).classes}


def test_a_configuration_of_another_machine_is_refused() -> None:
    with pytest.raises(
        UnknownNodeError, match=r"machine 'shop' has no node 'work.pay.du'; did you mean 'work.pay.due'\?"
    ):
        mermaid(SHOP, ["work.pay.du"])
    with pytest.raises(UnknownNodeError, match="has no node 'zzz'; name one by its path"):
        mermaid(SHOP, ["zzz"])


# Texts and ids -------------------------------------------------------------------------------------------------------

SIGNS = 'a:b; "c" <d> #35; %%e --> {f} _g_ *h* `i` [j](k) [[fork]] $l$ ~m~ & 1. n | \\ @ - o + © ü'


@pytest.mark.parametrize(
    "text",
    [
        *SIGNS.split(),
        SIGNS,
        "direction LR",
        "Direction  tb",
        "www.example.com",
        "https://a.b/c",
        "1. one",
        "snake_case",
    ],
)
def test_labels_are_shown_as_they_are_written(text: str) -> None:
    assert unescape(escape(text)) == " ".join(text.split())
    definition = machine("m", settled("a", on(text, "b", actions=(action(text),))), final("b"))
    shown = [label for start, _, label in drawing(definition).arrows() if start == "a_"]
    assert "".join(shown[0].split()) == "".join(f"{text}/{text}".split())


def test_labels_keep_to_one_line_of_signs_that_can_be_seen() -> None:
    assert escape("a\n\tb\u2028c\x07d\u200be") == "a b c d e"
    assert escape("\ufb02\u00b0\u00b6\u00df") == "fl°Pß"


def test_words_stay_readable() -> None:
    assert escape("payment.failed of snake_case, it's (42) / x=1 [y]?") == (
        "payment.failed of snake_case, it's (42) / x=1 [y]?"
    )


def test_long_labels_are_broken_between_words() -> None:
    assert wrap("this is more than one line can hold") == "this is more than one<br/>line can hold"
    assert wrap("x" * 40) == "x" * 40


WORDS = ("end", "state", "note", "class", "default", "direction LR", "click", "root", "machine", "a_start", "a", "日本")


def test_no_name_of_a_state_disturbs_the_drawing() -> None:
    nodes = [settled(name, on("GO", following)) for name, following in zip(WORDS, (*WORDS[1:], WORDS[0]), strict=True)]
    shown = drawing(machine("m", *nodes))
    assert [box.title for box in shown.boxes().values()] == [*WORDS]


def test_ids_differ_when_paths_differ() -> None:
    definition = machine("m", node("a", settled("b")), settled("a_b"), settled("a b"), settled("machine"))
    assert make_ids(definition) == [HERE, "a_", "a_b_", "a_b_3_", "a_b_4_", "machine_5_"]


def test_an_id_that_was_made_to_differ_may_be_taken_too() -> None:
    definition = machine("m", settled("a_b"), settled("a_b_3"), settled("a b"))
    assert make_ids(definition) == [HERE, "a_b_", "a_b_3_", "a_b_3_3_"]


def test_a_title_with_quotes_stays_a_title() -> None:
    definition = replace(machine("m", settled("a")), machine='the "m"')
    assert mermaid(definition).startswith('---\ntitle: "the \\"m\\", version 1"\n')
    assert read_diagram(mermaid(definition))
