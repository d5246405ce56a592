"""Messages: effects that are sent when the macrostep is stored, at once or later."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from settle import Actions, Event, EventKind, Statechart, start, step
from settle.core.definition import Definition
from settle.core.effects import CancelTimer, SendEvent, SetTimer
from settle.core.errors import EffectLimitError, UserCodeError
from settle.core.snapshot import LiveTimer

Act = Callable[[Any, Event, Actions], None]


def acting(**acts: Act) -> Definition:
    """A machine of one state, with an action for each event."""
    return Statechart(
        id="m",
        states=["on"],
        transitions=[{"trigger": name, "source": "on", "dest": None, "actions": act} for name, act in acts.items()],
    ).definition


def after(definition: Definition, *events: str, now: float = 10.0) -> Any:
    macrostep = start(definition)
    for event in events:
        macrostep = step(definition, macrostep.snapshot, Event(type=event), now)
    return macrostep


def test_a_message_is_an_effect() -> None:
    def tell(_ctx: Any, _event: Event, do: Actions) -> None:
        do.send("payment/42", "CHARGE", {"amount": 5}, id="c1")
        do.send(None, "AGAIN")

    sent = after(acting(GO=tell), "GO")
    assert sent.effects == (
        SendEvent(target="payment/42", type="CHARGE", data={"amount": 5}, id="c1"),
        SendEvent(target="", type="AGAIN", data={}, id=""),
    )
    assert sent.snapshot.timers == ()


def test_a_delayed_message_is_a_timer() -> None:
    def later(_ctx: Any, _event: Event, do: Actions) -> None:
        do.send("payment/42", "REMIND", {"times": 1}, delay="1m", id="r")

    definition = acting(GO=later)
    set_ = after(definition, "GO")
    (timer,) = set_.snapshot.timers
    assert timer == LiveTimer(id="r", entry=1, due=70.0, type="REMIND", target="payment/42", data={"times": 1})
    assert set_.effects == (SetTimer(timer="r#1", due=70.0),)
    fired = step(definition, set_.snapshot, Event(kind=EventKind.TIMER, key="r#1"), 70.0)
    assert fired.effects == (SendEvent(target="payment/42", type="REMIND", data={"times": 1}, id="r"),)
    assert fired.snapshot.timers == ()
    assert step(definition, fired.snapshot, Event(kind=EventKind.TIMER, key="r#1"), 70.0).effects == ()


def test_a_delayed_message_to_oneself_is_taken_when_it_is_due() -> None:
    def later(_ctx: Any, _event: Event, do: Actions) -> None:
        do.send(None, "TICK", {"n": 7}, delay=5)

    def take(ctx: Any, event: Event) -> None:
        ctx["got"] = event["n"]

    definition = acting(GO=later, TICK=lambda ctx, event, _do: take(ctx, event))
    set_ = after(definition, "GO")
    fired = step(definition, set_.snapshot, Event(kind=EventKind.TIMER, key="#1"), 15.0)
    assert (fired.snapshot.context, fired.snapshot.timers) == ({"got": 7}, ())


def test_cancel_ends_every_delayed_message_of_its_id() -> None:
    def set_two(_ctx: Any, _event: Event, do: Actions) -> None:
        do.send(None, "A", delay=5, id="x")
        do.send("other/1", "B", delay=6, id="x")
        do.send(None, "C", delay=7, id="y")

    def cancel(_ctx: Any, _event: Event, do: Actions) -> None:
        do.cancel("x")
        do.cancel("nothing")

    cancelled = after(acting(GO=set_two, STOP=cancel), "GO", "STOP")
    assert [timer.key for timer in cancelled.snapshot.timers] == ["y#3"]
    assert cancelled.effects == (CancelTimer(timer="x#1"), CancelTimer(timer="x#2"))


def test_what_is_sent_and_cancelled_in_one_macrostep_leaves_no_trace() -> None:
    def both(_ctx: Any, _event: Event, do: Actions) -> None:
        do.send(None, "A", delay=5, id="x")
        do.cancel("x")

    done = after(acting(GO=both), "GO")
    assert (done.effects, done.snapshot.timers) == ((), ())


def test_cancel_does_not_touch_the_timer_of_a_state() -> None:
    chart = Statechart(
        id="m",
        states=[{"name": "a", "timeout": 5, "on_timeout": "b"}, "b"],
        transitions=[
            {"trigger": "GO", "source": "a", "dest": None, "actions": lambda _ctx, _event, do: do.cancel("a@5s")}
        ],
    )
    assert len(after(chart.definition, "GO").snapshot.timers) == 1


def test_delayed_messages_end_with_the_machine() -> None:
    def later(_ctx: Any, _event: Event, do: Actions) -> None:
        do.send("other/1", "B", delay=6, id="x")

    chart = Statechart(
        id="m",
        states=["a", {"name": "z", "final": True}],
        transitions=[
            {"trigger": "GO", "source": "a", "dest": None, "actions": later},
            {"trigger": "END", "source": "a", "dest": "z"},
        ],
    )
    ended = after(chart.definition, "GO", "END")
    assert (ended.snapshot.timers, ended.effects) == ((), (CancelTimer(timer="x#1"),))


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda _c, _e, do: do.send("x/1", ""), "needs a type"),
        (lambda _c, _e, do: do.send(None, "settle.start"), "only the runtime makes events"),
        (lambda _c, _e, do: do.raise_("settle.after.on@1s"), "only the runtime makes events"),
        (lambda _c, _e, do: do.send("x/1", "A", delay="soon"), "a delay is seconds"),
        (lambda _c, _e, do: do.send("x/1", "A", delay=-1), "between zero and a hundred years"),
        (lambda _c, _e, do: do.send("x/1", "A", {"x": object()}), "object is not JSON data"),
        (lambda _c, _e, do: do.raise_("A", {"x": object()}), "object is not JSON data"),
        (lambda _c, _e, do: do.send("order.paid", {"a": 1}), "the type of an event is text"),
        (lambda _c, _e, do: do.send(5, "A"), "`target` is text, not 5"),
        (lambda _c, _e, do: do.send(None, "A", delay=1, id=5), "`id` is text, not 5"),
        (lambda _c, _e, do: do.cancel(5), "`id` is text, not 5"),
        (lambda _c, _e, do: do.log(5), "a message is text, not 5"),
        (lambda _c, _e, do: do.raise_(5), "the type of an event is text"),
        (lambda _c, _e, do: do.cancel(""), "needs the `id`"),
        (lambda _c, _e, do: do.in_state("nowhere"), "has no node 'nowhere'"),
    ],
)
def test_a_message_that_is_none_is_the_fault_of_the_action(act: Act, reason: str) -> None:
    with pytest.raises(UserCodeError, match=reason):
        after(acting(GO=act), "GO")


def sending(target: str | None) -> Definition:
    def tell(_ctx: Any, _event: Event, do: Actions) -> None:
        do.send(target, "HELLO")

    return acting(GO=tell)


@pytest.mark.parametrize(
    "target",
    ["payment/42", "a/b", f"{'m' * 31}/{'i' * 96}", "auth-server/Mia.O_o:1@x-y", "#_parent", "#_pay.1", "", None],
)
def test_messages_go_to_anybody_and_to_relatives_by_the_words_of_scxml(target: str | None) -> None:
    assert after(sending(target), "GO").effects == (SendEvent(target=target or "", type="HELLO"),)


@pytest.mark.parametrize(
    "target",
    [
        "payment",
        "payment/",
        "/42",
        "Payment/42",
        "pay/4/2",
        "pay/ü",
        "pay/42 ",
        "pay/42\n",
        f"{'m' * 32}/1",
        f"m/{'i' * 97}",
        "#pay",
        "#_",
    ],
)
def test_a_target_that_is_nobodys_name_is_the_fault_of_the_action(target: str) -> None:
    with pytest.raises(UserCodeError) as caught:
        after(sending(target), "GO")
    assert str(caught.value) == (
        "action 'tell' of 'on' raised ValueError: a target is `machine/instance`, `#_parent`, `#_<invoke id>` of a"
        f" child, or None for the instance itself, not {target!r}"
    )


def test_whoever_waits_to_send_is_checked_before_the_wait() -> None:
    def later(_ctx: Any, _event: Event, do: Actions) -> None:
        do.send("nobody", "HELLO", delay="1h")

    with pytest.raises(UserCodeError, match="a target is `machine/instance`"):
        after(acting(GO=later), "GO")


def test_messages_count_as_effects() -> None:
    def many(_ctx: Any, _event: Event, do: Actions) -> None:
        for _ in range(300):
            do.send("x/1", "A", delay=1)

    with pytest.raises(EffectLimitError):
        after(acting(GO=many), "GO")


def test_a_message_to_oneself_is_checked_when_it_is_sent() -> None:
    class Tick(BaseModel):
        n: int

    for delay in (None, 5):
        chart = Statechart(
            id="m",
            events={"TICK": Tick},
            states=["a"],
            transitions=[
                {
                    "trigger": "GO",
                    "source": "a",
                    "dest": None,
                    "actions": lambda _c, _e, do, wait=delay: do.send(None, "TICK", {"n": "x"}, delay=wait),
                },
                ["TICK", "a", None],
            ],
        )
        with pytest.raises(UserCodeError, match=r"data\.n"):
            after(chart.definition, "GO")


def test_cancel_does_not_touch_the_timer_of_the_machine_itself() -> None:
    chart = Statechart(
        id="m",
        timeout=5,
        on_timeout="b",
        states=["a", "b"],
        transitions=[
            {"trigger": "GO", "source": "a", "dest": None, "actions": lambda _ctx, _event, do: do.cancel("@5s")}
        ],
    )
    assert len(after(chart.definition, "GO").snapshot.timers) == 1


def test_a_limit_that_an_action_swallows_is_an_error_all_the_same() -> None:
    def greedy(_ctx: Any, _event: Event, do: Actions) -> None:
        for _ in range(300):
            with contextlib.suppress(Exception):
                do.log("more")

    with pytest.raises(EffectLimitError):
        after(acting(GO=greedy), "GO")


def test_what_a_timer_kept_and_does_not_fit_any_more_is_not_the_fault_of_a_caller() -> None:
    """The model of an event may change while an instance waits."""

    class Tick(BaseModel):
        n: int

    chart = Statechart(id="m", events={"TICK": Tick}, states=["a"], transitions=[["TICK", "a", None]]).definition
    timer = LiveTimer(id="t", entry=1, due=5.0, type="TICK", data={"m": 1})
    waiting = start(chart).snapshot._replace(timers=(timer,))
    with pytest.raises(UserCodeError, match="'t' of '' raised EventInvalidError"):
        step(chart, waiting, Event(kind=EventKind.TIMER, key="t#1"), 5.0)
