"""A client, its server, and what they say to each other."""

import pytest

from machines import auth, auth_server
from machines.counter import MACHINE as COUNTER
from settle import WAIT_FOR_CALLBACK
from settle.core.effects import SendEvent, StartChild
from settle.core.errors import EventInvalidError
from settle.testing import given
from tests.support.driver import Driver


def test_the_client_begins_a_server_and_sends_it_a_code() -> None:
    running = Driver(auth.MACHINE.definition).send("AUTH")
    assert running.configuration == ("authorizing",)
    assert [type(effect) for effect in running.effects] == [SendEvent, StartChild]
    assert running.snapshot.invokes[0].src == "auth-server"


def test_a_token_ends_it_well_and_a_server_that_ends_first_does_not() -> None:
    trial = given(auth, auth_server, services={"authorise": {"token": "t"}}).send("AUTH")
    trial.advance("1s")
    assert (trial.state, trial.context.token) == ("authorized", "t")
    assert Driver(auth.MACHINE.definition).send("AUTH").fail().configuration == ("refused",)


def test_a_token_counts_that_a_server_sent_and_no_other() -> None:
    trial = given(auth, auth_server, services={"authorise": WAIT_FOR_CALLBACK}).send("AUTH")
    trial.send("TOKEN", {"token": "forged"})
    assert (trial.outcome, trial.reason, trial.state) == ("refused", "guard:is_from_server", "authorizing")
    with pytest.raises(EventInvalidError, match="token"):
        trial.send("TOKEN")


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
