"""Stored form of held events and ledger entries, and the JSON habits that every stored document shares.

A document is compact JSON: short keys, lists in a fixed order, defaults left out. The key of an item says which
instance it belongs to, so documents do not repeat that.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from settle.core.errors import ContextInvalidError, SnapshotInvalidError
from settle.runtime.errors import InstanceTooNewError
from settle.runtime.instance import HeldEvent
from settle.runtime.ledger import LedgerEntry
from settle.runtime.receipt import Outcome, Position, Receipt

ITEM_SCHEMA: Final = 1
"""Format of stored held events and receipts. A larger number than this was written by a newer release."""
MALFORMED: Final = (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)
"""What reading a document raises when it is not what we wrote."""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False)
_ASCII_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def to_json(document: Any) -> str:  # noqa: ANN401 - any JSON data
    """Write a document, always as text that UTF-8 can carry.

    Raises:
        ContextInvalidError: it holds something that is not JSON data, or is nested too deeply to be read again.
    """
    try:
        text = _ENCODER.encode(document)
        if text.isascii():
            return text
        try:
            text.encode()
        except UnicodeEncodeError:  # half of a surrogate pair, which JSON can escape and UTF-8 cannot say
            text = _ASCII_ENCODER.encode(document)
    except (RecursionError, TypeError, ValueError) as error:
        raise ContextInvalidError(f"cannot be stored as JSON: {error}") from error
    return text


def from_json(text: str) -> Any:  # noqa: ANN401 - any JSON data
    """Read a document. Raises one of `MALFORMED`."""
    return _DECODER.decode(text)


def integer(value: Any) -> int:  # noqa: ANN401 - any JSON data
    """Pass an integer on. Raises `TypeError` for anything else, a boolean too."""
    if type(value) is int:
        return value
    raise TypeError(f"{value!r} is not an integer")


def number(value: Any) -> float:  # noqa: ANN401 - any JSON data
    """Pass a number on. Raises `TypeError` for anything else."""
    if type(value) is float:
        return value
    return integer(value)


def text(value: Any) -> str:  # noqa: ANN401 - any JSON data
    """Pass a text on. Raises `TypeError` for anything else."""
    if type(value) is str:
        return value
    raise TypeError(f"{value!r} is not text")


def texts(values: Any) -> tuple[str, ...]:  # noqa: ANN401 - any JSON data
    """Turn a list of texts into a tuple. Raises `TypeError` for anything else."""
    if type(values) is list:
        return tuple([text(value) for value in values])  # a list first: half the time of a generator
    raise TypeError(f"{values!r} is not a list")


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
    return packed


def unpack_receipt(event_id: str, packed: Mapping[str, Any]) -> Receipt:
    """Turn JSON data into a receipt. Raises one of `MALFORMED`."""
    return Receipt(
        event_id=event_id,
        type=text(packed["t"]),
        outcome=Outcome(packed["o"]),
        version=integer(packed["v"]),
        code=text(packed.get("c", "")),
        before=texts(packed.get("b", [])),
        after=texts(packed.get("a", [])),
        effects=texts(packed.get("e", [])),
        next_events=texts(packed.get("n", [])),
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
        expires_at=number(expires_at),
        receipt=unpack_receipt(event_id, receipt[0]) if receipt else None,
    )


def _check_schema(schema: Any) -> None:  # noqa: ANN401 - any JSON data
    if integer(schema) > ITEM_SCHEMA:
        raise InstanceTooNewError(f"stored in format {schema}; this release knows {ITEM_SCHEMA}")
