"""Which nodes a configuration makes active."""

from collections.abc import Collection
from difflib import get_close_matches

from settle.core.definition import Definition
from settle.core.errors import Disposition, SettleError


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
            close = get_close_matches(path, definition.numbers, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "name one by its path"
            raise UnknownNodeError(f"machine {definition.machine!r} has no node {path!r}; {hint}")
        index = definition.numbers[path]
        active |= {index, *definition.nodes[index].ancestors}
    return frozenset(active - {0})
