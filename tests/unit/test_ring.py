"""The ring of recent receipts: newest kept, few bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settle.runtime import ring as ring_module
from settle.runtime.receipt import RING_BYTES, Outcome, Position, ShortReceipt
from settle.runtime.ring import MEMO_RINGS, RING_RECEIPTS, decode_ring, encode_ring, trim_ring
from tests.support.instances import SEQUENCE, rings

Ring = tuple[ShortReceipt, ...]


def short(sequence: int, *, version: int = 1, index: int = 0, code: str = "", outcome: str = "applied") -> ShortReceipt:
    return ShortReceipt(position=Position(sequence, index), outcome=Outcome(outcome), version=version, code=code)


def read_back(ring: Ring) -> Ring:
    text = encode_ring(ring)
    ring_module._memo.clear()
    return decode_ring(text)


@given(rings)
def test_every_ring_comes_back_equal(ring: Ring) -> None:
    assert read_back(ring) == ring


def test_it_is_written_newest_first_as_differences() -> None:
    ring = (
        short(0x900, version=4, outcome="ignored"),
        short(0x1000, version=5),
        short(0x1000, version=5, index=2, outcome="refused", code="guard:has_items"),
        short(0x1100, version=6),
    )

    assert encode_ring(ring) == "a-1100:-6,r100.2!guard:has_items,a,i700"
    assert read_back(ring) == ring


@given(rings, rings)
def test_trimming_keeps_the_newest_in_order_and_within_the_bytes(ring: Ring, entries: Ring) -> None:
    everything = ring + entries

    trimmed = trim_ring(ring, entries)

    assert len(json.dumps(encode_ring(trimmed), ensure_ascii=False).encode()) <= RING_BYTES
    assert len(trimmed) <= RING_RECEIPTS
    assert bool(trimmed) == bool(everything)
    if len(trimmed) != 1:
        assert trimmed == everything[len(everything) - len(trimmed) :]


def test_trimming_keeps_as_many_as_fit() -> None:
    code = "node:" + "x" * 15
    receipts = [short(SEQUENCE + number * 256, version=number, code=code) for number in range(1, 31)]

    trimmed = trim_ring((), receipts)

    used = len(encode_ring(trimmed)) + 2
    one_more = encode_ring((receipts[-len(trimmed) - 1], *trimmed))
    assert used <= RING_BYTES < len(one_more) + 2


def test_a_ring_of_short_receipts_is_bounded_in_number() -> None:
    receipts = [short(SEQUENCE + number, version=number) for number in range(1, 100)]
    assert list(trim_ring((), receipts)) == receipts[-RING_RECEIPTS:]


def test_a_code_that_would_not_fit_even_alone_is_cut() -> None:
    (kept,) = trim_ring((short(1),), [short(2, code='"' * 300)])
    assert kept == short(2, code='"' * 32)


@given(st.text(st.characters(exclude_categories=()), min_size=1, max_size=20))
def test_a_code_may_be_any_text(code: str) -> None:
    ring = (short(1, code=code), short(2, code="%,!.:"))
    assert read_back(ring) == ring
    assert "\\" not in json.dumps(encode_ring(ring), ensure_ascii=False)


def test_what_was_just_written_is_read_without_unpacking() -> None:
    ring = (short(SEQUENCE),)
    assert decode_ring(encode_ring(ring)) is ring


def test_the_memory_of_rings_is_bounded() -> None:
    for sequence in range(2 * MEMO_RINGS):
        decode_ring(f"a-{sequence + 1:x}")
    assert len(ring_module._memo) <= MEMO_RINGS


@pytest.mark.parametrize("text", [",", "a1,", ",a1", "1", "a1;a2", "z1", "a1!", "a1.", "a1:", "A1"])
def test_what_is_no_ring_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        decode_ring(text)
