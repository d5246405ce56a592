"""Trials: a machine driven in memory, on the real runtime."""

import re
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from machines import expense
from settle import Context, Event, Statechart
from settle.core.effects import SendEvent, SetTimer
from settle.core.errors import EventInvalidError, InputInvalidError
from settle.runtime.errors import (
    CreationRefusedError,
    InstanceExistsError,
    KeyReusedError,
    NameInvalidError,
    NotBlockedError,
    UnknownEventError,
    UnknownInstanceError,
)
from settle.runtime.promises import MAX_HOPS
from settle.runtime.receipt import Outcome
from settle.testing import BlockedError, EndlessError, Trial, TrialError, given
from tests.support.charts import machine, on, settled


class Door(Context):
    owner: str = "ada"
    opened: int = 0


class Knock(BaseModel):
    name: str


def is_owner(ctx: Door, event: Event) -> bool:
    return bool(event["name"] == ctx.owner)


def count(ctx: Door) -> None:
    ctx.opened += 1


def explode(_: Door) -> None:
    raise RuntimeError("kaboom")


def tell(_: Door, event: Event, do: Any) -> None:
    do.send("house/1", "KNOCKED", {"by": event.principal})
    do.send(None, "LATER", delay="10s")


def make_door(**options: Any) -> Statechart:
    return Statechart(
        id="door",
        context=Door,
        events={"KNOCK": Knock},
        initial="closed",
        states=[
            {"name": "closed", "tags": ["settled"]},
            {"name": "open", "tags": ["settled"], "on_enter": count, "timeout": "1h", "on_timeout": "closed"},
            {"name": "shut", "tags": ["rejected"]},
            {"name": "gone", "final": True, "output": {"sold": True}},
        ],
        transitions=[
            {"trigger": "KNOCK", "source": "closed", "dest": "open", "conditions": is_owner},
            {"trigger": "BANG", "source": ["closed", "open"], "dest": None, "actions": explode},
            {"trigger": "TELL", "source": "closed", "dest": None, "actions": tell},
            {"trigger": "SHUT", "source": "closed", "dest": "shut"},
            {"trigger": "SELL", "source": ["closed", "open"], "dest": "gone"},
            {"trigger": "LATER", "source": "closed", "dest": "open"},
        ],
        **options,
    )


DOOR = make_door()
ADA = {"name": "ada"}


@pytest.fixture
def door() -> Trial:
    return given(DOOR)


# Where it stands ------------------------------------------------------------------------------------------------------


def test_the_first_event_creates_it(door: Trial) -> None:
    assert [door.exists, door.send("KNOCK", ADA).exists] == [False, True]
    assert (door.state, door.states, door.tags) == ("open", ("open",), frozenset({"settled"}))
    assert door.context == Door(opened=1)
    assert (door.status, door.version, door.settled, door.held, door.blocked) == ("active", 2, True, 0, None)
    assert door.next_events == ("BANG", "SELL")


def test_an_output_is_there_when_it_is_done(door: Trial) -> None:
    assert door.start().output is None
    assert door.send("SELL").output == {"sold": True}
    assert (door.status, door.next_events) == ("done", ())


def test_it_begins_with_an_input(door: Trial) -> None:
    assert door.start({"owner": "bo"}).context.owner == "bo"


def test_starting_it_twice_is_what_the_api_says(door: Trial) -> None:
    door.start({"owner": "bo"}).start({"owner": "bo"})
    with pytest.raises(InstanceExistsError):
        door.start({"owner": "ada"})


def test_data_may_be_a_model(door: Trial) -> None:
    assert door.send("KNOCK", Knock(name="ada")).state == "open"


def test_nothing_can_be_said_of_what_has_not_started(door: Trial) -> None:
    with pytest.raises(TrialError, match=r"door/1 has not started; start\(\) it, put it in_state\(...\), or send\(\)"):
        assert door.state
    assert repr(door) == "<door/1, which is not there>"
    assert door.outcome is None


def test_it_tells_what_it_is(door: Trial) -> None:
    assert repr(door.start()) == "<door/1 at closed, version 1>"
    door.send("KNOCK", {"name": "bo"})
    assert repr(door) == "<door/1 at closed, version 1; send: refused by guard:is_owner>"


def test_regions_stand_side_by_side() -> None:
    chart = Statechart(
        id="m",
        states=[
            {"name": "p", "parallel": [{"name": "l", "children": ["a", "b"]}, {"name": "r", "children": ["x", "y"]}]}
        ],
        transitions=[{"trigger": "GO", "source": "p.l.a", "dest": "p.l.b"}],
    )
    trial = given(chart).start()
    assert trial.send("GO").state == ("p.l.b", "p.r.x")
    assert trial.states == ("p", "p.l", "p.l.b", "p.r", "p.r.x")


def test_a_compiled_definition_will_do() -> None:
    definition = machine("m", settled("a", on("GO", "b")), settled("b"))
    assert given(definition).send("GO").state == "b"


def test_its_name_may_be_another_one(door: Trial) -> None:
    assert given(DOOR, instance="front").start().group == "door/front"
    with pytest.raises(NameInvalidError):
        given(DOOR, instance="no spaces")
    assert door.group == "door/1"


# What becomes of an event ---------------------------------------------------------------------------------------------


def test_what_is_refused_says_by_what(door: Trial) -> None:
    door.send("KNOCK", {"name": "bo"})
    assert (door.outcome, door.reason) == (Outcome.REFUSED, "guard:is_owner")
    door.send("SHUT")
    assert (door.outcome, door.reason) == ("refused", "node:shut")
    door.send("LATER").send("KNOCK", ADA)
    assert (door.outcome, door.reason) == ("ignored", "")


def test_what_the_api_would_refuse_is_raised(door: Trial) -> None:
    with pytest.raises(UnknownEventError, match="did you mean 'KNOCK'"):
        door.send("KNOK")
    with pytest.raises(EventInvalidError, match="name: Field required"):
        door.send("KNOCK", {})
    with pytest.raises(InputInvalidError):
        door.start({"opened": "often"})
    with pytest.raises(UnknownInstanceError):
        given(make_door(create_on_event=False)).send("SELL")
    assert door.story == ""


def test_a_start_that_is_refused_is_raised() -> None:
    chart = Statechart(
        id="m",
        context=Door,
        states=[
            {"name": "yes", "tags": ["settled"], "always": {"dest": "no", "conditions": lambda ctx: ctx.owner == "bo"}},
            {"name": "no", "tags": ["rejected"]},
        ],
    )
    assert given(chart).start().state == "yes"
    with pytest.raises(CreationRefusedError, match="node:no"):
        given(chart).start({"owner": "bo"})


def test_a_key_makes_a_repetition_harmless(door: Trial) -> None:
    door.send("LATER", key="k").send("LATER", key="k")
    assert (door.context.opened, door.outcome) == (1, "applied")
    with pytest.raises(KeyReusedError):
        door.send("SELL", key="k")


def test_an_expected_version_is_checked(door: Trial) -> None:
    assert door.start().send("LATER", if_match=1).state == "open"
    door.send("SELL", if_match=1)
    assert (door.outcome, door.reason, door.state) == ("precondition_failed", "version:2", "open")
    other = given(DOOR).send("SELL", if_match=3)
    assert (other.outcome, other.reason, other.exists) == ("precondition_failed", "version:0", False)


def test_rules_of_the_file_count() -> None:
    trial = given(expense.MACHINE).send("SUBMIT", {"amount": 1, "purpose": "p"})
    assert (trial.outcome, trial.reason, trial.exists) == ("denied", "rule:sign_in", False)
    trial.send("SUBMIT", {"amount": 1, "purpose": "p"}, principal="ana")
    assert trial.context.owner == "ana"
    trial.control("pause", principal="mia", claims={"role": "manager"}).send("WITHDRAW", principal="ana")
    assert (trial.outcome, trial.held) == ("held", 1)
    trial.control("resume", principal="mia", claims={"role": "manager"})
    assert trial.status == "done"


def test_everybody_sees_what_the_rules_let_them() -> None:
    trial = given(expense).in_state("claimed", context={"owner": "ana", "amount": 3, "purpose": "p"})
    assert trial.seen_by("mia", {"role": "manager"}).next_events == ("APPROVE", "REJECT")
    assert trial.seen_by("kim", {"role": "bookkeeper"}).context == {"owner": "ana", "amount": 3}
    assert trial.seen_by("bo").denied == "rule:owner_or_manager"


def test_where_there_are_no_rules_everything_is_seen(door: Trial) -> None:
    assert door.start().seen_by("").context == {"owner": "ada", "opened": 0}


# Time and messages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hour", ["1h", 3600, timedelta(hours=1)])
def test_a_timer_fires_when_it_is_due_and_not_before(door: Trial, hour: object) -> None:
    door.send("KNOCK", ADA)
    assert door.timers == {"open@1h": 3600.0}
    assert door.advance("59m59s").state == "open"
    assert door.timers == {"open@1h": 1.0}
    assert door.advance("1s").state == "closed"
    assert given(DOOR).send("KNOCK", ADA).advance(hour).state == "closed"


def test_the_test_says_what_time_it_is() -> None:
    trial = given(DOOR, now=100.0).send("KNOCK", ADA)
    (timer,) = trial.effects
    assert timer == SetTimer(timer="open@1h#1", due=3700.0)
    assert trial.advance(5).now == 105.0


def test_many_timers_in_one_long_wait_all_fire() -> None:
    def tick(ctx: dict[str, Any]) -> None:
        ctx["ticks"] = ctx.get("ticks", 0) + 1

    chart = Statechart(
        id="clock",
        states=[{"name": "on", "tags": ["settled"], "on_enter": tick, "timeout": "1h", "on_timeout": "on"}],
    )
    assert given(chart).start().advance("10d").context == {"ticks": 241}


@pytest.mark.parametrize("delay", ["5m", "1h"])
def test_timers_for_the_same_moment_fire_in_the_order_in_which_they_were_set(delay: str) -> None:
    def hear(ctx: dict[str, Any], event: Event) -> None:
        ctx.setdefault("heard", []).append(event.type)

    def ask(_: Any, __: Event, do: Any) -> None:
        for number in range(6):
            do.send(None, f"N{number}", delay=delay)

    names = [f"N{number}" for number in range(6)]
    chart = Statechart(
        id="m",
        states=[{"name": "a", "tags": ["settled"], "on_enter": ask}],
        transitions=[{"trigger": name, "source": "a", "dest": None, "actions": hear} for name in names],
    )
    assert given(chart).start().advance(delay).context == {"heard": names}


def test_messages_to_strangers_are_heard(door: Trial) -> None:
    door.send("TELL", principal="ada")
    assert door.sent == (SendEvent(target="house/1", type="KNOCKED", data={"by": "ada"}),)
    assert door.advance("10s").state == "open"


def test_machines_that_are_given_hear_each_other(door: Trial) -> None:
    def forward(_: Any, __: Event, do: Any) -> None:
        do.send("door/1", "LATER")

    house = Statechart(
        id="house",
        states=[{"name": "quiet", "tags": ["settled"]}],
        transitions=[{"trigger": "KNOCKED", "source": "quiet", "dest": None, "actions": forward}],
    )
    assert given(DOOR, house).send("TELL").state == "open"
    assert door.send("TELL").state == "closed"


def test_an_event_may_come_from_an_instance(door: Trial) -> None:
    def keep(ctx: dict[str, Any], event: Event) -> None:
        ctx["from"] = event.origin

    chart = Statechart(
        id="m",
        states=[{"name": "a", "tags": ["settled"]}],
        transitions=[{"trigger": "GO", "source": "a", "dest": None, "actions": keep}],
    )
    trial = given(chart).send("GO", origin="order/7")
    assert (trial.context, trial.outcome) == ({"from": "order/7"}, "applied")
    with pytest.raises(UnknownEventError):
        door.send("KNOK", origin="order/7")


# What blocks ----------------------------------------------------------------------------------------------------------


def test_an_exception_of_the_machine_fails_the_test_with_its_story(door: Trial) -> None:
    door.start()
    with pytest.raises(BlockedError) as told:
        door.send("BANG")
    assert told.value.code == "user_code"
    text = str(told.value)
    assert text.startswith("'BANG' blocks door/1: ")
    assert "kaboom" in text
    assert "1. start -> at closed\n2. send BANG -> quarantined by user_code, at closed\n" in text
    assert 'raise RuntimeError("kaboom")' in text


def test_what_blocks_is_told_once_and_an_operator_may_go_on(door: Trial) -> None:
    door.start()
    with pytest.raises(BlockedError):
        door.send("BANG")
    assert door.blocked is not None
    assert door.send("LATER").outcome == "held"
    with pytest.raises(BlockedError):
        door.control("retry")
    assert door.control("skip").state == "open"
    with pytest.raises(NotBlockedError):
        door.control("skip")


class Chain(Context):
    left: int = 0


def make_chain() -> Statechart:
    def go_on(ctx: Chain, _: Event, do: Any) -> None:
        ctx.left -= 1
        if ctx.left >= 0:
            do.send(None, "GO")

    return Statechart(
        id="chain",
        context=Chain,
        states=[{"name": "a", "tags": ["settled"]}],
        transitions=[{"trigger": "GO", "source": "a", "dest": None, "actions": go_on}],
    )


def test_as_many_messages_to_itself_as_the_runtime_allows() -> None:
    assert given(make_chain()).start({"left": MAX_HOPS}).send("GO").context.left == -1


def test_a_message_too_many_blocks_as_it_does_when_it_is_deployed() -> None:
    trial = given(make_chain()).start({"left": MAX_HOPS + 1})
    with pytest.raises(BlockedError, match="257 in a row") as told:
        trial.send("GO")
    assert told.value.code == "too_many_hops"


def test_states_that_pass_the_ball_at_once_for_ever_block() -> None:
    chart = Statechart(
        id="m",
        states=[
            {"name": "a", "tags": ["settled"], "timeout": 0, "on_timeout": "b"},
            {"name": "b", "tags": ["settled"], "timeout": 0, "on_timeout": "a"},
        ],
    )
    with pytest.raises(BlockedError) as told:
        given(chart).start()
    assert told.value.code == "too_many_hops"


def test_an_end_that_does_not_come_is_told() -> None:
    trial = given(make_chain()).start({"left": 9})
    trial.world.pump_safely()
    trial.world.queue.send(group=trial.group, deduplication_id="x", body="{}")
    with pytest.raises(EndlessError, match="after 0 rounds"):
        trial.world.run_all(0)


def test_hundreds_of_trials_hold_no_descriptors() -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("needs /proc")
    before = len(list(descriptors.iterdir()))
    trials = [given(DOOR).start() for _ in range(3)]
    assert len(list(descriptors.iterdir())) == before
    assert trials


def test_an_exception_at_the_start_fails_the_test() -> None:
    chart = Statechart(id="m", context=Door, states=[{"name": "a", "tags": ["settled"], "on_enter": explode}])
    with pytest.raises(BlockedError, match="kaboom"):
        given(chart).start()


def test_operators_know_so_many_actions(door: Trial) -> None:
    with pytest.raises(TrialError, match="operators may pause, resume, retry, skip, delete; there is no 'stop'"):
        door.start().control("stop")


def test_what_is_deleted_is_not_there(door: Trial) -> None:
    door.start().control("delete")
    assert not door.exists
    assert door.story == "1. start -> at closed\n2. control delete -> not there"


# Being in a state -----------------------------------------------------------------------------------------------------


def test_a_state_is_entered_with_its_timers_and_without_its_actions(door: Trial) -> None:
    door.in_state("open", context=Door(owner="bo"))
    assert (door.state, door.context, door.version) == ("open", Door(owner="bo"), 1)
    assert door.advance("1h").state == "closed"
    assert door.send("LATER").context.opened == 1, "later entries run their actions"


def test_one_may_be_in_several_states_at_once() -> None:
    chart = Statechart(
        id="m",
        initial="out",
        states=[
            {"name": "p", "parallel": [{"name": "l", "children": ["a", "b"]}, {"name": "r", "children": ["x", "y"]}]},
            "out",
        ],
        transitions=[
            {"trigger": "IN", "source": "out", "dest": "p"},
            {"trigger": "OUT", "source": "p", "dest": "out"},
        ],
    )
    trial = given(chart).in_state("p.l.b", "p.r.y")
    assert trial.state == ("p.l.b", "p.r.y")
    assert trial.send("OUT").send("IN").state == ("p.l.a", "p.r.x"), "defaults are what they were"
    assert given(chart).in_state("p.r.y").state == ("p.l.a", "p.r.y")
    assert given(chart).in_state("p").state == ("p.l.a", "p.r.x")
    with pytest.raises(TrialError, match=r"'p.l.a' and 'p.l.b' are never active together; name one of them"):
        given(chart).in_state("p.l.a", "p.l.b")


def test_a_parallel_machine_can_be_put_anywhere() -> None:
    chart = Statechart(
        id="m",
        initial=["l", "r"],
        states=[{"name": "l", "children": ["a", "b"]}, {"name": "r", "children": ["x", "y"]}],
    )
    assert given(chart).in_state("l.b").state == ("l.b", "r.x")


def test_a_final_state_is_the_end(door: Trial) -> None:
    assert door.in_state("gone").status == "done"


def test_it_goes_on_from_a_state_in_which_it_would_not_rest() -> None:
    def see(ctx: dict[str, Any]) -> None:
        ctx["seen"] = True

    chart = Statechart(
        id="m",
        states=["a", {"name": "b", "always": "c"}, {"name": "c", "on_enter": see}],
        transitions=[{"trigger": "GO", "source": "a", "dest": "b"}],
    )
    trial = given(chart).in_state("b")
    assert (trial.state, trial.context) == ("c", {"seen": True})


def test_one_cannot_be_where_nothing_is(door: Trial) -> None:
    with pytest.raises(TrialError, match="door has no state 'opn' to be in; did you mean 'open'"):
        door.in_state("opn")
    with pytest.raises(TrialError, match="door has no state 'zzz' to be in; there is closed, open, shut, gone"):
        door.in_state("zzz")
    with pytest.raises(InputInvalidError, match="opened"):
        door.in_state("open", context={"opened": "often"})
    with pytest.raises(TrialError, match=re.escape("door/1 cannot be put in shut")):
        door.in_state("shut")


def test_one_is_put_somewhere_only_in_the_beginning(door: Trial) -> None:
    door.start()
    with pytest.raises(TrialError, match=r"door/1 has begun already; put it in_state\(...\) before anything else"):
        door.in_state("open")


def test_rules_are_not_asked_about_being_in_a_state() -> None:
    assert given(expense).in_state("claimed").send("WITHDRAW").reason == "rule:sign_in"


# What is given --------------------------------------------------------------------------------------------------------


def test_what_is_no_machine_is_refused() -> None:
    with pytest.raises(TrialError, match="'door' is no machine; give a Statechart, a machine file or a Definition"):
        given("door")  # type: ignore[arg-type]
    with pytest.raises(TrialError, match="the module 'empty' exports no MACHINE; give a machine file or a Statechart"):
        given(ModuleType("empty"))
    with pytest.raises(TrialError, match="the machine 'door' is given twice"):
        given(DOOR, make_door())


def test_older_versions_come_along() -> None:
    older = make_door()
    newer = make_door(version=2, versions=[older])
    assert given(newer).start().history.version == 2
