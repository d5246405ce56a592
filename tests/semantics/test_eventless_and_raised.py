"""Run to completion: eventless transitions first, then raised events, then the next event from outside."""

from typing import Any

import pytest

from settle.core.actions import MAX_EFFECTS, Actions
from settle.core.errors import EffectLimitError, MicrostepLimitError, UserCodeError
from settle.core.event import Event
from settle.core.run import MAX_MICROSTEPS
from settle.core.spec import Action
from tests.support.charts import action, final, guard, node, on
from tests.support.loud import Walk, flag, loud, no, setting, walk, yes


def raising(*events: str) -> Action:
    def act(_context: Any, _event: Event, do: Actions) -> None:
        for event in events:
            do.raise_(event)

    return action("raising", act)


def test_an_eventless_transition_is_taken_at_once() -> None:
    walked = walk(loud(node("a", on("GO", "b")), node("b", on("", "c")), node("c")), "GO")
    assert (walked.at, walked.heard) == ("c", "-a *GO +b -b * +c")
    assert walked.steps == ["GO: -a +b", ": -b +c"]


def test_an_eventless_transition_is_taken_when_the_machine_starts() -> None:
    started = Walk(loud(node("a", on("", "b")), node("b")))
    assert (started.at, started.heard) == ("b", "+a -a * +b")


def test_an_eventless_transition_waits_until_its_guard_holds() -> None:
    chart = loud(node("a", on("GO", actions=(setting("go"),)), on("", "b", guards=(flag("go"),))), node("b"))
    walked = walk(chart)
    assert walked.at == "a"
    assert walked.send("GO").at == "b"
    assert walked.steps == ["GO:", ": -a +b"]


def test_the_first_eventless_transition_whose_guard_holds_is_taken() -> None:
    chart = loud(node("a", on("", "b", guards=(no(),)), on("", "c", guards=(yes(),)), on("", "d")), *map(node, "bcd"))
    assert Walk(chart).at == "c"


def test_an_eventless_transition_without_an_event_to_wake_it_stays_asleep() -> None:
    """Its guard is asked again only when something was taken."""
    chart = loud(node("a", on("GO"), on("", "b", guards=(flag("go"),))), node("b"))
    walked = walk(chart, "UNKNOWN")
    assert (walked.at, walked.steps) == ("a", [])


def test_a_raised_event_is_handled_in_the_same_macrostep() -> None:
    chart = loud(node("a", on("GO", actions=(raising("NEXT"),)), on("NEXT", "b")), node("b"))
    walked = walk(chart, "GO")
    assert (walked.at, walked.heard) == ("b", "*GO -a *NEXT +b")


def test_raised_events_are_handled_in_the_order_they_were_raised() -> None:
    chart = loud(node("a", on("GO", actions=(raising("X", "Y"),)), on("X", actions=(raising("Z"),)), on("Y"), on("Z")))
    assert walk(chart, "GO").heard == "*GO *X *Y *Z"


def test_eventless_transitions_come_before_raised_events() -> None:
    chart = loud(
        node("a", on("GO", "b", actions=(raising("X"),))),
        node("b", on("", "c"), on("X")),
        node("c", on("X", "d")),
        node("d"),
    )
    walked = walk(chart, "GO")
    assert (walked.at, walked.heard) == ("d", "-a *GO +b -b * +c -c *X +d")


def test_a_raised_event_that_nothing_takes_is_dropped() -> None:
    chart = loud(
        node("a", on("GO", "b", actions=(raising("LATER", "NEXT"),))),
        node("b", on("NEXT", "c")),
        node("c", on("LATER")),
    )
    walked = walk(chart, "GO")
    assert (walked.at, walked.steps) == ("c", ["GO: -a +b", "NEXT: -b +c"])


def test_entry_and_exit_actions_raise_too() -> None:
    chart = loud(
        node("a", on("GO", "b"), exit=(raising("LEFT"),)),
        node("b", on("LEFT"), on("ENTERED", "c"), entry=(raising("ENTERED"),)),
        node("c"),
    )
    assert walk(chart, "GO").heard == "-a *GO +b *LEFT -b *ENTERED +c"


def test_raised_events_of_a_machine_that_ends_are_dropped() -> None:
    chart = loud(node("a", on("GO", "z", actions=(raising("X"),))), final("z"), transitions=(on("X"),))
    assert walk(chart, "GO").heard == "-a *GO +z -z"


def test_a_raised_event_carries_data_and_the_time() -> None:
    seen: list[Event] = []

    def act(_context: Any, _event: Event, do: Actions) -> None:
        do.raise_("DATA", {"n": 1})
        do.raise_("BARE")

    see = action("see", lambda _context, event, _do: seen.append(event))
    chart = loud(node("a", on("GO", actions=(action("act", act),)), on("*", actions=(see,))))
    Walk(chart, now=7.0).send("GO")
    assert [(event.type, event.data, event.kind, event.now) for event in seen] == [
        ("DATA", {"n": 1}, "internal", 7.0),
        ("BARE", {}, "internal", 7.0),
    ]


def test_an_event_without_a_name_cannot_be_raised() -> None:
    """It would be taken by eventless transitions."""
    chart = loud(node("a", on("GO", actions=(raising(""),))))
    with pytest.raises(UserCodeError, match="needs a type"):
        walk(chart, "GO")


def test_a_machine_that_never_comes_to_rest_is_stopped() -> None:
    chart = loud(node("a", on("GO", "b")), node("b", on("", "c")), node("c", on("", "b")))
    walked = walk(chart)
    before = walked.snapshot
    with pytest.raises(
        MicrostepLimitError, match=f"m took {MAX_MICROSTEPS} microsteps without coming to rest, now at "
    ):
        walked.send("GO")
    assert walked.snapshot == before


@pytest.mark.parametrize("too_many", [False, True])
def test_a_macrostep_may_take_exactly_the_limit(*, too_many: bool) -> None:
    """The initial entry is one of them."""

    def count(context: dict[str, Any], _event: Event, _do: Actions) -> None:
        context["n"] = context.get("n", 0) + 1

    more = guard("more", lambda context, _event: context.get("n", 0) < MAX_MICROSTEPS - 1 + too_many)
    chart = loud(node("a", on("GO"), on("", guards=(flag("go"), more), actions=(action("count", count),))))
    if too_many:
        with pytest.raises(MicrostepLimitError):
            Walk(chart, go=True)
    else:
        assert Walk(chart, go=True).snapshot.context["n"] == MAX_MICROSTEPS - 1


@pytest.mark.parametrize("kind", ["raise", "log"])
def test_a_macrostep_that_asks_for_too_much_is_stopped(kind: str) -> None:
    def act(_context: Any, _event: Event, do: Actions) -> None:
        for _ in range(MAX_EFFECTS + 1):
            if kind == "raise":
                do.raise_("X")
            else:
                do.log("x")

    with pytest.raises(EffectLimitError, match=f"more than {MAX_EFFECTS} effects"):
        walk(loud(node("a", on("GO", actions=(action("act", act),)))), "GO")


def test_a_macrostep_may_ask_for_exactly_the_limit() -> None:
    def act(_context: Any, _event: Event, do: Actions) -> None:
        for _ in range(MAX_EFFECTS):
            do.log("x")

    walked = walk(loud(node("a", on("GO", actions=(action("act", act),)))), "GO")
    assert len(walked.last.effects) == MAX_EFFECTS


def test_a_raised_event_that_raises_itself_is_stopped() -> None:
    with pytest.raises(EffectLimitError):
        walk(loud(node("a", on("GO", actions=(raising("GO"),)))), "GO")
