"""Which events a transition takes: exact names, `*` and `name.*`; never a prefix."""

import pytest

from settle.core.event_names import matches
from tests.support.charts import final, node, on, parallel
from tests.support.loud import loud, walk


@pytest.mark.parametrize(
    ("descriptor", "event", "taken"),
    [
        ("GO", "GO", True),
        ("GO", "go", False),
        ("GO", "GO.fast", False),
        ("GO", "GOING", False),
        ("GO.*", "GO.fast", True),
        ("GO.*", "GO.fast.er", True),
        ("GO.*", "GO", False),
        ("GO.*", "GOING", False),
        ("GO.*", "GO.", True),
        ("*", "GO", True),
        ("*", "done.state.a", True),
        ("*", "", False),
        ("GO", "", False),
        ("", "", True),
        ("", "GO", False),
        ("GO*", "GOING", False),
        ("*.GO", "a.GO", False),
    ],
)
def test_a_descriptor_takes_an_event(descriptor: str, event: str, *, taken: bool) -> None:
    assert matches(descriptor, event) is taken


def test_the_first_transition_in_the_definition_wins_not_the_most_specific() -> None:
    chart = loud(node("a", on("*", "b"), on("GO", "c")), node("b"), node("c"))
    assert walk(chart, "GO").at == "b"


def test_a_microstep_names_the_event_not_the_wildcard() -> None:
    walked = walk(loud(node("a", on("*"))))
    assert [walked.send(event).steps for event in ("X", "Y")] == [["X:"], ["Y:"]]


def test_a_wildcard_of_a_child_wins_over_an_exact_name_of_its_parent() -> None:
    chart = loud(node("a", node("b", on("*")), on("GO", "z")), node("z"))
    assert walk(chart, "GO").heard == "**"


def test_the_end_of_one_region_is_not_the_end_of_the_whole() -> None:
    """SCXML's prefix rule would take `done.state.p.r` for `done.state.p`."""
    chart = loud(
        parallel(
            "p",
            node("r", node("r1", on("R", "p.r.r2")), final("r2")),
            node("s", node("s1", on("S", "p.s.s2")), final("s2")),
            on("done.state.p", "z"),
        ),
        node("z"),
    )
    walked = walk(chart, "R")
    assert walked.at == "p.r.r2 p.s.s1"
    assert walked.send("S").at == "z"
