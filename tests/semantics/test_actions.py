"""Guards and actions: when they run, what they see, and what becomes of those that raise."""

from typing import Any

import pytest

from settle.core.actions import Actions
from settle.core.definition import Definition
from settle.core.effects import Log
from settle.core.errors import StepError, UserCodeError
from settle.core.event import Event
from settle.core.interpreter import START_EVENT, start, step
from tests.support.charts import action, final, guard, machine, node, on, parallel
from tests.support.loud import Walk, flag, loud, no, walk, yes

# Order ---------------------------------------------------------------------------------------------------------------


def slots(event: str, target: str, name: str) -> Any:
    return on(
        event,
        target,
        before=(action(f"before-{name}"),),
        actions=(action(f"on-{name}"),),
        after=(action(f"after-{name}"),),
    )


def test_before_runs_before_the_exits_actions_between_and_after_after_the_entries() -> None:
    assert walk(loud(node("a", slots("GO", "b", "1")), node("b")), "GO").heard == "before-1 -a *GO on-1 +b after-1"


def test_each_slot_runs_for_all_transitions_before_the_next() -> None:
    chart = loud(
        parallel("p", *(node(name, node("1", slots("GO", f"p.{name}.2", name)), node("2")) for name in ("r", "s")))
    )
    assert walk(chart, "GO").heard == (
        "before-r before-s -p.s.1 -p.r.1 *GO on-r *GO on-s +p.r.2 +p.s.2 after-r after-s"
    )


def test_actions_of_one_slot_run_in_the_order_they_are_written() -> None:
    chart = loud(
        node("a", on("GO", "b", actions=(action("1"), action("2"))), exit=(action("x1"), action("x2"))),
        node("b", entry=(action("e1"), action("e2"))),
    )
    assert walk(chart, "GO").heard == "-a x1 x2 *GO 1 2 +b e1 e2"


def test_the_entry_actions_of_a_new_instance_run_once_when_it_starts() -> None:
    seen: list[Event] = []
    see = action("see", lambda _context, event, _do: seen.append(event))
    started = start(machine("m", node("a", entry=(see,))), input={"n": 1}, now=3.0)
    assert [(event.type, event.data, event.kind, event.now) for event in seen] == [
        (START_EVENT, {"n": 1}, "internal", 3.0)
    ]
    assert started.snapshot.context == {"n": 1}


def test_actions_see_what_earlier_actions_assigned() -> None:
    def add(context: dict[str, Any], _event: Event, _do: object) -> None:
        context["n"] = context.get("n", 0) + 1

    adding = action("add", add)
    chart = machine("m", node("a", on("GO", "b", actions=(adding, adding)), exit=(adding,)), node("b", entry=(adding,)))
    assert step(chart, start(chart).snapshot, Event(type="GO")).snapshot.context == {"n": 4}


def test_actions_see_the_event_that_is_handled_and_the_time_of_the_macrostep() -> None:
    seen: list[tuple[str, float]] = []
    see = action("see", lambda _context, event, _do: seen.append((event.type, event.now)))
    chart = machine("m", node("a", on("GO", "b", actions=(see,))), node("b", on("", "c", actions=(see,))), node("c"))
    step(chart, start(chart, now=1.0).snapshot, Event(type="GO", now=99.0), now=5.0)
    assert seen == [("GO", 5.0), ("GO", 5.0)]


# Guards --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("guards", "taken"),
    [
        ((), True),
        ((yes(),), True),
        ((no(),), False),
        ((yes(), no()), False),
        ((no(), yes()), False),
        ((flag("up", negated=True),), True),
        ((yes(), flag("up", negated=True)), True),
    ],
)
def test_all_guards_must_hold(guards: tuple[Any, ...], *, taken: bool) -> None:
    assert walk(loud(node("a", on("GO", "b", guards=guards)), node("b")), "GO").at == ("b" if taken else "a")


def test_a_negated_guard_does_not_hold_when_its_function_says_yes() -> None:
    chart = loud(node("a", on("GO", "b", guards=(flag("up", negated=True),))), node("b"))
    walked = walk(chart, "GO", up=True)
    assert (walked.at, walked.last.refused_by) == ("a", ("not up",))


@pytest.mark.parametrize("answer", [1, "x", [0]])
def test_a_guard_holds_when_it_answers_anything_true(answer: Any) -> None:
    chart = machine("m", node("a", on("GO", "b", guards=(guard("g", lambda _c, _e: answer),))), node("b"))
    assert step(chart, start(chart).snapshot, Event(type="GO")).snapshot.configuration == ("b",)


def test_guards_after_one_that_said_no_are_not_asked() -> None:
    def never(*_: object) -> bool:
        raise AssertionError

    assert walk(loud(node("a", on("GO", "b", guards=(no(), guard("never", never)))), node("b")), "GO").at == "a"


def test_the_next_transition_is_tried_when_a_guard_says_no() -> None:
    chart = loud(node("a", node("b", on("GO", "x", guards=(no(),))), on("GO", "y")), node("x"), node("y"))
    walked = walk(chart, "GO")
    assert (walked.at, walked.last.refused_by) == ("y", ())


def test_an_event_that_guards_refused_names_them_and_changes_nothing() -> None:
    chart = loud(
        node("a", node("b", on("GO", "x", guards=(no("first"),))), on("GO", "x", guards=(yes(), no("second")))),
        node("x"),
    )
    walked = walk(chart)
    before = walked.snapshot
    assert walked.send("GO").snapshot == before
    assert walked.last.refused_by == ("first", "second")
    assert not walked.last.taken


def test_an_event_that_nothing_takes_is_not_refused_and_changes_nothing() -> None:
    walked = walk(loud(node("a", on("GO", "b", guards=(no(),))), node("b")))
    before = walked.snapshot
    assert walked.send("OTHER").snapshot == before
    assert (walked.last.refused_by, walked.last.effects, walked.last.microsteps) == ((), (), ())


def test_what_a_guard_does_to_the_context_is_not_kept() -> None:
    def spoil(context: dict[str, Any], _event: Event) -> bool:
        context["spoilt"] = True
        return False

    walked = walk(loud(node("a", on("GO", "b", guards=(guard("spoil", spoil),))), node("b")), "GO")
    assert "spoilt" not in walked.snapshot.context


# Effects -------------------------------------------------------------------------------------------------------------


def test_a_log_is_an_effect() -> None:
    def act(context: dict[str, Any], _event: Event, do: Actions) -> None:
        do.log("counted", n=context["n"])

    chart = machine("m", node("a", on("GO", actions=(action("act", act),))))
    macrostep = step(chart, start(chart, input={"n": 1}).snapshot, Event(type="GO"))
    assert macrostep.effects == (Log(message="counted", data={"n": 1}),)


def test_a_log_tells_what_was_true_when_it_was_written() -> None:
    def act(context: dict[str, Any], _event: Event, do: Actions) -> None:
        do.log("counted", items=context["items"])
        context["items"].append(2)

    chart = machine("m", node("a", on("GO", actions=(action("act", act),))))
    macrostep = step(chart, start(chart, input={"items": [1]}).snapshot, Event(type="GO"))
    assert macrostep.effects == (Log(message="counted", data={"items": [1]}),)


def test_effects_come_in_the_order_in_which_they_were_asked_for() -> None:
    def saying(word: str) -> Any:
        return action(word, lambda _context, _event, do: do.log(word))

    chart = loud(node("a", on("GO", "b", actions=(saying("2"),)), exit=(saying("1"),)), node("b", entry=(saying("3"),)))
    effects = walk(chart, "GO").last.effects
    assert [effect.message for effect in effects if isinstance(effect, Log)] == ["1", "2", "3"]


# What raises ---------------------------------------------------------------------------------------------------------


def broken(*_: object) -> Any:
    raise KeyError("sku")


GUARD, ACTION = guard("is_broken", broken), action("break_it", broken)
Place = tuple[Definition, str, str, str]
PLACES = {
    "guard": (machine("m", node("a", on("GO", "b", guards=(GUARD,))), node("b")), "guard", "is_broken", "a"),
    "guard of an ancestor": (
        machine("m", node("a", node("b"), on("GO", "c", guards=(GUARD,))), node("c")),
        "guard",
        "is_broken",
        "a",
    ),
    "eventless guard": (
        machine("m", node("a", on("GO", "b")), node("b", on("", "c", guards=(GUARD,))), node("c")),
        "guard",
        "is_broken",
        "b",
    ),
    "exit": (machine("m", node("a", on("GO", "b"), exit=(ACTION,)), node("b")), "action", "break_it", "a"),
    "entry": (
        machine("m", node("a", on("GO", "b.c")), node("b", node("c", entry=(ACTION,)))),
        "action",
        "break_it",
        "b.c",
    ),
    "before": (machine("m", node("a", on("GO", before=(ACTION,)))), "action", "break_it", "a"),
    "actions": (machine("m", node("a", on("GO", actions=(ACTION,)))), "action", "break_it", "a"),
    "after": (machine("m", node("a", on("GO", after=(ACTION,)))), "action", "break_it", "a"),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_what_raises_is_named_with_its_role_and_its_node(place: Place) -> None:
    chart, role, name, path = place
    before = start(chart).snapshot
    with pytest.raises(UserCodeError) as caught:
        step(chart, before, Event(type="GO"))
    error = caught.value
    assert (error.role, error.name, error.node) == (role, name, path)
    assert isinstance(error.__cause__, KeyError)
    assert str(error) == f"{role} {name!r} of {path!r} raised KeyError: 'sku'"
    assert before == start(chart).snapshot


def test_an_error_on_purpose_is_passed_on_as_it_is() -> None:
    def give_up(*_: object) -> bool:
        raise StepError("enough")

    for part in (on("GO", guards=(guard("g", give_up),)), on("GO", actions=(action("a", give_up),))):
        chart = machine("m", node("a", part))
        with pytest.raises(StepError, match=r"^enough$"):
            step(chart, start(chart).snapshot, Event(type="GO"))


def test_an_interrupt_is_no_error_of_user_code() -> None:
    def interrupt(*_: object) -> bool:
        raise KeyboardInterrupt

    chart = machine("m", node("a", on("GO", guards=(guard("g", interrupt),))))
    with pytest.raises(KeyboardInterrupt):
        step(chart, start(chart).snapshot, Event(type="GO"))


def test_nothing_of_a_macrostep_that_fails_half_way_is_kept() -> None:
    chart = loud(node("a", on("GO", "b")), node("b", on("", "c")), node("c", entry=(ACTION,)))
    walked = Walk(chart)
    before = walked.snapshot
    with pytest.raises(UserCodeError):
        walked.send("GO")
    assert (walked.snapshot, walked.at) == (before, "a")


def test_an_instance_does_not_start_when_an_entry_action_raises() -> None:
    with pytest.raises(UserCodeError, match="break_it"):
        start(machine("m", node("a", entry=(ACTION,)), final("z")))
