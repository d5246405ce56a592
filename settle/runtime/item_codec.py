"""Stored form of held events and ledger entries.

A document is compact JSON: short keys, lists in a fixed order, defaults left out. The key of an item says which
instance it belongs to, so documents do not repeat that.
"""

from collections.abc import Mapping
from typing import Any, Final

from settle.core.errors import SnapshotInvalidError
from settle.core.json_text import MALFORMED, count, from_json, integer, moment, text, texts, to_json
from settle.runtime.errors import InstanceTooNewError
from settle.runtime.instance import HeldEvent
from settle.runtime.ledger import LedgerEntry
from settle.runtime.receipt import Edit, Outcome, Position, Receipt

ITEM_SCHEMA: Final = 1
"""Format of stored held events and receipts. A larger number than this was written by a newer release."""


def encode_held(event: HeldEvent) -> str:
    """Write a held event; its number is in the key.

    The body follows the JSON on a line of its own, as it is: escaping could almost double it, and a message that was
    accepted must fit an item.
    """
    position = event.position
    head = [ITEM_SCHEMA, position.sequence, position.index, 1 if event.sender_trusted else 0]
    return f"{to_json(head)}\n{event.body}"


def decode_held(number: int, document: str) -> HeldEvent:
    """Read a held event.

    Raises:
        InstanceTooNewError: a newer release stored it.
        SnapshotInvalidError: it is no held event.
    """
    try:
        head, separator, body = document.partition("\n")
        schema, *fields = from_json(head)
        _check_schema(schema)
        sequence, index, trusted = fields
        position = Position(integer(sequence), integer(index))
        if not separator:
            raise ValueError("a held event has a body")
        return HeldEvent(number=number, position=position, body=body, sender_trusted=bool(integer(trusted)))
    except MALFORMED as error:
        raise SnapshotInvalidError(f"held event {number} cannot be read: {error}") from error


def encode_receipt(receipt: Receipt | None) -> str:
    """Write what a ledger entry knows beside its id, hash and expiry; empty while the event is only accepted."""
    return "" if receipt is None else to_json([ITEM_SCHEMA, pack_receipt(receipt)])


def decode_receipt(event_id: str, document: str) -> Receipt | None:
    """Read it back.

    Raises:
        InstanceTooNewError: a newer release stored it.
        SnapshotInvalidError: it is no receipt.
    """
    if not document:
        return None
    try:
        schema, *fields = from_json(document)
        _check_schema(schema)
        (packed,) = fields
        return unpack_receipt(event_id, packed)
    except MALFORMED as error:
        raise SnapshotInvalidError(f"receipt {event_id!r} cannot be read: {error}") from error


def pack_receipt(receipt: Receipt) -> dict[str, Any]:
    """Turn a receipt into JSON data without its event id."""
    packed: dict[str, Any] = {"t": receipt.type, "o": str(receipt.outcome), "v": receipt.version}
    if receipt.code:
        packed["c"] = receipt.code
    if receipt.before:
        packed["b"] = receipt.before
    if receipt.after:
        packed["a"] = receipt.after
    if receipt.effects:
        packed["e"] = receipt.effects
    if receipt.next_events:
        packed["n"] = receipt.next_events
    if receipt.incarnation:
        packed["i"] = receipt.incarnation
    if receipt.edited:
        packed["w"] = pack_edit(receipt.edited)
    return packed


def pack_edit(edit: Edit) -> list[Any]:
    """Turn into JSON data how an event was changed."""
    return [edit.by, edit.at, edit.type, edit.digest, edit.times]


def unpack_edit(by: str, at: float, event_type: str, digest: str, times: int) -> Edit:
    """Turn JSON data into how an event was changed. Raises one of `MALFORMED`."""
    return Edit(by=text(by), at=moment(at), type=text(event_type), digest=text(digest), times=count(times))


def unpack_receipt(event_id: str, packed: Mapping[str, Any]) -> Receipt:
    """Turn JSON data into a receipt. Raises one of `MALFORMED`."""
    return Receipt(
        event_id=event_id,
        type=text(packed["t"]),
        outcome=Outcome(packed["o"]),
        version=count(packed["v"]),
        code=text(packed.get("c", "")),
        before=texts(packed.get("b", [])),
        after=texts(packed.get("a", [])),
        effects=texts(packed.get("e", [])),
        next_events=texts(packed.get("n", [])),
        incarnation=text(packed.get("i", "")),
        edited=unpack_edit(*packed["w"]) if "w" in packed else None,
    )


def pack_entry(entry: LedgerEntry) -> list[Any]:
    """Turn a ledger entry into JSON data, for the outbox."""
    packed: list[Any] = [entry.event_id, entry.body_hash, entry.expires_at]
    return packed if entry.receipt is None else [*packed, pack_receipt(entry.receipt)]


def unpack_entry(packed: list[Any]) -> LedgerEntry:
    """Turn JSON data into a ledger entry. Raises one of `MALFORMED`."""
    event_id, body_hash, expires_at, *receipt = packed
    return LedgerEntry(
        event_id=text(event_id),
        body_hash=text(body_hash),
        expires_at=moment(expires_at),
        receipt=unpack_receipt(event_id, receipt[0]) if receipt else None,
    )


def _check_schema(schema: Any) -> None:  # noqa: ANN401 - any JSON data
    if integer(schema) > ITEM_SCHEMA:
        raise InstanceTooNewError(f"stored in format {schema}; this release knows {ITEM_SCHEMA}")
