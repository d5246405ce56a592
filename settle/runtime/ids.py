"""Ids that the ingress gives out, and the hashes that tell a repetition of a request from another request."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from settle.core.snapshot import LiveInvoke
from settle.runtime.receipt import Position
from settle.runtime.tokens import Token

ID_DIGITS: Final = 32
"""Hexadecimal digits of an event id that is a hash: 128 bits."""
INPUT_DIGITS: Final = 20
"""Hexadecimal digits of each half of a creation's hash, which rides in the instance item."""

_POSITION: Final = re.compile(r"s([0-9]{1,40})-([0-9]{1,2})")
_KEYED: Final = re.compile(rf"k([0-9a-f]{{{ID_DIGITS}}})(?:-([0-9a-f]{{{ID_DIGITS}}}))?")


@dataclass(frozen=True, slots=True)
class PositionReceiptId:
    """Names a receipt by the event's place in the queue: that of any event that came without an idempotency key."""

    position: Position

    def __str__(self) -> str:
        return f"s{self.position.sequence}-{self.position.index}"


@dataclass(frozen=True, slots=True)
class KeyedReceiptId:
    """Names a receipt by event id: events with an idempotency key.

    Attributes:
        event_id: of the event.
        first_id: of the first event of its list, when that is another one. Only the first is entered in the ledger when
            the list is accepted, and by it a receipt that is still to come is told from one that never was.
    """

    event_id: str
    first_id: str = ""

    def __str__(self) -> str:
        return f"k{self.event_id}-{self.first_id}" if self.first_id else f"k{self.event_id}"


ReceiptId = PositionReceiptId | KeyedReceiptId


def parse_receipt_id(text: str) -> ReceiptId | None:
    """Read a receipt id back; None when it is none."""
    if match := _POSITION.fullmatch(text):
        return PositionReceiptId(Position(int(match[1]), int(match[2])))
    if match := _KEYED.fullmatch(text):
        return KeyedReceiptId(match[1], match[2] or "")
    return None


def keyed_event_ids(principal: str, group: str, key: str, count: int) -> list[str]:
    """Return the ids of events that came with an idempotency key.

    They follow from the key, so that a repetition of the request carries the same ids; and from the principal, so that
    nobody can take another one's.
    """
    return [_digest(principal, group, key, str(position))[:ID_DIGITS] for position in range(count)]


def plain_event_ids(request_id: str, count: int) -> list[str]:
    """Return the ids of events without a key, made from an id that is new for every request."""
    return [f"{request_id}-{position}" for position in range(count)]


def hash_request(events: Iterable[Mapping[str, Any]], if_match: int | None) -> str:
    """Return what another request under the same idempotency key is told by."""
    return _digest(_canonical(list(events)), str(if_match))


def token_event_id(token: Token) -> str:
    """Return the event id of a callback: it follows from the token, which is good for one outcome."""
    return _digest(str(token.key), token.incarnation, token.invoke, token.secret)[:ID_DIGITS]


def hash_callback(data: Any, error: str) -> str:  # noqa: ANN401 - any JSON data
    """Return what another outcome under the same token is told by."""
    return _digest(_canonical(data), error)


def digest_event(event_type: str, data: Any) -> str:  # noqa: ANN401 - any JSON data
    """Return what an event of another type, or with other data, is told by."""
    return _digest(event_type, _canonical(data))[:ID_DIGITS]


def hash_creation(input_data: Mapping[str, Any], event: Mapping[str, Any] | None) -> str:
    """Return the hash of a creation, in two halves; empty for one without input and event, as an event makes it."""
    if not input_data and event is None:
        return ""
    first = _digest(_canonical(input_data))[:INPUT_DIGITS] if input_data else ""
    return first if event is None else f"{first}.{_digest(_canonical(event))[:INPUT_DIGITS]}"


def service_key(incarnation: str, event_id: str, live: LiveInvoke) -> str:
    """Return the idempotency key of a service call: it does not depend on how the queue cut its batches."""
    text = "\n".join((incarnation, event_id, live.node, str(live.entry), live.id))
    return hashlib.sha256(text.encode()).hexdigest()[:ID_DIGITS]


def creation_id(group: str, creation: str, revision: int) -> str:
    """Return the id of a creation's message.

    The same for a repetition whose first answer was lost: the queue swallows it while the first message waits there.
    Another one once the stored revision has changed: a creation after a refused one, or after a deletion, is sent.
    """
    return _digest(group, creation, str(revision))[:ID_DIGITS]


def is_same_creation(stored: str, asked: str) -> bool:
    """Whether an instance is what a creation asked for: made from the same input, and with its event if it has one.

    A creation without an event asks for the input only. One with an event is another one when the instance was made
    without it, because that event would silently be lost.
    """
    return stored == asked or ("." not in asked and stored.partition(".")[0] == asked)


def _digest(*parts: str) -> str:
    """Hash texts, each after its length, so that no two lists of texts look alike."""
    hashed = hashlib.sha256()
    for part in parts:
        data = part.encode()
        hashed.update(b"%d:%b" % (len(data), data))
    return hashed.hexdigest()


def _canonical(data: Any) -> str:  # noqa: ANN401 - any JSON data
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
