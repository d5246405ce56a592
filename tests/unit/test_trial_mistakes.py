"""Trials: what a test says wrongly fails it, in a sentence that says what to do."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from settle import WAIT_FOR_CALLBACK, Context, Event, ServiceCall, ServiceError, Statechart
from settle.runtime.errors import NotBlockedError
from settle.testing import (
    BlockedError,
    RuleFailedError,
    Trial,
    TrialError,
    check_crashes,
    coverage,
    given,
    paths_to_states,
    replay,
)


class Applicant(BaseModel):
    born: date


class Loan(Context):
    applicant: Applicant | None = None
    seen: tuple[Any, ...] = ()


def score(_: ServiceCall) -> dict[str, Any]:
    raise NotImplementedError


def keep(ctx: Loan, event: Event) -> None:
    ctx.seen = (*ctx.seen, event.data)


LOAN = Statechart(
    id="loan",
    context=Loan,
    initial="draft",
    states=[
        {"name": "draft", "tags": ["settled"]},
        {
            "name": "scoring",
            "tags": ["settled"],
            "invoke": {
                "id": "check",
                "src": score,
                "mode": "background",
                "on_done": {"dest": "review", "actions": keep},
                "on_error": "draft",
            },
        },
        {
            "name": "review",
            "tags": ["settled"],
            "initial": "first",
            "children": [{"name": "first"}, {"name": "second"}, {"name": "back", "history": "shallow"}],
        },
    ],
    transitions=[
        {"trigger": "APPLY", "source": "draft", "dest": "scoring", "actions": keep},
        {"trigger": "SWAP", "source": "review.first", "dest": "review.second"},
        {"trigger": "BACK", "source": "draft", "dest": "review.back"},
    ],
)
ROOT = Path(__file__).parents[2]
BORN = date(2000, 2, 29)


@pytest.fixture
def loan() -> Trial:
    return given(LOAN, services={"score": WAIT_FOR_CALLBACK})


# Data ----------------------------------------------------------------------------------------------------------------


def test_models_and_dates_may_stand_anywhere(loan: Trial) -> None:
    loan.start({"applicant": Applicant(born=BORN)})
    assert loan.context.applicant == Applicant(born=BORN)
    loan.send("APPLY", {"born": BORN, "who": [Applicant(born=BORN)]})
    loan.complete("check", Applicant(born=BORN))
    assert loan.context.seen == ({"born": "2000-02-29", "who": [{"born": "2000-02-29"}]}, {"born": "2000-02-29"})
    placed = given(LOAN).in_state("draft", context={"applicant": {"born": BORN}})
    assert placed.context.applicant.born == BORN
    assert given(LOAN).start(Loan(applicant=Applicant(born=BORN))).context == placed.context


def test_what_is_no_data_is_said(loan: Trial) -> None:
    wrong: Any = [1]
    with pytest.raises(TrialError, match=r"the data of an event has names: give a dict or a model, not \[1\]"):
        loan.send("APPLY", wrong)
    with pytest.raises(TrialError, match=r"the data of an event cannot be said in JSON: .*object"):
        loan.send("APPLY", {"x": object()})
    with pytest.raises(TrialError, match="an event is sent by its type and its data"):
        loan.send(wrong)


def test_who_somebody_is_is_text(loan: Trial) -> None:
    wrong: Any = 3
    with pytest.raises(TrialError, match="a principal is a name, and not 3"):
        loan.send("APPLY", principal=wrong)
    with pytest.raises(TrialError, match=r"each claim as text, and 'role' is \['a'\]"):
        loan.send("APPLY", claims={"role": ["a"]})
    for origin in ("order", "order/", "Order/1", wrong):
        with pytest.raises(TrialError, match="an instance is named `machine/instance`, and not as "):
            loan.send("APPLY", origin=origin)


def test_an_expected_version_may_be_text_as_in_http(loan: Trial) -> None:
    assert loan.start().send("APPLY", if_match="1").outcome == "applied"
    assert loan.send("APPLY", if_match='"1"').outcome == "precondition_failed"
    with pytest.raises(TrialError, match="if_match= is a version, such as 3, and not 'new'"):
        loan.send("APPLY", if_match="new")


def test_what_is_given_is_checked() -> None:
    wrong: Any = ["score"]
    with pytest.raises(TrialError, match="services= are answers by the names of services"):
        given(LOAN, services=wrong)
    with pytest.raises(TrialError, match=r"the id of an instance is text, and not \['score'\]"):
        given(LOAN, instance=wrong)
    with pytest.raises(TrialError, match="a moment is seconds since the epoch, or a datetime with a time zone"):
        given(LOAN, now=wrong)
    assert given(LOAN, now=datetime(2040, 1, 1, tzinfo=UTC)).now == datetime(2040, 1, 1, tzinfo=UTC).timestamp()


# Time ----------------------------------------------------------------------------------------------------------------


def test_time_passes_until_a_moment(loan: Trial) -> None:
    until = datetime(2040, 1, 1, tzinfo=UTC)
    assert loan.start().advance(until).now == until.timestamp()
    for behind in (until - timedelta(days=1), "-1d", -1, timedelta(seconds=-1)):
        with pytest.raises(TrialError, match="time does not go back"):
            loan.advance(behind)
    for wrong in ("soon", None, datetime(2041, 1, 1)):  # noqa: DTZ001 - it has no time zone
        with pytest.raises(TrialError, match=r"time passes by seconds|a moment is"):
            loan.advance(wrong)


# States --------------------------------------------------------------------------------------------------------------


def test_the_state_that_was_meant_is_named() -> None:
    wrong: Any = 3
    with pytest.raises(TrialError, match=r"no state 'second' to be in; did you mean 'review.second'"):
        given(LOAN).in_state("second")
    with pytest.raises(TrialError, match=r"'review.back' to be in: it is a history, which is never active"):
        given(LOAN).in_state("review.back")
    listed: Any = ["draft"]
    for path in (wrong, listed):
        with pytest.raises(TrialError, match="takes the paths of states one by one, as text"):
            given(LOAN).in_state(path)


# Services ------------------------------------------------------------------------------------------------------------


def test_a_service_is_completed_by_its_name_too(loan: Trial) -> None:
    assert loan.send("APPLY").complete("score").state == "review.first"


def test_a_service_ends_in_one_way(loan: Trial) -> None:
    wrong: Any = ValueError("x")
    loan.send("APPLY")
    with pytest.raises(TrialError, match="'check' ends with a result or with an error, not with both"):
        loan.complete("check", {"score": 1}, error=ServiceError("x"))
    with pytest.raises(TrialError, match=r"'check' fails for good with a ServiceError, and not with ValueError\('x'\)"):
        loan.complete("check", error=wrong)
    assert loan.complete("check", error=ServiceError("x")).state == "draft"


def test_calls_of_what_is_no_service_are_not_none(loan: Trial) -> None:
    assert loan.calls_of("score") == ()
    with pytest.raises(TrialError, match="there is no service 'scor'; did you mean 'score'"):
        loan.calls_of("scor")


def test_why_a_service_is_tried_again_stands_in_the_story() -> None:
    def divide(_: ServiceCall) -> float:
        return 1 / 0

    trial = given(LOAN, services={"score": divide}).send("APPLY")
    assert trial.story == "1. send APPLY -> applied, at scoring; score raised ZeroDivisionError: division by zero"


def test_a_step_that_fails_stands_in_the_story() -> None:
    trial = given(LOAN).start()
    with pytest.raises(TrialError, match="the test does not say what it answers") as told:
        trial.send("APPLY")
    assert told.value.__notes__ == ["The trial so far:\n1. start -> at draft\nnow. send APPLY"]


# Rules ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("strict")
    vars(module).update(
        MACHINE=LOAN,
        allow_send=lambda principal, event, _: event.data["born"] == principal.name,
        allow_read=lambda principal, _: principal.claims["role"] == "clerk",
    )
    monkeypatch.setitem(sys.modules, "strict", module)
    return module


def test_a_rule_that_raises_fails_the_test(strict: ModuleType) -> None:
    trial = given(strict, services={"score": WAIT_FOR_CALLBACK}).in_state("draft")
    with pytest.raises(RuleFailedError, match="raised KeyError: 'born'") as told:
        trial.send("APPLY", {})
    assert isinstance(told.value.__cause__, KeyError)
    with pytest.raises(RuleFailedError, match="raised KeyError: 'role'"):
        trial.seen_by("ada")
    sight = trial.seen_by("ada", {"role": "clerk"})
    assert "APPLY" in sight.next_events  # whether they may depends on its data
    assert trial.send("APPLY", {"born": "eve"}, principal="ada").outcome == "denied"
    assert trial.send("APPLY", {"born": "ada"}, principal="ada").outcome == "applied"


# Machines that are not there -----------------------------------------------------------------------------------------


def test_a_message_to_a_machine_that_does_not_exist_comes_back_if_a_test_wants_it() -> None:
    def tell(_: Any, __: Event, do: Any) -> None:
        do.send("nomachine/1", "NEWS")

    def hear(ctx: dict[str, Any], event: Event) -> None:
        ctx["code"] = event["code"]

    chart = Statechart(
        id="m",
        states=["a", "b", "lost"],
        transitions=[
            {"trigger": "GO", "source": "a", "dest": "b", "actions": tell},
            {"trigger": "error.communication", "source": "b", "dest": "lost", "actions": hear},
        ],
    )
    assert given(chart).send("GO").state == "b"
    trial = given(chart, strangers=False).send("GO")
    assert (trial.state, trial.context) == ("lost", {"code": "unknown_machine"})
    assert replay(trial.history, chart).state == "lost"


def test_a_child_is_no_stranger() -> None:
    chart = Statechart(
        id="m",
        states=[
            {
                "name": "a",
                "tags": ["settled"],
                "invoke": {"id": "c", "machine": "child", "on_done": "b", "on_error": "a"},
            },
            {"name": "b", "tags": ["settled"]},
        ],
    )
    assert given(chart, services={"child": {}}, strangers=False).start().state == "b"


# Life and operators --------------------------------------------------------------------------------------------------


def test_what_was_deleted_says_so_until_its_tombstone_is_gone(loan: Trial) -> None:
    loan.start().control("delete")
    with pytest.raises(TrialError, match=r"loan/1 was deleted, or its retention is over; start\(\) it"):
        assert loan.state
    assert (loan.advance("29d").send("APPLY").outcome, loan.exists) == ("gone", False)
    assert loan.story.splitlines()[-1] == "4. send APPLY -> gone, not there"
    assert loan.advance("2d").send("APPLY").state == "scoring"


def test_what_became_of_an_event_is_known_after_an_operator_helped() -> None:
    held = given(LOAN, services={"score": WAIT_FOR_CALLBACK}).start().control("pause").send("APPLY")
    assert (held.outcome, held.control("resume").outcome) == ("held", "applied")
    assert held.story.splitlines()[-1] == "4. control resume -> applied, at scoring"


def test_an_operator_edits_what_blocks() -> None:
    def divide(ctx: Loan, event: Event) -> None:
        ctx.seen = (*ctx.seen, 1 / event["by"])

    chart = Statechart(
        id="m",
        context=Loan,
        states=[{"name": "a", "tags": ["settled"]}],
        transitions=[{"trigger": "DIVIDE", "source": "a", "dest": None, "actions": divide}],
    )
    trial = given(chart).start()
    with pytest.raises(NotBlockedError):
        trial.edit({"by": 1})
    with pytest.raises(BlockedError):
        trial.send("DIVIDE", {"by": 0})
    with pytest.raises(BlockedError):
        trial.edit({"by": 0.0})
    with pytest.raises(BlockedError):
        trial.control("retry")
    assert (trial.outcome, trial.story.splitlines()[-1]) == (
        "quarantined",
        "4. control retry -> quarantined by user_code, at a",
    )
    assert trial.edit({"by": 2}).context.seen == (0.5,)
    assert (trial.outcome, trial.story.splitlines()[-1]) == ("applied", '5. edit {"data": {"by": 2}} -> applied, at a')
    assert replay(trial.history, chart).context.seen == (0.5,)


def test_another_instance_can_be_looked_at() -> None:
    def forward(_: Any, __: Event, do: Any) -> None:
        do.send("loan/7", "BACK")

    clerk = Statechart(
        id="clerk",
        states=[{"name": "a", "tags": ["settled"]}],
        transitions=[{"trigger": "GO", "source": "a", "dest": None, "actions": forward}],
    )
    trial = given(clerk, LOAN, services={"score": WAIT_FOR_CALLBACK}).send("GO")
    assert trial.other("loan/7").state == "review.first"
    trial.other("loan/7").send("SWAP")
    assert trial.story.splitlines()[-1] == "2. send SWAP (loan/7) -> applied, at review.second"
    assert replay(trial.history, clerk, LOAN).other("loan/7").state == "review.second"
    for name in ("house/1", "loan", ""):
        with pytest.raises(TrialError, match=r"is not given|an instance is named"):
            trial.other(name)


def test_time_passes_until_the_next_timer() -> None:
    chart = Statechart(
        id="m",
        states=[
            {"name": "a", "tags": ["settled"], "timeout": "3h", "on_timeout": "b"},
            {"name": "b", "tags": ["settled"]},
        ],
    )
    trial = given(chart).start()
    began = trial.now
    assert (trial.advance_to_next_timer().state, trial.now - began) == ("b", 3 * 3600)
    with pytest.raises(TrialError, match="m/1 at b has no timer"):
        trial.advance_to_next_timer()


# Paths, coverage, crashes, histories ---------------------------------------------------------------------------------


def test_a_search_is_told_what_it_needs() -> None:
    wrong: Any = LOAN
    with pytest.raises(TrialError, match=r"events are a list of examples, and not .*; a path is about one machine"):
        paths_to_states(LOAN, wrong)
    with pytest.raises(TrialError, match="there is no service 'scor'; did you mean 'score'"):
        paths_to_states(LOAN, services={"scor": {}})
    wrong = {}
    with pytest.raises(TrialError, match=r"inputs= is a list of what to begin with; write inputs=\[{}\]"):
        paths_to_states(LOAN, services={"score": {}}, inputs=wrong)
    with pytest.raises(TrialError, match="leave WAIT_FOR_CALLBACK out"):
        paths_to_states(LOAN, services={"score": WAIT_FOR_CALLBACK})


def test_names_in_lists_are_lists() -> None:
    with pytest.raises(TrialError, match=r"write but=\['draft'\]"):
        coverage(LOAN).check(but="draft")
    history = given(LOAN).start().history
    with pytest.raises(TrialError, match=r"write ignoring=\['effects'\]"):
        replay(history, LOAN, ignoring="effects")
    with pytest.raises(TrialError, match="nothing that is compared is called 'contxt'; did you mean 'context'"):
        replay(history, LOAN, ignoring=["contxt.seen"])
    assert replay(history, LOAN, ignoring=["context.seen", "calls"]).state == "draft"


def test_a_report_is_short_and_a_scenario_is_a_function() -> None:
    wrong: Any = "x"
    with pytest.raises(TrialError, match="a scenario is a function of the trial, and comes before the machine; 'x'"):
        check_crashes(wrong, LOAN)
    assert repr(check_crashes(lambda trial: trial.start(), LOAN)) == "CrashReport(deaths=10, lost=0)"


# What pytest shows ---------------------------------------------------------------------------------------------------


def test_only_the_line_of_the_test_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "test_it.py"
    file.write_text(
        "from machines import count, signup\n"
        "from settle.testing import given\n"
        "def test_a():\n    given(count).send('CUNT')\n"
        "def test_b():\n    given(signup).send('START', {'email': 'ada@example.com'})\n"
        "def test_c():\n    given(signup).in_state('watng')\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(file)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert "3 failed" in told
    for line in ("did you mean 'COUNT'", "the test does not say what it answers", "did you mean 'waiting'"):
        assert line in told
    assert [line for line in told.splitlines() if ".py:" in line and "test_it.py:" not in line] == []
