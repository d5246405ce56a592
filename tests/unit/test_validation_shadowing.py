"""What validation says about transitions behind one that is always taken."""

import pytest

from settle.core.conditions import InState
from settle.core.spec import Selection
from tests.support.charts import node, on
from tests.support.findings import after, check, codes, maybe, say


def test_a_transition_behind_one_that_is_always_taken_is_a_warning() -> None:
    (finding,) = check(node("a", on("GO", "b"), on("GO", "c", guards=maybe)), node("b", on("X", "c")), node("c"))
    assert str(finding) == (
        "shadowed-transition at 'a': it has 'GO' after one that always takes it; guard the first, or put it last"
    )
    assert finding.severity == "warning"


@pytest.mark.parametrize(
    ("first", "second"), [("*", "GO"), ("pay.*", "pay.done"), ("*", "pay.*"), ("pay.*", "pay.x.*")]
)
def test_patterns_shadow_what_they_match(first: str, second: str) -> None:
    assert codes(node("a", on(first, "b"), on(second, "b")), node("b")) == [("shadowed-transition", "a")]


@pytest.mark.parametrize(("first", "second"), [("GO", "*"), ("GO", "STOP"), ("pay.*", "*"), ("*", "")])
def test_narrow_before_wide_is_the_way_to_write_it(first: str, second: str) -> None:
    assert codes(node("a", on(first, "b"), on(second, "b", guards=maybe)), node("b")) == []


def test_guarded_transitions_shadow_nothing() -> None:
    assert codes(node("a", on("GO", "b", guards=maybe), on("GO", "b")), node("b")) == []


def test_a_condition_that_always_holds_is_no_guard() -> None:
    guarded = on("GO", "b", guards=(InState("a"),))
    assert codes(node("a", guarded, on("GO", "b")), node("b"))[-1:] == [("shadowed-transition", "a")]


def test_eventless_transitions_shadow_each_other() -> None:
    (finding,) = check(node("a", on("", "b"), on("", "c")), node("b", on("X", "c")), node("c"))
    assert finding.message.startswith("it has an eventless transition after one that always takes it")


def test_delays_shadow_each_other_when_they_are_the_same() -> None:
    (found,) = say(node("a", after("5s", "b"), after("5s", "b")), node("b"))
    assert found.startswith("shadowed-transition at 'a': it has the delay '5s' after one that always takes it")
    assert codes(node("a", after("5s", "b"), after("6s", "b", seconds=6.0)), node("b")) == []


def test_xstate_asks_the_most_specific_name_first_wherever_it_stands() -> None:
    def found(first: str, second: str) -> list[tuple[str, str]]:
        return codes(node("a", on(first, "b"), on(second, "b")), node("b"), selection=Selection.XSTATE)

    assert found("*", "GO") == found("pay.*", "pay.x") == found("*", "pay.*") == []
    assert found("GO", "GO") == found("*", "*") == [("shadowed-transition", "a")]


def test_nodes_around_each_other_may_take_the_same_event() -> None:
    assert codes(node("a", node("b", on("GO", "c")), on("GO", "c")), node("c")) == []
