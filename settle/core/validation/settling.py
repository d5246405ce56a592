"""Rules for machines that use the tag `settled`: that they come to rest, wherever they are."""

from collections.abc import Iterator, Mapping
from typing import Final

from settle.core.bits import iterate
from settle.core.definition import Node
from settle.core.errors import Finding
from settle.core.event import is_internal
from settle.core.spec import ANY_EVENT, SETTLED, NodeKind
from settle.core.validation.movers import Movers
from settle.core.validation.survey import Survey, error, warning
from settle.core.validation.traps import find_traps, rests

Stuck = Mapping[int, bool]
"""Leaves that nothing moves; whether that is certain, or an action might raise what does."""
_NAMED: Final = 3
"""Events that a message names at most."""


def check_settling(survey: Survey) -> Iterator[Finding]:
    """Name what keeps an instance from resting, and what never sees an event because it does not rest."""
    if not survey.definition.uses_settled:
        return
    stuck = _find_stuck(survey)
    for index, certain in stuck.items():
        yield _name_stuck(survey.nodes[index], certain=certain)
    yield from find_traps(survey, stuck)
    if not (survey.may_raise or survey.parents_of_children):
        yield from _name_deaf(survey, stuck)


def _find_stuck(survey: Survey) -> Stuck:
    """Find leaves that keep an instance busy for ever: not settled, and with nothing that could move them."""
    movers = Movers(survey, lambda _: False)
    raising = Movers(survey, lambda _: True) if survey.may_raise else movers
    busy = (
        leaf for leaf in iterate(survey.nodes, survey.reachable) if leaf.kind is NodeKind.ATOMIC and not rests(leaf)
    )
    return {leaf.index: not raising.can_move(leaf) for leaf in busy if not movers.can_move(leaf)}


def _name_stuck(leaf: Node, *, certain: bool) -> Finding:
    mend = "tag it `settled` if it waits for the outside, or give it a service, a `timeout` or an `always`"
    if certain:
        return error("never-settles", leaf, f"nothing could ever move it; {mend}")
    return warning("may-never-settle", leaf, f"only an event that an action raises could move it; {mend}")


def _name_deaf(survey: Survey, stuck: Stuck) -> Iterator[Finding]:
    """Find transitions on events from outside, which wait until the instance rests, in nodes where it never does."""
    leaves = (leaf for leaf in iterate(survey.nodes, survey.reachable) if leaf.is_leaf)
    heard = sum(leaf.bit for leaf in leaves if rests(leaf) or leaf.index in stuck)
    for node in iterate(survey.nodes, survey.reachable):
        events = [repr(each.event) for each in survey.transitions(node) if _is_from_outside(each.event)]
        if events and not heard & (node.bit | node.within):
            message = (
                f"it never sees {', '.join(events[:_NAMED])}: events from outside wait until the instance rests, and it"
                " never rests here; tag it `settled` if it waits for the outside, or drop the transition"
            )
            yield warning("event-never-seen", node, message)


def _is_from_outside(event: str) -> bool:
    return bool(event) and event != ANY_EVENT and not is_internal(event)


def check_settled_services(survey: Survey) -> Iterator[Finding]:
    """Name settled nodes during which an inline service runs. Children and services in the background may."""
    for node in survey.nodes:
        if not any(invoke.inline for invoke in node.invokes):
            continue
        if SETTLED in node.effective_tags:
            message = (
                "a settled node waits for the outside, yet it runs a service; move the service to one before it, or let"
                " it run in the `background`"
            )
            yield error("settled-node-invokes", node, message)
            continue
        inside = iterate(survey.nodes, node.within)
        resting = next((leaf for leaf in inside if leaf.is_leaf and SETTLED in leaf.effective_tags), None)
        if resting is not None:
            message = (
                f"its service runs while {resting.path!r} rests; drop that tag `settled`, move the service, or let it"
                " run in the `background`"
            )
            yield error("settled-node-invokes", node, message)
