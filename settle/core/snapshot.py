"""The snapshot: all that an instance is between two macrosteps, as JSON data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

SNAPSHOT_SCHEMA: Final = 1
"""Format of the stored snapshot. A larger number than this was written by a newer release."""


class Status(StrEnum):
    """How an instance stands."""

    ACTIVE = "active"
    DONE = "done"
    ERROR = "error"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveInvoke:
    """A service that was begun and has not answered, and whose node is still active.

    Attributes:
        id: invoke id; its results are `done.invoke.<id>` and `error.invoke.<id>`.
        entry: number of the entry that began it; tells this life of the node from an earlier one.
        node: path of the node.
        src: name of the service.
    """

    id: str
    entry: int
    node: str
    src: str

    @property
    def key(self) -> str:
        """`<invoke id>#<entry number>`."""
        return f"{self.id}#{self.entry}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that a later event needs. The internal queue is empty between macrosteps and so is not here.

    Attributes:
        machine: id of the machine.
        machine_version: version of the machine that the instance runs on.
        definition: hash of that version's definition.
        status: active until a top-level final node is entered.
        configuration: paths of the active leaf nodes, in document order; empty before the machine has started.
        context: JSON data.
        history: for each history node that recorded one, the paths it would restore.
        invokes: live services, in the order they were begun.
        entries: how many entry numbers were given out.
        output: what the machine answered, once it is done.
    """

    machine: str
    machine_version: int
    definition: str
    configuration: tuple[str, ...]
    context: Any
    status: Status = Status.ACTIVE
    history: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    invokes: tuple[LiveInvoke, ...] = ()
    entries: int = 0
    output: Any = None

    @property
    def started(self) -> bool:
        """Whether the initial configuration was entered."""
        return bool(self.configuration)

    def find_invoke(self, key: str) -> LiveInvoke | None:
        """Return the live invoke with this key, if it is still live."""
        return next((invoke for invoke in self.invokes if invoke.key == key), None)
