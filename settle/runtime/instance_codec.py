"""Stored form of an instance: one compact JSON document, beside the key, incarnation and revision of its item.

DynamoDB bills a write by the kilobyte, so the document of a small machine stays far below one: short keys, defaults
left out, nothing that the key says already. Whoever changes the format raises `INSTANCE_SCHEMA` and keeps reading the
old one (`tests/golden`).

    s schema   v version   t [created at, updated at]   n snapshot   i input hash   w watermark   p paused   b blocked
    h held range   f failing   j journal of the run   o outbox   r ring (`settle.runtime.ring`)   u urgent range
    l link to the parent   k tokens of live services and children   x deleted at   e edited events

Schema 2 is for documents with a part that the first release did not know: `u`, `l`, `k`, `x`, or an outbox entry of a
later kind. All others keep schema 1, so that an older release can go on with them. Nothing is decided by `e`: an older
release drops it, so it needs no schema of its own.

The snapshot within is that of `settle.core.snapshot_codec`; it names its machine only if that is another than the
key's.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, assert_never

from settle.core.errors import SnapshotInvalidError
from settle.core.json_text import MALFORMED, count, from_json, integer, moment, text, to_json
from settle.core.snapshot_codec import pack_snapshot, unpack_snapshot
from settle.runtime.envelope import ParentLink
from settle.runtime.errors import InstanceTooNewError
from settle.runtime.instance import (
    INSTANCE_SCHEMA,
    LARGEST_NUMBER,
    Blocked,
    CancelSchedule,
    EditedEvent,
    Failing,
    FinishEvent,
    HeldRange,
    Instance,
    InstanceKey,
    Lane,
    OutboxEntry,
    PurgeItems,
    Run,
    SendMessage,
    SendTask,
    SendTimer,
    ServiceOutcome,
    Watermark,
)
from settle.runtime.item_codec import pack_edit, pack_entry, unpack_edit, unpack_entry
from settle.runtime.receipt import Position
from settle.runtime.ring import decode_ring, encode_ring

_FIRST_SCHEMA: Final = 1
_FINISH: Final = "f"
_SEND: Final = "m"
_TIMER: Final = "t"
_CANCEL: Final = "c"
_TASK: Final = "b"
_PURGE: Final = "p"


def encode_instance(instance: Instance) -> str:  # noqa: C901 - one branch for each part that may be absent
    """Write an instance; key, incarnation and revision are stored beside the document.

    Raises:
        ContextInvalidError: the context or another part that users fill is not JSON data.
    """
    document: dict[str, Any] = {
        "s": _FIRST_SCHEMA,
        "v": instance.version,
        "t": (instance.created_at, instance.updated_at),
        "n": pack_snapshot(instance.snapshot, instance.key.machine),
    }
    if instance.input_hash:
        document["i"] = instance.input_hash
    if instance.origin:
        document["g"] = instance.origin
    if instance.watermark is not None:
        document["w"] = (instance.watermark.queue, *_pack_position(instance.watermark.position))
    if instance.paused:
        document["p"] = 1
    if instance.blocked is not None:
        blocked = instance.blocked
        document["b"] = (blocked.event_id, blocked.type, blocked.code, blocked.message, blocked.traceback, blocked.at)
        if blocked.lane is Lane.URGENT:
            document["b"] += (1,)
    if instance.held is not None:
        document["h"] = _pack_held(instance.held)
    if instance.failing is not None:
        document["f"] = (instance.failing.sequence, instance.failing.count)
    if instance.run is not None:
        document["j"] = _pack_run(instance.run)
    if instance.outbox:
        document["o"] = [_pack_outbox_entry(entry) for entry in instance.outbox]
    document |= _pack_receipts(instance)
    later = _pack_later(instance)
    if later or not all(isinstance(entry, (FinishEvent, SendMessage)) for entry in instance.outbox):
        document |= {"s": INSTANCE_SCHEMA, **later}
    return to_json(document)


def _pack_receipts(instance: Instance) -> dict[str, Any]:
    """Return what is remembered of events, by which nothing is decided."""
    document: dict[str, Any] = {}
    if instance.ring:
        document["r"] = encode_ring(instance.ring)
    if instance.edits:
        document["e"] = [_pack_edited(edited) for edited in instance.edits]
    return document


def _pack_later(instance: Instance) -> dict[str, Any]:
    """Return the parts of an instance that the first release did not know."""
    document: dict[str, Any] = {}
    if instance.urgent is not None:
        document["u"] = _pack_held(instance.urgent)
    if instance.parent is not None:
        parent = instance.parent
        document["l"] = (parent.group, parent.incarnation, parent.invoke, parent.token)
    if instance.tokens:
        document["k"] = dict(instance.tokens)
    if instance.deleted_at:
        document["x"] = instance.deleted_at
    return document


def decode_instance(key: InstanceKey, incarnation: str, revision: int, document: str) -> Instance:
    """Read an instance.

    Raises:
        InstanceTooNewError: a newer release stored it.
        SnapshotTooNewError: a newer release stored the snapshot in it.
        SnapshotInvalidError: the document is no instance.
    """
    try:
        data = from_json(document)
        if integer(data["s"]) > INSTANCE_SCHEMA:
            raise InstanceTooNewError(f"{key} is stored in format {data['s']}; this release knows {INSTANCE_SCHEMA}")
        return _unpack(key, incarnation, revision, data)
    except MALFORMED as error:
        raise SnapshotInvalidError(f"the stored document of {key} is no instance: {error!r}") from error


def _unpack(key: InstanceKey, incarnation: str, revision: int, data: dict[str, Any]) -> Instance:
    created_at, updated_at = data["t"]
    take = data.get
    return Instance(
        key=key,
        incarnation=incarnation,
        revision=count(revision),
        version=count(data["v"]),
        snapshot=unpack_snapshot(data["n"], key.machine),
        created_at=moment(created_at),
        updated_at=moment(updated_at),
        input_hash=text(take("i", "")),
        origin=text(take("g", "")),
        watermark=_unpack_watermark(*data["w"]) if "w" in data else None,
        paused=bool(integer(take("p", 0))),
        blocked=_unpack_blocked(*data["b"]) if "b" in data else None,
        held=_unpack_held(*data["h"]) if "h" in data else None,
        urgent=_unpack_held(*data["u"]) if "u" in data else None,
        failing=_unpack_failing(*data["f"]) if "f" in data else None,
        run=_unpack_run(data["j"]) if "j" in data else None,
        outbox=tuple(_unpack_outbox_entry(*packed) for packed in data["o"]) if "o" in data else (),
        ring=decode_ring(data["r"]) if "r" in data else (),
        parent=_unpack_parent(*data["l"]) if "l" in data else None,
        tokens={text(key): text(token) for key, token in take("k", {}).items()},
        deleted_at=moment(take("x", 0.0)),
        edits=tuple(_unpack_edited(*packed) for packed in data["e"]) if "e" in data else (),
    )


def _pack_position(position: Position) -> tuple[int, ...]:
    return (position.sequence, position.index) if position.index else (position.sequence,)


def _unpack_position(sequence: int, index: int = 0) -> Position:
    return Position(integer(sequence), integer(index))


def _unpack_watermark(queue: str, *position: int) -> Watermark:
    return Watermark(queue=text(queue), position=_unpack_position(*position))


def _pack_held(held: HeldRange) -> tuple[int, ...]:
    return (held.first, held.next, *_pack_position(held.floor))


def _unpack_held(first: int, following: int, *floor: int) -> HeldRange:
    if not 0 <= integer(first) <= integer(following) <= LARGEST_NUMBER:
        raise ValueError("the numbers of held events are out of order")
    return HeldRange(first=first, next=following, floor=_unpack_position(*floor))


def _unpack_failing(sequence: int, begun: int) -> Failing:
    return Failing(sequence=integer(sequence), count=count(begun))


def _unpack_parent(group: str, incarnation: str, invoke: str, token: str) -> ParentLink:
    return ParentLink(group=text(group), incarnation=text(incarnation), invoke=text(invoke), token=text(token))


def _unpack_blocked(*packed: Any) -> Blocked:  # noqa: ANN401 - JSON data
    event_id, event_type, code, message, traceback, at, *urgent = packed
    return Blocked(
        event_id=text(event_id),
        type=text(event_type),
        code=text(code),
        message=text(message),
        traceback=text(traceback),
        at=moment(at),
        lane=Lane.URGENT if urgent else Lane.EXTERNAL,
    )


def _pack_edited(edited: EditedEvent) -> tuple[Any, ...]:
    return (edited.event_id, edited.position.sequence, edited.position.index, *pack_edit(edited.edit))


def _unpack_edited(event_id: str, sequence: int, index: int, *edit: Any) -> EditedEvent:  # noqa: ANN401 - JSON data
    return EditedEvent(event_id=text(event_id), position=_unpack_position(sequence, index), edit=unpack_edit(*edit))


def _pack_run(run: Run) -> dict[str, Any]:
    packed: dict[str, Any] = {"e": run.event_id, "t": run.now, "d": run.definition}
    if run.results:
        packed["r"] = {
            key: (result.data, result.error) if result.error else (result.data,) for key, result in run.results.items()
        }
    if run.attempts:
        packed["a"] = dict(run.attempts)
    return packed


def _unpack_run(data: dict[str, Any]) -> Run:
    return Run(
        event_id=text(data["e"]),
        now=moment(data["t"]),
        definition=text(data["d"]),
        results={key: _unpack_result(*packed) for key, packed in data.get("r", {}).items()},
        attempts={key: count(failed) for key, failed in data.get("a", {}).items()},
    )


def _unpack_result(data: Any, error: str = "") -> ServiceOutcome:  # noqa: ANN401 - JSON data
    return ServiceOutcome(data=data, error=text(error))


def _pack_outbox_entry(entry: OutboxEntry) -> tuple[Any, ...]:
    match entry:
        case FinishEvent():
            return (_FINISH, entry.id, pack_entry(entry.entry))
        case SendMessage():
            return (_SEND, entry.id, entry.group, entry.body)
        case SendTimer():
            return (_TIMER, entry.id, entry.body, entry.name, entry.due)
        case CancelSchedule():
            return (_CANCEL, entry.id, entry.name)
        case SendTask():
            return (_TASK, entry.id, entry.body)
        case PurgeItems():
            return (_PURGE, entry.id, entry.until, *([entry.version] if entry.version else []))
        case _:
            assert_never(entry)


def _unpack_outbox_entry(kind: str, entry_id: str, *rest: Any) -> OutboxEntry:  # noqa: ANN401 - JSON data
    unpack = _UNPACK.get(kind)
    if unpack is None:
        raise ValueError(f"{kind!r} is no kind of outbox entry")
    return unpack(text(entry_id), *rest)


def _unpack_timer(entry_id: str, body: str, name: str, due: float) -> SendTimer:
    return SendTimer(id=entry_id, body=text(body), name=text(name), due=moment(due))


def _unpack_purge(entry_id: str, until: float, version: int = 0) -> PurgeItems:
    return PurgeItems(id=entry_id, until=moment(until), version=count(version))


_UNPACK: Final[Mapping[str, Callable[..., OutboxEntry]]] = {
    _FINISH: lambda entry_id, packed: FinishEvent(id=entry_id, entry=unpack_entry(packed)),
    _SEND: lambda entry_id, group, body: SendMessage(id=entry_id, group=text(group), body=text(body)),
    _TIMER: _unpack_timer,
    _CANCEL: lambda entry_id, name: CancelSchedule(id=entry_id, name=text(name)),
    _TASK: lambda entry_id, body: SendTask(id=entry_id, body=text(body)),
    _PURGE: _unpack_purge,
}
