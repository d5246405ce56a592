"""What a step returns: the new snapshot, the effects, and how it came to them."""

from dataclasses import dataclass
from typing import NamedTuple

from settle.core.effects import Effect
from settle.core.errors import UserCodeError
from settle.core.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Microstep:
    """One set of transitions taken together.

    Attributes:
        event: type of the event that enabled them; empty for eventless ones.
        transitions: their indexes in the definition; empty for the initial entry.
        exited: paths of the nodes left, inner first.
        entered: paths of the nodes entered, outer first.
    """

    event: str
    transitions: tuple[int, ...] = ()
    exited: tuple[str, ...] = ()
    entered: tuple[str, ...] = ()


class Macrostep(NamedTuple):
    """Everything one event led to.

    Attributes:
        snapshot: the new one; when nothing was taken the old one, without the invoke or timer that the event used up.
        effects: what the world is asked to do, in order.
        microsteps: how it went.
        refused_by: when no transition was taken although some would have taken the event: the conditions that did not
            hold.
        errors: exceptions of user code that became `error.execution` events, under the error policy `event`.
    """

    snapshot: Snapshot
    effects: tuple[Effect, ...] = ()
    microsteps: tuple[Microstep, ...] = ()
    refused_by: tuple[str, ...] = ()
    errors: tuple[UserCodeError, ...] = ()

    @property
    def taken(self) -> bool:
        """Whether the event was taken by at least one transition."""
        return bool(self.microsteps)
