"""History nodes: what they record, and what a target that is one stands for."""

from collections.abc import Iterator, Mapping

from settle.core.bits import iterate
from settle.core.configuration import is_complete
from settle.core.definition import Definition, Node, Transition
from settle.core.domain import find_domain
from settle.core.errors import SnapshotInvalidError
from settle.core.spec import NodeKind

HistoryValues = Mapping[str, tuple[str, ...]]
"""For each history node that recorded something, the paths that it would restore."""
Records = tuple[tuple[str, tuple[str, ...]], ...]


def record_history(
    definition: Definition, mask: int, exited: tuple[Node, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what the history nodes of the exited nodes remember: deep ones leaves, shallow ones children."""
    for node in exited:
        for index in node.history:
            history = definition.nodes[index]
            deep = history.kind is NodeKind.DEEP_HISTORY
            remembered = tuple(
                other.path
                for other in iterate(definition.nodes, mask & node.within)
                if (other.is_leaf if deep else other.parent == node.index)
            )
            yield history.path, remembered


def find_effective(definition: Definition, target: int, history: HistoryValues) -> tuple[int, ...]:
    """Return what a target stands for: itself, or what a history node recorded or falls back to.

    Raises:
        SnapshotInvalidError: what was recorded does not lie inside the history node's parent.
    """
    node = definition.nodes[target]
    if not node.kind.is_history:
        return (target,)
    recorded = history.get(node.path)
    if recorded is not None:
        return _find_recorded(definition, node, recorded)
    return tuple(
        real for each in history_fallback(definition, node) for real in find_effective(definition, each, history)
    )


def history_fallback(definition: Definition, node: Node) -> tuple[int, ...]:
    """Return what it stands for while it has recorded nothing: its default, or its parent's initial nodes."""
    parent = definition.nodes[node.parent]
    return node.history_default or parent.initial or parent.children


def find_real_domain(definition: Definition, transition: Transition, history: HistoryValues) -> int:
    """Return the domain of a targeted transition, which may depend on what its history targets stand for now."""
    if transition.domain >= 0:
        return transition.domain
    targets = tuple(real for target in transition.targets for real in find_effective(definition, target, history))
    return find_domain(definition.nodes, transition.source, targets, transition.kind)


def _find_recorded(definition: Definition, history: Node, paths: tuple[str, ...]) -> tuple[int, ...]:
    """Return the nodes that a history node recorded, after making sure that it can have done so."""

    def find() -> tuple[int, ...]:
        parent = definition.nodes[history.parent]
        indexes = tuple(definition.numbers.get(path, 0) for path in paths)
        found = [definition.nodes[index] for index in indexes]
        if history.kind is NodeKind.SHALLOW_HISTORY:
            wanted = len(parent.children) if parent.kind is NodeKind.PARALLEL else 1
            fits = all(node.parent == parent.index and not node.kind.is_history for node in found)
            fits = fits and len(set(indexes)) == len(indexes) == wanted
        else:
            inside = 0
            for node in found:
                inside |= node.bit | (node.up & parent.within)
            fits = all(parent.within & node.bit and node.is_leaf for node in found)
            fits = fits and bool(found) and is_complete(definition, inside | parent.bit)
        if not fits:
            raise SnapshotInvalidError(f"the history {history.path!r} of {definition.machine} names {list(paths)}")
        return indexes

    indexes: tuple[int, ...] = definition.memo.get(f"history {history.path}", paths, find)
    return indexes
