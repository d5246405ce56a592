"""What the consumer promises for the events of one instance."""

import threading
from typing import Any

import pytest

from settle import Statechart
from settle.core.event import Event
from settle.core.service import ServiceCall, ServiceError
from settle.runtime.count_begin import MAX_BEGUN
from settle.runtime.envelope import ENVELOPE_SCHEMA, ControlAction, ControlEnvelope, EnvelopeEvent, EventsEnvelope
from settle.runtime.instance import InstanceKey
from settle.runtime.receipt import Outcome
from tests.support.charts import action, final, guard, invoke, machine, node, on, settled
from tests.support.system import System


class Calls(list[ServiceCall]):
    """A service that remembers its calls, and fails as often as it is told."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)

    def __call__(self, call: ServiceCall) -> dict[str, Any]:
        self.append(call)
        if self.failures:
            raise self.failures.pop(0)
        return {"n": len(self)}


def add(context: dict[str, Any], _event: Event, _do: object) -> None:
    context["count"] = context.get("count", 0) + 1


def explode(*_: object) -> bool:
    raise RuntimeError("kaboom")


ADD = action("add", add)


def flat() -> Any:
    return machine(
        "flat",
        settled("idle", on("GO", "busy", actions=(ADD,)), on("BAD", "idle", guards=(guard("explode", explode),))),
        settled(
            "busy",
            on("GO", "idle", actions=(ADD,)),
            on("NEVER", "idle", guards=(guard("no", lambda _c, _e: False),)),
            on("END", "over"),
        ),
        final("over"),
    )


def serving(first: Calls, second: Calls, **options: Any) -> Any:
    """Two services in a row, as the counting machine has them."""
    return machine(
        "serving",
        settled("rest", on("GO", "one"), on("NOTE", actions=(ADD,))),
        node("one", invoke("first", first, **options), on("done.invoke.first", "two"), on("error.invoke.first", "sad")),
        node("two", invoke("second", second, **options), on("done.invoke.second", "rest", actions=(ADD,))),
        settled("sad"),
    )


def test_an_event_creates_the_instance_and_is_applied() -> None:
    system = System(flat())
    sequence = system.post("flat/1", "GO")
    system.pump()
    assert system.state("flat/1") == ("busy",)
    assert system.context("flat/1") == {"count": 1}
    assert system.instance("flat/1").version == 2
    assert system.outcome("flat/1", sequence) is Outcome.APPLIED


def test_events_of_a_batch_share_one_write() -> None:
    system = System(flat())
    for _ in range(10):
        system.post("flat/1", "GO")
    system.pump()
    assert len(system.batches) == 1
    assert system.context("flat/1") == {"count": 10}
    assert system.instance("flat/1").version == 11
    assert system.instance("flat/1").revision == 1


def test_a_list_is_applied_in_order_with_a_receipt_each() -> None:
    system = System(flat())
    sequence = system.post("flat/1", "GO", "NEVER", "END", "GO")
    system.pump()
    assert system.state("flat/1") == ("over",)
    outcomes = [system.outcome("flat/1", sequence, index) for index in range(4)]
    assert outcomes == [Outcome.APPLIED, Outcome.REFUSED, Outcome.APPLIED, Outcome.IGNORED]


def test_a_refusing_guard_is_named_and_nothing_changes() -> None:
    system = System(flat())
    system.post("flat/1", "GO")
    sequence = system.post("flat/1", "NEVER")
    system.pump()
    assert system.receipt("flat/1", sequence).code == "guard:no"
    assert system.instance("flat/1").version == 2


def test_a_rejected_node_is_named_and_nothing_changes() -> None:
    chart = machine(
        "gate",
        settled("open", on("ENTER", "closed")),
        node("closed", on("ENTER", "open"), tags=frozenset({"rejected"})),
    )
    system = System(chart)
    sequence = system.post("gate/1", "ENTER")
    system.pump()
    assert system.outcome("gate/1", sequence) is Outcome.REFUSED
    assert system.receipt("gate/1", sequence).code == "node:closed"
    assert system.state("gate/1") == ("open",)
    assert system.instance("gate/1").version == 1


def test_a_redelivered_message_changes_nothing() -> None:
    system = System(flat())
    system.post("flat/1", "GO")
    received = system.polled.receive(max_messages=10, visibility_timeout=30)
    system.consume(received)
    assert system.process(received) == []
    assert system.instance("flat/1").version == 2


def test_an_idempotency_key_counts_once_long_after_the_queue_forgot() -> None:
    system = System(flat())
    first = system.post("flat/1", "GO", key="k")
    system.settle_down(patience=10)
    second = system.post("flat/1", "GO", key="k")
    system.pump()
    assert system.context("flat/1") == {"count": 1}
    assert system.outcome("flat/1", first) is Outcome.APPLIED
    assert system.outcome("flat/1", second) is Outcome.DUPLICATE
    assert system.instance("flat/1").outbox == ()


def test_two_events_with_one_key_in_one_batch_count_once() -> None:
    system = System(flat())
    system.post("flat/1", "GO", key="k")
    second = system.post("flat/1", "GO", key="k")
    system.pump()
    assert system.context("flat/1") == {"count": 1}
    assert system.outcome("flat/1", second) is Outcome.DUPLICATE


def test_a_keyed_event_leaves_a_full_receipt() -> None:
    system = System(flat())
    system.post("flat/1", "GO", key="k")
    system.pump()
    entries = system.inner_store.find_entries(system.instance("flat/1").key, ["k-0"], system.clock.now())
    receipt = entries["k-0"].receipt
    assert receipt is not None
    assert (receipt.outcome, receipt.version) == (Outcome.APPLIED, 2)
    assert (receipt.before, receipt.after) == ((), ("busy",))
    assert receipt.next_events == ("END", "GO", "NEVER")


def test_if_match_is_decided_by_the_consumer() -> None:
    system = System(flat())
    system.post("flat/1", "GO")
    stale = system.post("flat/1", "GO", if_match=1)
    fresh = system.post("flat/1", "GO", if_match=2)
    system.pump()
    assert system.outcome("flat/1", stale) is Outcome.PRECONDITION_FAILED
    assert system.outcome("flat/1", fresh) is Outcome.APPLIED


# Creation ------------------------------------------------------------------------------------------------------------


def test_racing_creations_are_decided_in_order() -> None:
    system = System(flat())
    first = system.create("flat/1", "a", input={"count": 7})
    same = system.create("flat/1", "a", input={"count": 7})
    other = system.create("flat/1", "b", input={"count": 8})
    system.pump()
    assert system.outcome("flat/1", first) is Outcome.APPLIED
    assert system.outcome("flat/1", same) is Outcome.DUPLICATE
    assert system.receipt("flat/1", other).code == "instance_exists"
    assert system.context("flat/1") == {"count": 7}


def test_a_creation_may_bring_its_first_event() -> None:
    system = System(flat())
    system.create("flat/1", event=EnvelopeEvent(id="e", type="GO"))
    system.pump()
    assert system.state("flat/1") == ("busy",)
    assert system.instance("flat/1").revision == 1
    assert system.instance("flat/1").version == 2


def test_the_event_of_a_creation_belongs_to_that_creation() -> None:
    system = System(flat())
    first = system.create("flat/1", "a", event=EnvelopeEvent(id="e1", type="GO"))
    same = system.create("flat/1", "a", event=EnvelopeEvent(id="e2", type="GO"))
    other = system.create("flat/1", "b", event=EnvelopeEvent(id="e3", type="GO"))
    system.pump()
    assert system.context("flat/1") == {"count": 1}
    assert system.outcome("flat/1", first, 1) is Outcome.APPLIED
    assert system.outcome("flat/1", same, 1) is Outcome.DUPLICATE
    assert system.receipt("flat/1", other, 1).code == "instance_exists"


def test_the_event_of_a_held_creation_waits_with_it_and_goes_with_it() -> None:
    broken = [True]

    def enter(_context: object, _event: object, _do: object) -> None:
        if broken[0]:
            raise RuntimeError("cannot start")

    chart = machine("late", settled("a", on("GO", "b"), entry=(action("enter", enter),)), settled("b"))
    system = System(chart)
    for name in ("late/1", "late/2"):
        system.create(name, event=EnvelopeEvent(id="e", type="GO"))
    system.pump()
    system.control("late/1", "skip")
    system.pump()
    assert system.state("late/1") == ()
    assert system.instance("late/1").held is None
    broken[0] = False
    system.control("late/2", "retry")
    system.pump()
    assert system.state("late/2") == ("b",)


def test_what_a_refused_creation_leaves_behind_does_not_stop_the_next_one() -> None:
    picky = machine(
        "picky",
        settled(
            "new",
            on("", "bad", guards=(guard("is_bad", lambda context, _event: bool(context.get("bad"))),)),
            on("GO", actions=(ADD,)),
        ),
        node("bad", tags=frozenset({"rejected"})),
    )
    system = System(picky)
    refused = system.create("picky/1", "a", input={"bad": True})
    system.pump()
    assert system.receipt("picky/1", refused).code == "node:bad"
    assert system.state("picky/1") == ()
    system.create("picky/1", "b", input={}, event=EnvelopeEvent(id="e", type="GO"))
    system.pump()
    assert system.context("picky/1") == {"count": 1}


def test_a_machine_may_insist_on_being_created() -> None:
    system = System(machine("strict", settled("idle", on("GO", "idle")), create_on_event=False))
    system.post("strict/1", "GO")
    system.post("strict/1", "GO", key="k")
    system.pump()
    assert not system.exists("strict/1")
    entries = system.inner_store.find_entries(InstanceKey("strict", "1"), ["k-0"], system.clock.now())
    receipt = entries["k-0"].receipt
    assert receipt is not None
    assert receipt.code == "not_created"
    system.create("strict/1")
    system.post("strict/1", "GO")
    system.pump()
    assert system.instance("strict/1").version == 2


# Services ------------------------------------------------------------------------------------------------------------


def test_services_run_as_part_of_settling() -> None:
    first, second = Calls(), Calls()
    system = System(serving(first, second))
    sequence = system.post("serving/1", "GO")
    system.pump()
    assert system.state("serving/1") == ("rest",)
    assert system.outcome("serving/1", sequence) is Outcome.APPLIED
    assert system.instance("serving/1").run is None
    assert (len(first), len(second)) == (1, 1)


def test_a_failing_service_is_called_again_with_its_key_and_an_earlier_one_is_not() -> None:
    first, second = Calls(), Calls(OSError("down"), OSError("down"))
    system = System(serving(first, second))
    system.post("serving/1", "NOTE")
    system.post("serving/1", "GO")
    later = system.post("serving/1", "NOTE")
    system.pump()
    waiting = system.instance("serving/1")
    assert waiting.version == 2
    assert waiting.run is not None
    assert len(waiting.run.results) == 1
    system.settle_down(patience=5)
    assert system.context("serving/1") == {"count": 3}
    assert system.outcome("serving/1", later) is Outcome.APPLIED
    assert len(first) == 1
    assert len(second) == 3
    assert len({call.key for call in second}) == 1
    assert [call.attempt for call in second] == [1, 2, 3]
    assert len({call.now for call in second}) == 1


def test_a_service_out_of_attempts_becomes_its_error_event() -> None:
    first = Calls(*[OSError("down")] * 3)
    system = System(serving(first, Calls()))
    system.post("serving/1", "GO")
    system.settle_down(patience=5)
    assert system.state("serving/1") == ("sad",)
    assert len(first) == 3


def test_a_service_error_is_not_tried_again() -> None:
    first = Calls(ServiceError("no_stock", "sold out"))
    system = System(serving(first, Calls()))
    system.post("serving/1", "GO")
    system.pump()
    assert system.state("serving/1") == ("sad",)
    assert len(first) == 1


def test_a_hanging_service_is_abandoned() -> None:
    release = threading.Event()
    hanging = machine(
        "hanging",
        settled("rest", on("GO", "one")),
        node(
            "one",
            invoke("hang", lambda _call: release.wait(10), timeout=0.01, attempts=1),
            on("done.invoke.hang", "rest"),
            on("error.invoke.hang", "sad"),
        ),
        settled("sad"),
    )
    system = System(hanging)
    system.post("hanging/1", "GO")
    system.pump()
    release.set()
    assert system.state("hanging/1") == ("sad",)


def test_a_timeout_that_a_service_raises_itself_is_no_abandoned_call() -> None:
    second = Calls(TimeoutError("the other side"))
    system = System(serving(Calls(), second, attempts=1))
    system.post("serving/1", "GO")
    system.pump()
    blocked = system.instance("serving/1").blocked
    assert blocked is not None
    assert "raised TimeoutError: the other side" in blocked.message


def test_an_unhandled_service_error_is_quarantined_and_its_retry_calls_again() -> None:
    first, second = Calls(), Calls(ServiceError("broken"))
    system = System(serving(first, second))
    sequence = system.post("serving/1", "GO")
    system.pump()
    assert system.outcome("serving/1", sequence) is Outcome.QUARANTINED
    assert system.instance("serving/1").version == 1
    system.control("serving/1", "retry")
    system.pump()
    assert system.state("serving/1") == ("rest",)
    assert (len(first), len(second)) == (1, 2)
    assert len({call.key for call in second}) == 1
    assert system.outcome("serving/1", sequence) is Outcome.APPLIED


def test_no_service_starts_that_could_not_end_in_time() -> None:
    first = Calls()
    system = System(serving(first, Calls(), timeout=3))
    system.remaining = lambda: 3.5
    system.post("serving/1", "GO")
    received = system.polled.receive(max_messages=10, visibility_timeout=30)
    assert system.process(received) == [received[0].message_id]
    assert not first
    system.remaining = lambda: 1000.0
    system.pump()
    assert system.state("serving/1") == ("rest",)


def test_a_result_that_is_not_json_is_an_error() -> None:
    chart = machine(
        "odd",
        settled("rest", on("GO", "one")),
        node("one", invoke("s", lambda _call: object()), on("done.invoke.s", "rest"), on("error.invoke.s", "sad")),
        settled("sad", on("BACK", "rest")),
    )
    system = System(chart)
    system.post("odd/1", "GO")
    system.pump()
    assert system.state("odd/1") == ("sad",)


# Quarantine and holding ----------------------------------------------------------------------------------------------


def test_a_raising_guard_quarantines_its_event_and_holds_later_ones_in_order() -> None:
    system = System(flat())
    bad = system.post("flat/1", "BAD")
    held = [system.post("flat/1", "GO") for _ in range(3)]
    system.post("flat/2", "GO")
    system.pump()
    instance = system.instance("flat/1")
    assert instance.blocked is not None
    assert instance.blocked.code == "user_code"
    assert "kaboom" in instance.blocked.traceback
    assert [system.outcome("flat/1", sequence) for sequence in (bad, *held)] == [
        Outcome.QUARANTINED,
        *[Outcome.HELD] * 3,
    ]
    assert instance.held is not None
    assert len(instance.held) == 4
    assert system.context("flat/2") == {"count": 1}

    system.control("flat/1", "skip")
    system.pump()
    assert system.context("flat/1") == {"count": 3}
    assert system.instance("flat/1").held is None
    assert system.instance("flat/1").blocked is None
    assert system.outcome("flat/1", bad) is Outcome.SKIPPED
    assert [system.outcome("flat/1", sequence) for sequence in held] == [Outcome.APPLIED] * 3


def test_retry_applies_the_quarantined_event_once_its_cause_is_gone() -> None:
    broken = [True]

    def picky(_context: object, _event: object) -> bool:
        if broken[0]:
            raise RuntimeError("not yet")
        return True

    chart = machine("picky", settled("a", on("GO", "b", guards=(guard("picky", picky),))), settled("b", on("GO", "a")))
    system = System(chart)
    system.post("picky/1", "GO")
    system.post("picky/1", "GO")
    system.pump()
    system.control("picky/1", "retry")
    system.pump()
    assert system.instance("picky/1").blocked is not None
    broken[0] = False
    system.control("picky/1", "retry")
    system.pump()
    assert system.state("picky/1") == ("a",)
    assert system.instance("picky/1").held is None


def test_a_failing_creation_is_quarantined_before_there_is_a_state() -> None:
    broken = [True]

    def enter(_context: object, _event: object, _do: object) -> None:
        if broken[0]:
            raise RuntimeError("cannot start")

    chart = machine("newborn", settled("a", on("GO", "b"), entry=(action("enter", enter),)), settled("b"))
    system = System(chart)
    system.post("newborn/1", "GO")
    system.pump()
    assert system.instance("newborn/1").blocked is not None
    assert system.state("newborn/1") == ()
    assert system.instance("newborn/1").version == 0
    broken[0] = False
    system.control("newborn/1", "retry")
    system.pump()
    assert system.state("newborn/1") == ("b",)
    assert system.instance("newborn/1").version == 2


def test_a_paused_instance_holds_and_resumes_in_order() -> None:
    system = System(flat())
    system.post("flat/1", "GO")
    system.control("flat/1", "pause")
    held = [system.post("flat/1", "GO") for _ in range(25)]
    system.pump()
    assert system.context("flat/1") == {"count": 1}
    system.control("flat/1", "resume")
    system.post("flat/1", "GO")
    system.pump()
    assert system.context("flat/1") == {"count": 27}
    assert system.instance("flat/1").held is None
    assert system.outcome("flat/1", held[-1]) is Outcome.APPLIED


def test_a_held_event_with_a_key_that_was_applied_meanwhile_counts_once() -> None:
    system = System(flat())
    system.post("flat/1", "GO")
    system.control("flat/1", "pause")
    system.post("flat/1", "GO", key="k")
    system.post("flat/1", "GO", key="k")
    system.pump()
    system.control("flat/1", "resume")
    system.pump()
    assert system.context("flat/1") == {"count": 2}


def test_a_drain_goes_on_in_another_message_when_time_runs_out() -> None:
    system = System(flat())
    system.post("flat/1", "GO")
    system.control("flat/1", "pause")
    for _ in range(5):
        system.post("flat/1", "GO")
    system.pump()
    left = iter([1000.0, 1000.0, 0.5])
    system.remaining = lambda: next(left, 1000.0)
    system.control("flat/1", "resume")
    system.pump()
    assert system.context("flat/1") == {"count": 6}
    assert system.instance("flat/1").held is None


def test_a_machine_that_never_comes_to_rest_is_quarantined() -> None:
    chart = machine(
        "restless",
        settled("rest", on("GO", "ping")),
        node("ping", on("", "pong", guards=(guard("yes", lambda _c, _e: True),))),
        node("pong", on("", "rest", guards=(guard("no", lambda _c, _e: False),)), on("", "ping")),
    )
    system = System(chart)
    system.post("restless/1", "GO")
    system.pump()
    blocked = system.instance("restless/1").blocked
    assert blocked is not None
    assert blocked.code == "microstep_limit"
    assert system.state("restless/1") == ("rest",)


def test_services_that_never_settle_are_quarantined() -> None:
    calls = Calls()
    chart = machine(
        "loop",
        settled("rest", on("GO", "a")),
        node("a", invoke("s", calls), on("done.invoke.s", "b"), on("error.*", "rest")),
        node("b", invoke("t", calls), on("done.invoke.t", "a"), on("error.*", "rest")),
    )
    system = System(chart)
    system.post("loop/1", "GO")
    system.pump()
    blocked = system.instance("loop/1").blocked
    assert blocked is not None
    assert blocked.code == "never_settles"


def test_a_snapshot_of_an_unknown_version_blocks_and_loses_nothing() -> None:
    old = flat()
    system = System(old)
    system.post("flat/1", "GO")
    system.pump()
    new = machine("flat", settled("idle", on("GO", "busy")), settled("busy", on("GO", "idle")), version=2)
    system.definitions = type(system.definitions)([new])
    sequence = system.post("flat/1", "GO")
    system.pump()
    assert system.outcome("flat/1", sequence) is Outcome.QUARANTINED
    assert system.receipt("flat/1", sequence).code == "unknown_version"
    system.definitions.versions["flat", 1] = old
    system.control("flat/1", "retry")
    system.pump()
    assert system.context("flat/1") == {"count": 2}


def test_an_instance_whose_machine_is_gone_blocks_and_loses_nothing() -> None:
    chart = flat()
    system = System(chart)
    system.post("flat/1", "GO")
    system.pump()
    system.definitions = type(system.definitions)([])
    sequence = system.post("flat/1", "GO")
    system.pump()
    assert system.receipt("flat/1", sequence).code == "unknown_version"
    assert system.buried() == []
    system.definitions = type(system.definitions)([chart])
    system.control("flat/1", "retry")
    system.pump()
    assert system.context("flat/1") == {"count": 2}


def test_a_context_too_large_for_an_item_is_found_within_its_batch() -> None:
    def bloat(context: dict[str, Any], _event: object, _do: object) -> None:
        context["fat"] = "x" * 500_000

    chart = machine("fat", settled("a", on("GO", actions=(ADD,)), on("BLOAT", actions=(action("bloat", bloat),))))
    system = System(chart)
    system.post("fat/1", "GO")
    bad = system.post("fat/1", "BLOAT")
    system.post("fat/1", "GO")
    system.pump()
    assert system.outcome("fat/1", bad) is Outcome.QUARANTINED
    assert system.context("fat/1") == {"count": 1}
    system.control("fat/1", "skip")
    system.pump()
    assert system.context("fat/1") == {"count": 2}


def test_a_voided_turn_does_not_change_the_keys_of_services() -> None:
    """An event is never run on top of one that may still prove not to fit."""

    def bloat(context: dict[str, Any], _event: object, _do: object) -> None:
        context["fat"] = "x" * 500_000

    first, second = Calls(), Calls()
    chart = machine(
        "voided",
        settled("rest", on("GO", "one"), on("BLOAT", actions=(action("bloat", bloat),))),
        node("one", invoke("first", first), on("done.invoke.first", "two"), on("error.*", "rest")),
        node("two", invoke("second", second), on("done.invoke.second", "rest"), on("error.*", "rest")),
    )
    system = System(chart)
    system.post("voided/1", "BLOAT")
    system.post("voided/1", "GO")
    system.pump()
    system.control("voided/1", "skip")
    system.pump()
    assert system.state("voided/1") == ("rest",)
    assert len(first) == 1


def test_an_event_that_kills_the_process_is_found_out() -> None:
    class KilledError(BaseException):
        """As if the process had died: nothing after it runs."""

    def die(_context: object, _event: object, _do: object) -> None:
        raise KilledError

    chart = machine("deadly", settled("a", on("GO", actions=(ADD,)), on("DIE", actions=(action("die", die),))))
    system = System(chart)
    system.post("deadly/1", "GO")
    system.post("deadly/1", "DIE")
    system.post("deadly/1", "GO")
    deaths = 0
    for _ in range(MAX_BEGUN + 3):
        try:
            system.pump()
        except KilledError:
            deaths += 1
        system.clock.sleep(31)
    assert deaths == MAX_BEGUN + 1
    instance = system.instance("deadly/1")
    assert instance.blocked is not None
    assert instance.blocked.code == "attempts_exhausted"
    system.control("deadly/1", "skip")
    system.settle_down(patience=3)
    assert system.context("deadly/1") == {"count": 2}


# Strangers -----------------------------------------------------------------------------------------------------------


def test_what_is_no_envelope_is_buried_with_its_reason_and_others_go_on() -> None:
    system = System(flat())
    system.polled.send(group="flat/1", deduplication_id="a", body="{nonsense")
    system.polled.send(group="flat/1", deduplication_id="b", body='{"kind": "events"}')
    system.post("flat/1", "GO")
    system.stranger.send(group="unknown/1", deduplication_id="c", body=_body("unknown"))
    system.polled.send(group="flat/2", deduplication_id="d", body=_body("flat"))
    system.pump()
    assert system.context("flat/1") == {"count": 1}
    reasons = " | ".join(message.message_attributes["reason"]["StringValue"] for message in system.buried())
    assert len(system.buried()) == 4
    assert "Invalid JSON" in reasons
    assert "Field required" in reasons
    assert "no machine 'unknown'" in reasons
    assert "message group" in reasons


def _body(name: str) -> str:
    return EventsEnvelope(machine=name, instance="1", events=[EnvelopeEvent(type="GO")]).model_dump_json(
        exclude_none=True
    )


@pytest.mark.parametrize("event_type", ["done.invoke.first", "error.execution", "settle.create"])
def test_internal_event_types_are_buried(event_type: str) -> None:
    system = System(flat())
    system.post("flat/1", event_type)
    system.pump()
    assert not system.exists("flat/1")
    assert "internal" in system.buried()[0].message_attributes["reason"]["StringValue"]


def test_a_stranger_may_send_events_but_nothing_else_and_is_not_believed() -> None:
    system = System(flat())
    system.post("flat/1", "GO")
    system.pump()
    envelope = EventsEnvelope(
        machine="flat",
        instance="1",
        events=[EnvelopeEvent(id="forged", type="GO")],
        principal="admin",
        body_hash="forged",
    )
    system.send(envelope, stranger=True)
    system.pump()
    assert system.context("flat/1") == {"count": 2}
    assert system.inner_store.find_entries(system.instance("flat/1").key, ["forged"], system.clock.now()) == {}
    control = ControlEnvelope(machine="flat", instance="1", id="x", action=ControlAction.PAUSE)
    system.send(control, stranger=True)
    system.pump()
    assert not system.instance("flat/1").paused
    assert "stranger" in system.buried()[0].message_attributes["reason"]["StringValue"]


def test_a_newer_envelope_is_retried_and_never_buried() -> None:
    system = System(flat())
    body = f'{{"kind": "events", "schema_version": {ENVELOPE_SCHEMA + 1}}}'
    system.polled.send(group="flat/1", deduplication_id="a", body=body)
    system.post("flat/1", "GO")
    system.pump()
    assert not system.exists("flat/1")
    assert system.buried() == []


def test_exceptions_that_became_events_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no luck")

    chart = Statechart(
        id="lenient",
        errors="event",
        states=[{"name": "on", "tags": ["settled"]}],
        transitions=[{"trigger": "GO", "source": "on", "dest": None, "actions": fail}],
    )
    system = System(chart.definition)
    system.post("lenient/1", "GO")
    with caplog.at_level("INFO", "settle"):
        system.pump()
    assert "action 'fail' of 'on' raised RuntimeError: no luck" in caplog.text
