"""What one invocation did, as far as somebody outside wants to know: counts, times, and the segments of traces.

The runtime notes it down and gives it to whoever observes. Nothing is decided by it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from settle.runtime.envelope import TraceContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Something that was taken for an instance, and stored.

    Attributes:
        group: `machine/instance`.
        event_id: of the event; of a task, the id of its call.
        type: event type, or name of the service.
        outcome: what became of it: an `Outcome`, or how a call ended.
        code: what decided that.
        version: of the instance after it.
        trace: that it belongs to.
        accepted_at: when the ingress accepted it; 0 when it did not.
        began_at: when it was taken.
        ended_at: when it was stored.
    """

    group: str
    event_id: str
    type: str
    outcome: str
    code: str = ""
    version: int = 0
    trace: TraceContext | None = None
    accepted_at: float = 0.0
    began_at: float = 0.0
    ended_at: float = 0.0


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was done for one group of a batch, or for one task.

    Attributes:
        taken: everything that was stored.
        settle_seconds: how long the group took, from its read to its relay; None while it does.
        conflicts: writes that found another instance stored.
        services: calls.
        service_errors: calls that failed, or ended with an error.
        services_abandoned: calls that took longer than they may.
        late: results that nobody waited for any more.
        buried: messages put among the dead letters.
        timer_lateness: seconds by which timers were forwarded after they were due.
    """

    taken: list[Taken] = field(default_factory=list)
    settle_seconds: float | None = None
    conflicts: int = 0
    services: int = 0
    service_errors: int = 0
    services_abandoned: int = 0
    late: int = 0
    buried: int = 0
    timer_lateness: list[float] = field(default_factory=list)


Observe = Callable[[Tally], None]
"""Takes note of a tally."""


def ignore(_tally: Tally) -> None:
    """Take no note."""
