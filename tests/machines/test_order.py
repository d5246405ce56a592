"""Food for three kinds of restaurants."""

from itertools import permutations
from pathlib import Path

import pytest

from machines.order import MACHINE
from settle.core.errors import EventInvalidError
from tests.support.driver import Driver


def submitted(kind: str) -> Driver:
    return Driver(MACHINE.definition).send(
        "SUBMIT", restaurant="Roma", kind=kind, food="pizza", address="Elm St 1", amount=1200
    )


def paid(kind: str) -> Driver:
    return submitted(kind).answer({"paid": True})


def order(kind: str) -> Driver:
    return paid(kind).run_services()


def accepted(kind: str = "partner") -> Driver:
    return order(kind).send("ACCEPT").run_services()


@pytest.fixture(autouse=True)
def _outside(outside: Path) -> None:
    assert outside.is_dir()


def courier_lines(outside: Path) -> list[str]:
    return [line.partition(" ")[2] for line in (outside / "courier.log").read_text().splitlines()]


def mails(outside: Path) -> list[str]:
    return sorted(mail.read_text().splitlines()[1] for mail in (outside / "outbox").iterdir())


# Payment -------------------------------------------------------------------------------------------------------------


def test_a_payment_of_its_own_takes_the_money_first() -> None:
    running = submitted("partner")
    (live,) = running.snapshot.invokes
    assert (running.configuration, running.settled) == (("paying",), True)
    assert (live.src, live.input) == ("payment", {"amount": 1200, "purpose": "pizza of Roma"})


@pytest.mark.parametrize("kind", ["partner", "stranger", "delivers"])
def test_an_order_that_is_not_paid_is_declined(kind: str) -> None:
    assert submitted(kind).answer({"paid": False}).configuration == ("declined",)
    assert submitted(kind).fail().configuration == ("declined",)


# Partners ------------------------------------------------------------------------------------------------------------


def test_a_partner_is_offered_the_order_before_any_courier_is_asked(outside: Path) -> None:
    assert (order("partner").configuration, mails(outside)) == (("offered",), ["Subject: offer"])
    assert not (outside / "courier.log").exists()


def test_a_partner_may_decline() -> None:
    assert order("partner").send("REJECT").configuration == ("declined",)


def test_after_acceptance_kitchen_and_courier_work_side_by_side(outside: Path) -> None:
    running = accepted()
    assert (running.configuration, running.settled) == (("cooking.courier.asked", "cooking.kitchen.busy"), True)
    assert courier_lines(outside) == ["kim is asked about order/it"]


@pytest.mark.parametrize(
    "way",
    [w for w in permutations(["READY", "COURIER_ACCEPT", "ARRIVED"]) if w.index("ARRIVED") > w.index("COURIER_ACCEPT")],
)
def test_food_and_courier_may_be_there_in_any_order(way: tuple[str, ...]) -> None:
    running = accepted()
    for number, event in enumerate(way):
        running.send(event, **({"courier": "kim"} if event == "COURIER_ACCEPT" else {}))
        assert (running.configuration == ("travelling",)) is (number == len(way) - 1)
    assert running.send("DELIVERED").configuration == ("delivered",)


def test_only_the_courier_who_was_asked_last_may_accept(outside: Path) -> None:
    running = accepted()
    assert running.send("COURIER_ACCEPT", courier="lee").refused_by == ("is_asked",)
    running.send("COURIER_REJECT", courier="kim").run_services()
    assert running.send("COURIER_ACCEPT", courier="kim").refused_by == ("is_asked",)
    assert running.send("COURIER_ACCEPT", courier="lee").configuration == (
        "cooking.courier.riding",
        "cooking.kitchen.busy",
    )
    assert courier_lines(outside) == ["kim is asked about order/it", "lee is asked about order/it"]


def test_a_courier_who_does_not_answer_in_time_has_said_no(outside: Path) -> None:
    running = accepted().advance(119)
    assert courier_lines(outside) == ["kim is asked about order/it"]
    running.advance(1).run_services()
    assert courier_lines(outside) == ["kim is asked about order/it", "lee is asked about order/it"]
    assert running.send("COURIER_ACCEPT", courier="kim").refused_by == ("is_asked",)
    assert "cooking.courier.riding" in running.send("COURIER_ACCEPT", courier="lee").configuration


def test_a_courier_who_rides_is_not_asked_again(outside: Path) -> None:
    running = accepted().send("COURIER_ACCEPT", courier="kim").advance(3600)
    assert "cooking.courier.riding" in running.configuration
    assert len(courier_lines(outside)) == 1


def test_without_any_courier_the_order_is_declined() -> None:
    running = accepted()
    for courier in ("kim", "lee", "mo"):
        running.send("COURIER_REJECT", courier=courier).run_services()
    assert running.configuration == ("declined",)


def test_an_order_is_accepted_once() -> None:
    running = accepted()
    before = running.snapshot
    assert running.send("ACCEPT").snapshot == before


# Strangers -----------------------------------------------------------------------------------------------------------


def test_to_a_stranger_a_courier_goes_first(outside: Path) -> None:
    running = order("stranger")
    assert (running.configuration, running.settled) == (("errand.courier.asked", "errand.counter.alone"), True)
    assert courier_lines(outside) == ["kim is asked about order/it"]
    assert not (outside / "outbox").exists()


def test_a_stranger_cannot_answer_before_the_courier_is_on_the_way() -> None:
    running = order("stranger")
    before = running.snapshot
    assert running.send("ACCEPT").send("REJECT").snapshot == before


@pytest.mark.parametrize("way", [("ACCEPT", "ARRIVED"), ("ARRIVED", "ACCEPT")])
def test_a_stranger_answers_when_the_courier_is_on_the_way(way: tuple[str, ...]) -> None:
    running = order("stranger").send("COURIER_ACCEPT", courier="kim")
    assert set(running.configuration) == {"errand.courier.riding", "errand.counter.visited"}
    for event in way:
        running.send(event)
    assert running.configuration == ("travelling",)


def test_a_stranger_may_decline_when_the_courier_is_on_the_way() -> None:
    assert order("stranger").send("COURIER_ACCEPT", courier="kim").send("REJECT").configuration == ("declined",)


# Own delivery --------------------------------------------------------------------------------------------------------


def test_one_that_delivers_is_told_the_address_and_no_courier_is_asked(outside: Path) -> None:
    running = accepted("delivers")
    assert (running.configuration, mails(outside)) == (("travelling",), ["Subject: delivery", "Subject: offer"])
    assert not (outside / "courier.log").exists()
    assert running.send("DELIVERED").configuration == ("delivered",)


# All -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "running", [lambda: submitted("partner"), lambda: order("partner"), accepted, lambda: order("stranger")]
)
def test_it_can_be_cancelled_until_the_food_travels(running: object) -> None:
    assert callable(running)
    assert running().send("CANCEL").configuration == ("cancelled",)


def test_food_that_travels_cannot_be_cancelled() -> None:
    running = accepted("delivers")
    assert running.send("CANCEL").configuration == ("travelling",)


def test_a_restaurant_that_cannot_be_told_declines() -> None:
    assert paid("partner").fail().configuration == ("declined",)


def test_a_repeated_call_of_a_courier_is_one_line(outside: Path) -> None:
    running = order("partner").send("ACCEPT")
    live = running.snapshot.invokes[0]
    service = running.service(live)
    assert service(running.call(live)) == service(running.call(live)) == {"courier": "kim"}
    assert len(courier_lines(outside)) == 1


def test_an_unknown_kind_of_restaurant_is_refused() -> None:
    with pytest.raises(EventInvalidError, match=r"data\.kind"):
        order("castle")
