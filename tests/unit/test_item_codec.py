"""The stored form of held events and receipts."""

import pytest
from hypothesis import given

from settle.core.errors import SnapshotInvalidError
from settle.core.json_text import from_json, to_json
from settle.runtime.errors import InstanceTooNewError
from settle.runtime.instance import HeldEvent
from settle.runtime.item_codec import (
    decode_held,
    decode_receipt,
    encode_held,
    encode_receipt,
    pack_entry,
    unpack_entry,
)
from settle.runtime.ledger import LedgerEntry
from settle.runtime.limits import MAX_ITEM_BYTES, MAX_MESSAGE_BYTES
from settle.runtime.receipt import Receipt
from tests.support.instances import held_events, ledger_entries, make_held, receipts


@given(held_events)
def test_a_held_event_comes_back_equal(event: HeldEvent) -> None:
    assert decode_held(event.number, encode_held(event)) == event


@given(receipts)
def test_a_receipt_comes_back_equal(receipt: Receipt) -> None:
    assert decode_receipt(receipt.event_id, encode_receipt(receipt)) == receipt


@given(ledger_entries())
def test_a_ledger_entry_of_the_outbox_comes_back_equal(entry: LedgerEntry) -> None:
    assert unpack_entry(from_json(to_json(pack_entry(entry)))) == entry


def test_an_accepted_event_has_no_receipt() -> None:
    assert decode_receipt("id", encode_receipt(None)) is None


def test_the_largest_message_fits_a_held_item_whatever_it_says() -> None:
    body = '"' * MAX_MESSAGE_BYTES
    assert len(encode_held(make_held(1, body)).encode()) < MAX_ITEM_BYTES - 1000


def test_what_a_newer_release_stored_is_left_for_it() -> None:
    with pytest.raises(InstanceTooNewError):
        decode_held(1, '[2,"something else"]')
    with pytest.raises(InstanceTooNewError):
        decode_receipt("id", "[2]")


@pytest.mark.parametrize("document", ["", "x\ny", "{}\nbody", "[]\nbody", "[1,5,0,1]", '[1,5,0,"yes"]\nb', "[1,5]\nb"])
def test_what_is_no_held_event_is_invalid(document: str) -> None:
    with pytest.raises(SnapshotInvalidError, match="held event 3"):
        decode_held(3, document)


@pytest.mark.parametrize("document", ["x", "{}", "[1]", "[1,{}]", '[1,{"t":"A","o":"applied","v":1,"b":"leaf"}]'])
def test_what_is_no_receipt_is_invalid(document: str) -> None:
    with pytest.raises(SnapshotInvalidError, match="receipt 'id'"):
        decode_receipt("id", document)
