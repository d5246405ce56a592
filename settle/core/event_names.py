"""Which descriptors take which event types."""

from collections.abc import Iterable, Iterator

from settle.core.definition import Transition
from settle.core.spec import ANY_EVENT, EVENTLESS, Selection


def matches(descriptor: str, event_type: str) -> bool:
    """Tell whether a transition's descriptor takes an event type.

    Names match exactly, or by `*` and `name.*`. SCXML's prefix rule is left out on purpose: with dotted node paths
    `done.state.fulfil` would also take `done.state.fulfil.pay` and close a parallel node too early.
    """
    if descriptor == event_type:
        return True
    if EVENTLESS in {descriptor, event_type}:
        return False
    return descriptor == ANY_EVENT or (descriptor.endswith(".*") and event_type.startswith(descriptor[:-1]))


def matching(selection: Selection, transitions: Iterable[Transition], event_type: str) -> Iterator[Transition]:
    """Yield the transitions of one node that may take an event, in the order in which they are asked."""
    if selection is Selection.SCXML:
        return (transition for transition in transitions if matches(transition.event, event_type))
    return iter(_most_specific_first(list(transitions), event_type))


def _most_specific_first(transitions: list[Transition], event_type: str) -> list[Transition]:
    """Return what XState asks: exact names, then the other descriptors that match, the longest first."""
    found = [
        transition
        for transition in transitions
        if matches(transition.event, event_type) or (event_type and transition.event == f"{event_type}.*")
    ]
    return sorted(found, key=lambda transition: (transition.event != event_type, -len(transition.event)))
