"""Stored form of a snapshot: JSON with short keys, defaults left out.

    s schema   m machine   v machine version   d definition   a status, if not active   c configuration   x context
    h history   i live invokes   t live timers   e entries   o output

Whoever changes the format raises `SNAPSHOT_SCHEMA` and keeps reading the older ones (`tests/golden`). A snapshot names
the first schema that has all it needs, so that an older release, back after a rollback, reads what it can.
"""

from typing import Any, Final

from settle.core.errors import SnapshotInvalidError, SnapshotTooNewError
from settle.core.json_text import MALFORMED, count, from_json, integer, moment, text, texts, to_json
from settle.core.snapshot import SNAPSHOT_SCHEMA, LiveInvoke, LiveTimer, Snapshot, Status

_ACTIVE: Final = Status.ACTIVE


def encode_snapshot(snapshot: Snapshot) -> str:
    """Write a snapshot as JSON text.

    Raises:
        ContextInvalidError: a part that users fill is not JSON data.
    """
    return to_json(pack_snapshot(snapshot))


def decode_snapshot(document: str) -> Snapshot:
    """Read a snapshot. Whether its configuration is legal is checked by the step.

    Raises:
        SnapshotTooNewError: a newer release wrote it.
        SnapshotInvalidError: the text is no snapshot.
    """
    try:
        return unpack_snapshot(from_json(document))
    except MALFORMED as error:
        raise SnapshotInvalidError(f"the text is no snapshot: {error!r}") from error


def pack_snapshot(snapshot: Snapshot, machine: str = "") -> dict[str, Any]:
    """Turn a snapshot into JSON data; the machine's id is left out where it is the one given."""
    packed: dict[str, Any] = {
        "s": 1,
        "v": snapshot.machine_version,
        "d": snapshot.definition,
        "c": snapshot.configuration,
    }
    if snapshot.machine != machine:
        packed["m"] = snapshot.machine
    if snapshot.status is not _ACTIVE:
        packed["a"] = snapshot.status.value
    if snapshot.context is not None:
        packed["x"] = snapshot.context
    if snapshot.history:
        packed["h"] = snapshot.history
    if snapshot.invokes:
        packed["i"] = [_pack_invoke(live) for live in snapshot.invokes]
        if any(live.input is not None for live in snapshot.invokes):
            packed["s"] = SNAPSHOT_SCHEMA
    if snapshot.timers:
        packed["s"], packed["t"] = SNAPSHOT_SCHEMA, [_pack_timer(live) for live in snapshot.timers]
    if snapshot.entries:
        packed["e"] = snapshot.entries
    if snapshot.output is not None:
        packed["o"] = snapshot.output
    return packed


def unpack_snapshot(data: dict[str, Any], machine: str = "") -> Snapshot:
    """Turn JSON data into a snapshot; `machine` is its machine where the data names none.

    Raises:
        SnapshotTooNewError: a newer release wrote it.
        ValueError, TypeError, KeyError: one of `MALFORMED`; it is no snapshot.
    """
    if integer(data["s"]) > SNAPSHOT_SCHEMA:
        raise SnapshotTooNewError(f"a snapshot in format {data['s']}; this release knows {SNAPSHOT_SCHEMA}")
    take = data.get
    return Snapshot(  # in the order of its fields: by name it takes twice as long, for every event
        text(take("m", machine)),
        count(data["v"]),
        text(data["d"]),
        texts(data["c"]),
        take("x"),
        Status(data["a"]) if "a" in data else _ACTIVE,
        {node: texts(paths) for node, paths in data["h"].items()} if "h" in data else {},
        tuple(_unpack_invoke(*packed) for packed in data["i"]) if "i" in data else (),
        tuple(_unpack_timer(*packed) for packed in data["t"]) if "t" in data else (),
        count(take("e", 0)),
        take("o"),
    )


def _pack_invoke(live: LiveInvoke) -> tuple[Any, ...]:
    packed = (live.id, live.entry, live.node, live.src)
    return packed if live.input is None else (*packed, live.input)


def _unpack_invoke(invoke_id: str, entry: int, node: str, src: str, given: Any = None) -> LiveInvoke:  # noqa: ANN401 - JSON data
    return LiveInvoke(id=text(invoke_id), entry=count(entry), node=text(node), src=text(src), input=given)


def _pack_timer(live: LiveTimer) -> tuple[Any, ...]:
    packed = (live.id, live.entry, live.due, live.type, live.node)
    return packed if live.node is not None else (*packed, live.target, live.data)


def _unpack_timer(  # noqa: PLR0913, PLR0917 - one argument for each part of the stored list
    timer_id: str,
    entry: int,
    due: float,
    event_type: str,
    node: str | None,
    target: str = "",
    data: Any = None,  # noqa: ANN401 - JSON data
) -> LiveTimer:
    if node is not None and (target or data is not None):
        raise ValueError("the timer of a node carries no message")
    return LiveTimer(
        id=text(timer_id),
        entry=count(entry),
        due=moment(due),
        type=text(event_type),
        node=None if node is None else text(node),
        target=text(target),
        data=data,
    )
