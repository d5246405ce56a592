"""Rules about single nodes: whether anything leads to them, and what final and rejected ones may do."""

from collections.abc import Iterator

from settle.core.errors import Finding
from settle.core.reachability import find_entered
from settle.core.spec import REJECTED, NodeKind
from settle.core.validation.survey import Survey, error, warning


def check_reachable(survey: Survey) -> Iterator[Finding]:
    """Name the outermost node of each part that nothing leads to."""
    reachable = survey.reachable
    for node in survey.nodes:
        if not reachable & node.bit and reachable >> node.parent & 1:
            message = "nothing leads to it; give some transition this target, or remove it"
            yield warning("unreachable-node", node, message)


def check_final(survey: Survey) -> Iterator[Finding]:
    """Name final nodes that go on: with transitions, timers or services."""
    for node in survey.nodes:
        if node.kind is not NodeKind.FINAL:
            continue
        if node.transitions:
            what = "timers" if all(each.delay is not None for each in survey.transitions(node)) else "transitions"
            message = f"a final node is the end: it has no {what}; drop them, or drop `final`"
            yield error("final-node-continues", node, message)
        if node.invokes:
            message = "a final node is the end: its service would never be heard; put it on a node before"
            yield error("final-node-invokes", node, message)


def check_rejected(survey: Survey) -> Iterator[Finding]:
    """Name rejected nodes that act: nothing of a run that ends there is kept."""
    first = find_entered(survey.definition, [0])
    for node in survey.nodes:
        if REJECTED not in node.tags:
            continue
        if first & node.bit:
            message = "a new instance would be refused at once; begin at another node, or drop the tag `rejected`"
            yield error("rejected-initially", node, message)
        parts = {
            "services": bool(node.invokes),
            "timers": bool(node.timers),
            "transitions": any(each.delay is None for each in survey.transitions(node)),
            "`on_enter`": bool(node.entry),
        }
        acting = [name for name, present in parts.items() if present]
        if acting:
            message = f"nothing of a run that ends at a `rejected` node is kept; drop its {' and '.join(acting)}"
            yield warning("rejected-node-acts", node, message)
