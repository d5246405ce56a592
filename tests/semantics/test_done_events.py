"""What the entry of a final node causes: done events of the nodes around it, the end of the machine, its output."""

from typing import Any

import pytest
from pydantic import BaseModel

from settle.core.actions import Actions
from settle.core.effects import StopService
from settle.core.errors import ContextInvalidError, UserCodeError
from settle.core.event import Event
from settle.core.interpreter import start, step
from settle.core.snapshot import Status
from settle.core.spec import NodeKind, TransitionKind
from tests.support.charts import action, final, invoke, machine, node, on, parallel
from tests.support.loud import Walk, loud, walk

DATA = {"total": 3}


def region(name: str, *extra: Any) -> Any:
    """A region that ends when its own name comes."""
    return node(name, node("1", on(name, f"p.{name}.2")), final("2"), *extra)


def test_a_final_child_ends_its_compound_parent() -> None:
    chart = loud(node("a", node("b", on("GO", "a.c")), final("c"), on("done.state.a", "z")), node("z"))
    walked = walk(chart, "GO")
    assert (walked.at, walked.heard) == ("z", "-a.b *GO +a.c -a.c -a *done.state.a +z")
    assert walked.steps == ["GO: -a.b +a.c", "done.state.a: -a.c -a +z"]


def test_a_done_event_that_nothing_takes_changes_nothing() -> None:
    chart = loud(node("a", node("b", on("GO", "a.c")), final("c"), on("OUT", "z")), node("z"))
    walked = walk(chart, "GO")
    assert (walked.at, walked.snapshot.status) == ("a.c", Status.ACTIVE)
    assert walked.send("OUT").at == "z"


def test_only_the_innermost_compound_node_ends() -> None:
    chart = loud(node("a", node("b", node("c", on("GO", "a.b.d")), final("d")), on("done.state.a", "z")), node("z"))
    assert walk(chart, "GO").at == "a.b.d"


def test_the_end_of_an_inner_node_may_lead_to_the_end_of_the_outer_one() -> None:
    inner = node("b", node("c", on("GO", "a.b.d")), final("d"), on("done.state.a.b", "a.e"))
    walked = walk(loud(node("a", inner, final("e"), on("done.state.a", "z")), node("z")), "GO")
    assert walked.steps == ["GO: -a.b.c +a.b.d", "done.state.a.b: -a.b.d -a.b +a.e", "done.state.a: -a.e -a +z"]


def test_done_events_come_after_the_entry_actions_and_what_they_raise() -> None:
    def act(_context: Any, _event: Event, do: Actions) -> None:
        do.raise_("RAISED")

    chart = loud(
        node("a", node("b", on("GO", "a.c")), final("c", entry=(action("act", act),)), on("RAISED"), on("done.state.a"))
    )
    assert walk(chart, "GO").heard == "-a.b *GO +a.c *RAISED *done.state.a"


# Parallel ------------------------------------------------------------------------------------------------------------


def test_a_parallel_node_ends_when_its_last_region_does() -> None:
    chart = loud(parallel("p", region("r"), region("s"), on("done.state.p", "z")), node("z"))
    walked = walk(chart, "s")
    assert walked.at == "p.r.1 p.s.2"
    assert walked.send("r").at == "z"
    assert [step.event for step in walked.last.microsteps] == ["r", "done.state.p"]


def test_the_end_of_each_region_comes_before_the_end_of_the_whole() -> None:
    regions = (region(name, on(f"done.state.p.{name}")) for name in "rs")
    chart = loud(parallel("p", *regions, on("done.state.p")))
    assert walk(chart, "r", "s").forget().send("s").heard == ""
    assert walk(chart, "r").heard == "-p.r.1 *r +p.r.2 *done.state.p.r"
    assert walk(chart, "r").forget().send("s").heard == "-p.s.1 *s +p.s.2 *done.state.p.s *done.state.p"


def test_regions_that_end_in_one_microstep_end_the_whole_once() -> None:
    regions = (
        node(name, node("1", on("GO", f"p.{name}.2")), final("2"), on(f"done.state.p.{name}")) for name in ("r", "s")
    )
    walked = walk(loud(parallel("p", *regions, on("done.state.p"))), "GO")
    assert [step.event for step in walked.last.microsteps] == [
        "GO",
        "done.state.p.r",
        "done.state.p.s",
        "done.state.p",
    ]


def test_a_parallel_node_whose_regions_begin_at_their_end_ends_once() -> None:
    chart = loud(
        node("a", on("GO", "p")), parallel("p", node("r", final("1")), node("s", final("1")), on("done.state.p"))
    )
    assert walk(chart, "GO").heard == "-a *GO +p +p.r +p.r.1 +p.s +p.s.1 *done.state.p"


@pytest.mark.parametrize("order", ["rst", "str", "trs", "srt", "rts", "tsr"])
def test_a_parallel_node_inside_another_counts_as_ended_whichever_region_ends_last(order: str) -> None:
    def ending(name: str, path: str) -> Any:
        return node(name, node("1", on(name, f"{path}.{name}.2")), final("2"))

    inner = parallel("q", ending("r", "p.q"), ending("s", "p.q"), on("done.state.p.q"))
    chart = loud(parallel("p", inner, ending("t", "p"), on("done.state.p", "z")), node("z"))
    walked = walk(chart, *order)
    heard = walked.heard.split()
    assert walked.at == "z"
    assert (heard.count("*done.state.p.q"), heard.count("*done.state.p")) == (1, 1)


def test_a_region_may_be_a_final_node_itself() -> None:
    chart = loud(parallel("p", final("r"), region("s"), on("done.state.p", "z")), node("z"))
    walked = walk(chart)
    assert walked.at == "p.r p.s.1"
    assert walked.send("s").at == "z"


def test_the_end_of_a_parallel_node_carries_no_output() -> None:
    seen: list[Any] = []
    see = action("see", lambda _context, event, _do: seen.append(event.data))
    chart = loud(
        node("a", on("GO", "p")),
        parallel("p", node("r", final("1", output=DATA)), final("s", output=DATA), on("done.state.p", actions=(see,))),
    )
    assert walk(chart, "GO").at == "p.r.1 p.s"
    assert seen == [{}]


def test_a_parallel_node_with_a_region_that_cannot_end_never_ends() -> None:
    chart = loud(parallel("p", node("r"), region("s"), on("done.state.p", "z")), node("z"))
    assert walk(chart, "s").at == "p.r p.s.2"


def test_a_region_that_leaves_its_end_and_ends_again_ends_the_whole_again() -> None:
    again = node("s", node("1", on("s", "p.s.2")), final("2"), on("AGAIN", "p.s.1", kind=TransitionKind.LOCAL))
    walked = walk(loud(parallel("p", region("r"), again, on("done.state.p"))), "r", "s", "AGAIN").forget()
    assert walked.at == "p.r.2 p.s.1"
    assert walked.send("s").heard == "-p.s.1 *s +p.s.2 *done.state.p"


# The end of the machine ----------------------------------------------------------------------------------------------


def test_a_final_node_at_the_top_ends_the_machine() -> None:
    walked = walk(loud(node("a", on("GO", "z"), on("STAY")), final("z")), "GO")
    assert (walked.snapshot.status, walked.at) == (Status.DONE, "z")
    before = walked.snapshot
    assert walked.send("GO", "STAY").snapshot == before
    assert not walked.last.taken


def test_a_machine_that_ends_runs_its_exit_actions_and_shows_where_it_ended() -> None:
    walked = walk(loud(node("a", on("GO", "z")), final("z")), "GO")
    assert (walked.heard, walked.at) == ("-a *GO +z -z", "z")


def test_the_slot_after_still_runs_when_the_machine_ends() -> None:
    walked = walk(loud(node("a", on("GO", "z", after=(action("after"),))), final("z")), "GO")
    assert walked.heard == "-a *GO +z after -z"


def test_a_machine_may_end_when_it_starts() -> None:
    started = Walk(loud(node("a", on("", "z")), final("z", output=1)))
    assert (started.snapshot.status, started.snapshot.output) == (Status.DONE, 1)


def test_a_parallel_machine_ends_when_its_last_region_does() -> None:
    regions = (node(name, node("1", on(name, f"{name}.2")), final("2", output=1)) for name in ("r", "s"))
    walked = walk(loud(*regions, kind=NodeKind.PARALLEL), "r")
    assert walked.snapshot.status is Status.ACTIVE
    walked.send("s")
    assert (walked.snapshot.status, walked.at, walked.snapshot.output) == (Status.DONE, "r.2 s.2", None)


def test_a_parallel_machine_with_a_final_region_ends_with_the_others() -> None:
    chart = loud(final("r"), node("s", node("1", on("s", "s.2")), final("2")), kind=NodeKind.PARALLEL)
    assert Walk(chart).snapshot.status is Status.ACTIVE
    assert walk(chart, "s").snapshot.status is Status.DONE


def test_the_end_stops_every_service_and_starts_none() -> None:
    def serve(_: object) -> None: ...

    regions = (
        node(name, node("1", on("GO", f"{name}.2")), final("2"), invoke(f"svc-{name}", serve)) for name in ("r", "s")
    )
    walked = walk(loud(*regions, kind=NodeKind.PARALLEL))
    assert [live.key for live in walked.snapshot.invokes] == ["svc-r#1", "svc-s#2"]
    walked.send("GO")
    assert walked.last.effects == (StopService(invoke="svc-r#1"), StopService(invoke="svc-s#2"))
    assert walked.snapshot.invokes == ()


def test_a_parallel_machine_that_ends_as_it_starts_starts_no_service() -> None:
    def serve(_: object) -> None: ...

    regions = (node(name, final("1"), invoke(f"svc-{name}", serve)) for name in ("r", "s"))
    started = Walk(loud(*regions, kind=NodeKind.PARALLEL))
    assert (started.snapshot.status, started.last.effects, started.snapshot.invokes) == (Status.DONE, (), ())


# Output --------------------------------------------------------------------------------------------------------------


def ending_with(output: Any, **options: Any) -> Any:
    return machine("m", node("a", on("GO", "z")), final("z", output=output), **options)


@pytest.mark.parametrize("output", [None, 0, False, "", "text", {"total": 3}, [1, {"a": None}]])
def test_the_output_of_a_machine_is_that_of_its_final_node(output: Any) -> None:
    definition = ending_with(output)
    assert step(definition, start(definition).snapshot, Event(type="GO")).snapshot.output == output


def test_an_output_may_be_computed_from_the_context_and_the_event() -> None:
    definition = ending_with(lambda context, event: {"sum": context["n"] + event["n"]})
    started = start(definition, input={"n": 1}).snapshot
    assert step(definition, started, Event(type="GO", data={"n": 2})).snapshot.output == {"sum": 3}


def test_the_output_of_a_final_child_is_the_data_of_the_done_event() -> None:
    seen: list[Any] = []
    see = action("see", lambda _context, event, _do: seen.append(event.data))
    chart = machine(
        "m",
        node(
            "a",
            node("b", on("GO", "a.c"), on("BARE", "a.d")),
            final("c", output=DATA),
            final("d"),
            on("done.*", "a", actions=(see,)),
        ),
    )
    snapshot = start(chart).snapshot
    for event in ("GO", "BARE"):
        snapshot = step(chart, snapshot, Event(type=event)).snapshot
    assert seen == [DATA, {}]


def test_the_output_written_in_a_definition_cannot_be_changed_by_an_action() -> None:
    def spoil(_context: Any, event: Event, _do: object) -> None:
        event.data["total"] = "spoilt"

    output = {"total": 3}
    ended = start(machine("m", node("a", on("", "z")), final("z", output=output))).snapshot
    ended.output["total"] = "spoilt"
    chart = machine(
        "m",
        node(
            "a",
            node("b", on("GO", "a.c")),
            final("c", output=output),
            on("done.*", "a", actions=(action("spoil", spoil),)),
        ),
    )
    step(chart, start(chart).snapshot, Event(type="GO"))
    assert output == {"total": 3}


@pytest.mark.parametrize(
    ("output", "cause"), [(lambda _c, _e: 1 / 0, "ZeroDivisionError"), (lambda _c, _e: {1, 2}, "set is not JSON data")]
)
def test_an_output_that_cannot_be_computed_or_stored_is_an_error_of_user_code(output: Any, cause: str) -> None:
    output.__name__ = "total"
    definition = ending_with(output)
    with pytest.raises(UserCodeError, match=cause) as caught:
        step(definition, start(definition).snapshot, Event(type="GO"))
    assert (caught.value.role, caught.value.name, caught.value.node) == ("output", "total", "z")


def test_an_output_finds_a_stored_context_that_does_not_fit() -> None:
    class Context(BaseModel):
        n: int = 1

    definition = ending_with(lambda context, _event: context.n, context=Context)
    with pytest.raises(ContextInvalidError):
        step(definition, start(definition).snapshot._replace(context={"n": "x"}), Event(type="GO"))
