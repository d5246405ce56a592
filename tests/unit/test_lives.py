"""Two lives under one name, and drains whose message came twice: what the search over schedules found."""

import pytest

from settle.core.definition import Definition
from settle.runtime.envelope import EnvelopeEvent, EventsEnvelope
from tests.support.charts import action, machine, on, settled
from tests.support.faults import KilledError, Mortal, Plan
from tests.support.system import VISIBILITY_SECONDS, System

GROUP = "m/1"


def chart() -> Definition:
    count = action("count", lambda context, _e, _do: context.update(n=context.get("n", 0) + 1))
    echo = action("echo", lambda _c, _e, do: do.send(None, "GO", {}))
    return machine("m", settled("idle", on("GO", actions=(count,)), on("SELF", actions=(echo,))))


def send_message(system: System) -> None:
    event = EnvelopeEvent(id="sender:1:0", type="GO")
    fields = {"machine": "m", "instance": "1", "body_hash": "message", "origin": "o/1"}
    system.send(EventsEnvelope(schema_version=2, events=[event], **fields))


@pytest.mark.parametrize("successor", [False, True])
def test_a_second_copy_of_a_message_after_a_deletion_in_the_same_batch_is_a_duplicate(*, successor: bool) -> None:
    sender = machine("o", settled("idle", on("error.communication", "told"), on("GO", "idle")), settled("told"))
    system = System(chart(), sender)
    system.post("o/1", "GO")
    system.post(GROUP, "GO")
    system.run_all()
    send_message(system)
    system.control(GROUP, "delete")
    if successor:
        system.create(GROUP)
    send_message(system)
    system.run_all()
    assert system.instance(GROUP).deleted is not successor
    assert system.context(GROUP) == {}
    assert system.state("o/1") == ("idle",), "it was delivered, so nobody is told that it was not"


def test_a_message_to_oneself_does_not_reach_a_successor() -> None:
    system = System(chart())
    system.post(GROUP, "SELF")
    system.control(GROUP, "delete")
    system.create(GROUP)
    system.run_all()
    assert system.context(GROUP) == {}


def test_a_drain_that_runs_out_of_time_goes_on_though_its_own_message_was_never_taken_off_the_outbox() -> None:
    system = System(chart())
    system.post(GROUP, "GO")
    system.control(GROUP, "pause")
    for _ in range(3):
        system.post(GROUP, "GO")
    system.pump()
    system.control(GROUP, "resume")
    plan = Plan(at=3)  # after load, commit and send: the message of the drain is sent and stands in the outbox
    system.store, system.queue = Mortal(system.inner_store, plan), Mortal(system.polled, plan)
    with pytest.raises(KilledError):
        system.pump()
    system.store, system.queue = system.inner_store, system.polled
    assert system.instance(GROUP).outbox
    system.clock.sleep(VISIBILITY_SECONDS + 1)
    times = iter([1000.0])
    system.remaining = lambda: next(times, 1.5)  # for one held event, then no more
    received = system.polled.receive(max_messages=10, visibility_timeout=VISIBILITY_SECONDS)
    system.polled.delete(system.consume(received))
    held = system.instance(GROUP).held
    assert held is not None
    assert len(held) == 2, "the drain stopped early"
    system.remaining = lambda: 1000.0
    system.run_all()
    assert system.instance(GROUP).held is None
    assert system.context(GROUP) == {"n": 4}
