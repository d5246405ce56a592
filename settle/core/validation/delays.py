"""Rules about delayed transitions, and about how long an ended instance is kept."""

from collections.abc import Iterator
from types import FunctionType

from settle.core.definition import Node, Transition
from settle.core.delay import MAX_DELAY_SECONDS, Delay, parse_duration
from settle.core.errors import Finding
from settle.core.validation.survey import Survey, error


def check_delays(survey: Survey) -> Iterator[Finding]:
    """Name delays that are none, that stand beside an event, or that share a name with another one."""
    for node, written in zip(survey.nodes, survey.written, strict=True):
        if not node.timers:
            continue
        first: dict[str, Delay] = {}
        for transition, described in zip(survey.transitions(node), written["transitions"], strict=True):
            if transition.delay is None:
                continue
            if described["event"]:
                yield _both(node, transition, described["event"])
            yield from _check_length(node, transition.delay)
            same = first.setdefault(transition.event, transition.delay)
            if not _is_same(same, transition.delay):
                message = f"two different delays have the name {same.name!r}, and one would be lost; rename one"
                yield error("ambiguous-delay", node, message)


def check_retention(survey: Survey) -> Iterator[Finding]:
    """Name a retention that is no time to wait."""
    retention = survey.definition.retention
    if retention is not None and not 0 <= retention <= MAX_DELAY_SECONDS:
        message = f"`retention` lies between zero and a hundred years, and {retention:g} s does not; correct it"
        yield error("bad-retention", survey.nodes[0], message)


def _both(node: Node, transition: Transition, event: str) -> Finding:
    name = transition.delay.name if transition.delay else ""
    message = f"a transition has the event {event!r} and the delay {name!r}; drop one, or write two transitions"
    return error("delayed-event", node, message)


def _check_length(node: Node, delay: Delay) -> Iterator[Finding]:
    if delay.fn is not None:
        return
    try:
        parse_duration(delay.seconds)
    except ValueError as problem:
        yield error(
            "bad-delay", node, f"the delay {delay.name!r} has neither seconds nor a function: {problem}; set one"
        )


def _is_same(one: Delay, other: Delay) -> bool:
    return one.seconds == other.seconds and _is_same_function(one.fn, other.fn)


def _is_same_function(one: object, other: object) -> bool:
    """Tell whether two functions do the same: those that a front end wraps are made anew each time."""
    if one == other:
        return True
    if not (isinstance(one, FunctionType) and isinstance(other, FunctionType)) or one.__code__ is not other.__code__:
        return False
    held, others = one.__closure__ or (), other.__closure__ or ()
    return one.__defaults__ == other.__defaults__ and all(
        mine.cell_contents is its.cell_contents for mine, its in zip(held, others, strict=True)
    )
