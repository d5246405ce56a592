"""The ring: receipts of the latest events in a few bytes each, inside the instance item.

Stored text, newest first, separated by commas; each receipt is told by its difference from the newer one before it:

    a10597a0a9b2c4e1f0:-c    the newest: applied, its sequence number as a difference from 0, version 12
    ,a100                    applied, 0x100 earlier; the version before, because the newer one was applied
    ,r3f00!guard:has_items   refused by a guard, 0x3f00 earlier
    ,i.2                     ignored, of the same message, at index 2 of its list
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from settle.runtime.receipt import RING_BYTES, Outcome, Position, ShortReceipt

RING_RECEIPTS: Final = 20
"""How many receipts at most: about what `RING_BYTES` holds of events that are far apart. Reading one takes 2 us."""
LONGEST_CUT_CODE: Final = 32
"""Characters kept of a code that would not fit the ring even alone; `SettleError.code` is never longer."""

_LETTERS: Final = {
    Outcome.APPLIED: "a",
    Outcome.IGNORED: "i",
    Outcome.REFUSED: "r",
    Outcome.DENIED: "d",
    Outcome.PRECONDITION_FAILED: "p",
    Outcome.GONE: "g",
    Outcome.QUEUED: "q",
    Outcome.HELD: "h",
    Outcome.DUPLICATE: "u",
    Outcome.QUARANTINED: "x",
    Outcome.SKIPPED: "s",
}
_OUTCOMES: Final = {letter: outcome for outcome, letter in _LETTERS.items()}
MEMO_RINGS: Final = 512
"""Rings kept in memory as they were written, about 3 KB each: a busy instance's next event finds its ring unpacked."""

_memo: dict[str, tuple[ShortReceipt, ...]] = {}
_RECEIPT: Final = re.compile(r"([a-z])(-?[0-9a-f]*)(?:\.([0-9a-f]+))?(?::(-?[0-9a-f]+))?(?:!([^,]+))?(?:,|$)")
_SPECIAL: Final = re.compile('[\x00-\x1f"%,\\\\\x7f\ud800-\udfff]')
_ESCAPED: Final = re.compile("%([0-9a-f]{4})")


def trim_ring(ring: Sequence[ShortReceipt], entries: Sequence[ShortReceipt] = ()) -> tuple[ShortReceipt, ...]:
    """Append receipts to the ring, oldest first, and keep the newest: `RING_RECEIPTS` of them, in `RING_BYTES`.

    At least the newest is kept; were it too long alone, its code is cut.
    """
    room = RING_BYTES - 2  # the quotes of a JSON text
    candidates = (*ring, *entries)[-RING_RECEIPTS:]
    kept: list[ShortReceipt] = []
    newer: ShortReceipt | None = None
    for receipt in reversed(candidates):
        written = _write(receipt, newer)
        room -= len(written) if written.isascii() else len(written.encode())
        if room < 0:
            break
        kept.append(receipt)
        newer = receipt
        room -= 1
    if candidates and newer is None:
        newest = candidates[-1]
        return (replace(newest, code=newest.code[:LONGEST_CUT_CODE]),)
    return tuple(kept[::-1])


def encode_ring(ring: tuple[ShortReceipt, ...]) -> str:
    """Write the ring. The text needs no escapes in JSON."""
    written = []
    newer: ShortReceipt | None = None
    for receipt in reversed(ring):
        written.append(_write(receipt, newer))
        newer = receipt
    return _remember(",".join(written), ring)


def decode_ring(text: str) -> tuple[ShortReceipt, ...]:
    """Read the ring, oldest first. Raises `ValueError` or `KeyError` when the text is no ring."""
    ring = _memo.get(text)
    if ring is None:
        ring = _read(text)
        _remember(text, ring)
    return ring


def _remember(text: str, ring: tuple[ShortReceipt, ...]) -> str:
    if len(_memo) >= MEMO_RINGS:
        _memo.clear()
    _memo[text] = ring
    return text


def _read(text: str) -> tuple[ShortReceipt, ...]:
    receipts = []
    sequence = version = end = 0
    for match in _RECEIPT.finditer(text):
        if match.start() != end:
            break
        end = match.end()
        letter, distance, index, versions, code = match.groups()
        outcome = _OUTCOMES[letter]
        if distance:
            sequence -= int(distance, 16)
        if versions:
            version -= int(versions, 16)
        position = Position(sequence, int(index, 16)) if index else Position(sequence)
        code = _ESCAPED.sub(_unescape, code) if code else ""
        receipts.append(ShortReceipt(position=position, outcome=outcome, version=version, code=code))
        if letter == "a":
            version -= 1
    if end != len(text) or text.endswith(","):
        raise ValueError("the text is no ring")
    return tuple(receipts[::-1])


def _write(receipt: ShortReceipt, newer: ShortReceipt | None) -> str:
    """Write one receipt as its difference from the newer one; the newest, from nothing."""
    position = receipt.position
    if newer is None:
        distance, versions = -position.sequence, -receipt.version
    else:
        distance = newer.position.sequence - position.sequence
        versions = newer.version - receipt.version - (newer.outcome is Outcome.APPLIED)
    written = f"{_LETTERS[receipt.outcome]}{distance:x}" if distance else _LETTERS[receipt.outcome]
    if position.index:
        written += f".{position.index:x}"
    if versions:
        written += f":{versions:x}"
    if receipt.code:
        written += f"!{_SPECIAL.sub(_escape, receipt.code)}"
    return written


def _escape(match: re.Match[str]) -> str:
    return f"%{ord(match[0]):04x}"


def _unescape(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))
