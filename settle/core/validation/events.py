"""Rules about event names: those that nothing makes, and those that nothing takes."""

from collections.abc import Iterator
from typing import Final

from settle.core.certainty import can_be_done
from settle.core.errors import Finding
from settle.core.event import (
    DONE_INVOKE,
    DONE_STATE,
    ERROR_COMMUNICATION,
    ERROR_EXECUTION,
    ERROR_INVOKE,
    is_internal,
)
from settle.core.spec import ANY_EVENT, EVENTLESS, ErrorPolicy
from settle.core.validation.survey import Survey, error, suggest, warning

_RESULTS: Final = (DONE_INVOKE, ERROR_INVOKE)
_EVERY: Final = f".{ANY_EVENT}"


def check_done_events(survey: Survey) -> Iterator[Finding]:
    """Name transitions that wait for an end or a result of something that does not exist, or does not end."""
    invokes = survey.definition.invokes
    for transition in survey.definition.transitions:
        event, node = transition.event, survey.source(transition)
        if event.endswith(ANY_EVENT):
            continue
        for prefix in _RESULTS:
            if event.startswith(prefix) and event.removeprefix(prefix) not in invokes:
                hint = suggest(event.removeprefix(prefix), invokes)
                message = f"it waits for {event!r}, but no invoke has that id{hint}; correct the id"
                yield error("unknown-done-event", node, message)
        if event.startswith(DONE_STATE):
            for code, message in _list_wrong_ends(survey, event.removeprefix(DONE_STATE)):
                yield error(code, node, message)


def _list_wrong_ends(survey: Survey, path: str) -> Iterator[tuple[str, str]]:
    numbers = survey.definition.numbers
    if not path or path not in numbers:
        hint = suggest(path, numbers)
        yield (
            "unknown-done-event",
            f"it waits for the end of {path!r}, but there is no such node{hint}; correct the path",
        )
    elif not can_be_done(survey.definition, survey.nodes[numbers[path]]):
        yield "never-done", f"it waits for the end of {path!r}, which has no final child; mark the last one `final`"


def check_internal_events(survey: Survey) -> Iterator[Finding]:
    """Name transitions on types that only the runtime makes, and never does. An action could raise them itself."""
    if survey.may_raise:
        return
    known = {*survey.raisers, ERROR_EXECUTION, ERROR_COMMUNICATION}
    for transition in survey.definition.transitions:
        event, node = transition.event, survey.source(transition)
        if event == ERROR_EXECUTION and survey.definition.errors is ErrorPolicy.RAISE:
            message = (
                f"it waits for {event!r}, but here an exception ends the macrostep; set `errors` to 'event', or drop it"
            )
            yield warning("unknown-internal-event", node, message)
        elif is_internal(event) and not event.startswith((*_RESULTS, DONE_STATE)) and not _is_known(event, known):
            message = (
                f"it waits for {event!r}, a type that is for the runtime alone, which never makes it"
                f"{suggest(event, known)}; correct it, or name your own events otherwise"
            )
            yield warning("unknown-internal-event", node, message)


def _is_known(descriptor: str, known: set[str]) -> bool:
    return descriptor in known or descriptor.endswith(_EVERY)


def check_patterns(survey: Survey) -> Iterator[Finding]:
    """Name descriptors with a `*` that stands for nothing."""
    for transition in survey.definition.transitions:
        event = transition.event
        if transition.delay is None and ANY_EVENT in event.removesuffix(_EVERY) and event != ANY_EVENT:
            message = (
                f"the `*` in {event!r} stands for nothing; only `*` and `name.*` take several events, so write one"
            )
            yield warning("literal-star", survey.source(transition), message)


def check_declared_events(survey: Survey) -> Iterator[Finding]:
    """Name events that have a model and that no transition takes."""
    used = {transition.event for transition in survey.definition.transitions}
    for event in survey.definition.events:
        if not survey.find_listeners(event):
            hint = suggest(event, used - {EVENTLESS})
            message = f"`events` declares {event!r}, which no transition takes{hint}; correct the name, or drop it"
            yield warning("unused-event", survey.nodes[0], message)
