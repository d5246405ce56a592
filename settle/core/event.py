"""Events: what a step takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

INTERNAL_PREFIXES: Final = ("done.", "error.", "settle.")
"""Event types that only the runtime may make: done events, errors, and Settle's own."""


class EventKind(StrEnum):
    """Where an event comes from; SCXML 5.10.1 calls this the event's type."""

    EXTERNAL = "external"
    """From outside; waits until the instance is settled."""
    INTERNAL = "internal"
    """Raised by an action or by the interpreter: done events, errors."""
    RESULT = "result"
    """The outcome of a service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event.

    Attributes:
        type: its name; dots group names (`payment.failed`), they do not make prefixes match.
        data: what it carries. Plain JSON data, or, inside guards and actions, an instance of the model declared for the
            type.
        kind: where it comes from.
        id: the id under which it was accepted; empty for internal events.
        invoke: for results, the live invoke that it answers, as `<invoke id>#<entry number>`.
        principal: who sent it, as the API's authorizer named them; empty when nobody did.
        now: when the macrostep that handles it runs, in seconds since the epoch.
    """

    type: str
    data: Any = field(default_factory=dict)
    kind: EventKind = EventKind.EXTERNAL
    id: str = ""
    invoke: str = ""
    principal: str = ""
    now: float = 0.0

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - event data is any JSON value
        """`event["amount"]`: a field of the data, whether it is a mapping or a model."""
        return self.data[name] if isinstance(self.data, Mapping) else getattr(self.data, name)


def is_internal(event_type: str) -> bool:
    """Tell whether only the runtime may make events of this type."""
    return event_type.startswith(INTERNAL_PREFIXES)
