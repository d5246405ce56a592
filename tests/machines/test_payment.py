"""A bill, and whoever pays it."""

from pathlib import Path

import pytest

from machines.payment import MACHINE
from settle import WAIT_FOR_CALLBACK
from settle.core.errors import InputInvalidError, UserCodeError
from tests.support.driver import Driver


@pytest.fixture(autouse=True)
def _outside(outside: Path) -> None:
    assert outside.is_dir()


def payment(amount: int = 1200) -> Driver:
    return Driver(MACHINE.definition, amount=amount, purpose="pizza")


def test_a_bill_goes_out_and_waits_for_a_callback(outside: Path) -> None:
    running = payment()
    (live,) = running.snapshot.invokes
    assert running.service(live)(running.call(live)) is WAIT_FOR_CALLBACK
    (mail,) = (outside / "outbox").iterdir()
    assert "1200 for pizza\nPOST /callbacks/" in mail.read_text()
    assert running.settled


def test_a_payment_that_is_made_says_how() -> None:
    running = payment().answer({"method": "card"})
    assert running.configuration == ("paid",)
    assert running.snapshot.output == {"paid": True, "method": "card", "reason": ""}


def test_a_payment_that_is_refused_says_why() -> None:
    running = payment().fail("no_money")
    assert running.configuration == ("refused",)
    assert running.snapshot.output == {"paid": False, "method": "", "reason": "no_money"}


def test_a_result_without_a_method_is_none() -> None:
    with pytest.raises(UserCodeError, match="method"):
        payment().answer({"card": True})


def test_an_amount_below_nothing_is_refused() -> None:
    with pytest.raises(InputInvalidError, match="amount"):
        payment(-1)
