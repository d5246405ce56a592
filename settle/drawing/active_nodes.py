"""Which nodes a configuration makes active."""

from collections.abc import Collection

from settle.core.definition import Definition
from settle.core.errors import Disposition, SettleError
from settle.core.suggestion import find_closest


class UnknownNodeError(SettleError):
    """A configuration names a node that the machine does not have."""

    disposition = Disposition.CALLER
    code = "unknown_node"


def find_active(definition: Definition, configuration: Collection[str]) -> frozenset[int]:
    """Return the indexes of the nodes named and of those around them, without the machine itself.

    Raises:
        UnknownNodeError: there is no such node.
    """
    active: set[int] = set()
    for path in configuration:
        if path not in definition.numbers:
            closest = find_closest(path, definition.numbers)
            hint = f"did you mean {closest!r}?" if closest else "name one by its path"
            raise UnknownNodeError(f"machine {definition.machine!r} has no node {path!r}; {hint}")
        index = definition.numbers[path]
        active |= {index, *definition.nodes[index].ancestors}
    return frozenset(active - {0})
