"""History nodes: what was active when their parent was left last."""

import pytest

from settle.core.definition import Definition
from settle.core.spec import NodeKind, TransitionKind
from tests.support.charts import final, node, on, parallel
from tests.support.loud import Walk, loud, walk

SHALLOW, DEEP = NodeKind.SHALLOW_HISTORY, NodeKind.DEEP_HISTORY


def player(kind: NodeKind, *default: str) -> Definition:
    """`a` has two levels; GO moves on both, OUT leaves it, BACK returns by its history."""
    return loud(
        node(
            "a",
            node("b", node("b1", on("GO", "a.c.c2"))),
            node("c", node("c1"), node("c2")),
            node("h", kind=kind, history_default=default),
            on("OUT", "z"),
        ),
        node("z", on("BACK", "a.h")),
        initial=("z",),
    )


@pytest.mark.parametrize(
    ("kind", "default", "at", "heard"),
    [
        (SHALLOW, (), "a.b.b1", "-z *BACK +a +a.b +a.b.b1"),
        (DEEP, (), "a.b.b1", "-z *BACK +a +a.b +a.b.b1"),
        (SHALLOW, ("a.c",), "a.c.c1", "-z *BACK +a +a.c +a.c.c1"),
        (DEEP, ("a.c.c2",), "a.c.c2", "-z *BACK +a +a.c +a.c.c2"),
    ],
)
def test_nothing_recorded_means_the_default_or_else_the_initial_node(
    kind: NodeKind, default: tuple[str, ...], at: str, heard: str
) -> None:
    walked = walk(player(kind, *default), "BACK")
    assert (walked.at, walked.heard) == (at, heard)


def test_shallow_history_restores_the_child() -> None:
    walked = walk(player(SHALLOW), "BACK", "GO", "OUT").forget()
    assert walked.snapshot.history == {"a.h": ("a.c",)}
    walked.send("BACK")
    assert (walked.at, walked.heard) == ("a.c.c1", "-z *BACK +a +a.c +a.c.c1")


def test_deep_history_restores_the_leaves() -> None:
    walked = walk(player(DEEP), "BACK", "GO", "OUT").forget()
    assert walked.snapshot.history == {"a.h": ("a.c.c2",)}
    walked.send("BACK")
    assert (walked.at, walked.heard) == ("a.c.c2", "-z *BACK +a +a.c +a.c.c2")


def test_what_is_recorded_stays_until_the_parent_is_left_again() -> None:
    walked = walk(player(DEEP), "BACK", "GO", "OUT", "BACK", "OUT")
    assert walked.snapshot.history == {"a.h": ("a.c.c2",)}


def test_a_history_node_is_recorded_before_exit_actions_run() -> None:
    """Exit actions see the machine already deciding; what they do cannot change what was recorded."""
    assert walk(player(DEEP), "BACK", "OUT").snapshot.history == {"a.h": ("a.b.b1",)}


def regions(kind: NodeKind) -> Definition:
    return loud(
        parallel(
            "p",
            node("r", node("r1", on("R", "p.r.r2")), node("r2")),
            node("s", node("s1", on("S", "p.s.s2")), node("s2", node("s3", on("T", "p.s.s2.s4")), node("s4"))),
            node("h", kind=kind),
            on("OUT", "z"),
        ),
        node("z", on("BACK", "p.h")),
    )


def test_deep_history_of_a_parallel_node_restores_every_region() -> None:
    walked = walk(regions(DEEP), "R", "S", "T", "OUT").forget().send("BACK")
    assert walked.at == "p.r.r2 p.s.s2.s4"
    assert walked.heard == "-z *BACK +p +p.r +p.r.r2 +p.s +p.s.s2 +p.s.s2.s4"


def test_shallow_history_of_a_parallel_node_lets_every_region_begin() -> None:
    assert walk(regions(SHALLOW), "R", "S", "T", "OUT", "BACK").at == "p.r.r1 p.s.s1"


def test_history_of_one_region_lets_the_others_begin() -> None:
    region = node("r", node("r1", on("R", "p.r.r2")), node("r2"), node("h", kind=SHALLOW))
    chart = loud(
        parallel("p", region, node("s", node("s1", on("R", "p.s.s2")), node("s2")), on("OUT", "z")),
        node("z", on("BACK", "p.r.h")),
    )
    assert walk(chart, "R", "OUT", "BACK").at == "p.r.r2 p.s.s1"


def test_history_as_the_initial_node() -> None:
    chart = loud(
        node(
            "a",
            node("b", on("GO", "a.c")),
            node("c"),
            node("h", kind=SHALLOW, history_default=("a.b",)),
            on("OUT", "z"),
            initial=("a.h",),
        ),
        node("z", on("BACK", "a")),
    )
    started = Walk(chart)
    assert started.at == "a.b"
    assert started.send("GO", "OUT", "BACK").at == "a.c"


def test_history_of_the_node_that_the_transition_itself_leaves() -> None:
    """It is left first, so it comes back to what was active just now."""
    chart = loud(node("a", node("b", on("GO", "a.c")), node("c"), node("h", kind=SHALLOW), on("AGAIN", "a.h")))
    walked = walk(chart, "GO").forget().send("AGAIN")
    assert (walked.at, walked.heard) == ("a.c", "-a.c -a *AGAIN +a +a.c")


def test_local_history_of_the_node_that_stays_restores_what_was_recorded_before() -> None:
    chart = loud(
        node(
            "a",
            node("b", on("GO", "a.c")),
            node("c", on("GO", "a.b")),
            node("h", kind=SHALLOW),
            on("AGAIN", "a.h", kind=TransitionKind.LOCAL),
            on("OUT", "z"),
        ),
        node("z", on("BACK", "a.b")),
    )
    walked = walk(chart, "GO", "OUT", "BACK").forget()
    assert walked.at == "a.b"
    assert walked.send("AGAIN").heard == "-a.b *AGAIN +a.c"
    assert walked.at == "a.c"


def test_a_default_may_be_another_history_node() -> None:
    chart = loud(
        node(
            "a",
            node("b", node("b1", on("GO", "a.b.b2")), node("b2"), node("h", kind=SHALLOW)),
            node("h", kind=DEEP, history_default=("a.b.h",)),
        ),
        node("z", on("BACK", "a.h")),
        initial=("z",),
    )
    assert walk(chart, "BACK").at == "a.b.b1"


def test_history_restores_a_final_node_and_its_parent_ends_again() -> None:
    chart = loud(
        node("a", node("b", on("GO", "a.c")), final("c"), node("h", kind=SHALLOW), on("OUT", "z"), on("done.state.a")),
        node("z", on("BACK", "a.h")),
    )
    assert walk(chart, "GO", "OUT").forget().send("BACK").heard == "-z *BACK +a +a.c *done.state.a"


@pytest.mark.parametrize("kind", list(TransitionKind))
def test_history_further_out_than_what_is_left_keeps_the_other_regions(kind: TransitionKind) -> None:
    """Nothing was recorded, and the default lies in the region that the transition comes from."""
    chart = loud(
        parallel(
            "p",
            node("r", node("r1", on("BACK", "p.h", kind=kind)), node("r2")),
            node("s", node("s1", on("S", "p.s.s2")), node("s2")),
            node("h", kind=DEEP, history_default=("p.r.r2",)),
        )
    )
    walked = walk(chart, "S").forget().send("BACK")
    assert (walked.at, walked.heard) == ("p.r.r2 p.s.s2", "-p.r.r1 *BACK +p.r.r2")


def test_what_was_recorded_decides_what_conflicts() -> None:
    """The default lies in one region and leaves the other alone; what was recorded lies in both."""
    chart = loud(
        parallel(
            "p",
            node("r", node("r1", on("BACK", "p.h")), node("r2")),
            node("s", node("s1", on("BACK", "p.s.s2")), node("s2")),
            node("h", kind=DEEP, history_default=("p.r.r2",)),
            on("AGAIN", "p"),
        )
    )
    walked = walk(chart, "BACK")
    assert walked.at == "p.r.r2 p.s.s2"
    walked.send("AGAIN").forget()
    assert (walked.at, walked.snapshot.history) == ("p.r.r1 p.s.s1", {"p.h": ("p.r.r2", "p.s.s2")})
    walked.send("BACK")
    assert walked.heard == "-p.s.s1 -p.s -p.r.r1 -p.r *BACK +p.r +p.r.r2 +p.s +p.s.s2"


def test_a_history_node_is_never_active() -> None:
    walked = walk(player(DEEP), "BACK", "GO", "OUT", "BACK")
    assert not any(path.endswith("h") for each in walked.last.microsteps for path in each.entered)


@pytest.mark.parametrize("kind", [SHALLOW, DEEP])
def test_guards_of_the_machine_see_conflicts_of_history_targets_too(kind: NodeKind) -> None:
    """Two regions, one of which leaves for a history node outside: the first in the document wins."""
    chart = loud(
        parallel("p", node("r", on("GO", "a.h")), node("s", node("s1", on("GO", "p.s.s2")), node("s2"))),
        node("a", node("b"), node("h", kind=kind)),
    )
    assert walk(chart, "GO").at == "a.b"
