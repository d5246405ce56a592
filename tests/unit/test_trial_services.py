"""Trials: services inline and in the background, children, and what a test says about them."""

from typing import Any

import pytest
from pydantic import BaseModel

from machines import auth, auth_server
from settle import WAIT_FOR_CALLBACK, Event, ServiceCall, ServiceError, Statechart
from settle.core.effects import SendEvent, StartChild, StartService, StopChild
from settle.core.errors import EventInvalidError
from settle.testing import BlockedError, NotStubbedError, Trial, TrialError, given


def charge(call: ServiceCall) -> dict[str, Any]:
    return {"really": call.input["amount"]}


def note(ctx: dict[str, Any], event: Event) -> None:
    ctx.setdefault("seen", []).append(event.data)


class Receipt(BaseModel):
    number: int


def make_shop(**invoke: Any) -> Statechart:
    return Statechart(
        id="shop",
        events={"done.invoke.counted": Receipt},
        states=[
            {"name": "open", "tags": ["settled"]},
            {
                "name": "paying",
                "invoke": {
                    "id": "pay",
                    "src": charge,
                    "input": {"amount": 7},
                    "on_done": {"dest": "paid", "actions": note},
                    "on_error": {"dest": "open", "actions": note},
                    **invoke,
                },
                **({"tags": ["settled"]} if invoke.get("mode") == "background" else {}),
            },
            {"name": "paid", "tags": ["settled"]},
        ],
        transitions=[
            {"trigger": "PAY", "source": "open", "dest": "paying"},
            {"trigger": "AGAIN", "source": "paid", "dest": "paying"},
            {"trigger": "LEAVE", "source": "paying", "dest": "open"},
        ],
        silenced={"event-never-taken": "for one test"},
    )


SHOP, SLOW_SHOP = make_shop(), make_shop(mode="background")


@pytest.fixture
def shop() -> Trial:
    return given(SHOP)


@pytest.fixture
def slow_shop() -> Trial:
    return given(SLOW_SHOP)


def seen(trial: Trial) -> Any:
    return trial.context["seen"]


# What a stub may say --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["charge", "pay"])
def test_a_service_is_called_by_its_name_or_by_its_invoke(name: str) -> None:
    assert seen(given(SHOP, services={name: {"ok": 1}}).send("PAY")) == [{"ok": 1}]
    assert seen(given(SHOP).stub(name, returns={"ok": 1}).send("PAY")) == [{"ok": 1}]
    assert len(given(SHOP, services={name: None}).send("PAY").calls_of(name)) == 1


def test_a_function_is_given_the_call(shop: Trial) -> None:
    shop.stub("charge", lambda call: {"paid": call.input["amount"]}).send("PAY")
    assert seen(shop) == [{"paid": 7}]
    (call,) = shop.calls
    assert (call.machine, call.instance, call.invoke, call.attempt, call.event.type) == ("shop", "1", "pay", 1, "PAY")


def test_a_model_is_an_answer(shop: Trial) -> None:
    assert seen(shop.stub("charge", returns=Receipt(number=3)).send("PAY")) == [{"number": 3}]


def test_an_error_that_is_final_is_the_machines_affair(shop: Trial) -> None:
    shop.stub("charge", raises=ServiceError("declined", "no money", {"by": 3})).send("PAY")
    assert (shop.state, seen(shop)) == ("open", [{"code": "declined", "message": "no money", "data": {"by": 3}}])


def test_an_error_for_now_is_tried_again_until_attempts_are_used_up(shop: Trial) -> None:
    shop.stub("charge", raises=OSError).send("PAY")
    assert shop.outcome == "queued"
    shop.advance("1m")
    assert (shop.state, seen(shop)[0]["code"], len(shop.calls)) == ("open", "service_failed", 3)


def test_answers_come_one_after_the_other(shop: Trial) -> None:
    shop.stub("charge", answers=[{"n": 1}, {"n": 2}]).send("PAY").send("AGAIN")
    assert seen(shop) == [{"n": 1}, {"n": 2}]
    with pytest.raises(NotStubbedError, match=r"'charge' is called once more than it was given answers \(2\); add one"):
        shop.send("AGAIN")


def test_an_answer_may_be_a_function_or_an_error(shop: Trial) -> None:
    shop.stub("charge", answers=[ServiceError("declined"), lambda call: {"key": call.key}]).send("PAY").send("PAY")
    assert seen(shop)[1] == {"key": shop.calls[1].key}


def test_a_stub_may_be_changed(shop: Trial) -> None:
    shop.stub("charge", returns={"n": 1}).send("PAY").stub("charge", returns={"n": 2}).send("AGAIN")
    assert seen(shop) == [{"n": 1}, {"n": 2}]


def test_real_services_are_called_if_asked_for() -> None:
    trial = given(SHOP, real_services=True).send("PAY")
    assert (seen(trial), len(trial.calls)) == ([{"really": 7}], 1)
    assert seen(given(SHOP, real_services=True, services={"pay": {"stub": 1}}).send("PAY")) == [{"stub": 1}]


def test_a_real_service_that_answers_with_no_data_is_recorded_as_the_error_that_it_is() -> None:
    trial = given(make_shop(src=lambda _: object()), real_services=True).send("PAY")
    assert seen(trial)[0]["code"] == "result_invalid"
    (step,) = trial.history.steps
    (answer,) = step.services
    assert answer.error is not None
    assert answer.error["message"] == seen(trial)[0]["message"]


def test_an_assertion_of_a_real_service_is_an_error_like_any_other() -> None:
    def careful(_: ServiceCall) -> None:
        raise AssertionError("impossible")

    trial = given(make_shop(src=careful), real_services=True).send("PAY").advance("1m")
    assert seen(trial)[0]["code"] == "service_failed"


# What a test forgot ---------------------------------------------------------------------------------------------------


def test_a_service_of_which_nothing_is_said_says_how_to_say_it(shop: Trial) -> None:
    with pytest.raises(NotStubbedError) as told:
        shop.send("PAY")
    assert str(told.value) == (
        "shop begins the service 'charge' (invoke 'pay'), and the test does not say what it answers; say it with"
        " .stub('charge', returns={...}), or call the real ones with given(..., real_services=True)"
    )


def test_the_same_holds_in_the_background(slow_shop: Trial) -> None:
    with pytest.raises(NotStubbedError, match="shop begins the service 'charge'"):
        slow_shop.send("PAY")


def test_the_same_holds_for_a_state_to_be_in(shop: Trial) -> None:
    with pytest.raises(NotStubbedError, match="shop begins the service 'charge'"):
        shop.in_state("paying")


def test_an_assertion_in_a_stub_fails_the_test(shop: Trial) -> None:
    def check(call: ServiceCall) -> None:
        assert call.input == {"amount": 8}, "it costs eight"

    with pytest.raises(AssertionError, match="it costs eight"):
        shop.stub("charge", check).send("PAY")


def test_an_answer_that_is_no_data_fails_the_test(shop: Trial) -> None:
    with pytest.raises(TrialError, match=r"the stub of service 'charge' answered with what is not JSON data: data\.0"):
        shop.stub("charge", returns={"data": [object()]}).send("PAY")


def test_a_name_that_is_none_is_refused(shop: Trial) -> None:
    with pytest.raises(TrialError, match="there is no service 'chrage'; did you mean 'charge'"):
        shop.stub("chrage", returns=None)
    with pytest.raises(TrialError, match="there is no service 'zzz'; there is charge, pay"):
        given(SHOP, services={"zzz": None})
    with pytest.raises(TrialError, match="there is no service 'x'; there is none"):
        given(Statechart(id="m", states=["a"]), services={"x": None})


def test_a_stub_says_one_thing(shop: Trial) -> None:
    with pytest.raises(
        TrialError, match="say one thing about 'charge': a function, `returns=`, `raises=` or `answers="
    ):
        shop.stub("charge")
    with pytest.raises(TrialError, match="say one thing"):
        shop.stub("charge", returns=1, raises=OSError())


@pytest.mark.parametrize("raised", ["declined", {"code": "x"}, 3, KeyboardInterrupt()])
def test_only_exceptions_are_raised(shop: Trial, raised: Any) -> None:
    with pytest.raises(TrialError, match="'charge' can only raise an exception, not "):
        shop.stub("charge", raises=raised)


@pytest.mark.parametrize("answers", ["ab", {"score": 3}, [], 3])
def test_answers_are_a_list(shop: Trial, answers: Any) -> None:
    with pytest.raises(TrialError, match="the answers of 'charge' are a list, one after the other, and not "):
        shop.stub("charge", answers=answers)


@pytest.mark.parametrize("mode", ["inline", "background"])
def test_an_answer_that_its_event_does_not_take_is_the_stubs_fault(mode: str) -> None:
    trial = given(make_shop(id="counted", mode=mode), services={"charge": {"numbr": 1}})
    with pytest.raises(BlockedError) as told:
        trial.send("PAY")
    assert str(told.value).splitlines()[-1] == (
        "The stub of 'charge' answered {'numbr': 1}, which the model of 'done.invoke.counted' does not take:"
        " data.number: Field required"
    )


def test_an_error_that_needs_a_code_has_one(shop: Trial) -> None:
    with pytest.raises(TrialError, match=r"missing a required argument: 'code'; give an error itself: ServiceError"):
        shop.stub("charge", raises=ServiceError)
    with pytest.raises(TrialError, match="give an error itself"):
        shop.stub("charge", answers=[{}, ServiceError])
    shop.stub("charge", raises=OSError).send("PAY")
    assert shop.outcome == "queued"


def test_a_stub_takes_the_call(shop: Trial) -> None:
    hears_nothing: Any = make_shop
    wants_more: Any = note
    written_in_c: Any = iter
    with pytest.raises(TrialError, match="too many positional arguments; a stub is called with the ServiceCall"):
        shop.stub("charge", hears_nothing)
    with pytest.raises(TrialError, match="a stub is called with the ServiceCall"):
        given(SHOP, services={"charge": wants_more})
    assert shop.stub("charge", written_in_c).send("PAY").outcome == "queued"


# Being in a state whose service fails ---------------------------------------------------------------------------------


def test_a_state_with_a_service_is_left_when_it_answers(shop: Trial) -> None:
    assert shop.stub("charge", returns={}).in_state("paying").state == "paid"


def test_a_state_does_not_come_about_when_its_service_fails_for_now(shop: Trial) -> None:
    with pytest.raises(TrialError, match=r"shop/1 cannot be put in paying: a service that is begun there failed"):
        shop.stub("charge", raises=OSError).in_state("paying")


# In the background ----------------------------------------------------------------------------------------------------


def test_a_background_service_is_an_effect_and_answers_at_once(slow_shop: Trial) -> None:
    slow_shop.stub("charge", returns={"ok": 1}).send("PAY")
    assert (slow_shop.effects, slow_shop.state) == ((StartService(invoke="pay#1"),), "paid")


def test_one_that_fails_for_now_is_called_again_later(slow_shop: Trial) -> None:
    slow_shop.stub("charge", answers=[OSError("down"), {"ok": 1}]).send("PAY")
    assert (slow_shop.state, slow_shop.services) == ("paying", ("pay",))
    assert slow_shop.advance("1s").state == "paid"
    assert [call.attempt for call in slow_shop.calls] == [1, 2]


def test_one_that_waits_is_completed_by_the_test(slow_shop: Trial) -> None:
    slow_shop.stub("charge", returns=WAIT_FOR_CALLBACK).send("PAY")
    assert slow_shop.state == "paying"
    assert seen(slow_shop.complete("pay", {"ok": 1})) == [{"ok": 1}]


def test_one_that_waits_may_fail_or_take_too_long() -> None:
    failed = given(SLOW_SHOP, services={"pay": WAIT_FOR_CALLBACK}).send("PAY").complete("pay", error=ServiceError("no"))
    assert seen(failed) == [{"code": "no", "message": "", "data": {}}]
    late = given(SLOW_SHOP, services={"pay": WAIT_FOR_CALLBACK}).send("PAY").advance("15m")
    assert seen(late)[0]["code"] == "deadline_exceeded"


def test_only_what_waits_is_completed(slow_shop: Trial) -> None:
    message = "nothing of shop/1 waits to hear how 'pay' ended; a stub that returns WAIT_FOR_CALLBACK does"
    with pytest.raises(TrialError, match=message):
        slow_shop.complete("pay")
    slow_shop.stub("charge", returns=WAIT_FOR_CALLBACK).send("PAY").send("LEAVE")
    with pytest.raises(TrialError, match=message):
        slow_shop.complete("pay")


def test_an_outcome_has_to_fit_its_model() -> None:
    trial = given(make_shop(mode="background", id="counted"), services={"charge": WAIT_FOR_CALLBACK}).send("PAY")
    with pytest.raises(EventInvalidError, match="number: Field required"):
        trial.complete("counted", {})
    with pytest.raises(BlockedError):
        given(make_shop(id="counted"), services={"charge": {}}).send("PAY")


# Children -------------------------------------------------------------------------------------------------------------


def make_family() -> tuple[Statechart, Statechart]:
    def greet(_: Any, __: Event, do: Any) -> None:
        do.send("#_kid", "HELLO")

    def answer(_: Any, __: Event, do: Any) -> None:
        do.send("#_parent", "HEARD")

    parent = Statechart(
        id="parent",
        states=[
            {
                "name": "caring",
                "tags": ["settled"],
                "invoke": {
                    "id": "kid",
                    "machine": "kid",
                    "input": {"age": 3},
                    "on_done": {"dest": "alone", "actions": note},
                    "on_error": {"dest": "sad", "actions": note},
                },
            },
            {"name": "alone", "tags": ["settled"]},
            {"name": "sad", "tags": ["settled"]},
        ],
        transitions=[
            {"trigger": "GREET", "source": "caring", "dest": None, "actions": greet},
            {"trigger": "HEARD", "source": "caring", "dest": None, "actions": note},
            {"trigger": "LEAVE", "source": "caring", "dest": "alone"},
        ],
    )
    kid = Statechart(
        id="kid",
        context={"age": 0},
        states=[
            {"name": "playing", "tags": ["settled"]},
            {"name": "grown", "final": True, "output": lambda ctx: {"age": ctx["age"]}},
        ],
        transitions=[
            {"trigger": "HELLO", "source": "playing", "dest": None, "actions": answer},
            {"trigger": "GROW", "source": "playing", "dest": "grown"},
        ],
    )
    return parent, kid


PARENT, KID = make_family()


def test_a_child_that_is_stubbed_ends_as_the_test_says() -> None:
    trial = given(PARENT, services={"kid": lambda call: {"was": call.input["age"]}}).start()
    assert (trial.state, seen(trial), trial.effects) == ("alone", [{"was": 3}], (StartChild(invoke="kid#1"),))
    failed = given(PARENT, services={"kid": ServiceError("ill", "flu")}).start()
    assert (failed.state, seen(failed)) == ("sad", [{"code": "ill", "message": "flu", "data": {}}])


def test_a_child_of_which_nothing_is_said_says_how_to_say_it() -> None:
    with pytest.raises(NotStubbedError) as told:
        given(PARENT).start()
    assert str(told.value) == (
        "parent begins the machine 'kid' (invoke 'kid'), and the test does not say what it answers; say it with"
        " .stub('kid', returns={...}), or give it along, given(parent, kid)"
    )


def test_a_child_that_waits_is_spoken_to_and_completed() -> None:
    trial = given(PARENT, services={"kid": WAIT_FOR_CALLBACK}).start().send("GREET")
    assert trial.sent == (SendEvent(target="#_kid", type="HELLO"),)
    assert (trial.services, trial.complete("kid", {"ok": 1}).state) == (("kid",), "alone")
    with pytest.raises(TrialError, match="nothing of parent/1 waits"):
        trial.complete("kid")


def test_a_child_that_waits_is_stopped_when_its_node_is_left() -> None:
    trial = given(PARENT, services={"kid": WAIT_FOR_CALLBACK}).start().send("LEAVE")
    assert trial.effects[-1] == StopChild(invoke="kid#1")
    with pytest.raises(TrialError, match="nothing of parent/1 waits"):
        trial.complete("kid")


def test_a_child_that_fails_for_now_is_a_mistake_of_the_test() -> None:
    with pytest.raises(TrialError, match="a child ends with data or a ServiceError, and 'kid' raised OSError"):
        given(PARENT, services={"kid": OSError()}).start()


def test_a_child_that_is_given_is_real() -> None:
    trial = given(PARENT, KID).start().send("GREET")
    kid = trial.child("kid")
    assert (kid.state, kid.context, kid.sent) == ("playing", {"age": 3}, (SendEvent(target="#_parent", type="HEARD"),))
    kid.send("GROW")
    assert (trial.state, seen(trial)) == ("alone", [{}, {"age": 3}])
    assert kid.effects[-1] == SendEvent(target="#_parent", type="done.invoke.kid", data={"age": 3})
    assert trial.story.splitlines()[-1] == "3. send GROW (child kid) -> applied, at grown"


def test_a_child_that_is_left_is_stopped() -> None:
    trial = given(PARENT, KID).start()
    kid = trial.child("kid")
    trial.send("LEAVE")
    assert kid.status == "stopped"


def test_only_a_live_child_that_is_given_can_be_looked_at() -> None:
    with pytest.raises(TrialError, match="parent/1 has no live child 'dog'; live are kid"):
        given(PARENT, KID).start().child("dog")
    with pytest.raises(TrialError, match="parent/1 has no live child 'kid'; live are none"):
        given(PARENT, KID).in_state("alone").child("kid")
    with pytest.raises(
        TrialError, match=r"the child 'kid' is stubbed; give its machine 'kid' along, or complete\(\) it"
    ):
        given(PARENT, services={"kid": WAIT_FOR_CALLBACK}).start().child("kid")
    with pytest.raises(TrialError, match="has no live child 'pay'"):
        given(SLOW_SHOP, services={"pay": WAIT_FOR_CALLBACK}).send("PAY").child("pay")


def test_machines_of_this_repository_run_together() -> None:
    trial = given(auth, auth_server, services={"authorise": {"token": "t"}}).send("AUTH")
    assert trial.advance("1s").state == "authorized"
