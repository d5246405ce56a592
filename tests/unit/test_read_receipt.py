"""Receipts: what is said of an event, from where it stands in the queue or from its id."""

from dataclasses import replace
from typing import Any

import pytest

from settle.core.snapshot import Snapshot
from settle.runtime.errors import ReceiptExpiredError, UnknownMachineError, UnknownReceiptError
from settle.runtime.ids import KeyedReceiptId, PositionReceiptId
from settle.runtime.instance import Blocked, FinishEvent, HeldRange, Instance, InstanceKey, Lane, Watermark
from settle.runtime.ledger import LedgerEntry
from settle.runtime.ports import ABSENT
from settle.runtime.read_receipt import ReceiptView, read_receipt, read_receipts, wait_for
from settle.runtime.receipt import Outcome, Position, Receipt, ShortReceipt
from tests.support.api_gateway import ApiGateway
from tests.support.charts import machine, on, settled

LAMP = machine("lamp", settled("off", on("SWITCH", "on")), settled("on", on("SWITCH", "off")))
KEY = InstanceKey("lamp", "l1")
EVENT_ID = "a" * 32
FIRST_ID = "b" * 32


@pytest.fixture
def api() -> ApiGateway:
    return ApiGateway(LAMP)


def store(api: ApiGateway, **changes: Any) -> Instance:
    """Put an instance into the store that took events up to place 100 of the queue."""
    snapshot = Snapshot(
        machine="lamp", machine_version=1, definition=LAMP.hash, configuration=("on",), context={}, entries=1
    )
    instance = Instance(
        key=KEY,
        incarnation="i",
        revision=1,
        version=7,
        snapshot=snapshot,
        created_at=0.0,
        updated_at=0.0,
        watermark=Watermark(queue=api.system.queue.arn, position=Position(100)),
    )
    instance = replace(instance, **changes)
    api.system.store.commit(instance, ABSENT)
    return instance


def short(sequence: int, outcome: Outcome, *, version: int = 7, index: int = 0, code: str = "") -> ShortReceipt:
    return ShortReceipt(position=Position(sequence, index), outcome=outcome, version=version, code=code)


def blocked(event_id: str) -> Blocked:
    return Blocked(event_id=event_id, type="SWITCH", code="user_code", message="m", traceback="t", at=0.0)


def outcome(api: ApiGateway, text: str) -> Outcome | None:
    return read_receipt(api.ports, KEY, text).outcome


def test_what_is_held_while_a_timer_blocks_is_held(api: ApiGateway) -> None:
    held = HeldRange(first=1, next=2, floor=Position(90))
    urgent = HeldRange(first=5_000_000_000, next=5_000_000_001, floor=Position(80))
    store(api, held=held, urgent=urgent, blocked=replace(blocked("timer:a"), lane=Lane.URGENT))
    assert outcome(api, "s90-0") is Outcome.HELD


# By place ------------------------------------------------------------------------------------------------------------


def test_what_lies_above_the_watermark_is_queued(api: ApiGateway) -> None:
    store(api)
    assert outcome(api, "s100-1") is Outcome.QUEUED
    assert outcome(api, "s101-0") is Outcome.QUEUED


def test_what_another_queue_carried_says_nothing(api: ApiGateway) -> None:
    store(api, watermark=Watermark(queue="arn:another", position=Position(10**9)), ring=(short(5, Outcome.APPLIED),))
    assert outcome(api, "s5-0") is Outcome.QUEUED


def test_an_instance_without_a_watermark_took_nothing(api: ApiGateway) -> None:
    store(api, watermark=None)
    assert outcome(api, "s5-0") is Outcome.QUEUED


def test_before_the_instance_exists_its_creator_is_queued(api: ApiGateway) -> None:
    view = read_receipt(api.ports, KEY, "s5-0")
    assert view.outcome is Outcome.QUEUED
    assert "does not exist yet" in view.note


def test_the_ring_tells_what_became_of_recent_events(api: ApiGateway) -> None:
    store(
        api,
        ring=(
            short(98, Outcome.APPLIED, version=6),
            short(99, Outcome.APPLIED),
            short(100, Outcome.REFUSED, code="guard:no"),
        ),
    )
    assert read_receipt(api.ports, KEY, "s98-0") == ReceiptView(id="s98-0", outcome=Outcome.APPLIED, version=6)
    assert read_receipt(api.ports, KEY, "s100-0") == ReceiptView(
        id="s100-0",
        outcome=Outcome.REFUSED,
        version=7,
        code="guard:no",
        after=("on",),
        next_events=("SWITCH",),
    )


def test_a_version_that_is_unknown_here_keeps_the_rest_of_the_receipt(api: ApiGateway) -> None:
    instance = store(api, ring=(short(100, Outcome.APPLIED),), snapshot=_of_version_9())
    view = read_receipt(api.ports, KEY, "s100-0")
    assert (view.outcome, view.after, view.next_events) == (Outcome.APPLIED, instance.snapshot.configuration, None)


def _of_version_9() -> Snapshot:
    return Snapshot(machine="lamp", machine_version=9, definition="?", configuration=("dim",), context={})


def test_what_the_ring_forgot_is_expired(api: ApiGateway) -> None:
    store(api, ring=(short(100, Outcome.APPLIED),))
    with pytest.raises(ReceiptExpiredError):
        outcome(api, "s99-0")


def test_between_floor_and_watermark_events_are_held(api: ApiGateway) -> None:
    held = HeldRange(first=1, next=3, floor=Position(90, 1))
    store(api, held=held, paused=True, ring=(short(90, Outcome.APPLIED), short(95, Outcome.HELD)))
    assert outcome(api, "s90-0") is Outcome.APPLIED
    assert outcome(api, "s90-1") is Outcome.HELD
    assert outcome(api, "s95-0") is Outcome.HELD
    assert outcome(api, "s100-0") is Outcome.HELD
    assert outcome(api, "s101-0") is Outcome.QUEUED


def test_what_is_finished_among_held_events_is_not_held(api: ApiGateway) -> None:
    held = HeldRange(first=1, next=3, floor=Position(90))
    store(api, held=held, paused=True, ring=(short(95, Outcome.DUPLICATE), short(96, Outcome.APPLIED)))
    assert outcome(api, "s95-0") is Outcome.DUPLICATE
    assert outcome(api, "s96-0") is Outcome.APPLIED


def test_the_event_that_blocks_is_quarantined(api: ApiGateway) -> None:
    held = HeldRange(first=1, next=3, floor=Position(90))
    store(api, held=held, blocked=blocked(EVENT_ID), ring=(short(90, Outcome.QUARANTINED),))
    view = read_receipt(api.ports, KEY, "s90-0")
    assert (view.outcome, view.code, view.type) == (Outcome.QUARANTINED, "user_code", "SWITCH")
    assert outcome(api, "s91-0") is Outcome.HELD


# By id ---------------------------------------------------------------------------------------------------------------


def receipt() -> Receipt:
    return Receipt(
        event_id=EVENT_ID,
        type="SWITCH",
        outcome=Outcome.APPLIED,
        version=7,
        before=("off",),
        after=("on",),
        effects=("i:7:0",),
        next_events=("SWITCH",),
    )


def entry(event_id: str = EVENT_ID, *, finished: Receipt | None = None) -> LedgerEntry:
    return LedgerEntry(event_id=event_id, body_hash="h", expires_at=2e9, receipt=finished)


FULL = ReceiptView(
    id=f"k{EVENT_ID}",
    outcome=Outcome.APPLIED,
    event_id=EVENT_ID,
    type="SWITCH",
    version=7,
    before=("off",),
    after=("on",),
    effects=("i:7:0",),
    next_events=("SWITCH",),
)


def test_a_finished_event_has_its_full_receipt(api: ApiGateway) -> None:
    api.system.store.finish(KEY, entry(finished=receipt()))
    assert read_receipt(api.ports, KEY, f"k{EVENT_ID}") == FULL


def test_an_event_whose_end_has_not_reached_the_ledger_is_finished(api: ApiGateway) -> None:
    api.system.store.accept(KEY, entry(), 0.0)
    store(api, outbox=(FinishEvent(id="f", entry=entry(finished=receipt())),))
    assert read_receipt(api.ports, KEY, f"k{EVENT_ID}") == FULL


def test_an_accepted_event_is_queued_or_quarantined(api: ApiGateway) -> None:
    api.system.store.accept(KEY, entry(), 0.0)
    assert outcome(api, f"k{EVENT_ID}") is Outcome.QUEUED
    held = HeldRange(first=1, next=2, floor=Position(90))
    store(api, held=held, blocked=blocked(EVENT_ID))
    view = read_receipt(api.ports, KEY, f"k{EVENT_ID}")
    assert (view.outcome, view.code, view.type) == (Outcome.QUARANTINED, "user_code", "SWITCH")


def test_a_later_event_of_a_list_is_known_by_the_first(api: ApiGateway) -> None:
    text = f"k{EVENT_ID}-{FIRST_ID}"
    with pytest.raises(UnknownReceiptError):
        outcome(api, text)
    api.system.store.accept(KEY, entry(FIRST_ID), 0.0)
    assert outcome(api, text) is Outcome.QUEUED
    api.system.store.finish(KEY, entry(finished=receipt()))
    assert read_receipt(api.ports, KEY, text) == replace(FULL, id=text)


@pytest.mark.parametrize("text", ["", "s", "s-1", "s1-", "q1-0", f"k{EVENT_ID}x", f"k{EVENT_ID.upper()}", "k-"])
def test_what_is_no_receipt_id_is_unknown(api: ApiGateway, text: str) -> None:
    with pytest.raises(UnknownReceiptError):
        read_receipt(api.ports, KEY, text)


def test_receipts_of_an_unknown_machine_are_not_looked_for(api: ApiGateway) -> None:
    with pytest.raises(UnknownMachineError):
        read_receipt(api.ports, InstanceKey("nope", "x"), "s1-0")


def test_what_was_accepted_just_now_is_queued_when_nothing_else_is_known(api: ApiGateway) -> None:
    (view,) = read_receipts(api.ports, KEY, [KeyedReceiptId(EVENT_ID)])
    assert view == ReceiptView(id=f"k{EVENT_ID}", outcome=Outcome.QUEUED)


# Waiting -------------------------------------------------------------------------------------------------------------


def test_a_wait_ends_when_the_receipt_was_not_kept(api: ApiGateway) -> None:
    store(api, ring=(short(100, Outcome.APPLIED),))
    (view,) = wait_for(api.ports, KEY, [PositionReceiptId(Position(99))], 10)
    assert (view.outcome, view.is_final) == (None, True)
    assert "no longer kept" in view.note
    assert api.clock.slept == [0.05]


def test_a_wait_for_several_ends_with_the_last(api: ApiGateway) -> None:
    api.clock.while_asleep = lambda: None
    store(api, ring=(short(100, Outcome.APPLIED),))
    views = wait_for(api.ports, KEY, [PositionReceiptId(Position(sequence)) for sequence in (100, 101)], 1)
    assert [view.outcome for view in views] == [Outcome.APPLIED, Outcome.QUEUED]
    assert sum(api.clock.slept) == pytest.approx(1)
