"""Rules about what nodes invoke: services and child machines."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from settle.core.certainty import may_both_be_active
from settle.core.definition import Node
from settle.core.delay import MAX_DELAY_SECONDS, format_duration
from settle.core.errors import Finding
from settle.core.event import DONE_INVOKE, ERROR_INVOKE
from settle.core.spec import (
    BACKOFF_SECONDS,
    DEADLINE_SECONDS,
    LONGEST_CALL_SECONDS,
    LONGEST_PAUSE_SECONDS,
    MAX_BACKOFF_SECONDS,
    Delivery,
    InvokeSpec,
)
from settle.core.validation.survey import Survey, error, name_node, warning

_OF_THE_BACKGROUND: Final[Mapping[str, Any]] = {
    "backoff": BACKOFF_SECONDS,
    "max_backoff": MAX_BACKOFF_SECONDS,
    "delivery": Delivery.AT_LEAST_ONCE,
    "deadline": DEADLINE_SECONDS,
}
"""What has a meaning for a service in the background alone, by its default."""


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
    if invoke.background:
        yield from (f"the invoke {invoke.id!r} {mistake}" for mistake in _list_mistakes_in_background(invoke))
        return
    given = [f"`{word}`" for word, default in _OF_THE_BACKGROUND.items() if getattr(invoke, word) != default]
    if given:
        yield f"the invoke {invoke.id!r} does not run in the background, and has {' and '.join(given)}; drop that"


def _list_mistakes_in_background(invoke: InvokeSpec) -> Iterator[str]:
    timeout, deadline = format_duration(invoke.timeout), format_duration(invoke.deadline)
    if invoke.timeout > LONGEST_CALL_SECONDS:
        yield (
            f"may take {timeout}, and one call has at most {format_duration(LONGEST_CALL_SECONDS)}; lower its"
            " `timeout`, and let what takes longer answer by a callback"
        )
    if invoke.deadline < invoke.timeout:
        yield f"fails after {deadline}, before a call of {timeout} can end; raise `deadline`, or lower `timeout`"
    if invoke.deadline > MAX_DELAY_SECONDS:
        yield f"has a `deadline` of {deadline}; a hundred years is the longest, so lower it"
    if not 0 < invoke.backoff <= invoke.max_backoff <= LONGEST_PAUSE_SECONDS:
        first, last, most = map(format_duration, (invoke.backoff, invoke.max_backoff, LONGEST_PAUSE_SECONDS))
        yield (
            f"waits {first} to {last} between its calls; make `backoff` more than 0, `max_backoff` not less, and"
            f" neither more than {most}"
        )
