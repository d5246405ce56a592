"""A trace follows a request through queues, instances, services and children; its ids are the same in a repetition."""

from typing import Any

import pytest

from settle.core.delay import Delay
from settle.core.spec import InvokeMode, InvokeSpec
from settle.runtime.envelope import EnvelopeEvent, EventsEnvelope, TraceContext, parse_envelope, parse_task
from settle.runtime.trace import TraceParent, follow, follow_later, parse_parent, segment_id
from tests.support.charts import action, invoke, machine, on, settled
from tests.support.system import System

ROOT = "1-6565c1a2-0123456789abcdef01234567"
HEADER = f"Root={ROOT};Parent=00000000000000aa;Sampled=1"
TRACE = TraceContext(correlation_id="case-7", parent=HEADER)


def test_the_header_is_read() -> None:
    assert parse_parent(HEADER) == TraceParent(root=ROOT, parent="00000000000000aa", sampled=True)
    assert parse_parent(f"Root={ROOT}; Parent=00000000000000aa;Lineage=x") == TraceParent(
        root=ROOT, parent="00000000000000aa", sampled=False
    )


@pytest.mark.parametrize("header", [None, "", "Root=1-2-3;Parent=x", f"Root={ROOT}", "nonsense;;=;"])
def test_what_is_no_header_is_none(header: str | None) -> None:
    assert parse_parent(header) is None


def test_what_follows_has_the_event_as_its_parent() -> None:
    after = follow(TRACE, "door/d1", "e1")
    assert after is not None
    assert after.correlation_id == "case-7"
    assert after.parent == f"Root={ROOT};Parent={segment_id('door/d1', 'e1')};Sampled=1"
    assert follow(TRACE, "door/d1", "e1") == after
    assert follow(TRACE, "door/d2", "e1") != after


def test_without_a_trace_only_the_name_goes_along() -> None:
    assert follow(None, "door/d1", "e1") is None
    plain = TraceContext(correlation_id="case-7")
    assert follow(plain, "door/d1", "e1") == plain
    assert follow_later(TRACE) == plain
    assert follow_later(None) is None


def test_what_a_newer_release_adds_to_the_trace_is_passed_over() -> None:
    body = '{"kind": "events", "machine": "m", "instance": "i", "events": [{"type": "A"}], '
    envelope = parse_envelope(body + '"trace": {"correlation_id": "c", "baggage": {"a": 1}}}')
    assert envelope.trace == TraceContext(correlation_id="c")


# Through the runtime -------------------------------------------------------------------------------------------------


def send_on(_context: Any, _event: Any, do: Any) -> None:
    do.send("bell/b1", "RING")


HOUSE = machine(
    "house",
    settled(
        "idle",
        on("TELL", "idle", actions=(action("send_on", send_on),)),
        on("CALL", "calling"),
        on("WAIT", "waiting"),
        on("BEGIN", "with_child"),
    ),
    settled("calling", invoke("service", lambda _: "ok", mode=InvokeMode.BACKGROUND)),
    settled("waiting", on("", "idle", delay=Delay(name="5s", seconds=5.0))),
    settled("with_child", InvokeSpec(id="child", src="bell", machine=True)),
)
BELL = machine("bell", settled("still", on("RING", "rung")), settled("rung"))


@pytest.fixture
def system() -> System:
    return System(HOUSE, BELL)


def send(system: System, event_type: str) -> TraceContext:
    """Send a traced event; return the context that must travel on."""
    event = EnvelopeEvent(id="e1", type=event_type)
    system.send(EventsEnvelope(machine="house", instance="h1", events=[event], trace=TRACE))
    system.pump(batches=1)
    after = follow(TRACE, "house/h1", "e1")
    assert after is not None
    return after


def test_a_message_to_another_instance_carries_it(system: System) -> None:
    expected = send(system, "TELL")
    (message,) = system.polled.receive(max_messages=10, visibility_timeout=0)
    assert parse_envelope(message.body).trace == expected
    system.run_all()
    (rung,) = [taken for taken in system.taken() if taken.group == "bell/b1"]
    assert rung.trace == expected


def test_a_child_carries_it(system: System) -> None:
    expected = send(system, "BEGIN")
    (message,) = system.polled.receive(max_messages=10, visibility_timeout=0)
    assert parse_envelope(message.body).trace == expected


def test_a_service_carries_it_and_its_result(system: System) -> None:
    expected = send(system, "CALL")
    (message,) = system.tasks.receive(max_messages=10, visibility_timeout=0)
    assert parse_task(message.body).trace == expected
    system.work()
    (result,) = system.polled.receive(max_messages=10, visibility_timeout=0)
    found = parse_envelope(result.body).trace
    (called,) = [taken for taken in system.taken() if taken.type.startswith("service")]
    assert (called.trace, called.outcome) == (expected, "done")
    assert found == follow(expected, "house/h1", called.event_id)


def test_a_timer_carries_the_name_only(system: System) -> None:
    send(system, "WAIT")
    system.advance(6)
    timer = next(taken for taken in system.taken() if taken.type == "settle.timer")
    assert timer.trace == TraceContext(correlation_id="case-7")


def test_a_held_event_keeps_it(system: System) -> None:
    system.post("house/h1", "NOTHING")
    system.control("house/h1", "pause")
    system.pump()
    send(system, "TELL")
    system.control("house/h1", "resume")
    system.pump()
    told = [taken.trace for taken in system.taken() if taken.type == "TELL"]
    assert told == [TRACE, TRACE]
