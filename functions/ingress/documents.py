"""What the API says about instances, receipts and machines, as JSON data."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from settle.core.configuration import active_paths, active_tags, is_settled, next_events, state_value
from settle.core.definition import Definition
from settle.core.errors import SettleError
from settle.core.event import is_internal
from settle.core.snapshot import LiveInvoke, LiveTimer, Snapshot
from settle.core.spec import SEPARATOR
from settle.runtime.addresses import child_key
from settle.runtime.ids import PositionReceiptId
from settle.runtime.instance import Instance, InstanceKey
from settle.runtime.permissions import EVERYTHING, Sight
from settle.runtime.read_blocked import BlockedEvent
from settle.runtime.read_receipt import ReceiptView
from settle.runtime.receipt import Edit
from settle.runtime.registry import Registry

Select = Callable[[Iterable[str]], Iterable[str]]
"""Picks some of the event types that it is given."""
_TELLING: Final = {"before", "after", "effects", "next_events"}
"""What a receipt says about the instance itself."""

# Instances -----------------------------------------------------------------------------------------------------------


def instance_document(
    registry: Registry, instance: Instance, sight: Sight = EVERYTHING, allowed: Select = tuple
) -> dict[str, Any]:
    """Describe an instance. What cannot be told without its definition is told as well as can be.

    Args:
        registry: the machines.
        instance: to be described.
        sight: what the reader may see. Without the whole of it, context, output and errors are cut down.
        allowed: picks of the next events those that the reader may send.
    """
    snapshot = instance.snapshot
    return {
        "machine": instance.key.machine,
        "instance": instance.key.instance,
        "incarnation": instance.incarnation,
        "version": instance.version,
        "revision": instance.revision,
        "machine_version": snapshot.machine_version,
        "status": snapshot.status.value,
        **_configuration(registry, snapshot, allowed),
        "context": snapshot.context if sight.whole else sight.of(snapshot.context),
        "output": snapshot.output if sight.whole else None,
        "services": [_service(registry, instance, live) for live in snapshot.invokes],
        "timers": [_timer(live) for live in snapshot.timers],
        "parent": None if instance.parent is None else instance.parent.group,
        "paused": instance.paused,
        "held": instance.held_count,
        "blocked": _blocked(instance, sight),
        # What was edited, and by whom, is for those who see all.
        "edits": [{"event_id": edited.event_id, **_edit(edited.edit)} for edited in instance.edits if sight.whole],
        "created_at": _iso(instance.created_at),
        "updated_at": _iso(instance.updated_at),
    }


def _service(registry: Registry, instance: Instance, live: LiveInvoke) -> dict[str, Any]:
    """Describe a service or a child that is live; never its token."""
    document = {"id": live.id, "node": live.node, "src": live.src}
    try:
        spec = registry.definition_for(instance.snapshot).invokes[live.id]
    except SettleError:
        return document
    return {**document, "instance": str(child_key(instance, live))} if spec.machine else {**document, "mode": spec.mode}


def _timer(live: LiveTimer) -> dict[str, Any]:
    document: dict[str, Any] = {"id": live.id, "due": _iso(live.due)}
    if live.node is not None:
        return {**document, "node": live.node}
    return {**document, "type": live.type, **({"target": live.target} if live.target else {})}


def _configuration(registry: Registry, snapshot: Snapshot, allowed: Select) -> dict[str, Any]:
    problem = "the machine has not started yet"
    if snapshot.started:
        try:
            definition = registry.definition_for(snapshot)
            return {
                "value": state_value(definition, snapshot),
                "states": list(active_paths(definition, snapshot)),
                "tags": sorted(active_tags(definition, snapshot)),
                "settled": is_settled(definition, snapshot),
                "next_events": list(allowed(next_events(definition, snapshot))),
            }
        except SettleError as error:
            problem = str(error)
    leaves = snapshot.configuration
    return {
        "value": _guess_value(leaves),
        "states": list(dict.fromkeys(path for leaf in leaves for path in _with_ancestors(leaf))),
        "tags": [],
        "settled": None,
        "next_events": [],
        "problem": problem,
    }


def _with_ancestors(path: str) -> list[str]:
    names = path.split(SEPARATOR)
    return [SEPARATOR.join(names[:length]) for length in range(1, len(names) + 1)]


def _guess_value(leaves: Sequence[str]) -> Any:  # noqa: ANN401 - text or nested dicts of text
    """Return the state value that the paths of the leaves suggest; None when there are none."""
    tree: dict[str, Any] = {}
    for leaf in leaves:
        branch = tree
        for name in leaf.split(SEPARATOR):
            branch = branch.setdefault(name, {})

    def value(branch: dict[str, Any]) -> Any:  # noqa: ANN401
        if len(branch) == 1 and not next(iter(branch.values())):
            return next(iter(branch))
        return {name: value(inner) for name, inner in branch.items()}

    return value(tree) if tree else None


def _blocked(instance: Instance, sight: Sight) -> dict[str, Any] | None:
    blocked, held = instance.blocked, instance.blocking
    if blocked is None or held is None:
        return None
    return {
        "receipt": receipt_path(instance.key, str(PositionReceiptId(held.floor))),
        "event_id": blocked.event_id,
        "type": blocked.type,
        "code": blocked.code,
        # What user code raised may repeat what it was given.
        **({"message": blocked.message, "traceback": blocked.traceback} if sight.whole else {}),
        "at": _iso(blocked.at),
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _edit(edit: Edit) -> dict[str, Any]:
    return {"by": edit.by, "at": _iso(edit.at), "type": edit.type, "digest": edit.digest, "times": edit.times}


def hidden_document(instance: Instance) -> dict[str, Any]:
    """Say no more of an instance than that it is there."""
    return {"machine": instance.key.machine, "instance": instance.key.instance, "version": instance.version}


def blocked_document(instance: Instance, sight: Sight) -> dict[str, Any]:
    """Say what blocks an instance."""
    return {
        "machine": instance.key.machine,
        "instance": instance.key.instance,
        "location": instance_path(instance.key),
        "version": instance.version,
        "held": instance.held_count,
        "blocked": _blocked(instance, sight),
    }


def blocked_event_document(found: BlockedEvent) -> dict[str, Any]:
    """Say what the event is that blocks an instance, to somebody who sees all of it."""
    event = found.event
    edit = found.instance.find_edit(event.position)
    return {
        **blocked_document(found.instance, EVERYTHING),
        "event": {
            "id": event.id,
            "type": event.type,
            "data": event.data,
            "principal": event.principal,
            "origin": event.origin or None,
            "digest": found.digest,
            "edited": None if edit is None else _edit(edit),
        },
    }


# Receipts ------------------------------------------------------------------------------------------------------------


def receipt_document(
    key: InstanceKey, view: ReceiptView, sight: Sight = EVERYTHING, allowed: Select = tuple
) -> dict[str, Any]:
    """Describe a receipt; what is not known is left out.

    Args:
        key: of the instance.
        view: what is known.
        sight: what the reader may see of the instance: without any, not where the event led it; without the whole of
            it, not what was edited, and by whom.
        allowed: picks of the next events those that the reader may send.
    """
    document: dict[str, Any] = {
        "id": view.id,
        "outcome": view.outcome and view.outcome.value,
        "location": receipt_path(key, view.id),
    }
    for name in ("event_id", "type", "version", "code", "before", "after", "effects", "next_events", "note"):
        value = getattr(view, name)
        if value is not None and value != "" and not (sight.denied and name in _TELLING):
            document[name] = list(allowed(value)) if name == "next_events" else value
    if view.edited is not None and sight.whole:
        document["edited"] = _edit(view.edited)
    return document


def instance_path(key: InstanceKey) -> str:
    """Return the path of an instance; its characters need no escapes."""
    return f"/machines/{key.machine}/instances/{key.instance}"


def receipt_path(key: InstanceKey, receipt_id: str) -> str:
    """Return the path of a receipt."""
    return f"{instance_path(key)}/receipts/{receipt_id}"


# Machines ------------------------------------------------------------------------------------------------------------


def public_event_types(definition: Definition) -> list[str]:
    """Return the event types that a client may send, sorted."""
    return sorted(each for each in {*definition.event_types, *definition.events} if not is_internal(each))


def machine_summary(definition: Definition) -> dict[str, Any]:
    """Describe a machine in a few words."""
    return {
        "machine": definition.machine,
        "version": definition.version,
        "hash": definition.hash,
        "create_on_event": definition.create_on_event,
        "event_types": public_event_types(definition),
    }


def machine_document(definition: Definition) -> dict[str, Any]:
    """Describe a machine in full: the definition as data, and the schemas of what comes in."""
    return {
        **machine_summary(definition),
        "uses_settled": definition.uses_settled,
        "events": {name: codec.schema for name, codec in sorted(definition.events.items())},
        "context": definition.context.schema,
        "definition": definition.table,
        "warnings": [
            {"code": finding.code, "message": finding.message, "node": finding.node} for finding in definition.warnings
        ],
    }
