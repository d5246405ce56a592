"""Instances to store: one sample, and hypothesis strategies for all that may be stored."""

from dataclasses import replace
from typing import Any, Final

from hypothesis import strategies as st

from settle.core.json_text import LARGEST_COUNT
from settle.core.snapshot import LiveInvoke, LiveTimer, Snapshot, Status
from settle.runtime.instance import (
    LARGEST_NUMBER,
    Blocked,
    EditedEvent,
    Failing,
    FinishEvent,
    HeldEvent,
    HeldRange,
    Instance,
    InstanceKey,
    Run,
    SendMessage,
    ServiceOutcome,
    Watermark,
)
from settle.runtime.ledger import LedgerEntry
from settle.runtime.receipt import Edit, Outcome, Position, Receipt, ShortReceipt

KEY: Final = InstanceKey("count", "order-4711")
QUEUE: Final = "arn:aws:sqs:eu-central-1:123456789012:settle-events-prod.fifo"
SEQUENCE: Final = 18_849_496_460_467_696_128
"""As SQS counts: 20 digits."""
NOW: Final = 1_790_000_000.0


def make_instance(**fields: Any) -> Instance:
    """Return an instance of the machine `count` as it is after its creation, with other fields where named."""
    key = fields.get("key", KEY)
    context = fields.pop("context", {"count": 0})
    snapshot = Snapshot(
        machine=key.machine,
        machine_version=1,
        definition="3f9a1c0b7d2e4f56",
        configuration=("counting",),
        context=context,
        entries=1,
    )
    defaults: dict[str, Any] = {
        "key": key,
        "incarnation": "01JAB3C4D5E6F7G8",
        "revision": 1,
        "version": 1,
        "snapshot": snapshot,
        "created_at": 1_790_000_000.123456,
        "updated_at": 1_790_003_600.654321,
    }
    return Instance(**(defaults | fields))


def make_held(number: int, body: str = '{"kind":"events"}') -> HeldEvent:
    """Return a held event."""
    return HeldEvent(number=number, position=Position(SEQUENCE + number, 1), body=body, sender_trusted=False)


def make_receipt(event_id: str, outcome: Outcome = Outcome.APPLIED) -> Receipt:
    """Return a full receipt."""
    return Receipt(
        event_id=event_id,
        type="ADD",
        outcome=outcome,
        version=7,
        code="guard:has_items",
        before=("counting",),
        after=("counting", "other.leaf"),
        effects=("01JAB3C4D5E6F7G8:7:0",),
        next_events=("ADD", "RESET"),
    )


def make_entry(
    event_id: str, *, expires_at: float = NOW + 86_400, finished: bool = False, version: int = 7
) -> LedgerEntry:
    """Return a ledger entry."""
    receipt = replace(make_receipt(event_id), version=version) if finished else None
    return LedgerEntry(event_id=event_id, body_hash="5d41402abc4b2a76", expires_at=expires_at, receipt=receipt)


any_text = st.text(st.characters(exclude_categories=()), max_size=12)
"""With half surrogate pairs, control characters, quotes: a client can put all of them into JSON."""
counts = st.integers(min_value=0, max_value=LARGEST_COUNT)
times = st.floats(min_value=0, max_value=1e11, allow_nan=False)
json_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=8,
)
paths = st.lists(any_text, max_size=3).map(tuple)
positions = st.builds(Position, st.integers(min_value=0, max_value=2**128), st.integers(min_value=0, max_value=99))
outcomes = st.sampled_from(Outcome)
short_receipts = st.builds(ShortReceipt, position=positions, outcome=outcomes, version=counts, code=any_text)
rings = st.lists(short_receipts, max_size=8).map(tuple)
edits = st.builds(Edit, by=any_text, at=times, type=any_text, digest=any_text, times=counts)
receipts = st.builds(
    Receipt,
    event_id=any_text,
    type=any_text,
    outcome=outcomes,
    version=counts,
    code=any_text,
    before=paths,
    after=paths,
    effects=paths,
    next_events=paths,
    edited=st.none() | edits,
)
held_events = st.builds(
    HeldEvent,
    number=counts,
    position=positions,
    body=st.text(max_size=40),
    sender_trusted=st.booleans(),
)


@st.composite
def held_ranges(draw: st.DrawFn) -> HeldRange:
    """Return any range of held events."""
    first, following = sorted(draw(st.tuples(*[st.integers(min_value=0, max_value=LARGEST_NUMBER)] * 2)))
    return HeldRange(first=first, next=following, floor=draw(positions))


@st.composite
def ledger_entries(draw: st.DrawFn) -> LedgerEntry:
    """Return any ledger entry; a receipt in it is of the same event."""
    receipt = draw(st.none() | receipts)
    event_id = draw(any_text) if receipt is None else receipt.event_id
    return LedgerEntry(event_id=event_id, body_hash=draw(any_text), expires_at=draw(times), receipt=receipt)


snapshots = st.builds(
    Snapshot,
    machine=st.just(KEY.machine) | any_text,
    machine_version=counts,
    definition=any_text,
    configuration=paths,
    context=json_data,
    status=st.sampled_from(Status),
    history=st.dictionaries(any_text, paths, max_size=2),
    invokes=st.lists(
        st.builds(LiveInvoke, id=any_text, entry=counts, node=any_text, src=any_text, input=json_data), max_size=2
    ).map(tuple),
    timers=st.lists(
        st.builds(LiveTimer, id=any_text, entry=counts, due=times, type=any_text, node=any_text)
        | st.builds(LiveTimer, id=any_text, entry=counts, due=times, type=any_text, target=any_text, data=json_data),
        max_size=2,
    ).map(tuple),
    entries=counts,
    output=json_data,
)
runs = st.builds(
    Run,
    event_id=any_text,
    now=times,
    definition=any_text,
    results=st.dictionaries(any_text, st.builds(ServiceOutcome, data=json_data, error=any_text), max_size=2),
    attempts=st.dictionaries(any_text, counts, max_size=2),
)
outbox_entries = st.builds(FinishEvent, id=any_text, entry=ledger_entries()) | st.builds(
    SendMessage, id=any_text, group=any_text, body=any_text
)
instances = st.builds(
    Instance,
    key=st.just(KEY),
    incarnation=any_text,
    revision=counts,
    version=counts,
    snapshot=snapshots,
    created_at=times,
    updated_at=times,
    input_hash=any_text,
    origin=any_text,
    watermark=st.none() | st.builds(Watermark, queue=any_text, position=positions),
    paused=st.booleans(),
    blocked=st.none()
    | st.builds(
        Blocked, event_id=any_text, type=any_text, code=any_text, message=any_text, traceback=any_text, at=times
    ),
    held=st.none() | held_ranges(),
    failing=st.none() | st.builds(Failing, sequence=st.integers(min_value=0, max_value=2**128), count=counts),
    run=st.none() | runs,
    outbox=st.lists(outbox_entries, max_size=3).map(tuple),
    ring=rings,
    edits=st.lists(st.builds(EditedEvent, event_id=any_text, position=positions, edit=edits), max_size=3).map(tuple),
)
