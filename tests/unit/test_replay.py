"""Histories: recorded, stored, and replayed to a definition that may have changed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from machines import expense, onboarding, signup
from settle import WAIT_FOR_CALLBACK, Event, ServiceCall, ServiceError, Statechart
from settle.testing import BlockedError, History, HistoryDifferenceError, Trial, TrialError, given, replay

MAILED = {"fingerprint": signup.fingerprint("right")}


class Remark(BaseModel):
    text: str


def note(ctx: dict[str, Any], event: Event) -> None:
    ctx["noted"] = event.data


def remind(_: Any, __: Event, do: Any) -> None:
    do.send("office/1", "NEWS")


def work(_: ServiceCall) -> None:
    raise NotImplementedError


def explode(*_: Any) -> None:
    raise RuntimeError("kaboom")


def make_ticket(
    *,
    done: str = "done",
    extra: Any = (),
    invoke: bool = True,
    timeout: str = "1h",
    context: dict[str, Any] | None = None,
    events: Any = None,
    closed: Any = None,
) -> Statechart:
    working: dict[str, Any] = {"name": "working", "tags": ["settled"], "timeout": timeout, "on_timeout": "open"}
    if invoke:
        outcome = {"on_done": {"dest": done, "actions": note}, "on_error": {"dest": "open", "actions": note}}
        working["invoke"] = {"src": work, "mode": "background", **outcome}
    return Statechart(
        id="ticket",
        context=context or {},
        events=events,
        states=[
            {"name": "open", "tags": ["settled"]},
            working,
            {"name": "done", "tags": ["settled"]},
            {"name": "closed", "final": True},
        ],
        transitions=[
            {"trigger": "WORK", "source": "open", "dest": "working"},
            {"trigger": "CLOSE", "source": ["open", "done"], "dest": "closed", **(closed or {})},
            *extra,
        ],
        silenced={"unreachable-node": "in some of them"},
    )


TICKET = make_ticket()
WORKED = {"work": {"hours": 3}}


@pytest.fixture
def history() -> History:
    return given(TICKET, services=WORKED).start({"who": "ada"}).send("WORK").send("CLOSE").history


def difference(history: History, machine: Any, **options: Any) -> tuple[int, tuple[str, ...]]:
    with pytest.raises(HistoryDifferenceError) as told:
        replay(history, machine, **options)
    return told.value.step, told.value.differences


# What goes as it went -------------------------------------------------------------------------------------------------


def do_everything(_: Path) -> tuple[History, tuple[Any, ...]]:
    trial = given(TICKET, services={"work": WAIT_FOR_CALLBACK}, instance="t", now=5.0)
    trial.in_state("working", context={"a": 1}).complete("working", error=ServiceError("no", "why", {"x": 1}))
    trial.send("WORK", key="k").complete("working", {"ok": 1}).control("pause").send("CLOSE", origin="office/1")
    return trial.control("resume").control("delete").history, (TICKET,)


def fail_for_now(_: Path) -> tuple[History, tuple[Any, ...]]:
    answers = [OSError("down"), ServiceError("no"), OSError("down"), {"hours": 1}]
    trial = given(TICKET).stub("work", answers=answers).send("WORK").advance("1m").send("WORK").advance("1m")
    return trial.history, (TICKET,)


def wait(_: Path) -> tuple[History, tuple[Any, ...]]:
    trial = given(onboarding, services={"send_welcome": None, "send_tip": None}).start({"email": "a@b"}).advance("24h")
    return trial.history, (onboarding,)


def be_somebody(_: Path) -> tuple[History, tuple[Any, ...]]:
    trial = given(expense).send("SUBMIT", {"amount": 1, "purpose": "p"}, principal="ana")
    return trial.send("APPROVE", principal="ana", claims={"role": "manager"}).history, (expense,)


def have_a_child(_: Path) -> tuple[History, tuple[Any, ...]]:
    parent = Statechart(
        id="parent",
        states=[
            {"name": "a", "tags": ["settled"], "invoke": {"id": "kid", "machine": "ticket", "on_done": "b"}},
            {"name": "b", "tags": ["settled"]},
        ],
        silenced={"unhandled-service-error": "not here"},
    )
    trial = given(parent, TICKET).start()
    trial.child("kid").send("CLOSE")
    return trial.history, (parent, TICKET)


@pytest.mark.parametrize("run", [do_everything, fail_for_now, wait, be_somebody, have_a_child])
def test_a_history_goes_as_it_went(run: Callable[[Path], tuple[History, tuple[Any, ...]]], tmp_path: Path) -> None:
    history, machines = run(tmp_path)
    history.save(tmp_path / "history.json")
    trial = replay(tmp_path / "history.json", *machines)
    assert trial.history == history
    assert replay(history.dump(), *machines).history == history


def test_a_history_can_be_read_by_people(history: History) -> None:
    data = json.loads(history.dump())
    assert (data["machine"], data["version"], data["instance"], len(data["steps"])) == ("ticket", 1, "1", 3)
    step = data["steps"][1]
    assert step["do"] == "send"
    assert step["given"]["type"] == "WORK"
    assert step["services"] == [{"name": "work", "invoke": "working", "answer": {"hours": 3}}]
    assert step["then"]["state"] == ["done"]
    assert step["then"]["effects"] == [
        {"effect": "SetTimer", "timer": "working@1h#1", "in": 3600.0},
        {"effect": "StartService", "invoke": "working#2"},
    ]


def test_a_history_names_its_format(history: History) -> None:
    assert json.loads(history.dump())["schema_version"] == 1


def test_what_blocked_blocks_again() -> None:
    chart = make_ticket(extra=[{"trigger": "BANG", "source": "open", "dest": None, "actions": explode}])
    trial = given(chart).start()
    with pytest.raises(BlockedError):
        trial.send("BANG")
    assert replay(trial.history, chart).blocked is not None


# What goes differently ------------------------------------------------------------------------------------------------


def test_another_state_is_told(history: History) -> None:
    assert difference(history, make_ticket(done="open")) == (2, ("state was ['done'] and is ['open']",))


def test_the_message_names_the_step_and_what_was_done(history: History) -> None:
    with pytest.raises(HistoryDifferenceError) as told:
        replay(history, make_ticket(done="open"))
    assert str(told.value) == (
        "the history of ticket differs first at step 2, send WORK:\n  - state was ['done'] and is ['open']"
    )


def test_another_context_is_told_by_its_fields_and_may_be_ignored(history: History) -> None:
    changed = make_ticket(context={"urgent": False})
    assert difference(history, changed) == (1, ("context.urgent was not there and is False",))
    assert replay(history, changed, ignoring=["context.urgent"]).state == "closed"


def test_a_field_that_is_gone_is_told() -> None:
    told = given(make_ticket(context={"urgent": False})).start().history
    assert difference(told, TICKET) == (1, ("context.urgent was False and is not there",))


def test_another_effect_is_told(history: History) -> None:
    step, differences = difference(history, make_ticket(timeout="2h"))
    assert step == 2
    assert differences[0].startswith("effects was [{'effect': 'SetTimer', 'timer': 'working@1h#1', 'in': 3600.0}")
    assert replay(history, make_ticket(timeout="2h"), ignoring=["effects"]).state == "closed"


def test_a_service_that_is_not_called_any_more_is_told(history: History) -> None:
    step, differences = difference(history, make_ticket(invoke=False), ignoring=["state", "timers", "effects"])
    assert (step, differences[-1]) == (2, "calls were ['work (working)'] and are []")


def test_a_service_that_is_new_is_told_and_may_be_answered(history: History) -> None:
    told = given(make_ticket(invoke=False)).start().send("WORK").history
    step, (found,) = difference(told, TICKET)
    assert step == 2
    assert found == (
        "the service 'work' (invoke 'working') is called, which the history does not tell;"
        " say what it answers with services={'work': ...}"
    )
    step, differences = difference(told, TICKET, services=WORKED)
    assert "state was ['working'] and is ['done']" in differences
    assert replay(history, TICKET, services={"work": {"other": 1}}, ignoring=["context.noted"]).state == "closed"


def test_an_event_that_is_gone_is_told() -> None:
    extra = [{"trigger": "TELL", "source": "open", "dest": None, "actions": remind}]
    told = given(make_ticket(extra=extra)).send("TELL").history
    step, (found,) = difference(told, TICKET)
    assert (step, found.split(":")[0]) == (1, "it fails with UnknownEventError")


def test_data_that_does_not_fit_any_more_is_told(history: History) -> None:
    step, (found,) = difference(history, make_ticket(events={"CLOSE": Remark}))
    assert step == 3
    assert "it fails with EventInvalidError" in found


def test_what_blocks_now_is_told(history: History) -> None:
    step, (found,) = difference(history, make_ticket(closed={"actions": explode}))
    assert step == 3
    assert found.startswith("it blocks the instance: action 'explode'")


def test_a_child_that_is_not_there_is_told() -> None:
    history, (parent, _) = have_a_child(Path())
    assert difference(history, parent, services={"kid": WAIT_FOR_CALLBACK})[0] == 1


def test_a_history_of_another_machine_is_none(history: History) -> None:
    with pytest.raises(TrialError, match="this is a history of 'ticket', and it is replayed to 'signup'"):
        replay(history, signup)


@pytest.mark.parametrize("text", ["{}", '{"schema_version": 2}', '{"machine": 1'])
def test_what_is_no_history_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(TrialError, match="this is no history: "):
        replay(text, TICKET)
    (tmp_path / "h.json").write_text(text)
    with pytest.raises(TrialError, match="this is no history: "):
        History.read(str(tmp_path / "h.json"))


def test_steps_are_told_in_words() -> None:
    trial = given(TICKET, services={"work": WAIT_FOR_CALLBACK}).send("WORK").advance("90m").send("WORK", principal="bo")
    trial.complete("working")
    assert told(trial) == [
        "1. send WORK -> applied, at working",
        "2. advance 90m -> at open",
        '3. send WORK {"principal": "bo"} -> applied, at working',
        "4. complete working -> at done",
    ]


def told(trial: Trial) -> list[str]:
    return trial.story.splitlines()
