"""A client, its server, and what they say to each other."""

import pytest

from machines import auth, auth_server
from machines.counter import MACHINE as COUNTER
from settle.core.effects import SendEvent, StartChild
from tests.support.driver import Driver


def test_the_client_begins_a_server_and_sends_it_a_code() -> None:
    running = Driver(auth.MACHINE.definition).send("AUTH")
    assert running.configuration == ("authorizing",)
    assert [type(effect) for effect in running.effects] == [SendEvent, StartChild]
    assert running.snapshot.invokes[0].src == "auth-server"


def test_a_token_ends_it_well_and_a_server_that_ends_first_does_not() -> None:
    running = Driver(auth.MACHINE.definition).send("AUTH").send("TOKEN", token="t")  # noqa: S106 - of nobody
    assert (running.configuration, running.context) == (("authorized",), {"token": "t"})
    assert Driver(auth.MACHINE.definition).send("AUTH").fail().configuration == ("refused",)


def test_the_server_answers_its_parent_a_second_after_it_has_authorised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth_server, "SECONDS", 0.0)
    running = Driver(auth_server.MACHINE.definition).send("CODE").run_services()
    assert not any(isinstance(effect, SendEvent) for effect in running.effects)
    running.advance(1)
    (sent,) = (effect for effect in running.effects if isinstance(effect, SendEvent))
    assert (sent.target, sent.type) == ("#_parent", "TOKEN")
    assert len(sent.data["token"]) == 12


def test_each_version_of_the_counter_counts_in_its_own_way() -> None:
    old, new = COUNTER.versions[1], COUNTER.versions[2]
    assert Driver(old).send("increment").send("increment").context == {"count": 2}
    assert Driver(new).send("increment").send("increment").context == {"count": 4}
