"""Effects: what a macrostep asks the world to do, as frozen data.

A step performs nothing. It returns these; the runtime stores those that must outlive the process in the same write as
the snapshot, and acts on them after that write.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class StartService:
    """Begin a service: a node with an `invoke` was entered and was still active when the macrostep ended."""

    invoke: str
    """Key of the live invoke in the snapshot, `<invoke id>#<entry number>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopService:
    """A node was left while its service was live; its result would be dropped."""

    invoke: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A line for the operator, written after the commit."""

    message: str
    data: dict[str, Any] = field(default_factory=dict)


Effect = StartService | StopService | Log
