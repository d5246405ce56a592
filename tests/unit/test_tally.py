"""What the runtime lets observers know: what became of each event, once it is stored, and how long it took."""

from typing import Any

import pytest

from settle.core.service import ServiceCall, ServiceError
from settle.runtime.envelope import EnvelopeEvent, EventsEnvelope, TraceContext
from settle.runtime.errors import ConflictError
from settle.runtime.instance import InstanceKey
from settle.runtime.receipt import Outcome
from tests.support.charts import action, final, guard, invoke, machine, node, on, settled
from tests.support.system import System

GROUP = "door/d1"


def explode(*_: object) -> None:
    raise RuntimeError("kaboom")


def call(answer: ServiceCall) -> str:
    if answer.event["fails"]:
        raise ServiceError("no", "it says no")
    return "yes"


DOOR = machine(
    "door",
    settled(
        "closed",
        on("OPEN", "open"),
        on("NEVER", "open", guards=(guard("never", lambda *_: False),)),
        on("BOOM", "open", actions=(action("explode", explode),)),
        on("RING", "ringing"),
    ),
    settled("open", on("CLOSE", "closed")),
    node("ringing", on("done.invoke.bell", "open"), on("error.invoke.bell", "closed"), invoke("bell", call)),
    final("gone"),
)


@pytest.fixture
def system() -> System:
    return System(DOOR)


def outcomes(system: System) -> list[tuple[str, str]]:
    return [(taken.type, taken.outcome) for taken in system.taken()]


def test_each_event_is_told_with_what_became_of_it(system: System) -> None:
    system.post(GROUP, "OPEN", "OPEN")
    system.post(GROUP, "NEVER")
    system.post(GROUP, "CLOSE", key="k")
    system.post(GROUP, "CLOSE", key="k")
    system.post(GROUP, "NEVER")
    system.post(GROUP, "BOOM")
    system.post(GROUP, "OPEN")
    system.pump()
    assert outcomes(system) == [
        ("OPEN", "applied"),
        ("OPEN", "ignored"),
        ("NEVER", "ignored"),
        ("CLOSE", "applied"),
        ("CLOSE", "duplicate"),
        ("NEVER", "refused"),
        ("BOOM", "quarantined"),
        ("OPEN", "held"),
    ]
    assert [taken.version for taken in system.taken()] == [2, 2, 2, 3, 3, 3, 3, 3]
    assert system.taken()[5].code == "guard:never"


def test_skipping_and_draining_are_told(system: System) -> None:
    system.post(GROUP, "BOOM")
    system.post(GROUP, "OPEN")
    system.pump()
    system.tallies.clear()
    system.control(GROUP, "skip")
    system.pump()
    assert outcomes(system) == [("BOOM", "skipped"), ("OPEN", "applied")]


def test_an_event_that_lies_in_the_queue_has_a_lag(system: System) -> None:
    accepted = system.clock.now()
    system.post(GROUP, "OPEN", accepted_at=accepted)
    system.clock.sleep(7)
    system.pump()
    (taken,) = system.taken()
    assert (taken.accepted_at, taken.ended_at - taken.accepted_at) == (accepted, 7)


def test_messages_of_instances_were_accepted_by_nobody(system: System) -> None:
    system.post(GROUP, "OPEN", accepted_at=system.clock.now(), origin="house/h1")
    system.pump()
    assert [taken.accepted_at for taken in system.taken()] == [0.0]


def test_what_is_not_stored_is_not_told(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    def conflict(*_args: Any, **_named: Any) -> None:
        raise ConflictError("another consumer was faster")

    monkeypatch.setattr(system.store, "commit", conflict)
    system.post(GROUP, "OPEN")
    system.pump()
    assert system.taken() == []
    assert [tally.conflicts for tally in system.tallies] == [5]


@pytest.mark.parametrize(("fails", "errors", "state"), [(False, 0, "open"), (True, 1, "closed")])
def test_services_are_counted(system: System, fails: bool, errors: int, state: str) -> None:
    system.post(GROUP, ("RING", {"fails": fails}))
    system.pump()
    (tally,) = system.tallies
    assert (tally.services, tally.service_errors, tally.services_abandoned) == (1, errors, 0)
    assert system.state(GROUP) == (state,)


def test_what_is_buried_is_counted(system: System) -> None:
    system.stranger.send(group=GROUP, deduplication_id="x", body="nonsense")
    system.pump()
    assert [tally.buried for tally in system.tallies] == [1]


def test_each_group_takes_its_time(system: System) -> None:
    system.post(GROUP, "OPEN")
    system.post("door/d2", "OPEN")
    system.pump()
    assert [tally.settle_seconds for tally in system.tallies] == [0.0, 0.0]


def test_log_lines_about_an_event_carry_its_keys(system: System, caplog: pytest.LogCaptureFixture) -> None:
    trace = TraceContext(correlation_id="case-7")
    event = EnvelopeEvent(id="e1", type="BOOM")
    system.send(EventsEnvelope(machine="door", instance="d1", events=[event], trace=trace))
    system.pump()
    line = next(vars(record) for record in caplog.records if record.message == "event quarantined")
    keys = ("machine_id", "instance_id", "event_id", "snapshot_version", "correlation_id", "event_type", "code")
    assert [line[key] for key in keys] == ["door", "d1", "e1", 1, "case-7", "BOOM", "user_code"]
    assert system.instance(GROUP).key == InstanceKey("door", "d1")
    assert [taken.outcome for taken in system.taken()] == [Outcome.QUARANTINED]
