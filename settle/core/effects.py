"""Effects: what a macrostep asks the world to do, as frozen data.

A step performs nothing. It returns these; whoever runs it stores those that must outlive the process in the same write
as the snapshot, and acts on them after that write. Those about services, children and timers name a live one by its
key, `<id>#<entry number>`; the snapshot holds the rest.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class StartService:
    """Begin a service: a node with an `invoke` was entered and was still active when the macrostep ended.

    Its outcome comes back as an event of kind `result`, `done.invoke.<id>` or `error.invoke.<id>`, that names the key.
    """

    invoke: str
    """Key of the live invoke in the snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopService:
    """A node was left while its service was live; its result would be dropped."""

    invoke: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartChild:
    """Begin an instance of another machine; as `StartService`, and its output is the result."""

    invoke: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopChild:
    """A node was left while its child was live; the child is to be stopped."""

    invoke: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTimer:
    """Wait until a timer is due, then send an event of kind `timer` that names the key.

    Attributes:
        timer: key of the live timer in the snapshot.
        due: in seconds since the epoch.
    """

    timer: str
    due: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTimer:
    """A timer is not needed any more; if it fires all the same, the event changes nothing."""

    timer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendEvent:
    """Send an event; what `do.send` asked for, at once or when its delay was over.

    Attributes:
        target: to whom: `machine/instance`, `#_parent`, or `#_<invoke id>` for a live child; empty for this instance
            itself, through its queue of external events.
        type: event type.
        data: JSON data.
        id: as the action named it; may be empty.
    """

    target: str
    type: str
    data: Any = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A line for the operator, written after the commit."""

    message: str
    data: dict[str, Any] = field(default_factory=dict)


Effect = StartService | StopService | StartChild | StopChild | SetTimer | CancelTimer | SendEvent | Log
