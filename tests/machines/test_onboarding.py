"""A welcome, a day, a tip."""

from pathlib import Path

import pytest

from machines.onboarding import MACHINE
from settle.core.errors import InputInvalidError
from tests.support.driver import Driver

DAY = 86_400.0


@pytest.fixture(autouse=True)
def _outside(outside: Path) -> None:
    assert outside.is_dir()


def onboarding() -> Driver:
    return Driver(MACHINE.definition, email="ada@example.com")


def subjects(outside: Path) -> list[str]:
    return sorted(mail.read_text().splitlines()[1] for mail in (outside / "outbox").iterdir())


def test_the_welcome_goes_out_at_once_and_the_tip_a_day_later(outside: Path) -> None:
    running = onboarding().run_services()
    assert (running.configuration, subjects(outside)) == (("waiting",), ["Subject: Welcome"])
    running.advance(DAY - 1)
    assert running.configuration == ("waiting",)
    running.advance(1).run_services()
    assert running.configuration == ("finished",)
    assert subjects(outside) == ["Subject: Welcome", "Subject: Your first tip"]
    assert running.context["mails"] == 2


@pytest.mark.parametrize("running", [onboarding, lambda: onboarding().run_services()])
def test_it_ends_when_somebody_unsubscribes(running: object) -> None:
    assert callable(running)
    ended = running().send("UNSUBSCRIBE")
    assert ended.configuration == ("unsubscribed",)
    assert (ended.snapshot.timers, ended.snapshot.invokes) == ((), ())


def test_mails_never_make_an_event_wait() -> None:
    assert onboarding().settled


def test_an_address_to_which_no_mail_goes_ends_it() -> None:
    assert onboarding().fail().configuration == ("undeliverable",)


def test_it_needs_an_address() -> None:
    with pytest.raises(InputInvalidError, match="email"):
        Driver(MACHINE.definition)


def test_it_is_remembered_for_thirty_days() -> None:
    assert MACHINE.definition.retention == 30 * DAY
