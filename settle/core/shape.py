"""The shape that a machine must have before anything can be worked out about it."""

from itertools import combinations

from settle.core.definition import Node
from settle.core.errors import DefinitionError, Finding
from settle.core.spec import MAX_DEPTH, MAX_NODES, MAX_TRANSITIONS, REJECTED, SETTLED, NodeKind, NodeSpec


def check_size(machine: str, root: NodeSpec) -> None:
    """Refuse what no recursion could walk, and what is larger than any machine, before anything does.

    Raises:
        DefinitionError: there are too many nodes or transitions, or they lie too deep.
    """
    level, nodes, transitions = [root], 1, len(root.transitions)
    for _ in range(MAX_DEPTH + 1):
        nodes += sum(len(spec.children) for spec in level)
        if nodes > MAX_NODES:  # level by level: what stands in many places is counted before it is spread out
            raise too_large(machine, "nodes", MAX_NODES)
        level = [child for spec in level for child in spec.children]
        transitions += sum(len(spec.transitions) for spec in level)
        if transitions > MAX_TRANSITIONS:
            raise too_large(machine, "transitions", MAX_TRANSITIONS)
        if not level:
            return
    message = f"nodes lie more than {MAX_DEPTH} levels inside one another; make the inner ones a machine to invoke"
    raise DefinitionError(machine, [Finding(code="too-deep", message=message)])


def too_large(machine: str, what: str, limit: int) -> DefinitionError:
    """Return the error of a machine that has too many of something."""
    message = f"the machine has more than {limit} {what}; make a part of it a machine to invoke"
    return DefinitionError(machine, [Finding(code="too-large", message=message)])


def check_shape(spec: NodeSpec, path: str, children: list[int], findings: list[Finding]) -> None:
    """Check that a node has children if its kind has, and that its tags do not contradict each other."""
    if spec.kind in {NodeKind.COMPOUND, NodeKind.PARALLEL} and not children:
        findings.append(Finding(code="no-children", node=path, message=f"a {spec.kind} node needs child nodes"))
    if spec.kind not in {NodeKind.COMPOUND, NodeKind.PARALLEL} and spec.children:
        findings.append(Finding(code="has-children", node=path, message=f"a {spec.kind} node has no child nodes"))
    if SETTLED in spec.tags and REJECTED in spec.tags:
        message = "a node waits (`settled`) or refuses (`rejected`), not both; drop one tag"
        findings.append(Finding(code="settled-and-rejected", node=path, message=message))


def check_defaults(nodes: tuple[Node, ...], findings: list[Finding]) -> None:
    """Check what is entered when nobody names a target: initial nodes, and the defaults of history nodes."""
    for node in nodes:
        check_together(nodes, node.initial, node.path, "initial nodes", findings)
        check_together(nodes, node.history_default, node.path, "defaults", findings)
        if node.kind.is_history:
            _check_history(nodes, node, findings)


def _check_history(nodes: tuple[Node, ...], node: Node, findings: list[Finding]) -> None:
    parent = nodes[node.parent]
    if any(not parent.within >> target & 1 for target in node.history_default):
        message = f"its default does not lie inside {parent.path!r}, whose history it is; name a node of that"
        findings.append(Finding(code="bad-history", node=node.path, message=message))
    if any(target in parent.history for target in node.history_default):
        message = "its default is a history node of the same parent; name what to enter instead"
        findings.append(Finding(code="bad-history", node=node.path, message=message))
    if node.index in parent.initial and not node.history_default:
        message = "it is the initial node of its parent, so it needs a default; name what to enter at first"
        findings.append(Finding(code="bad-history", node=node.path, message=message))


def check_together(
    nodes: tuple[Node, ...], targets: tuple[int, ...], path: str, what: str, findings: list[Finding]
) -> None:
    """Check that all of these can be active at the same time: any two lie in different regions of a parallel node."""
    for one, other in combinations(targets, 2):
        first, second = (_stands_for(nodes, target) for target in (one, other))
        around = next((index for index in first.ancestors if nodes[index].within & second.bit), -1)
        nested = first is second or (first.within & second.bit) or (second.within & first.bit)
        if nested or nodes[around].kind is not NodeKind.PARALLEL:
            names = f"{nodes[one].path!r} and {nodes[other].path!r}"
            message = f"its {what} {names} cannot be active together; name one, or one per region"
            findings.append(Finding(code="bad-targets", node=path, message=message))


def _stands_for(nodes: tuple[Node, ...], target: int) -> Node:
    """Return the node itself, or for a history node its parent: it may restore any part of that."""
    node = nodes[target]
    return nodes[node.parent] if node.kind.is_history else node
