"""Configurations: sets of active nodes, as bits inside a step and as leaf paths in a snapshot."""

from typing import Any

from settle.core.bits import iterate
from settle.core.definition import Definition, Node
from settle.core.errors import SnapshotInvalidError
from settle.core.memo import remember
from settle.core.snapshot import Snapshot, Status
from settle.core.spec import SEPARATOR, SETTLED, NodeKind


def load_configuration(definition: Definition, leaves: tuple[str, ...]) -> int:
    """Return the set of active nodes that these leaves stand for.

    Raises:
        SnapshotInvalidError: unknown nodes, or not a legal configuration (SCXML 3.11): the machine itself, one child of
            every active compound node, every child of every active parallel node, and leaves at the ends. No leaves at
            all stand for a machine that has not started.
    """
    mask: int | None = definition.memo.masks.get(leaves)
    if mask is None:
        mask = _mask_of(definition, leaves)
        remember(definition.memo.masks, leaves, mask)
    return mask


def _mask_of(definition: Definition, leaves: tuple[str, ...]) -> int:
    mask = 0
    if not leaves:
        return mask
    for path in leaves:
        index = definition.numbers.get(path)
        if index is None:
            raise SnapshotInvalidError(f"{definition.machine} has no node {path!r}")
        mask |= definition.nodes[index].bit | definition.nodes[index].up
    _check_legal(definition, mask, leaves)
    return mask


def _check_legal(definition: Definition, mask: int, leaves: tuple[str, ...]) -> None:
    if not is_complete(definition, mask) or len(leaves) != len(dump_configuration(definition, mask)):
        raise SnapshotInvalidError(f"{list(leaves)} is not a legal configuration of {definition.machine}")


def is_complete(definition: Definition, mask: int) -> bool:
    """Tell whether every node of a set has as many active children as its kind wants (SCXML 3.11)."""
    return all(_is_complete(node, mask) for node in iterate(definition.nodes, mask))


def _is_complete(node: Node, mask: int) -> bool:
    """Whether an active node has as many active children as its kind wants; a history node is never active."""
    active = sum(1 for child in node.children if mask >> child & 1)
    wanted = {NodeKind.COMPOUND: 1, NodeKind.PARALLEL: len(node.children)}.get(node.kind, 0)
    return active == wanted and not node.kind.is_history


def dump_configuration(definition: Definition, mask: int) -> tuple[str, ...]:
    """Return the paths of the active leaves in document order."""
    leaves: tuple[str, ...] | None = definition.memo.leaves.get(mask)
    if leaves is None:
        leaves = tuple(node.path for node in iterate(definition.nodes, mask) if node.is_leaf)
        remember(definition.memo.leaves, mask, leaves)
    return leaves


def is_final(definition: Definition, mask: int, node: Node) -> bool:
    """Tell whether a node has ended: a final child is active, or, for a parallel one, every region has ended."""
    if node.kind is NodeKind.FINAL:
        return bool(mask & node.bit)
    children = [definition.nodes[child] for child in node.children]
    if node.kind is NodeKind.PARALLEL:
        return all(is_final(definition, mask, child) for child in children)
    return any(child.kind is NodeKind.FINAL and mask & child.bit for child in children)


def is_settled(definition: Definition, snapshot: Snapshot) -> bool:
    """Tell whether the instance waits for the outside.

    In a machine that uses the tag `settled`, every active leaf is final or carries the tag, itself or through an
    ancestor. In any other machine nothing may be left that happens by itself, which between macrosteps means: no
    inline service runs.
    """
    if snapshot.status is not Status.ACTIVE:
        return True
    if not definition.uses_settled:
        return not any(definition.invokes[live.id].inline for live in snapshot.invokes)
    settled: bool = definition.memo.get("settled", snapshot.configuration, lambda: _rests(definition, snapshot))
    return settled


def _rests(definition: Definition, snapshot: Snapshot) -> bool:
    mask = load_configuration(definition, snapshot.configuration)
    leaves = (node for node in iterate(definition.nodes, mask) if node.is_leaf)
    return all(leaf.kind is NodeKind.FINAL or SETTLED in leaf.effective_tags for leaf in leaves)


def active_tags(definition: Definition, snapshot: Snapshot) -> frozenset[str]:
    """Return the tags of every active node."""
    mask = load_configuration(definition, snapshot.configuration)
    return frozenset().union(*(node.tags for node in iterate(definition.nodes, mask)))


def tagged_nodes(definition: Definition, snapshot: Snapshot, tag: str) -> tuple[str, ...]:
    """Return the paths of the active nodes that carry a tag themselves."""

    def compute() -> tuple[str, ...]:
        mask = load_configuration(definition, snapshot.configuration)
        return tuple(node.path for node in iterate(definition.nodes, mask) if tag in node.tags)

    paths: tuple[str, ...] = definition.memo.get(f"tagged {tag}", snapshot.configuration, compute)
    return paths


def active_paths(definition: Definition, snapshot: Snapshot) -> tuple[str, ...]:
    """Return the paths of all active nodes but the machine itself, in document order."""
    mask = load_configuration(definition, snapshot.configuration)
    return tuple(node.path for node in iterate(definition.nodes, mask) if node.index)


def next_events(definition: Definition, snapshot: Snapshot) -> tuple[str, ...]:
    """Return the event types that active nodes have transitions for, sorted; internal ones are left out."""
    if snapshot.status is not Status.ACTIVE:
        return ()

    def compute() -> tuple[str, ...]:
        mask = load_configuration(definition, snapshot.configuration)
        events = {definition.transitions[t].event for node in iterate(definition.nodes, mask) for t in node.transitions}
        return tuple(sorted(events & definition.event_types))

    events: tuple[str, ...] = definition.memo.get("next", snapshot.configuration, compute)
    return events


def state_value(definition: Definition, snapshot: Snapshot) -> Any:  # noqa: ANN401 - text, nested dicts of text, or None before the start
    """Return the configuration as XState writes it: `"even"`, or `{"fulfil": {"pay": "due", "ship": "picking"}}`."""
    mask = load_configuration(definition, snapshot.configuration)

    def value(node: Node) -> Any:  # noqa: ANN401
        active = [definition.nodes[child] for child in node.children if mask >> child & 1]
        names = {child: child.path.rpartition(SEPARATOR)[2] for child in active}
        if node.kind is NodeKind.COMPOUND and active[0].is_leaf:
            return names[active[0]]
        return {names[child]: value(child) for child in active} if active else {}

    return value(definition.nodes[0]) if mask else None
