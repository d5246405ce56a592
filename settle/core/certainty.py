"""What a definition says for certain about what is active together, what holds and what can end."""

from typing import assert_never

from settle.core.conditions import AllOf, AnyOf, Condition, Guard, InState, Not
from settle.core.definition import Definition, Node, Transition
from settle.core.spec import NodeKind

# Together ------------------------------------------------------------------------------------------------------------


def may_run_together(definition: Definition, one: int, other: int) -> bool:
    """Tell whether two nodes can be active at the same time without one lying inside the other."""
    nodes = definition.nodes
    shared = nodes[one].up & nodes[other].up
    if is_around(definition, one, other) or is_around(definition, other, one):
        return False
    return nodes[shared.bit_length() - 1].kind is NodeKind.PARALLEL


def may_both_be_active(definition: Definition, one: int, other: int) -> bool:
    """Tell whether a configuration can hold both nodes."""
    if any(definition.nodes[index].kind.is_history for index in (one, other)):
        return False
    nested = is_around(definition, one, other) or is_around(definition, other, one)
    return nested or may_run_together(definition, one, other)


def is_around(definition: Definition, outer: int, inner: int) -> bool:
    """Tell whether a node is another one or one of its ancestors."""
    return outer == inner or bool(definition.nodes[inner].up >> outer & 1)


def is_always_active_with(definition: Definition, node: int, source: int) -> bool:
    """Tell whether a node is active whenever the other one is: around it, or all that its surroundings ever have."""
    nodes = definition.nodes
    while not is_around(definition, node, source):
        parent = nodes[nodes[node].parent]
        if nodes[node].kind.is_history or (parent.kind is not NodeKind.PARALLEL and len(parent.children) > 1):
            return False
        node = parent.index
    return True


# Conditions ----------------------------------------------------------------------------------------------------------


def may_hold(definition: Definition, condition: Condition, source: int, active: int) -> bool:
    """Tell whether a condition of a transition of `source` could hold when only these nodes are ever active."""
    match condition:
        case Guard():
            return True
        case InState():
            index = definition.numbers[condition.path]
            return bool(active >> index & 1) and may_both_be_active(definition, index, source)
        case Not():
            return not must_hold(definition, condition.condition, source)
        case AllOf():
            return all(may_hold(definition, each, source, active) for each in condition.conditions)
        case AnyOf():
            return any(may_hold(definition, each, source, active) for each in condition.conditions)
        case unknown:
            assert_never(unknown)


def must_hold(definition: Definition, condition: Condition, source: int) -> bool:
    """Tell whether a condition of a transition of `source` holds whenever it is asked."""
    match condition:
        case Guard():
            return False
        case InState():
            return is_always_active_with(definition, definition.numbers[condition.path], source)
        case Not():
            return not may_hold(definition, condition.condition, source, ~0)
        case AllOf():
            return all(must_hold(definition, each, source) for each in condition.conditions)
        case AnyOf():
            return any(must_hold(definition, each, source) for each in condition.conditions)
        case unknown:
            assert_never(unknown)


def is_unguarded(definition: Definition, transition: Transition) -> bool:
    """Tell whether a transition is taken whenever it is asked."""
    return all(must_hold(definition, condition, transition.source) for condition in transition.guards)


# Ends ----------------------------------------------------------------------------------------------------------------


def can_be_done(definition: Definition, node: Node, active: int = ~0) -> bool:
    """Tell whether a compound or parallel node could end when only these nodes are ever active."""
    children = [definition.nodes[child] for child in node.children]
    if node.kind is NodeKind.PARALLEL:
        return all(_is_active_final(child, active) or can_be_done(definition, child, active) for child in children)
    return any(_is_active_final(child, active) for child in children)


def _is_active_final(node: Node, active: int) -> bool:
    return node.kind is NodeKind.FINAL and bool(active & node.bit)
