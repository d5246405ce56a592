"""The rule about transitions that are never asked."""

from collections.abc import Iterator

from settle.core.certainty import is_unguarded
from settle.core.definition import Transition
from settle.core.errors import Finding
from settle.core.event_names import matches
from settle.core.spec import ANY_EVENT, Selection
from settle.core.validation.survey import Survey, name_event, warning


def check_shadowed(survey: Survey) -> Iterator[Finding]:
    """Name transitions behind one of the same node that always takes their event."""
    for transition in find_shadowed(survey):
        message = f"it has {name_event(transition)} after one that always takes it; guard the first, or put it last"
        yield warning("shadowed-transition", survey.source(transition), message)


def find_shadowed(survey: Survey) -> Iterator[Transition]:
    """Yield the transitions that are never taken because of one before them."""
    for node in survey.nodes:
        certain: set[str] = set()
        patterns: list[str] = []
        for transition in survey.transitions(node):
            event = transition.event
            if event in certain or any(matches(pattern, event) for pattern in patterns):
                yield transition
            elif is_unguarded(survey.definition, transition):
                certain.add(event)
                # XState asks the most specific name first, wherever it stands.
                if event.endswith(ANY_EVENT) and survey.definition.selection is Selection.SCXML:
                    patterns.append(event)
