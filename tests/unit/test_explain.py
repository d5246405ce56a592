"""`explain` says what `step` does, and why."""

from typing import Any

import pytest
from pydantic import BaseModel

from settle import Event, EventKind, Statechart, explain, start, step
from settle.core.errors import EventInvalidError
from settle.core.explain import Candidate, Explanation
from settle.core.snapshot import Snapshot

CHART = Statechart(
    id="m",
    states=[
        {
            "name": "both",
            "parallel": [
                {"name": "left", "children": ["a", "b"]},
                {"name": "right", "children": ["x", "y"]},
            ],
        },
        {"name": "out", "timeout": 5, "on_timeout": "both"},
        {"name": "over", "final": True},
    ],
    transitions=[
        {"trigger": "GO", "source": "both.left.a", "dest": "both.left.b", "conditions": lambda ctx: ctx.get("ok")},
        {"trigger": "GO", "source": "both.left", "dest": "out"},
        {"trigger": "GO", "source": "both.right.x", "dest": "both.right.y"},
        {"trigger": "GO", "source": "both", "dest": "over"},
        {"trigger": "END", "source": "*", "dest": "over"},
    ],
    silenced={"region-conflict": "that is what is explained", "unnamed-function": "it is short"},
).definition


def begin(**context: Any) -> Snapshot:
    return start(CHART, input=context).snapshot


def verdicts(explanation: Explanation) -> list[tuple[str, str, str]]:
    return [(each.source, each.verdict.value, each.reason) for each in explanation.candidates]


def test_the_innermost_is_taken_and_the_others_are_shadowed() -> None:
    told = explain(CHART, begin(ok=True), Event(type="GO"))
    assert verdicts(told) == [
        ("both.left.a", "taken", ""),
        ("both.left", "shadowed", ""),
        ("both", "shadowed", ""),
        ("both.right.x", "taken", ""),
    ]
    assert told.macrostep == step(CHART, begin(ok=True), Event(type="GO"))


def test_a_refused_one_names_its_condition_and_a_conflict_the_winner() -> None:
    told = explain(CHART, begin(), Event(type="GO"))
    assert verdicts(told) == [
        ("both.left.a", "refused", "<lambda>"),
        ("both.left", "taken", ""),
        ("both", "shadowed", ""),
        ("both.right.x", "conflict", "both.left"),
    ]


def test_each_candidate_says_what_it_would_leave_and_enter() -> None:
    found = {each.source: each for each in explain(CHART, begin(), Event(type="GO")).candidates}
    assert found["both.right.x"] == Candidate(
        transition=4,
        source="both.right.x",
        event="GO",
        targets=("both.right.y",),
        verdict=found["both.right.x"].verdict,
        reason="both.left",
        exits=("both.right.x",),
        enters=("both.right.y",),
    )
    assert found["both.left"].enters == ("out",)
    assert found["both.left"].exits == (
        "both.right.x",
        "both.right",
        "both.left.a",
        "both.left",
        "both",
    )


def test_an_event_that_nothing_takes_has_no_candidates() -> None:
    told = explain(CHART, begin(), Event(type="OTHER"))
    assert (told.candidates, told.error, told.note) == ((), "", "")
    assert told.macrostep is not None
    assert not told.macrostep.taken


def test_a_timer_is_explained_by_its_event() -> None:
    out = step(CHART, begin(), Event(type="GO")).snapshot
    told = explain(CHART, out, Event(kind=EventKind.TIMER, key="out@5s#1"))
    assert (told.event, verdicts(told)) == ("settle.after.out@5s", [("out", "taken", "")])
    assert "is not live" in explain(CHART, out, Event(kind=EventKind.TIMER, key="out@5s#9")).note


def test_what_changes_nothing_any_more_says_why() -> None:
    over = step(CHART, begin(), Event(type="END")).snapshot
    assert explain(CHART, over, Event(type="GO")).note == "the machine is done: no event changes it any more"
    result = Event(type="done.invoke.x", kind=EventKind.RESULT, key="x#1")
    assert "is not live" in explain(CHART, begin(), result).note


def test_an_exception_of_user_code_is_part_of_the_answer() -> None:
    def broken(_ctx: Any) -> bool:
        raise RuntimeError("no luck")

    for slot in ("conditions", "actions"):
        chart = Statechart(
            id="m", states=["a"], transitions=[{"trigger": "GO", "source": "a", "dest": None, slot: broken}]
        )
        told = explain(chart.definition, start(chart.definition).snapshot, Event(type="GO"))
        assert told.error.endswith("raised RuntimeError: no luck")
        assert told.macrostep is None


def test_data_that_does_not_fit_is_an_error_as_in_a_step() -> None:
    class Data(BaseModel):
        n: int

    chart = Statechart(id="m", events={"GO": Data}, states=["a"], transitions=[["GO", "a", None]])
    with pytest.raises(EventInvalidError):
        explain(chart.definition, start(chart.definition).snapshot, Event(type="GO", data={"n": "x"}))


def test_a_timer_that_sends_something_says_so() -> None:
    def later(_ctx: Any, _event: Event, do: Any) -> None:
        do.send("other/1", "B", delay=5)

    chart = Statechart(
        id="m", states=["a"], transitions=[{"trigger": "GO", "source": "a", "dest": None, "actions": later}]
    )
    waiting = step(chart.definition, start(chart.definition).snapshot, Event(type="GO")).snapshot
    told = explain(chart.definition, waiting, Event(kind=EventKind.TIMER, key="#1"))
    assert (told.note, told.candidates) == ("the timer '#1' sends 'B' to 'other/1'", ())
    assert told.macrostep is not None
    assert len(told.macrostep.effects) == 1
