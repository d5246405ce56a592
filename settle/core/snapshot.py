"""The snapshot: all that an instance is between two macrosteps, as JSON data."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

SNAPSHOT_SCHEMA: Final = 2
"""Format of the stored snapshot. A larger number than this was written by a newer release."""


_NOTHING: Final[Mapping[str, tuple[str, ...]]] = {}
"""Shared, and never changed."""


class Status(StrEnum):
    """How an instance stands."""

    ACTIVE = "active"
    DONE = "done"
    ERROR = "error"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveInvoke:
    """A service or a child that was begun and has not answered, and whose node is still active.

    Attributes:
        id: invoke id; its results are `done.invoke.<id>` and `error.invoke.<id>`.
        entry: number of the entry that began it; tells this life of the node from an earlier one.
        node: path of the node.
        src: name of the service, or of the child's machine.
        input: what it was given, as JSON data.
    """

    id: str
    entry: int
    node: str
    src: str
    input: Any = None

    @property
    def key(self) -> str:
        """`<invoke id>#<entry number>`."""
        return f"{self.id}#{self.entry}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTimer:
    """A timer that was set and has neither fired nor been cancelled.

    Attributes:
        id: as the action that sent it named it; for a delayed transition `<path of its source>@<delay>`.
        entry: number that tells it from other timers of that id.
        due: when it fires, in seconds since the epoch.
        type: type of the event that it brings.
        node: for a delayed transition, path of its source, which takes the timer along when it is left; else None.
        target: for a delayed message, to whom; empty for this instance itself.
        data: what the event carries, as JSON data.
    """

    id: str
    entry: int
    due: float
    type: str
    node: str | None = None
    target: str = ""
    data: Any = None

    @property
    def key(self) -> str:
        """`<id>#<entry number>`."""
        return f"{self.id}#{self.entry}"


class Snapshot(NamedTuple):
    """Everything that a later event needs. The internal queue is empty between macrosteps and so is not here.

    A tuple, because two of them are made for every event and a frozen dataclass takes three times as long; name the
    fields all the same. `snapshot._replace(...)` returns a changed one.

    Attributes:
        machine: id of the machine.
        machine_version: version of the machine that the instance runs on.
        definition: hash of that version's definition.
        status: active until a top-level final node is entered.
        configuration: paths of the active leaf nodes, in document order; empty before the machine has started.
        context: JSON data.
        history: for each history node that recorded one, the paths it would restore.
        invokes: live services and children, in the order they were begun.
        timers: live timers, in the order they were set.
        entries: how many entry numbers were given out.
        output: what the machine answered, once it is done.
    """

    machine: str
    machine_version: int
    definition: str
    configuration: tuple[str, ...]
    context: Any
    status: Status = Status.ACTIVE
    history: Mapping[str, tuple[str, ...]] = _NOTHING
    invokes: tuple[LiveInvoke, ...] = ()
    timers: tuple[LiveTimer, ...] = ()
    entries: int = 0
    output: Any = None

    @property
    def started(self) -> bool:
        """Whether the initial configuration was entered."""
        return bool(self.configuration)

    def find_invoke(self, key: str) -> LiveInvoke | None:
        """Return the live invoke with this key, if it is still live."""
        return next((invoke for invoke in self.invokes if invoke.key == key), None)

    def find_timer(self, key: str) -> LiveTimer | None:
        """Return the live timer with this key, if it is still live."""
        return next((timer for timer in self.timers if timer.key == key), None)
