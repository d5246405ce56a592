"""Documents stored by earlier releases are read for ever. A format, once released, is never edited here: add a file."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from settle.core.snapshot import SNAPSHOT_SCHEMA, LiveInvoke, LiveTimer, Snapshot, Status
from settle.core.snapshot_codec import decode_snapshot, encode_snapshot
from settle.runtime.envelope import ParentLink
from settle.runtime.instance import (
    INSTANCE_SCHEMA,
    Blocked,
    CancelSchedule,
    Failing,
    FinishEvent,
    HeldRange,
    Instance,
    InstanceKey,
    Lane,
    PurgeItems,
    Run,
    SendMessage,
    SendTask,
    SendTimer,
    ServiceOutcome,
    Watermark,
)
from settle.runtime.instance_codec import decode_instance, encode_instance
from settle.runtime.ledger import LedgerEntry
from settle.runtime.receipt import Outcome, Position, Receipt, ShortReceipt

HERE = Path(__file__).parent
TOP = 18_849_496_460_467_696_128
HASH = "3f9a1c0b7d2e4f56"

BLOCKED = Blocked(
    event_id="7d9f",
    type="PAY",
    code="user_code",
    message="guard 'has_items' of 'open' raised KeyError: 'items'",
    traceback="Traceback",
    at=1_790_003_500.0,
)
INSTANCE = Instance(
    key=InstanceKey("order-fulfilment", "4711"),
    incarnation="01JAB3C4D5E6F7G8",
    revision=12,
    version=9,
    created_at=1_790_000_000.25,
    updated_at=1_790_003_600.5,
    input_hash="9f86d081884c7d65",
    snapshot=Snapshot(
        machine="order-fulfilment-v2",
        machine_version=3,
        definition=HASH,
        configuration=("open.paying", "open.packing"),
        context={"total": 12.5, "lines": [{"sku": "größer", "count": 2}], "note": None},
        status=Status.DONE,
        history={"open.hist": ("open.paying",)},
        invokes=(LiveInvoke(id="charge", entry=4, node="open.paying", src="charge_card"),),
        entries=7,
        output={"ok": True},
    ),
    watermark=Watermark(queue="arn:aws:sqs:eu-central-1:123456789012:events.fifo", position=Position(TOP, 1)),
    paused=True,
    blocked=BLOCKED,
    held=HeldRange(first=3, next=5, floor=Position(18_849_496_460_467_690_000)),
    failing=Failing(sequence=TOP, count=2),
    run=Run(
        event_id="8e0a",
        now=1_790_003_600.5,
        definition=HASH,
        results={
            "charge#4": ServiceOutcome(data={"paid": 12.5}),
            "mail#5": ServiceOutcome(data={"tries": 3}, error="MailError"),
        },
        attempts={"mail#5": 3},
    ),
    outbox=(
        SendMessage(id="01JAB3C4D5E6F7G8:9:0", group="payment/42", body='{"kind":"events"}'),
        FinishEvent(
            id="01JAB3C4D5E6F7G8:9:1",
            entry=LedgerEntry(event_id="5c1f", body_hash="5d41402abc4b2a76", expires_at=1_790_090_000.0),
        ),
        FinishEvent(
            id="01JAB3C4D5E6F7G8:9:2",
            entry=LedgerEntry(
                event_id="6b2e",
                body_hash="7d793037a0760186",
                expires_at=1_790_090_000.0,
                receipt=Receipt(
                    event_id="6b2e",
                    type="PAY",
                    outcome=Outcome.REFUSED,
                    version=9,
                    code="node:closed",
                    before=("open.paying",),
                    after=("open.paying",),
                    effects=("01JAB3C4D5E6F7G8:9:0",),
                    next_events=("CANCEL", "PAY"),
                ),
            ),
        ),
    ),
    ring=(
        ShortReceipt(position=Position(TOP - 0x2000, 2), outcome=Outcome.IGNORED, version=8),
        ShortReceipt(position=Position(TOP - 0x2000), outcome=Outcome.APPLIED, version=9),
        ShortReceipt(position=Position(TOP - 0x100), outcome=Outcome.REFUSED, version=9, code="guard:has,items"),
        ShortReceipt(position=Position(TOP, 1), outcome=Outcome.QUARANTINED, version=9),
    ),
)

SNAPSHOT = Snapshot(
    machine="order",
    machine_version=3,
    definition=HASH,
    configuration=("open.paying", "open.packing"),
    context={"total": 12.5},
    invokes=(
        LiveInvoke(id="charge", entry=4, node="open.paying", src="charge_card", input={"amount": 12.5}),
        LiveInvoke(id="mail", entry=5, node="open.packing", src="send_mail"),
    ),
    timers=(
        LiveTimer(
            id="open.paying@24h",
            entry=2,
            due=1_790_086_400.0,
            type="settle.after.open.paying@24h",
            node="open.paying",
        ),
        LiveTimer(id="remind", entry=3, due=1_790_003_600.25, type="REMIND", target="payment/42", data={"times": 2}),
    ),
    entries=5,
)


def stored(schema: int) -> Any:
    return json.loads((HERE / f"instance-schema-{schema}.json").read_text(encoding="utf-8"))


LATER_INSTANCE = replace(
    INSTANCE,
    blocked=replace(BLOCKED, lane=Lane.URGENT),
    urgent=HeldRange(first=5_000_000_000, next=5_000_000_002, floor=Position(TOP - 1)),
    outbox=(
        SendTimer(id="01JAB3C4D5E6F7G8:9:0", body='{"kind":"timer"}', name="5d41402abc4b2a76", due=1_790_086_400.0),
        CancelSchedule(id="01JAB3C4D5E6F7G8:9:1", name="7d793037a0760186"),
        SendTask(id="01JAB3C4D5E6F7G8:9:2", body='{"kind":"task"}'),
        PurgeItems(id="delete-purge", until=1_790_090_000.0),
    ),
    parent=ParentLink(group="shop/1", incarnation="01JAB3C4D5E6F7G9", invoke="order#3", token="a1b2"),  # noqa: S106
    tokens={"charge#4": "c3d4"},
    deleted_at=1_790_003_600.5,
)


@pytest.mark.parametrize(("schema", "instance"), [(1, INSTANCE), (2, LATER_INSTANCE)])
def test_an_instance_still_decodes_and_is_written_as_it_was_released(schema: int, instance: Instance) -> None:
    golden = stored(schema)
    key = InstanceKey.parse(golden["key"])

    decoded = decode_instance(key, golden["incarnation"], golden["revision"], json.dumps(golden["document"]))

    assert decoded == instance
    assert json.loads(encode_instance(instance)) == golden["document"]
    assert golden["document"]["s"] == schema <= INSTANCE_SCHEMA


def test_a_snapshot_of_schema_2_still_decodes_and_is_written_as_it_was_released() -> None:
    golden = (HERE / f"snapshot-schema-{SNAPSHOT_SCHEMA}.json").read_text(encoding="utf-8")

    assert decode_snapshot(golden) == SNAPSHOT
    assert json.loads(encode_snapshot(SNAPSHOT)) == json.loads(golden)
