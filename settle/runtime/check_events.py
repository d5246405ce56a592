"""Events as clients send them, checked against what a machine takes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from settle.authoring.findings import did_you_mean
from settle.core.definition import Definition
from settle.core.errors import EventInvalidError, FieldError, SettleError
from settle.core.event import Event
from settle.core.event_data import load_event
from settle.core.event_names import matches
from settle.runtime.errors import UnknownEventError
from settle.runtime.names import check_event_type
from settle.runtime.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientEvent:
    """An event as a client sends it; `path` is where it stood in the request, empty for the whole body."""

    type: str
    data: Any
    path: str = ""


def check_events(registry: Registry, machine: str, events: Sequence[ClientEvent]) -> None:
    """Check events against the current version of a machine, or else against an older one that instances may be on."""
    current = registry.get(machine)
    try:
        check_events_against(current, events)
    except (UnknownEventError, EventInvalidError):
        older = [each for each in registry.versions[machine].values() if each is not current]
        if not any(_takes(definition, events) for definition in older):
            raise


def _takes(definition: Definition, events: Sequence[ClientEvent]) -> bool:
    try:
        check_events_against(definition, events)
    except SettleError:
        return False
    return True


def check_events_against(definition: Definition, events: Sequence[ClientEvent]) -> None:
    """Check events against one version of a machine; data errors of all of them are reported together."""
    fields: list[FieldError] = []
    for event in events:
        check_event_type(event.type)
        _check_known(definition, event.type)
        try:
            load_event(definition, Event(type=event.type, data=event.data))
        except EventInvalidError as error:
            prefix = f"{event.path}." if event.path else ""
            fields += [replace(each, path=prefix + each.path) for each in error.fields]
    if fields:
        types = ", ".join(dict.fromkeys(repr(event.type) for event in events))
        raise EventInvalidError(f"event {types} of {definition.machine}", fields)


def _check_known(definition: Definition, event_type: str) -> None:
    known = definition.event_types
    if event_type in known or event_type in definition.events or any(matches(each, event_type) for each in known):
        return
    names = sorted({*known, *definition.events})
    hint = did_you_mean(event_type, names) or f"; it knows {', '.join(names) or 'none'}"
    raise UnknownEventError(f"{definition.machine} knows no event {event_type!r}{hint}")
