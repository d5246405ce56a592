"""Ids: which follow from what, and which are told apart."""

from typing import Any

import pytest

from settle.runtime.ids import (
    KeyedReceiptId,
    PositionReceiptId,
    hash_creation,
    hash_request,
    is_same_creation,
    keyed_event_ids,
    parse_receipt_id,
)
from settle.runtime.receipt import Position

EVENT_ID = "a" * 32
FIRST_ID = "b" * 32


def test_ids_of_keys_are_told_apart() -> None:
    requests = [("a", "b/c", "d"), ("a", "b/cd", ""), ("ab", "/c", "d"), ("", "ab/c", "d")]
    ids = [each for principal, group, key in requests for each in keyed_event_ids(principal, group, key, 10)]
    assert len(set(ids)) == 40
    assert all(len(each) == 32 for each in ids)


def test_the_hash_of_a_request_does_not_depend_on_the_order_of_fields() -> None:
    assert hash_request([{"a": 1, "b": 2}], None) == hash_request([{"b": 2, "a": 1}], None)
    assert hash_request([{"a": 1}], None) != hash_request([{"a": 1}], 1)


@pytest.mark.parametrize(
    ("stored", "asked", "same"),
    [
        (({}, None), ({}, None), True),
        (({"a": 1}, None), ({"a": 1}, None), True),
        (({"a": 1}, None), ({"a": 2}, None), False),
        (({"a": 1}, None), ({}, None), False),
        (({"a": 1}, {"type": "X"}), ({"a": 1}, None), True),
        (({"a": 1}, None), ({"a": 1}, {"type": "X"}), False),
        (({"a": 1}, {"type": "X"}), ({"a": 1}, {"type": "Y"}), False),
        (({}, {"type": "X"}), ({}, None), True),
    ],
)
def test_what_counts_as_the_same_creation(stored: Any, asked: Any, same: bool) -> None:
    assert is_same_creation(hash_creation(*stored), hash_creation(*asked)) is same


@pytest.mark.parametrize(
    "receipt_id", [PositionReceiptId(Position(10**38, 9)), KeyedReceiptId(EVENT_ID), KeyedReceiptId(EVENT_ID, FIRST_ID)]
)
def test_receipt_ids_can_be_read_back(receipt_id: Any) -> None:
    assert parse_receipt_id(str(receipt_id)) == receipt_id
