"""A run: one event, and every service it leads to, until the instance is settled."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from settle.core.configuration import is_settled, tagged_nodes
from settle.core.definition import Definition
from settle.core.effects import Log, SendEvent, SetTimer, StartChild
from settle.core.errors import NeverSettlesError, UnhandledServiceError, UnsupportedEffectError
from settle.core.event import Event, EventKind
from settle.core.interpreter import start, step
from settle.core.macrostep import Macrostep
from settle.core.snapshot import LiveInvoke, Snapshot, Status
from settle.core.spec import REJECTED
from settle.runtime.instance import ServiceOutcome

MAX_SERVICES_PER_RUN: Final = 100
"""Inline services that one event may lead to before the instance settles."""

_LATER: Final = (SendEvent, SetTimer, StartChild)
"""Effects of the core that the runtime does not carry out yet."""

Answer = Callable[[LiveInvoke, Snapshot], ServiceOutcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledRun:
    """What a run came to.

    Attributes:
        snapshot: settled.
        taken: whether the event was taken by a transition.
        refused_by: guards that said no, when none was.
        rejected_by: path of the `rejected` node that was reached; the snapshot is then of no use.
        logs: lines for the operator.
    """

    snapshot: Snapshot
    taken: bool
    refused_by: tuple[str, ...] = ()
    rejected_by: str = ""
    logs: tuple[Log, ...] = ()


def run_start(definition: Definition, input_data: dict[str, object], now: float, answer: Answer) -> SettledRun:
    """Start a machine and run it until it is settled. Raises what `start` and `run_event` raise."""
    return _settle(definition, start(definition, input=input_data, now=now), now, answer)


def run_event(definition: Definition, snapshot: Snapshot, event: Event, now: float, answer: Answer) -> SettledRun:
    """Apply an external event to a settled snapshot and run until it is settled again.

    Args:
        definition: that the snapshot belongs to.
        snapshot: settled.
        event: external.
        now: time of the run, the same whenever it is computed again.
        answer: gives the outcome of a service; may raise, which ends the run with nothing kept.

    Raises:
        StepError: the run cannot be completed, now or ever.
        EventInvalidError: the data does not fit.
    """
    first = step(definition, snapshot, event, now)
    if not first.taken:
        return SettledRun(snapshot=snapshot, taken=False, refused_by=first.refused_by, logs=_logs(first))
    return _settle(definition, first, now, answer)


def _settle(definition: Definition, first: Macrostep, now: float, answer: Answer) -> SettledRun:
    """Feed the outcomes of inline services, one after the other in the order they were begun."""
    snapshot, logs = first.snapshot, _logs(first)
    for _ in range(MAX_SERVICES_PER_RUN):
        rejected = tagged_nodes(definition, snapshot, REJECTED)
        if rejected:
            return SettledRun(snapshot=snapshot, taken=True, rejected_by=rejected[0])
        if not snapshot.invokes:
            break
        live = snapshot.invokes[0]
        macrostep = _feed(definition, snapshot, live, answer(live, snapshot), now)
        snapshot = macrostep.snapshot
        logs += _logs(macrostep)
    else:
        where = ", ".join(snapshot.configuration)
        message = f"{definition.machine} ran {MAX_SERVICES_PER_RUN} services without settling, now at {where}"
        raise NeverSettlesError(message)
    if snapshot.status is Status.ACTIVE and not is_settled(definition, snapshot):
        where = ", ".join(snapshot.configuration)
        message = f"{definition.machine} is not settled at {where}, and nothing is left to move it; tag it `settled`?"
        raise NeverSettlesError(message)
    return SettledRun(snapshot=snapshot, taken=True, logs=logs)


def _feed(
    definition: Definition, snapshot: Snapshot, live: LiveInvoke, outcome: ServiceOutcome, now: float
) -> Macrostep:
    failed = bool(outcome.error)
    event = Event(
        type=f"{'error' if failed else 'done'}.invoke.{live.id}",
        data={} if outcome.data is None else outcome.data,
        kind=EventKind.RESULT,
        key=live.key,
        now=now,
    )
    macrostep = step(definition, snapshot, event, now)
    if failed and not any(each.event == event.type for each in macrostep.microsteps):
        message = outcome.data.get("message") or outcome.error if isinstance(outcome.data, dict) else outcome.error
        raise UnhandledServiceError(
            f"service {live.src!r} of {live.node!r} failed and no transition takes {event.type!r}: {message}"
        )
    return macrostep


def _logs(macrostep: Macrostep) -> tuple[Log, ...]:
    """Return what the macrostep says to the operator; refuse what this release cannot carry out."""
    later = next((effect for effect in macrostep.effects if isinstance(effect, _LATER)), None)
    if later is not None:
        message = f"it asks for {type(later).__name__}: this release delivers no messages, timers or children yet"
        raise UnsupportedEffectError(message)
    failures = (Log(message=str(error), data={"code": error.code}) for error in macrostep.errors)
    return (*failures, *(effect for effect in macrostep.effects if isinstance(effect, Log)))
