"""The domain of a transition: what stays active around it."""

from settle.core.definition import Node
from settle.core.spec import NodeKind, TransitionKind


def find_domain(nodes: tuple[Node, ...], source: int, targets: tuple[int, ...], kind: TransitionKind) -> int:
    """Return the innermost node that stays active while a transition is taken.

    SCXML's getTransitionDomain, with two decisions of ours: a parallel node may be a domain, and `local` keeps any
    source that is a target or holds every target.
    """
    node = nodes[source]
    inside = all(node.within >> target & 1 for target in targets)
    if kind is TransitionKind.INTERNAL and inside and node.kind is NodeKind.COMPOUND:
        return source
    if kind is TransitionKind.LOCAL and all(target == source or node.within >> target & 1 for target in targets):
        return source
    shared = node.up
    for target in targets:
        shared &= nodes[target].up
    return max(shared.bit_length() - 1, 0)  # the innermost comes last in document order
