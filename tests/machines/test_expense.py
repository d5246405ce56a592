"""An expense claim, and who may do what with it."""

from collections.abc import Callable
from typing import Any

import pytest

from machines import expense
from settle.runtime.permissions import read_rules
from tests.support.api_gateway import Answer, ApiGateway

PATH = "/machines/expense/instances/e1"
SUBMIT = {"type": "SUBMIT", "data": {"amount": 4200, "purpose": "a train to Bern"}}
As = Callable[..., ApiGateway]


@pytest.fixture
def as_() -> As:
    """Return the API as somebody sees it."""
    api = ApiGateway(expense.MACHINE.definition, rules={"expense": read_rules(expense)})

    def become(name: str, **claims: str) -> ApiGateway:
        api.authorizer = {"jwt": {"claims": {"sub": name, **claims}}} if name else {}
        return api

    return become


def outcome(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json.get("outcome") or answer.json["detail"].rpartition("rule:")[2]


def submit(as_: As) -> None:
    assert outcome(as_("ana").post(f"{PATH}/events", SUBMIT, prefer="wait=5")) == (200, "applied")


def send(api: ApiGateway, event: str) -> tuple[int, str]:
    return outcome(api.post(f"{PATH}/events", {"type": event}, prefer="wait=5"))


def test_a_claim_belongs_to_whoever_submits_it(as_: As) -> None:
    submit(as_)
    assert as_("ana").get(PATH).json["context"] == {"owner": "ana", "amount": 4200, "purpose": "a train to Bern"}


def test_a_manager_decides_but_not_on_their_own(as_: As) -> None:
    submit(as_)
    assert send(as_("bo"), "APPROVE") == (403, "managers_only")
    assert send(as_("ana", role="manager"), "APPROVE") == (403, "not_your_own")
    assert send(as_("mia", role="manager"), "APPROVE") == (200, "applied")
    assert as_("ana").get(PATH).json["value"] == "approved"


def test_only_the_owner_withdraws(as_: As) -> None:
    submit(as_)
    assert send(as_("mia", role="manager"), "WITHDRAW") == (403, "owner_only")
    assert send(as_("ana"), "WITHDRAW") == (200, "applied")


def test_nobody_in_particular_may_do_nothing(as_: As) -> None:
    assert outcome(as_("").post(f"{PATH}/events", SUBMIT)) == (403, "sign_in")


def test_operators_have_to_be_managers(as_: As) -> None:
    submit(as_)
    assert outcome(as_("ana").post(f"{PATH}/pause")) == (403, "managers_only")
    assert outcome(as_("mia", role="manager").post(f"{PATH}/pause", prefer="wait=5")) == (200, "applied")


@pytest.mark.parametrize(
    ("name", "role", "context"),
    [
        ("ana", "", {"owner": "ana", "amount": 4200, "purpose": "a train to Bern"}),
        ("mia", "manager", {"owner": "ana", "amount": 4200, "purpose": "a train to Bern"}),
        ("kim", "bookkeeper", {"owner": "ana", "amount": 4200}),
    ],
)
def test_each_sees_what_concerns_them(as_: As, name: str, role: str, context: dict[str, Any]) -> None:
    submit(as_)
    assert as_(name, role=role).get(PATH).json["context"] == context


def test_others_see_nothing(as_: As) -> None:
    submit(as_)
    assert outcome(as_("bo").get(PATH)) == (403, "owner_or_manager")


def test_everybody_is_told_what_they_may_do_next(as_: As) -> None:
    submit(as_)
    assert as_("ana").get(PATH).json["next_events"] == ["WITHDRAW"]
    assert as_("mia", role="manager").get(PATH).json["next_events"] == ["APPROVE", "REJECT"]
    assert as_("kim", role="bookkeeper").get(PATH).json["next_events"] == []
