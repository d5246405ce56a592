"""Interleavings and inputs that break the simpler rules for work that outlives an invocation, each with its test."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from settle.core.definition import Definition
from settle.core.delay import Delay
from settle.core.service import WAIT_FOR_CALLBACK, ServiceCall
from settle.core.snapshot import Status
from settle.core.spec import Action, Delivery, InvokeMode, InvokeSpec, NodeSpec
from settle.runtime.addresses import child_key
from tests.support.api_gateway import ApiGateway
from tests.support.charts import action, final, invoke, machine, node, on, settled
from tests.support.faults import KilledError
from tests.support.system import VISIBILITY_SECONDS, System

GROUP = "m/1"
DAY = 86_400.0
FINE = 150
"""A depth of nesting that every message takes."""


def sends(target: str | None, event_type: str, data: Any = None) -> Action:
    return action("send", lambda _c, _e, do: do.send(target, event_type, data or {}))


def note(context: dict[str, Any], event: Any, _do: object) -> None:
    context.setdefault("seen", []).append(event.data.get("n", event.type) if isinstance(event.data, dict) else 0)


NOTE = action("note", note)
SINK = machine("sink", settled("on", on("HI", actions=(NOTE,)), on("A", actions=(NOTE,))))


def invoking(name: str, child: str, *parts: Any, begin: Callable[..., NodeSpec] = settled, **options: Any) -> NodeSpec:
    spec = InvokeSpec(id="kid", src=child, machine=True)
    return begin(name, spec, on("done.invoke.kid", "idle"), on("error.invoke.kid", "alone"), *parts, **options)


def parent(child: str = "kid", *parts: Any) -> Definition:
    return machine(
        "boss",
        settled("idle", on("GO", "on"), on("FROM_KID", actions=(NOTE,))),
        invoking("on", child, on("STOP", "idle"), on("E1", actions=(NOTE,)), on("FROM_KID", actions=(NOTE,)), *parts),
        settled("alone", on("GO", "on")),
    )


def child_of(system: System, group: str = "boss/1") -> str:
    instance = system.instance(group)
    return str(child_key(instance, instance.snapshot.invokes[0]))


def begun(*definitions: Definition) -> tuple[System, str]:
    """A parent whose child is live."""
    system = System(*definitions)
    system.create("boss/1")
    system.post("boss/1", "GO")
    system.run_all()
    return system, child_of(system)


# Deleting ------------------------------------------------------------------------------------------------------------


def test_an_instance_with_many_events_in_both_lanes_can_be_deleted() -> None:
    tell = on("TELL", actions=(sends("#_kid", "HELLO"),))
    system, kid = begun(parent("kid", tell), machine("kid", settled("open", on("X"), on("HELLO"))))
    system.control(kid, "pause")
    system.run_all()
    for _ in range(60):
        system.post("boss/1", "TELL")
        system.post(kid, "X")
    system.run_all()
    system.control(kid, "delete")
    system.settle_down(patience=3)
    assert system.instance(kid).deleted
    assert system.state("boss/1") == ("alone",)


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.999])
def test_a_key_is_free_again_whatever_the_fraction_of_the_second(fraction: float) -> None:
    system = System(machine("m", settled("off", on("GO", "on")), settled("on", on("GO", "off"))))
    system.clock.sleep(fraction)
    system.post(GROUP, "GO", key="k")
    system.control(GROUP, "delete")
    system.create(GROUP)
    system.run_all()
    system.post(GROUP, "GO", key="k")
    system.run_all()
    assert system.state(GROUP) == ("on",)


def test_a_key_is_sent_again_for_a_successor_while_the_queue_remembers_the_first_message() -> None:
    api = ApiGateway(machine("m", settled("off", on("GO", "on")), settled("on", on("GO", "off"))))
    for _ in range(2):
        api.put("/machines/m/instances/1")
        answer = api.post("/machines/m/instances/1/events", {"type": "GO"}, idempotency_key="k", prefer="wait")
        assert answer.json["outcome"] == "applied"
        api.request("DELETE", "/machines/m/instances/1", headers={"prefer": "wait"})
        api.clock.sleep(1.0)


def test_a_stalled_relay_does_not_finish_a_key_for_a_successor() -> None:
    system = System(machine("m", settled("off", on("GO", "on")), settled("on", on("GO", "off"))))
    system.post(GROUP, "GO", key="k")
    stalled: list[Any] = []
    finish = system.inner_store.finish

    class Stalling:
        def __getattr__(self, name: str) -> Any:
            return stalled.append if name == "finish" else getattr(system.inner_store, name)

        def finish(self, key: Any, entry: Any) -> None:
            stalled.append(entry)
            finish(key, entry)

    system.store = Stalling()
    system.run_all()
    system.store = system.inner_store
    system.control(GROUP, "delete")
    system.create(GROUP)
    system.run_all()
    finish(system.instance(GROUP).key, stalled[0])
    system.post(GROUP, "GO", key="k")
    system.run_all()
    assert system.state(GROUP) == ("on",)


def test_a_message_is_not_applied_again_to_a_successor() -> None:
    system = System(machine("m", settled("on", on("SEND", actions=(sends("sink/1", "HI"),)))), SINK)
    system.post(GROUP, "SEND")
    system.pump_once()
    (message,) = system.polled.receive(max_messages=1, visibility_timeout=0)
    system.run_all()
    system.control("sink/1", "delete")
    system.create("sink/1")
    system.run_all()
    system.polled.send(group="sink/1", deduplication_id="again", body=message.body)
    system.run_all()
    assert system.context("sink/1") == {}


def test_a_message_of_a_child_does_not_reach_the_successor_of_its_parent() -> None:
    kid = machine("kid", settled("open", on("SAY", actions=(sends("#_parent", "FROM_KID"),))))
    system, name = begun(parent(), kid)
    system.post(name, "SAY")
    system.control("boss/1", "delete")
    system.create("boss/1")
    system.run_all()
    assert system.state("boss/1") == ("idle",)
    assert system.context("boss/1") == {}


# Stopping ------------------------------------------------------------------------------------------------------------


def explode(*_: object) -> None:
    raise RuntimeError("kaboom")


def flood(_context: object, _event: object, do: Any) -> None:
    for _ in range(3):
        do.send("sink/1", "A", {"text": "x" * 200_000})


def half_a_character(_context: object, _event: object, do: Any) -> None:
    do.send("sink/1", "A", {"text": "\ud800"})


@pytest.mark.parametrize("exits", [explode, flood, half_a_character], ids=lambda fn: fn.__name__)
def test_no_exit_action_keeps_an_instance_from_being_deleted(exits: Any) -> None:
    system = System(machine("m", settled("open", on("X"), exit=(action("exits", exits),))), SINK)
    system.post(GROUP, "X")
    system.control(GROUP, "delete")
    system.settle_down(patience=3)
    assert system.instance(GROUP).deleted


def test_an_exit_action_that_kills_the_process_is_left_out_in_the_end() -> None:
    times: list[int] = []

    def die(*_: object) -> None:
        times.append(1)
        raise KilledError

    system = System(machine("m", settled("open", on("X"), exit=(action("die", die),))))
    system.post(GROUP, "X")
    system.run_all()
    system.control(GROUP, "delete")
    for _ in range(20):
        with suppress(KilledError):
            system.pump()
        system.clock.sleep(31)
    assert system.instance(GROUP).deleted
    assert len(times) <= 6


@pytest.mark.parametrize("registered", [True, False])
def test_whoever_stops_without_its_exit_actions_still_stops_its_children_and_is_deleted_in_time(
    registered: bool,
) -> None:
    middle = machine(
        "kid",
        settled("idle", on("GO", "open")),
        invoking("open", "grand", exit=(action("x", explode),)),
        settled("alone", on("GO", "open")),
        retention=60.0 if registered else None,
    )
    grand = machine("grand", settled("open", on("X")))
    system, name = begun(parent(), middle, grand)
    system.post(name, "GO")
    system.run_all()
    below = child_of(system, name)
    if not registered:
        system.definitions.versions.pop(("kid", 1))
    version = system.instance(name).version
    system.post("boss/1", "STOP")
    system.run_all()
    assert system.instance(name).snapshot.status is Status.STOPPED
    assert system.instance(name).version > version
    assert system.instance(below).snapshot.status is Status.STOPPED
    system.advance(120)
    assert system.instance(name).deleted is registered


# Draining ------------------------------------------------------------------------------------------------------------


class Stalls:
    """A queue that stalls once, before it sends to a sink, while somebody else does something."""

    def __init__(self, system: System, meanwhile: Callable[[], None]) -> None:
        self._system, self._meanwhile, self._armed = system, meanwhile, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._system.polled, name)

    def send(self, *, group: str, **message: Any) -> Any:
        if self._armed and group == "sink/1":
            self._armed = False
            self._system.clock.sleep(VISIBILITY_SECONDS + 1)
            while self._system.pump_once():
                pass
            self._meanwhile()
        return self._system.polled.send(group=group, **message)


def say_and_note(context: dict[str, Any], event: Any, do: Any) -> None:
    note(context, event, do)
    do.send("sink/1", "HI")


def paused_with_events() -> System:
    system = System(
        machine("m", settled("on", on("X", actions=(action("x", say_and_note),)), on("E", actions=(NOTE,)))), SINK
    )
    system.create(GROUP)
    system.pump()
    system.control(GROUP, "pause")
    for number in range(12):
        system.post(GROUP, ("X", {"n": number}))
    system.pump()
    system.control(GROUP, "resume")
    system.pump_once()
    return system


def test_a_drain_that_stalls_takes_nothing_again_that_others_took_meanwhile() -> None:
    system = paused_with_events()
    system.post(GROUP, ("E", {"n": 99}))
    system.queue = Stalls(system, lambda: None)
    system.pump()
    system.queue = system.polled
    system.settle_down(patience=3)
    assert system.context(GROUP)["seen"] == [*range(12), 99]


def test_a_drain_that_stalls_does_not_take_old_events_for_new_ones() -> None:
    system = paused_with_events()

    def hold_anew() -> None:
        system.control(GROUP, "pause")
        system.post(GROUP, ("X", {"n": 100}), ("X", {"n": 101}))
        system.control(GROUP, "resume")
        system.pump_once()

    system.queue = Stalls(system, hold_anew)
    system.pump_once()
    system.queue = system.polled
    system.settle_down(patience=3)
    assert system.context(GROUP)["seen"] == [*range(12), 100, 101]


@pytest.mark.parametrize("size", [1, 10])
@pytest.mark.parametrize("held", [False, True])
def test_what_others_have_asked_for_makes_no_event_too_large(size: int, held: bool) -> None:
    text = "x" * 47_000
    system = System(machine("m", settled("on", on("X", actions=(sends("sink/1", "A", {"text": text}),)))), SINK)
    system.create(GROUP)
    system.run_all()
    if held:
        system.control(GROUP, "pause")
        system.run_all()
    for _ in range(9):
        system.post(GROUP, "X")
    if held:
        system.pump(size=size)
        system.control(GROUP, "resume")
    system.settle_down(size=size, patience=5)
    assert system.instance(GROUP).blocked is None
    assert len(system.context("sink/1")["seen"]) == 9


def test_what_came_first_is_applied_first_while_the_instance_is_settled() -> None:
    kid = machine("kid", settled("open", on("SAY", actions=(sends("#_parent", "FROM_KID"),))))
    system, name = begun(parent(), kid)
    system.control("boss/1", "pause")
    system.post("boss/1", "E1")
    system.pump()
    system.control("boss/1", "resume")
    system.post(name, "SAY")
    received = system.polled.receive(max_messages=10, visibility_timeout=VISIBILITY_SECONDS)
    of_kid = [each for each in received if each.attributes["MessageGroupId"] == name]
    system.polled.delete(system.consume(of_kid))
    system.polled.delay([each.receipt_handle for each in received if each not in of_kid], 0)
    system.run_all()
    assert system.context("boss/1")["seen"] == ["E1", "FROM_KID"]


# What cannot be applied ----------------------------------------------------------------------------------------------


def test_a_result_or_a_timer_that_is_rejected_blocks_the_instance() -> None:
    no = node("no", tags=frozenset({"rejected"}))
    system = System(machine("m", settled("a", on("", "no", delay=Delay(name="1h", seconds=3600.0)), on("X")), no))
    system.post(GROUP, "X")
    system.advance(2 * 3600)
    blocked = system.instance(GROUP).blocked
    assert blocked is not None
    assert blocked.code == "rejected"
    system.control(GROUP, "skip")
    system.run_all()
    assert system.instance(GROUP).snapshot.timers == ()


def test_whose_result_is_skipped_waits_for_it_no_longer() -> None:
    boss = machine(
        "boss",
        settled("idle", on("GO", "on"), on("E1", actions=(NOTE,))),
        node(
            "on",
            InvokeSpec(id="kid", src="kid", machine=True),
            on("done.invoke.kid", "idle", actions=(action("x", explode),)),
            on("error.invoke.kid", "idle"),
            on("E1", "idle", actions=(NOTE,)),
        ),
    )
    system, name = begun(boss, machine("kid", settled("open", on("END", "over")), final("over")))
    system.post(name, "END")
    system.post("boss/1", "E1")
    system.run_all()
    system.control("boss/1", "skip")
    system.run_all()
    assert system.instance("boss/1").snapshot.invokes == ()
    assert system.context("boss/1")["seen"] == ["E1"], "an event that waited for the result need not wait for ever"


def test_a_child_whose_creation_was_skipped_does_not_start_by_another_event() -> None:
    kid = machine("kid", settled("open", on("X"), entry=(action("x", explode),)))
    system, name = begun(parent(), kid)
    system.post(name, "X")
    system.run_all()
    system.control(name, "skip")
    system.run_all()
    assert system.state("boss/1") == ("alone",)
    assert not system.instance(name).snapshot.started


@pytest.mark.parametrize("depth", [FINE, 210, 1000])
@pytest.mark.parametrize("what", ["output", "message", "result"])
def test_data_that_is_nested_too_deeply_is_refused_and_not_lost(what: str, depth: int) -> None:
    data: Any = 1
    for _ in range(depth):
        data = [data]
    boss = machine(
        "boss",
        settled(
            "idle",
            on("OUTPUT", "on"),
            on("RESULT", "serving"),
            on("MESSAGE", actions=(sends("sink/1", "A", {"n": data}),)),
            on("error.communication", actions=(action("told", lambda c, _e, _d: c.update(told=True)),)),
        ),
        invoking("on", "kid"),
        settled(
            "serving",
            invoke("slow", lambda _call: data, mode=InvokeMode.BACKGROUND),
            on("done.invoke.slow", "idle"),
            on("error.invoke.slow", "alone"),
        ),
        settled("alone", on("GO", "on")),
    )
    kid = machine("kid", final("over"), root={"output": lambda _c, _e: data})
    system = System(boss, kid, SINK)
    system.post("boss/1", what.upper())
    system.advance(60)
    told = system.context("boss/1").get("told", False)
    if depth == FINE:
        assert (system.state("boss/1"), told) == (("idle",), False)
    elif what == "message":
        assert told or system.instance("boss/1").blocked is not None
    else:
        lost = child_of(system) if system.instance("boss/1").snapshot.invokes else "boss/1"
        assert system.state("boss/1") == ("alone",) or system.instance(lost).blocked is not None
    assert system.buried() == []


# Children ------------------------------------------------------------------------------------------------------------


def test_a_child_whose_id_is_that_of_a_deleted_instance_is_an_error_of_the_invoke() -> None:
    kid = machine("kid", settled("open", on("X")))
    _, name = begun(parent(), kid)
    system = System(parent(), kid)
    system.create("boss/1")
    system.create(name)
    system.control(name, "delete")
    system.run_all()
    system.post("boss/1", "GO")
    system.run_all()
    assert system.instance(name).deleted
    assert system.state("boss/1") == ("alone",)


def test_a_child_whose_machine_is_not_deployed_any_more_is_an_error_of_the_invoke() -> None:
    system = System(parent(), machine("kid", settled("open", on("X"))))
    system.post("boss/1", "GO")
    system.pump(1)
    system.definitions.current.pop("kid")
    system.advance(DAY / 4, steps=2000)
    assert system.state("boss/1") == ("alone",)
    assert len(system.buried()) == 1


# Background services -------------------------------------------------------------------------------------------------


def serving(serve: Any, **options: Any) -> Definition:
    return machine(
        "m",
        settled("idle", on("GO", "busy")),
        settled(
            "busy",
            invoke("slow", serve, mode=InvokeMode.BACKGROUND, **options),
            on("done.invoke.slow", "done"),
            on("error.invoke.slow", "failed"),
        ),
        settled("done", on("GO", "busy")),
        settled("failed", on("GO", "busy")),
    )


def test_a_task_that_was_sent_twice_is_not_called_more_often_than_it_may_be() -> None:
    calls: list[int] = []

    def serve(call: ServiceCall) -> None:
        calls.append(call.attempt)
        raise OSError("down")

    system = System(serving(serve, attempts=3))
    system.post(GROUP, "GO")
    system.pump()
    (task,) = system.tasks.receive(max_messages=1, visibility_timeout=0)
    system.tasks.send(body=task.body)
    system.advance(600)
    assert calls == [1, 2, 3]
    assert system.state(GROUP) == ("failed",)


@pytest.mark.parametrize("options", [{"attempts": 1}, {"delivery": Delivery.AT_MOST_ONCE}], ids=["one", "once"])
def test_a_call_that_waits_for_a_callback_is_not_given_up_because_its_task_comes_again(options: Any) -> None:
    system = System(serving(lambda _call: WAIT_FOR_CALLBACK, timeout=5.0, deadline=DAY, **options))
    system.post(GROUP, "GO")
    system.pump()
    (task,) = system.tasks.receive(max_messages=1, visibility_timeout=0)
    system.tasks.send(body=task.body)
    system.advance(3600)
    assert system.state(GROUP) == ("busy",)
    system.advance(DAY)
    assert system.state(GROUP) == ("failed",)


def test_an_attempt_that_never_began_is_not_counted() -> None:
    calls: list[int] = []
    system = System(serving(lambda call: calls.append(call.attempt), attempts=1))
    system.post(GROUP, "GO")
    system.pump()
    (task,) = system.tasks.receive(max_messages=1, visibility_timeout=VISIBILITY_SECONDS)
    assert task.attributes["ApproximateReceiveCount"] == "1"
    system.advance(60)
    assert calls == [1]
    assert system.state(GROUP) == ("done",)
