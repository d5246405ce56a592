"""Rules about what nodes invoke: services and child machines."""

from collections.abc import Iterator
from functools import partial

from settle.core.certainty import may_both_be_active
from settle.core.definition import Node
from settle.core.errors import Finding
from settle.core.event import DONE_INVOKE, ERROR_INVOKE
from settle.core.spec import InvokeSpec
from settle.core.validation.survey import Survey, error, name_node, warning


def check_service_errors(survey: Survey) -> Iterator[Finding]:
    """Name invokes whose failure nothing takes that could be active then."""
    for node in survey.nodes:
        for invoke in node.invokes:
            event = ERROR_INVOKE + invoke.id
            if not _is_heard(survey, node, event):
                what = "its child" if invoke.machine else "its service"
                message = f"nothing takes {event!r} when {what} fails for good; add `on_error` to the invoke"
                yield warning("unhandled-service-error", node, message)


def _is_heard(survey: Survey, node: Node, event: str) -> bool:
    """Whether some transition of the node, around it, inside it or beside it takes an event."""
    near = node.bit | node.up | node.within | survey.company[node.index]
    return bool(near & survey.find_listeners(event))


def check_results(survey: Survey) -> Iterator[Finding]:
    """Name transitions that wait for the result of something that never runs while their node is active."""
    invokers = {
        prefix + invoke.id: node
        for node in survey.nodes
        for invoke in node.invokes
        for prefix in (DONE_INVOKE, ERROR_INVOKE)
    }
    for transition in survey.definition.transitions:
        invoker = invokers.get(transition.event)
        if invoker is None or may_both_be_active(survey.definition, invoker.index, transition.source):
            continue
        message = (
            f"it waits for {transition.event!r}, but that comes only while {name_node(invoker)} is active, and the two"
            " never are together; move the transition there"
        )
        yield warning("unheard-result", survey.source(transition), message)


def check_invokes(survey: Survey) -> Iterator[Finding]:
    """Name invokes that cannot be what they say."""
    for node in survey.nodes:
        for invoke in node.invokes:
            yield from map(partial(error, "odd-invoke", node), _list_mistakes(invoke))


def _list_mistakes(invoke: InvokeSpec) -> Iterator[str]:
    if invoke.machine and invoke.fn is not None:
        yield f"the invoke {invoke.id!r} starts a machine and has a function too; drop `fn`, or `machine`"
    if not invoke.src:
        yield f"the invoke {invoke.id!r} does not say what it starts; name it in `src`"
    if invoke.attempts < 1 or invoke.timeout <= 0:
        yield f"the invoke {invoke.id!r} would never be called; give it `attempts` from 1 on and a `timeout` above 0"
