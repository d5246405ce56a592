"""What validation says about single nodes, and what it lets pass."""

from settle.core.spec import NodeKind
from tests.support.charts import action, final, invoke, node, on
from tests.support.findings import after, check, codes, say, serve

REJECTED = frozenset({"rejected"})


# Reachable -----------------------------------------------------------------------------------------------------------


def test_a_node_that_nothing_leads_to_is_a_warning_about_its_outermost_part() -> None:
    (finding,) = check(node("a"), node("b", node("c"), node("d")))
    assert str(finding) == (
        "unreachable-node at 'b': nothing leads to it; give some transition this target, or remove it"
    )
    assert finding.severity == "warning"


def test_each_part_that_nothing_leads_to_is_named() -> None:
    assert codes(node("a"), node("b", on("GO", "c")), node("c")) == [
        ("unreachable-node", "b"),
        ("unreachable-node", "c"),
    ]


def test_a_node_that_a_transition_leads_to_is_fine() -> None:
    assert codes(node("a", after("5s", "b")), node("b", on("GO", "a"))) == []


# Final ---------------------------------------------------------------------------------------------------------------


def test_a_final_node_has_no_transitions_and_no_services() -> None:
    found = check(node("a", on("GO", "z")), node("z", on("GO", "a"), invoke("i", serve), kind=NodeKind.FINAL))
    assert [str(finding) for finding in found if finding.severity == "error"] == [
        "final-node-continues at 'z': a final node is the end: it has no transitions; drop them, or drop `final`",
        "final-node-invokes at 'z': a final node is the end: its service would never be heard; put it on a node before",
    ]


def test_a_final_node_waits_for_nothing() -> None:
    assert say(node("a", on("GO", "z")), node("z", after("5s", "a"), kind=NodeKind.FINAL)) == [
        "final-node-continues at 'z': a final node is the end: it has no timers; drop them, or drop `final`"
    ]


def test_a_final_node_may_act_and_tell_something() -> None:
    ending = final("z", entry=(action("e"),), exit=(action("x"),), output={"n": 1}, tags=frozenset({"good"}))
    assert codes(node("a", on("GO", "z")), ending) == []


# Rejected ------------------------------------------------------------------------------------------------------------


def test_a_rejected_node_does_nothing_and_is_not_the_first() -> None:
    refusing = node("no", tags=REJECTED)
    assert codes(node("a", on("GO", "no")), refusing) == []
    acting = node("no", tags=REJECTED, entry=(action("note"),))
    (finding,) = check(node("a", on("GO", "no")), acting)
    assert str(finding) == (
        "rejected-node-acts at 'no': nothing of a run that ends at a `rejected` node is kept; drop its `on_enter`"
    )
    assert finding.severity == "warning"
    (found,) = say(refusing)
    assert found == (
        "rejected-initially at 'no': a new instance would be refused at once; begin at another node, or drop the tag"
        " `rejected`"
    )


def test_everything_that_a_rejected_node_would_do_is_named() -> None:
    parts = on("GO", "a"), after("5s", "a"), invoke("i", serve), on("error.invoke.i", "a")
    (found,) = say(node("a", on("NO", "no")), node("no", *parts, tags=REJECTED))
    assert found.endswith("is kept; drop its services and timers and transitions")


def test_a_timer_alone_is_named_as_one() -> None:
    (found,) = say(node("a", on("NO", "no")), node("no", after("5s", "a"), tags=REJECTED))
    assert found.endswith("drop its timers")


def test_a_node_inside_which_one_is_rejected_may_act() -> None:
    box = node("box", on("GO", "a"), node("x", on("NO", "box.no")), node("no", tags=REJECTED), kind=NodeKind.COMPOUND)
    assert codes(node("a", on("IN", "box")), box) == []
