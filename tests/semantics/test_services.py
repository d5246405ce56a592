"""Invokes: begun for nodes that are still active when the macrostep ends, stopped when their node is left."""

from settle.core.effects import Effect, StartService, StopService
from settle.core.event import Event, EventKind
from settle.core.interpreter import step
from tests.support.charts import final, invoke, node, on
from tests.support.loud import Walk, flag, loud, setting, walk


def serve(_: object) -> None:
    """The step never calls it."""


def begins(*keys: str) -> tuple[Effect, ...]:
    return tuple(StartService(invoke=key) for key in keys)


def stops(*keys: str) -> tuple[Effect, ...]:
    return tuple(StopService(invoke=key) for key in keys)


CHART = loud(
    node("a", on("GO", "b")),
    node(
        "b",
        invoke("svc", serve),
        on("done.invoke.svc", "a"),
        on("error.invoke.svc", "z"),
        on("AGAIN", "b"),
        on("OUT", "a"),
    ),
    node("z"),
)


def test_a_service_begins_when_its_node_is_entered() -> None:
    walked = walk(CHART, "GO")
    assert walked.last.effects == begins("svc#1")
    (live,) = walked.snapshot.invokes
    assert (live.id, live.entry, live.node, live.src, live.key) == ("svc", 1, "b", "svc", "svc#1")


def test_services_begin_in_the_order_their_nodes_were_entered() -> None:
    chart = loud(
        node("a", on("GO", "b")),
        node("b", node("c", invoke("inner", serve)), invoke("first", serve), invoke("second", serve)),
    )
    assert walk(chart, "GO").last.effects == begins("first#1", "second#2", "inner#3")


def test_a_service_of_the_initial_node_begins_when_the_machine_starts() -> None:
    assert Walk(loud(node("a", invoke("svc", serve)))).last.effects == begins("svc#1")


def test_a_service_of_a_node_that_is_left_in_the_same_macrostep_never_begins() -> None:
    chart = loud(node("a", on("GO", "b")), node("b", invoke("svc", serve), on("", "c")), node("c"))
    walked = walk(chart, "GO")
    assert (walked.at, walked.last.effects, walked.snapshot.invokes, walked.snapshot.entries) == ("c", (), (), 0)


def test_a_node_left_and_entered_again_in_one_macrostep_begins_its_service_once() -> None:
    chart = loud(
        node("a", on("GO", "b")),
        node("b", invoke("svc", serve), on("", "c", guards=(flag("back", negated=True),))),
        node("c", on("", "b"), exit=(setting("back"),)),
    )
    walked = walk(chart, "GO")
    assert walked.steps == ["GO: -a +b", ": -b +c", ": -c +b"]
    assert walked.last.effects == begins("svc#1")


def test_a_service_stops_when_its_node_is_left() -> None:
    walked = walk(CHART, "GO", "OUT")
    assert (walked.last.effects, walked.snapshot.invokes) == (stops("svc#1"), ())


def test_a_node_that_is_entered_again_begins_a_new_life_of_its_service() -> None:
    walked = walk(CHART, "GO", "AGAIN")
    assert walked.last.effects == (*stops("svc#1"), *begins("svc#2"))
    assert [live.key for live in walked.snapshot.invokes] == ["svc#2"]


def test_the_result_of_a_live_service_is_an_event() -> None:
    walked = walk(CHART, "GO").answer("svc#1")
    assert (walked.at, walked.snapshot.invokes, walked.last.effects) == ("a", (), ())
    assert walk(CHART, "GO").answer("svc#1", outcome="error").at == "z"


def test_the_result_of_an_earlier_life_changes_nothing() -> None:
    walked = walk(CHART, "GO", "AGAIN")
    before = walked.snapshot
    assert walked.answer("svc#1").snapshot == before
    assert not walked.last.taken
    assert walked.answer("svc#2").at == "a"


def test_a_second_result_of_one_life_changes_nothing() -> None:
    walked = walk(CHART, "GO").answer("svc#1").send("GO")
    before = walked.snapshot
    assert [live.key for live in before.invokes] == ["svc#2"]
    assert walked.answer("svc#1").snapshot == before


def test_the_result_of_a_service_that_was_stopped_changes_nothing() -> None:
    walked = walk(CHART, "GO", "OUT")
    before = walked.snapshot
    assert walked.answer("svc#1").snapshot == before


def test_a_result_that_no_transition_takes_ends_the_service_all_the_same() -> None:
    walked = walk(loud(node("a", invoke("svc", serve))))
    walked.answer("svc#1")
    assert (walked.last.taken, walked.snapshot.invokes, walked.last.effects) == (False, (), ())


def test_a_result_is_handled_while_other_services_go_on() -> None:
    chart = loud(node("a", invoke("one", serve), invoke("two", serve), on("done.invoke.one")))
    assert [live.id for live in walk(chart).answer("one#1").snapshot.invokes] == ["two"]


def test_an_event_of_the_same_name_from_elsewhere_is_no_result() -> None:
    """A machine may raise it; the service stays live."""
    walked = walk(CHART, "GO")
    macrostep = step(CHART, walked.snapshot, Event(type="done.invoke.svc", kind=EventKind.INTERNAL))
    assert macrostep.effects == stops("svc#1")


def test_entry_numbers_go_on_over_the_whole_life_of_an_instance() -> None:
    walked = walk(CHART, "GO", "OUT", "GO").answer("svc#2").send("GO")
    assert [live.key for live in walked.snapshot.invokes] == ["svc#3"]
    assert walked.snapshot.entries == 3


def test_the_end_of_the_machine_stops_its_services() -> None:
    chart = loud(node("a", on("GO", "z")), final("z"), invokes=(invoke("svc", serve),))
    walked = walk(chart, "GO")
    assert (walked.last.effects, walked.snapshot.invokes) == (stops("svc#1"), ())
