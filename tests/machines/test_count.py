"""The counter of the ancestors."""

from pathlib import Path

import pytest

from machines import count
from machines.count import MACHINE
from tests.support.driver import Driver


@pytest.fixture
def counter() -> Driver:
    return Driver(MACHINE.definition)


def test_the_first_count_only_wakes_it(counter: Driver) -> None:
    assert (counter.configuration, counter.settled) == (("idle",), True)
    counter.send("COUNT")
    assert (counter.configuration, counter.context["count"], counter.settled) == (("even",), 0, True)


def test_a_count_goes_through_two_services(counter: Driver) -> None:
    counter.send("COUNT").send("COUNT")
    assert (counter.configuration, counter.settled) == (("counting_even",), False)
    counter.answer()
    assert (counter.configuration, counter.context["count"], counter.settled) == (("odd",), 1, False)
    counter.answer()
    assert (counter.configuration, counter.context["count"], counter.settled) == (("even",), 2, True)


def test_after_n_counts_the_count_is_twice_n_minus_one(counter: Driver) -> None:
    for n in range(1, 20):
        counter.send("COUNT")
        while counter.snapshot.invokes:
            counter.answer()
        assert counter.context["count"] == 2 * (n - 1)


def test_invokes_are_named_after_their_states() -> None:
    assert list(MACHINE.definition.invokes) == ["counting_even", "odd"]


def test_a_count_whose_service_fails_for_good_is_left_to_an_operator(counter: Driver) -> None:
    counter.send("COUNT").send("COUNT").fail()
    assert counter.configuration == ("counting_even",)


def test_every_call_of_the_service_is_a_line_with_its_key(
    counter: Driver, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("machines.count.time.sleep", slept.append)
    counter.send("COUNT").send("COUNT")
    call = counter.call(counter.snapshot.invokes[0])
    count.think(call)
    count.think(call)
    assert slept == [0.02, 0.02]
    line = f"{call.key} count/it counting_even attempt 1"
    assert (outside / "services.log").read_text().splitlines() == [line, line]
