"""The crash matrix on machines of users: what it tries, and what it finds out."""

from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from machines import onboarding, signup
from settle import WAIT_FOR_CALLBACK, Context, Event, ServiceCall, ServiceError, Statechart
from settle.runtime import apply_event, relay_outbox
from settle.runtime.ids import service_key
from settle.testing import CrashDifferenceError, Trial, TrialError, check_crashes

MAILED = {"fingerprint": signup.fingerprint("right")}


class Ticket(Context):
    notes: tuple[str, ...] = ()


def note(ctx: Ticket, event: Event) -> None:
    ctx.notes = (*ctx.notes, event.type)


def tell(_: Ticket, __: Event, do: Any) -> None:
    do.send("office/1", "NEWS", {"n": 1})


def work(_: ServiceCall) -> None:
    raise NotImplementedError


def make_ticket(**invoke: Any) -> Statechart:
    return Statechart(
        id="ticket",
        context=Ticket,
        states=[
            {"name": "open", "tags": ["settled"], "timeout": "2h", "on_timeout": "stale"},
            {
                "name": "working",
                "tags": ["settled"],
                "invoke": {
                    "id": "work",
                    "src": work,
                    "mode": "background",
                    "on_done": {"dest": "open", "actions": note},
                    "on_error": {"dest": "failed", "actions": note},
                    **invoke,
                },
            },
            {
                "name": "asking",
                "tags": ["settled"],
                "invoke": {"id": "ask", "machine": "question", "on_done": "open", "on_error": "failed"},
            },
            {"name": "stale", "tags": ["settled"], "on_enter": [note, tell]},
            {"name": "failed", "tags": ["settled"]},
        ],
        transitions=[
            {"trigger": "WORK", "source": "open", "dest": "working"},
            {"trigger": "ASK", "source": "open", "dest": "asking"},
            {"trigger": "NOTE", "source": "open", "dest": None, "actions": note},
        ],
    )


TICKET = make_ticket()
QUESTION = Statechart(
    id="question",
    states=[
        {"name": "asked", "tags": ["settled"], "timeout": "10m", "on_timeout": "answered"},
        {"name": "answered", "final": True},
    ],
)


def sign_up(trial: Trial) -> None:
    trial.stub("mail_token", returns=MAILED)
    trial.start({"email": "ada@example.com"}).send("RESEND").send("VERIFY", {"token": "right"})


def go_stale(trial: Trial) -> None:
    trial.send("NOTE").advance("2h")


def work_once(trial: Trial) -> None:
    trial.stub("work", answers=[OSError("down"), {"n": 1}]).send("WORK").advance("5m").send("NOTE")


def work_outside(trial: Trial) -> None:
    trial.stub("work", returns=WAIT_FOR_CALLBACK).send("WORK").complete("work", {"n": 1})


def ask(trial: Trial) -> None:
    trial.send("ASK").advance("10m")


def ask_a_stub(trial: Trial) -> None:
    trial.stub("question", returns={}).send("ASK")


def be_operated(trial: Trial) -> None:
    trial.in_state("open").control("pause").send("NOTE").send("NOTE", origin="office/1").control("resume")
    trial.control("delete").start().send("NOTE")


def pause_and_go_on(trial: Trial) -> None:
    trial.start().control("pause").send("NOTE").control("resume")


def begin_anew(trial: Trial) -> None:
    trial.stub("work", returns={}).send("WORK").control("delete").start().send("WORK")


@pytest.mark.parametrize(
    ("scenario", "machine", "others"),
    [
        (sign_up, signup, ()),
        (go_stale, TICKET, ()),
        (work_once, TICKET, ()),
        (work_outside, TICKET, ()),
        (ask, TICKET, (QUESTION,)),
        (ask_a_stub, TICKET, ()),
        (be_operated, TICKET, ()),
        (pause_and_go_on, TICKET, ()),
        (begin_anew, TICKET, ()),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_death_anywhere_changes_nothing_in_the_end(
    scenario: Callable[[Trial], object], machine: Any, others: Any
) -> None:
    report = check_crashes(scenario, machine, *others)
    assert report.deaths == 2 * len(report.calls) > 10
    assert report.lost == 0


def test_every_function_dies_and_services_are_moments_too() -> None:
    def scenario(trial: Trial) -> None:
        trial.start({"email": "ada@example.com"}).advance("24h")

    services = {"send_welcome": None, "send_tip": None}
    calls = Counter(check_crashes(scenario, onboarding, services=services).calls)
    assert {"the ingress", "the consumer", "the forwarder", "the worker"} == {
        " ".join(call.split()[:2]) for call in calls
    }
    assert calls["the worker calls the service send_tip"] == 1
    assert calls["the consumer sets a schedule"] >= 1
    assert calls["the consumer stores the instance"] >= 4


# What it finds in machines and services -------------------------------------------------------------------------------


def test_a_service_that_does_its_work_again_is_found() -> None:
    def careless(trial: Trial) -> int:
        mails = count()
        trial.stub("mail_token", lambda _: MAILED if next(mails) >= 0 else None)
        trial.send("START", {"email": "ada@example.com"})
        return next(mails)

    with pytest.raises(CrashDifferenceError) as told:
        check_crashes(careless, signup)
    assert told.value.differences == (
        "the consumer dies after it calls the service mail_token (call 3): what the scenario returns was 1 and is 2",
        "the consumer dies before it stores the instance (call 4): what the scenario returns was 1 and is 2",
    )
    assert str(told.value).startswith("signup ends differently in 2 of 14 runs:\n  - the consumer dies after it calls")


def test_one_call_can_be_looked_into() -> None:
    def careless(trial: Trial) -> int:
        mails = count()
        trial.stub("mail_token", lambda _: MAILED if next(mails) >= 0 else None)
        trial.send("START", {"email": "ada@example.com"})
        return next(mails)

    assert check_crashes(careless, signup, at=0).deaths == 2
    with pytest.raises(CrashDifferenceError, match="in 1 of 2 runs"):
        check_crashes(careless, signup, at=3)


def test_a_service_that_answers_something_else_each_time_is_found() -> None:
    def fickle(trial: Trial) -> None:
        numbers = count(1)
        trial.stub("mail_token", lambda _: {"fingerprint": f"{next(numbers)}"})
        trial.send("START", {"email": "ada@example.com"})

    with pytest.raises(CrashDifferenceError, match=r"signup/1\.context\.fingerprint was '1' and is '2'"):
        check_crashes(fickle, signup)


def test_what_depends_on_chance_is_found_before_anybody_dies() -> None:
    numbers = count(1)

    def scenario(trial: Trial) -> None:
        trial.stub("mail_token", lambda _: {"fingerprint": f"{next(numbers)}"})
        trial.send("START", {"email": "ada@example.com"})

    with pytest.raises(TrialError, match=r"two runs without any death differ already: signup/1\.context\.fingerprint"):
        check_crashes(scenario, signup)


def test_a_scenario_that_remembers_earlier_runs_is_found() -> None:
    runs = count()

    def scenario(trial: Trial) -> None:
        trial.send("NOTE")
        if next(runs) < 2:
            trial.send("NOTE")

    with pytest.raises(CrashDifferenceError) as told:
        check_crashes(scenario, TICKET)
    assert "this call does not happen any more" in told.value.differences[-1]
    assert str(told.value).endswith("\n  - ...")


def test_a_scenario_that_fails_after_a_death_is_told_so() -> None:
    def scenario(trial: Trial) -> None:
        trial.stub("mail_token", returns=MAILED)
        trial.send("START", {"email": "ada@example.com"})
        assert len(trial.calls) == 1, "a mail too many"

    with pytest.raises(CrashDifferenceError, match="the scenario fails with AssertionError: a mail too many"):
        check_crashes(scenario, signup)


def test_a_scenario_that_fails_by_itself_fails_the_test() -> None:
    def scenario(trial: Trial) -> None:
        trial.send("NOTE")
        raise LookupError("my mistake")

    with pytest.raises(LookupError, match="my mistake"):
        check_crashes(scenario, TICKET)


def test_a_scenario_in_which_nothing_can_die_proves_nothing() -> None:
    with pytest.raises(TrialError, match="the scenario does nothing that a function has to do"):
        check_crashes(lambda trial: trial.in_state("open"), TICKET)
    with pytest.raises(TrialError, match=r"the scenario makes \d+ calls, and none has the number 1000"):
        check_crashes(go_stale, TICKET, at=1000)


def test_a_service_that_may_be_begun_once_may_be_lost_and_is_counted() -> None:
    def scenario(trial: Trial) -> None:
        trial.stub("work", returns={"n": 1}).send("WORK")

    report = check_crashes(scenario, make_ticket(delivery="at_most_once"))
    assert 0 < report.lost < report.deaths


# What it would find in the runtime ------------------------------------------------------------------------------------


def test_a_service_key_that_is_new_each_time_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = count()

    def fresh(incarnation: str, event_id: str, live: Any) -> str:
        return service_key(f"{incarnation}{next(numbers)}", event_id, live)

    monkeypatch.setattr("settle.runtime.journal.service_key", fresh)
    with pytest.raises(TrialError, match="two runs without any death differ already: services"):
        check_crashes(sign_up, signup)


def test_a_lost_effect_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    relayed = relay_outbox.relay_outbox
    runs = count()

    def forget(turn: Any, *others: Any) -> None:
        if next(runs) >= 40:
            turn.update(outbox=())
        relayed(turn, *others)

    monkeypatch.setattr("settle.runtime.process_group.relay_outbox", forget)
    with pytest.raises(CrashDifferenceError):
        check_crashes(go_stale, TICKET)


def test_an_event_that_is_applied_twice_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("settle.runtime.turn.Turn.has_taken", lambda *_: False)
    monkeypatch.setattr(apply_event, "is_duplicate", lambda *_: False)
    monkeypatch.setattr("settle.runtime.process_group.is_duplicate", lambda *_: False)
    with pytest.raises(CrashDifferenceError, match="the consumer dies after it stores the instance"):
        check_crashes(lambda trial: trial.in_state("open").send("NOTE"), TICKET)


def test_a_service_that_may_be_begun_once_and_is_called_twice_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("settle.runtime.run_task._allowed", lambda _: 2)

    def scenario(trial: Trial) -> None:
        trial.stub("work", returns={"n": 1}).send("WORK")

    with pytest.raises(CrashDifferenceError, match="a service that may be begun once was called twice"):
        check_crashes(scenario, make_ticket(delivery="at_most_once"))


def test_what_a_test_stubs_wrongly_fails_it_at_once() -> None:
    def scenario(trial: Trial) -> None:
        trial.stub("work", raises=ServiceError("no"), answers=[])

    with pytest.raises(TrialError, match="say one thing about 'work'"):
        check_crashes(scenario, TICKET)
