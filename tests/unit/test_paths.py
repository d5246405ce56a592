"""Shortest paths to states and transitions, and the coverage of tests."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from pydantic import BaseModel

from machines import approval, auth, expense, onboarding, order, signup
from settle import Context, Event, ServiceCall, ServiceError, Statechart
from settle.core.errors import EventInvalidError, InputInvalidError
from settle.runtime.errors import UnknownEventError
from settle.testing import (
    CoverageError,
    NotStubbedError,
    Paths,
    TrialError,
    coverage,
    given,
    paths_to_states,
    paths_to_transitions,
)

DOWN = ServiceError("down")


class Amount(BaseModel):
    amount: int = 1


class Name(BaseModel):
    name: str


class Count(Context):
    n: int = 0


def add(ctx: Count) -> None:
    ctx.n += 1


def is_three(ctx: Count) -> bool:
    return ctx.n == 3


def named(_: Count, event: Event) -> bool:
    return bool(event["name"] == "ada")


def sent_by_ada(_: Count, event: Event) -> bool:
    return event.principal == "ada"


def explode(*_: Any) -> None:
    raise RuntimeError("kaboom")


COUNTER = Statechart(
    id="counter",
    context=Count,
    events={"NAME": Name, "PAY": Amount},
    states=[
        {"name": "low", "tags": ["settled"], "always": {"dest": "three", "conditions": is_three}},
        {"name": "three", "tags": ["settled"]},
        {"name": "known", "tags": ["settled"]},
        {"name": "paid", "final": True},
    ],
    transitions=[
        {"trigger": "ADD", "source": "low", "dest": None, "actions": add},
        {"trigger": "NAME", "source": "three", "dest": "known", "conditions": named},
        {"trigger": "PAY", "source": "three", "dest": "paid"},
    ],
)


def texts(paths: Paths) -> list[str]:
    return [str(path) for path in paths]


# What is found --------------------------------------------------------------------------------------------------------


def test_a_path_is_a_shortest_one() -> None:
    paths = paths_to_states(COUNTER)
    assert texts(paths) == [
        "low by start",
        "three by start, ADD, ADD, ADD",
        "paid by start, ADD, ADD, ADD, PAY",
    ]
    assert paths.missing == ("known",)
    assert paths.complete
    assert str(paths).endswith("\nno way to known")


def test_examples_say_which_events_are_tried() -> None:
    names = [("NAME", {"name": "bo"}), ("NAME", Name(name="ada"))]
    assert str(paths_to_states(COUNTER, ["ADD", *names])[2]).endswith('ADD, NAME {"name": "ada"}')
    assert paths_to_states(COUNTER, ["ADD", ("NAME", {"name": "bo"})]).missing == ("known", "paid")
    assert paths_to_states(COUNTER, []).missing == ("three", "known", "paid")


def test_an_example_may_say_who_sends_it() -> None:
    chart = Statechart(
        id="m",
        context=Count,
        states=[{"name": "a", "tags": ["settled"]}, {"name": "b", "tags": ["settled"]}],
        transitions=[{"trigger": "GO", "source": "a", "dest": "b", "conditions": sent_by_ada}],
    )
    assert paths_to_states(chart, ["GO", {"type": "GO", "principal": "bo"}]).missing == ("b",)
    (_, path) = paths_to_states(chart, [{"type": "GO", "principal": "ada", "claims": {"role": "owner"}}])
    assert path.drive().state == "b"


def test_it_is_a_sequence() -> None:
    paths = paths_to_states(COUNTER)
    assert (len(paths), paths[0], paths[:1], next(iter(paths))) == (3, paths.found[0], paths.found[:1], paths.found[0])


def test_inputs_are_beginnings() -> None:
    assert texts(paths_to_states(COUNTER, inputs=[{}, {"n": 2}]))[1] == 'three by start {"n": 2}, ADD'
    with pytest.raises(InputInvalidError):
        paths_to_states(COUNTER, inputs=[{"n": "many"}])


def test_a_search_without_end_is_given_up() -> None:
    def is_never(_: Count) -> bool:
        return False

    chart = Statechart(
        id="m",
        context=Count,
        states=[{"name": "a", "tags": ["settled"]}, {"name": "b", "tags": ["settled"]}],
        transitions=[
            {"trigger": "ADD", "source": "a", "dest": None, "actions": add},
            {"trigger": "GO", "source": "a", "dest": "b", "conditions": is_never},
        ],
    )
    paths = paths_to_states(chart, limit=50)
    assert (paths.missing, paths.complete) == (("b",), False)
    assert paths_to_states(COUNTER, limit=50).complete


def test_events_named_by_a_pattern_need_an_example() -> None:
    chart = Statechart(
        id="m",
        states=[{"name": "a", "tags": ["settled"]}, {"name": "b", "tags": ["settled"]}],
        transitions=[{"trigger": "go.*", "source": "a", "dest": "b"}],
    )
    assert paths_to_states(chart).missing == ("b",)
    assert paths_to_states(chart, ["go.home"]).missing == ()


def test_events_wait_until_it_is_settled() -> None:
    chart = Statechart(
        id="m",
        states=[
            {
                "name": "busy",
                "invoke": {"id": "slow", "src": slow, "mode": "background", "on_done": "idle", "on_error": "idle"},
            },
            {"name": "idle", "tags": ["settled"]},
        ],
        transitions=[{"trigger": "STOP", "source": ["busy", "idle"], "dest": "idle"}],
    )
    paths = paths_to_transitions(chart, services={"slow": {}})
    assert paths.missing == ("busy: STOP: goes to idle",)
    assert [str(path.moves[-1]) for path in paths] == ["slow is done", "after 15m", "STOP"]


def test_a_path_may_end_with_a_refusal() -> None:
    events = [("SUBMIT", {"author": "ana", "reviewer": "bo", "text": "x"}), ("DELEGATE", {"by": "bo", "to": "zoe"})]
    paths = paths_to_states(approval, events, services={"ask_reviewer": None, "look_up": [DOWN]})
    path = next(path for path in paths if path.target == "open.nobody")
    assert (path.refused_by, path.states) == ("open.nobody", ("open.pending",))
    trial = path.drive()
    assert (trial.outcome, trial.reason) == ("refused", "node:open.nobody")


def test_what_blocks_the_instance_is_listed() -> None:
    chart = Statechart(
        id="m",
        states=[{"name": "a", "tags": ["settled"]}, {"name": "b", "tags": ["settled"]}],
        transitions=[{"trigger": "GO", "source": "a", "dest": "b", "actions": explode}],
    )
    paths = paths_to_states(chart)
    assert paths.missing == ("b",)
    (blocked,) = paths.blocked
    assert blocked.startswith("start, GO: action 'explode'")


def test_a_machine_that_talks_to_itself_for_ever_is_listed_as_blocked() -> None:
    chart = Statechart(
        id="m",
        states=[{"name": "a", "tags": ["settled"], "on_enter": wake}],
        transitions=[{"trigger": "WAKE", "source": "a", "dest": "a"}],
    )
    paths = paths_to_states(chart, [])
    assert paths.blocked == ("start: m sends itself more than 256 events in a row",)
    assert str(paths).endswith("blocked: start: m sends itself more than 256 events in a row")


# Every kind of move ---------------------------------------------------------------------------------------------------


def refuse(_: ServiceCall) -> None:
    raise ServiceError("refused")


def is_odd(call: ServiceCall) -> dict[str, bool]:
    return {"odd": bool(call.context.n % 2)}


def slow(_: ServiceCall) -> None:
    raise NotImplementedError


def wake(_: Count, __: Event, do: Any) -> None:
    do.send(None, "WAKE")


def says_odd(_: Count, event: Event) -> bool:
    return bool(event["odd"])


LONG = Statechart(
    id="long",
    context=Count,
    states=[
        {"name": "idle", "tags": ["settled"], "timeout": "1.5h", "on_timeout": "bored"},
        {
            "name": "bored",
            "tags": ["settled"],
            "on_enter": wake,
        },
        {
            "name": "working",
            "tags": ["settled"],
            "timeout": "1h",
            "on_timeout": "idle",
            "invoke": {"id": "slow", "src": slow, "mode": "background", "on_done": "child", "on_error": "late"},
        },
        {"name": "late", "tags": ["settled"]},
        {
            "name": "child",
            "tags": ["settled"],
            "invoke": {"id": "kid", "machine": "kid", "on_done": "over", "on_error": "late"},
        },
        {"name": "over", "final": True},
    ],
    transitions=[{"trigger": "WAKE", "source": "bored", "dest": "working"}],
)


def test_time_own_messages_services_and_children_lead_on() -> None:
    paths = paths_to_states(LONG, [], services={"slow": {}, "kid": [{}, DOWN]})
    assert paths.missing == ()
    assert texts(paths) == [
        "idle by start",
        "bored by start, after 90m",
        "working by start, after 90m",
        "late by start, after 90m, after 15m",
        "child by start, after 90m, slow is done",
        "over by start, after 90m, slow is done, kid is done",
    ]
    for path in paths:
        path.drive()


def test_a_service_or_a_child_may_fail() -> None:
    paths = paths_to_transitions(LONG, [], services={"slow": [{}, DOWN], "kid": [{}, DOWN]})
    failed = {path.target: str(path.moves[-1]) for path in paths if "fails" in path.target}
    assert failed == {
        "working: when slow fails: goes to late": "slow fails (down)",
        "child: when kid fails: goes to late": "kid fails (down)",
    }
    for path in paths:
        path.drive()


def test_answers_may_be_functions_and_are_tried_in_all_combinations() -> None:
    chart = Statechart(
        id="m",
        context=Count,
        states=[
            {"name": "a", "tags": ["settled"]},
            {"name": "first", "invoke": {"src": "one", "on_done": "second", "on_error": "second"}},
            {
                "name": "second",
                "invoke": {
                    "src": is_odd,
                    "on_done": [{"dest": "odd", "conditions": says_odd}, "even"],
                    "on_error": "even",
                },
            },
            {"name": "odd", "tags": ["settled"]},
            {"name": "even", "tags": ["settled"]},
        ],
        transitions=[{"trigger": "GO", "source": "a", "dest": "first"}],
        implementation={"one": slow},
    )
    paths = paths_to_transitions(chart, services={"one": [{}, refuse], "is_odd": [is_odd, DOWN]}, inputs=[{}, {"n": 1}])
    assert paths.missing == ()
    told = {path.target: [invoke for invoke, _ in path.told] for path in paths}
    assert told["first: when one fails: goes to second"] == ["first", "second"]
    for path in paths:
        path.drive()


@pytest.mark.parametrize(
    ("machine", "events", "services", "inputs"),
    [
        (
            signup,
            [("START", {"email": "a@b"}), ("VERIFY", {"token": "t"}), ("VERIFY", {"token": "no"}), "RESEND"],
            {"mail_token": [{"fingerprint": signup.fingerprint("t")}, DOWN]},
            [{}, {"email": "a@b"}],
        ),
        (onboarding, None, {"send_welcome": [{}, DOWN], "send_tip": [{}, DOWN]}, [{"email": "a@b"}]),
        (
            expense,
            [
                {"type": "SUBMIT", "data": {"amount": 1, "purpose": "p"}, "principal": "ana"},
                {"type": "APPROVE", "principal": "mia", "claims": {"role": "manager"}},
                {"type": "REJECT", "principal": "mia", "claims": {"role": "manager"}},
                {"type": "WITHDRAW", "principal": "ana"},
            ],
            {},
            [{}],
        ),
        (auth, ["AUTH", ("TOKEN", {"token": "t"})], {"auth-server": [{}]}, [{}]),
    ],
)
def test_every_path_of_the_sample_machines_can_be_driven(machine: Any, events: Any, services: Any, inputs: Any) -> None:
    driven = 0
    for search in (paths_to_states, paths_to_transitions):
        paths = search(machine, events, services=services, inputs=inputs)
        assert paths.blocked == ()
        for path in paths:
            path.drive()
            driven += 1
    assert driven > 1


def test_what_rules_deny_is_no_way_and_is_listed() -> None:
    paths = paths_to_states(
        expense,
        [
            {
                "type": "SUBMIT",
                "data": {"amount": 1, "purpose": "p"},
                "principal": "mia",
                "claims": {"role": "manager"},
            },
            {"type": "APPROVE", "principal": "mia", "claims": {"role": "manager"}},
            {"type": "REJECT", "principal": "bo", "claims": {"role": "clerk"}},
        ],
    )
    assert [path.target for path in paths] == ["draft", "claimed"]
    assert str(paths[1]) == 'claimed by start by mia, SUBMIT {"amount": 1, "purpose": "p"} by mia'
    assert paths.missing == ("approved", "rejected", "withdrawn")
    submitted = 'start by mia, SUBMIT {"amount": 1, "purpose": "p"} by mia'
    assert paths.denied == (
        "start by mia, REJECT by bo: rule:managers_only",
        f"{submitted}, APPROVE by mia: rule:not_your_own",
    )
    assert "denied: start by mia, REJECT by bo: rule:managers_only" in str(paths)
    for path in paths:
        path.drive()


def test_a_machine_that_none_of_the_examples_may_create_has_no_ways() -> None:
    paths = paths_to_states(expense, [])
    assert (len(paths), paths.denied) == (0, ("start: rule:sign_in",))


def test_the_paths_of_a_large_machine_are_found_at_once() -> None:
    base = {"restaurant": "r", "food": "f", "address": "a"}
    events = [
        *(("SUBMIT", {**base, "kind": kind}) for kind in ("partner", "stranger", "delivers")),
        *("ACCEPT", "REJECT", "CANCEL", "DELIVERED", "READY", "ARRIVED"),
        *((event, {"courier": "kim"}) for event in ("COURIER_ACCEPT", "COURIER_REJECT")),
    ]
    services = {
        "payment": [{"paid": True}, {"paid": False}, DOWN],
        "tell_restaurant": [{}, DOWN],
        "ask_courier": [{"courier": "kim"}, DOWN],
    }
    assert paths_to_states(order, events, services=services).missing == ()


# What a test forgot ---------------------------------------------------------------------------------------------------


def test_what_is_no_example_is_refused() -> None:
    with pytest.raises(TrialError, match=r"7 is no example of an event; give its type, \(type, data\), or a dict with"):
        paths_to_states(COUNTER, [7])
    with pytest.raises(TrialError, match="is no example"):
        paths_to_states(COUNTER, [{"type": "ADD", "color": "red"}])
    with pytest.raises(UnknownEventError):
        paths_to_states(COUNTER, ["AD"])
    with pytest.raises(EventInvalidError):
        paths_to_states(COUNTER, ["NAME"])


def test_a_service_of_which_nothing_is_said_says_how_to_say_it() -> None:
    with pytest.raises(NotStubbedError) as told:
        paths_to_states(signup, [("START", {"email": "a@b"})])
    assert str(told.value) == (
        "signup begins 'mail_token' (invoke 'mailing'), and nothing says what it may answer; say it with"
        " services={'mail_token': [{...}, ServiceError(...)]}"
    )


def test_an_answer_that_would_be_tried_again_is_refused() -> None:
    with pytest.raises(TrialError, match="'mail_token' may answer with data or a ServiceError; OSError"):
        paths_to_states(signup, [("START", {"email": "a@b"})], services={"mail_token": OSError()})


def test_a_path_that_ends_elsewhere_fails_with_its_story() -> None:
    path = replace(paths_to_states(COUNTER)[1], states=("known",))
    with pytest.raises(
        AssertionError, match="this way should have led to known, and led to <counter/1 at three"
    ) as told:
        path.drive()
    assert "4. send ADD -> applied, at three" in str(told.value)
    refused = replace(path, states=("three",), refused_by="low")
    with pytest.raises(AssertionError, match="should have led to three, refused by low"):
        refused.drive()


# Coverage -------------------------------------------------------------------------------------------------------------


def test_coverage_says_what_no_test_took() -> None:
    with coverage(COUNTER) as covered:
        given(COUNTER).start().send("ADD")
    assert covered.missed_states == ("three", "known", "paid")
    assert covered.missed_transitions == (
        "low: at once, if is_three: goes to three",
        "three: NAME, if named: goes to known",
        "three: PAY: goes to paid",
    )
    assert str(covered).splitlines()[:2] == ["[x] low", "[ ] three"]
    assert "[x] low: ADD: stays, doing add" in covered.table()
    assert repr(covered).startswith("<Coverage of counter: 6 missed: three; known; paid; low: at once")


def test_coverage_fails_a_test_run_until_nothing_is_missed() -> None:
    with coverage(COUNTER) as covered:
        given(COUNTER).start({"n": 2}).send("ADD").send("PAY")
    with pytest.raises(CoverageError) as told:
        covered.check()
    assert told.value.missed == ("known", "three: NAME, if named: goes to known")
    assert str(told.value) == (
        "no test of counter took or reached:\n  - known\n  - three: NAME, if named: goes to known"
    )
    with pytest.raises(CoverageError):
        covered.check(but=["known"])
    covered.check(but=told.value.missed)
    with covered:
        given(COUNTER).start({"n": 3}).send("NAME", {"name": "ada"})
    covered.check()
    with pytest.raises(TrialError, match="'known' was reached or taken, or is not there; leave it out of `but`"):
        covered.check(but=["known"])


def test_only_what_an_event_led_to_counts() -> None:
    with coverage(COUNTER) as covered:
        given(COUNTER).in_state("three")
    assert covered.missed_states == ("low", "three", "known", "paid")


def test_other_machines_and_other_times_do_not_count() -> None:
    given(COUNTER).start()
    with coverage(COUNTER) as covered, coverage(signup) as other:
        given(signup).start()
    given(COUNTER).start()
    assert covered.missed_states[0] == "low"
    assert other.missed_states[0] == "mailing"


def test_paths_cover_what_they_say() -> None:
    events = ["ADD", "PAY", ("NAME", {"name": "ada"})]
    searches: list[Callable[..., Paths]] = [paths_to_states, paths_to_transitions]
    with coverage(COUNTER) as covered:
        for search in searches:
            for path in search(COUNTER, events):
                path.drive()
    covered.check()
    assert [len(path.moves) for path, _ in pairwise(paths_to_states(COUNTER, events))] == [1, 4, 5]
