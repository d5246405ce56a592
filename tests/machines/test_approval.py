"""An approval with more answers than yes and no."""

from pathlib import Path

import pytest

from machines.approval import MACHINE
from tests.support.driver import Driver


@pytest.fixture
def approval(outside: Path) -> Driver:
    assert outside.is_dir()
    return Driver(MACHINE.definition).send("SUBMIT", author="ana", reviewer="bo", text="a trip").run_services()


def recipients(outside: Path) -> list[str]:
    return sorted(mail.read_text().splitlines()[0] for mail in (outside / "outbox").iterdir())


def test_the_reviewer_is_asked(approval: Driver, outside: Path) -> None:
    assert (approval.configuration, approval.settled) == (("open.pending",), True)
    assert recipients(outside) == ["To: bo"]


@pytest.mark.parametrize(("answer", "end"), [("APPROVE", "approved"), ("REJECT", "declined")])
def test_the_reviewer_decides(approval: Driver, answer: str, end: str) -> None:
    approval.send(answer, by="bo", remark="fine with me")
    assert approval.configuration == (end,)
    assert approval.context["remarks"] == ["bo: fine with me"]


@pytest.mark.parametrize("answer", ["APPROVE", "REJECT", "REQUEST_CHANGES", "DELEGATE"])
def test_nobody_else_decides(approval: Driver, answer: str) -> None:
    before = approval.snapshot
    approval.send(answer, by="ana", to="chris")
    assert (approval.snapshot, approval.refused_by) == (before, ("is_reviewer",))


def test_changes_can_be_asked_for_and_made(approval: Driver, outside: Path) -> None:
    approval.send("REQUEST_CHANGES", by="bo", remark="shorter")
    assert (approval.configuration, approval.settled) == (("open.changing",), True)
    assert approval.send("RESUBMIT", by="bo").refused_by == ("is_author",)
    approval.send("RESUBMIT", by="ana").run_services()
    assert approval.configuration == ("open.pending",)
    assert recipients(outside) == ["To: bo", "To: bo"]


def test_it_can_be_delegated_to_somebody_in_the_directory(approval: Driver, outside: Path) -> None:
    approval.send("DELEGATE", by="bo", to="chris").run_services()
    assert (approval.configuration, approval.context["reviewer"]) == (("open.pending",), "chris")
    assert recipients(outside) == ["To: bo", "To: chris"]
    assert approval.send("APPROVE", by="bo").refused_by == ("is_reviewer",)
    assert approval.send("APPROVE", by="chris").configuration == ("approved",)


def test_a_delegation_to_a_stranger_is_rejected_after_the_directory_was_asked(approval: Driver) -> None:
    approval.send("DELEGATE", by="bo", to="zoe")
    assert not approval.rejected
    assert approval.run_services().rejected


def test_the_author_may_withdraw_until_the_end(approval: Driver) -> None:
    assert approval.send("WITHDRAW", by="bo").refused_by == ("is_author",)
    assert approval.send("WITHDRAW", by="ana", remark="no longer needed").configuration == ("withdrawn",)


def test_a_reviewer_who_cannot_be_mailed_can_still_answer() -> None:
    approval = Driver(MACHINE.definition).send("SUBMIT", author="ana", reviewer="bo", text="a trip").fail()
    assert approval.send("APPROVE", by="bo").configuration == ("approved",)
