"""Events: what a step takes."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

RUNTIME_PREFIX: Final = "settle."
"""Of event types that not even actions make."""
INTERNAL_PREFIXES: Final = ("done.", "error.", RUNTIME_PREFIX)
"""Of event types that never come from outside: done events, errors, and Settle's own."""
DONE_STATE: Final = "done.state."
"""The event of a node that has ended is this and its path."""
DONE_INVOKE: Final = "done.invoke."
"""The event of a service or a child that has ended is this and the id of the invoke."""
ERROR_INVOKE: Final = "error.invoke."
"""The same for one that failed."""
TIMEOUT_PREFIX: Final = "settle.after."
"""The event of a delayed transition is this and the id of its timer."""
ERROR_EXECUTION: Final = "error.execution"
"""Raised under the policy `event` when a guard or an action raised an exception (SCXML 5.9.1)."""


ERROR_COMMUNICATION: Final = "error.communication"
"""Given to an instance whose message, child or timer was refused for good (SCXML 6.2.5)."""


_NOTHING: Final[Mapping[str, Any]] = {}
"""Shared, and never changed: user code gets a copy."""


class EventKind(StrEnum):
    """Where an event comes from; SCXML 5.10.1 calls this the event's type."""

    EXTERNAL = "external"
    """From outside; waits until the instance is settled."""
    INTERNAL = "internal"
    """Raised by an action or by the interpreter: done events, errors."""
    RESULT = "result"
    """The outcome of a service or a child."""
    TIMER = "timer"
    """A timer is due."""


@dataclass(frozen=True, slots=True, init=False)
class Event:
    """One event.

    Attributes:
        type: its name; dots group names (`payment.failed`), they do not make prefixes match. A timer's is looked up in
            the snapshot.
        data: what it carries. Plain JSON data, or, inside guards and actions, an instance of the model declared for the
            type.
        kind: where it comes from.
        id: the id under which it was accepted; empty for internal events.
        key: for results and timers, which live one they belong to, as `<id>#<entry number>`.
        principal: who sent it, as the API's authorizer named them; empty when nobody did.
        origin: the instance that sent it, as the runtime verified; empty when none did.
        now: when the macrostep that handles it runs, in seconds since the epoch.
    """

    type: str
    data: Any
    kind: EventKind
    id: str
    key: str
    principal: str
    origin: str
    now: float

    def __init__(  # noqa: PLR0913, PLR0917 - one argument for each field
        self,
        type: str = "",  # noqa: A002 - the word of everybody
        data: Any = _NOTHING,  # noqa: ANN401 - any JSON data, or a model
        kind: EventKind = EventKind.EXTERNAL,
        id: str = "",  # noqa: A002 - see above
        key: str = "",
        principal: str = "",
        origin: str = "",
        now: float = 0.0,
    ) -> None:
        # By the slots themselves: one is made in every step, and a frozen dataclass takes twice as long for it.
        _set_type(self, type)
        _set_data(self, data)
        _set_kind(self, kind)
        _set_id(self, id)
        _set_key(self, key)
        _set_principal(self, principal)
        _set_origin(self, origin)
        _set_now(self, now)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - event data is any JSON value
        """`event["amount"]`: a field of the data, whether it is a mapping or a model."""
        return self.data[name] if isinstance(self.data, Mapping) else getattr(self.data, name)


_set_type, _set_data, _set_kind, _set_id, _set_key, _set_principal, _set_origin, _set_now = (
    vars(Event)[field.name].__set__ for field in fields(Event)
)


def is_internal(event_type: str) -> bool:
    """Tell whether events of this type never come from outside: the runtime makes them, or an action raises them."""
    return event_type.startswith(INTERNAL_PREFIXES)
