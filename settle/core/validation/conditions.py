"""Rules about conditions on what is active."""

from collections.abc import Iterator

from settle.core.certainty import is_always_active_with, may_both_be_active
from settle.core.conditions import InState, guards_of
from settle.core.definition import Node, Transition
from settle.core.errors import Finding
from settle.core.validation.survey import Survey, name_node, warning


def check_conditions(survey: Survey) -> Iterator[Finding]:
    """Name conditions on a node that is always, or never, active where they are asked."""
    for transition in survey.definition.transitions:
        for condition in transition.guards:
            for leaf in guards_of(condition):
                if isinstance(leaf, InState):
                    yield from _check(survey, transition, survey.nodes[survey.definition.numbers[leaf.path]])


def _check(survey: Survey, transition: Transition, asked: Node) -> Iterator[Finding]:
    source = survey.source(transition)
    where, what = name_node(source), name_node(asked)
    if asked.kind.is_history:
        message = f"it asks whether {what} is active, but a history node never is; name a node that can be"
    elif is_always_active_with(survey.definition, asked.index, source.index):
        message = f"it asks whether {what} is active, which it always is when {where} is; drop that condition"
        yield warning("always-in-state", source, message)
        return
    elif not survey.reachable & asked.bit:
        message = f"it asks whether {what} is active, but nothing ever leads there; correct the name"
    elif may_both_be_active(survey.definition, asked.index, source.index):
        return
    else:
        message = f"it asks whether {what} is active, which it never is when {where} is; correct the name"
    yield warning("never-in-state", source, message)
