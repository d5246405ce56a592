"""Situations: where a machine stands while it is explored, and what is due there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from settle.core.definition import Definition
from settle.core.event import DONE_INVOKE, ERROR_INVOKE, Event, EventKind
from settle.core.snapshot import LiveInvoke, Snapshot
from settle.runtime.instance import ServiceOutcome
from settle.runtime.open_envelope import DEADLINE_CODE
from settle.testing.clock import FIRST_MOMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Where a machine stands.

    Attributes:
        snapshot: of the instance.
        now: in seconds since the epoch.
        deadlines: of live background services, by their keys.
        own: events that it sent to itself and does not take yet.
    """

    snapshot: Snapshot
    now: float
    deadlines: Mapping[str, float] = field(default_factory=dict)
    own: tuple[tuple[str, Any], ...] = ()

    @property
    def key(self) -> str:
        """What another situation is told by."""
        snapshot = self.snapshot
        timers = [(each.id, each.type, each.target, round(each.due - self.now, 3)) for each in snapshot.timers]
        lives = [(each.id, each.node, each.input) for each in snapshot.invokes]
        waits = [round(due - self.now, 3) for due in self.deadlines.values()]
        stands = [snapshot.configuration, snapshot.status, snapshot.context, dict(snapshot.history)]
        return json.dumps([stands, timers, lives, waits, self.own], sort_keys=True)


def begin_nowhere(definition: Definition) -> Situation:
    """Return where a machine stands that has not started."""
    nothing = Snapshot(
        machine=definition.machine,
        machine_version=definition.version,
        definition=definition.hash,
        configuration=(),
        context={},
    )
    return Situation(snapshot=nothing, now=FIRST_MOMENT)


def next_due(situation: Situation) -> float | None:
    """Return when something is due next; None when nothing ever is."""
    return min([*(timer.due for timer in situation.snapshot.timers), *situation.deadlines.values()], default=None)


def due_event(situation: Situation, due: float) -> Event:
    """Return what is due: a timer, those first that were set first, or the deadline of a background service."""
    for timer in situation.snapshot.timers:
        if timer.due == due:
            return Event(kind=EventKind.TIMER, key=timer.key)
    key = next(key for key, at in situation.deadlines.items() if at == due)
    live = next(each for each in situation.snapshot.invokes if each.key == key)
    return result_event(live, ServiceOutcome.failed(DEADLINE_CODE, f"{live.src} took too long"))


def result_event(live: LiveInvoke, outcome: ServiceOutcome) -> Event:
    """Return the event of a service or a child that has ended."""
    event_type = (ERROR_INVOKE if outcome.error else DONE_INVOKE) + live.id
    data = {} if outcome.data is None else outcome.data
    return Event(type=event_type, data=data, kind=EventKind.RESULT, key=live.key)
