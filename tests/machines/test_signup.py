"""Signing up."""

import re
from pathlib import Path

import pytest

from machines.signup import MACHINE
from settle.core.errors import EventInvalidError, InputInvalidError
from tests.support.driver import Driver

GUESS = {"token": "guess"}


@pytest.fixture
def signup(outside: Path) -> Driver:
    assert outside.is_dir()
    return Driver(MACHINE.definition).send("START", email="bo@example.org").run_services()


def tokens(outside: Path) -> list[str]:
    """Tokens of all mails so far, the latest last."""
    mails = sorted((outside / "outbox").glob("*.txt"), key=lambda mail: mail.stat().st_mtime_ns)
    return [re.findall(r"Your token is (\w+)", mail.read_text())[0] for mail in mails]


def test_an_address_as_input_sends_the_mail_at_once() -> None:
    assert Driver(MACHINE.definition, email="bo@example.org").configuration == ("mailing",)
    assert Driver(MACHINE.definition).configuration == ("new",)


def test_start_sends_a_mail_and_the_machine_waits(signup: Driver, outside: Path) -> None:
    assert (signup.configuration, signup.settled, signup.context["mails"]) == (("waiting",), True, 1)
    (mail,) = (outside / "outbox").iterdir()
    assert mail.read_text().startswith("To: bo@example.org\nSubject: Your token\n\nYour token is ")


def test_the_right_token_ends_it(signup: Driver, outside: Path) -> None:
    assert signup.send("VERIFY", token=tokens(outside)[-1]).configuration == ("verified",)


def test_the_token_is_not_kept(signup: Driver, outside: Path) -> None:
    assert tokens(outside)[-1] not in str(signup.context)


def test_two_wrong_tokens_are_forgiven_and_the_third_locks(signup: Driver, outside: Path) -> None:
    for wrong in (1, 2):
        signup.send("VERIFY", **GUESS)
        assert (signup.configuration, signup.context["wrong_tokens"]) == (("waiting",), wrong)
    signup.send("VERIFY", **GUESS)
    assert (signup.configuration, signup.context["wrong_tokens"]) == (("locked",), 3)
    assert signup.send("VERIFY", token=tokens(outside)[-1]).configuration == ("locked",)


def test_a_new_mail_makes_the_old_token_worthless_and_forgives_nothing(signup: Driver, outside: Path) -> None:
    (old,) = tokens(outside)
    signup.send("VERIFY", **GUESS).send("RESEND").run_services()
    assert signup.send("VERIFY", token=old).context["wrong_tokens"] == 2
    assert signup.send("VERIFY", token=tokens(outside)[-1]).configuration == ("verified",)


def test_a_repeated_call_sends_the_same_mail(outside: Path) -> None:
    signup = Driver(MACHINE.definition, email="bo@example.org")
    live = signup.snapshot.invokes[0]
    call, service = signup.call(live), signup.service(live)
    assert service(call) == service(call)
    assert len(tokens(outside)) == 1


@pytest.mark.usefixtures("outside")
def test_a_mail_that_cannot_be_sent_can_be_tried_again() -> None:
    signup = Driver(MACHINE.definition, email="bo@example.org").fail()
    assert (signup.configuration, signup.settled) == (("undeliverable",), True)
    assert signup.send("RESEND").run_services().configuration == ("waiting",)


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(EventInvalidError, match=r"data\.email"):
        Driver(MACHINE.definition).send("START", email="bo")
    with pytest.raises(InputInvalidError, match="email"):
        Driver(MACHINE.definition, email="bo at example")
