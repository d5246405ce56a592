"""A run: one event, and everything it leads to at once, until the instance is settled or waits for something live."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from settle.core.configuration import is_settled, tagged_nodes
from settle.core.definition import Definition
from settle.core.effects import CancelTimer, Effect, Log, SetTimer, StartChild, StartService, StopChild, StopService
from settle.core.errors import NeverSettlesError, UnhandledServiceError
from settle.core.event import DONE_INVOKE, ERROR_COMMUNICATION, ERROR_INVOKE, Event, EventKind
from settle.core.interpreter import start, step, stop
from settle.core.macrostep import Macrostep
from settle.core.snapshot import LiveInvoke, Snapshot, Status
from settle.core.spec import REJECTED
from settle.runtime.instance import ServiceOutcome

MAX_ANSWERS_PER_RUN: Final = 100
"""Inline services, and refusals of what was asked for, that one event may lead to before the instance settles."""


class Host(Protocol):
    """What a run asks of whoever runs it. Both may raise, which ends the run with nothing kept."""

    def answer(self, live: LiveInvoke, snapshot: Snapshot) -> ServiceOutcome:
        """Return how an inline service ended."""

    def refuse(self, effect: Effect, snapshot: Snapshot) -> ServiceOutcome | None:
        """Return why something that a macrostep asks for can never be done; None when it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledRun:
    """What a run came to.

    Attributes:
        snapshot: settled, or waiting for something live.
        taken: whether the event was taken by a transition.
        refused_by: guards that said no, when none was.
        rejected_by: path of the `rejected` node that was reached; the snapshot is then of no use.
        effects: to be carried out after the commit, in order; without those that were taken back within the run.
        logs: lines for the operator.
    """

    snapshot: Snapshot
    taken: bool
    refused_by: tuple[str, ...] = ()
    rejected_by: str = ""
    effects: tuple[Effect, ...] = ()
    logs: tuple[Log, ...] = ()


def run_start(definition: Definition, input_data: dict[str, object], now: float, host: Host) -> SettledRun:
    """Start a machine and run it until it is settled. Raises what `start` and `run_event` raise."""
    return _Run(definition, now, host).settle(start(definition, input=input_data, now=now))


def run_event(definition: Definition, snapshot: Snapshot, event: Event, now: float, host: Host) -> SettledRun:
    """Apply an event to a snapshot and run until it is settled again.

    Args:
        definition: that the snapshot belongs to.
        snapshot: settled, or waiting for what the event brings.
        event: external, or something that is live.
        now: time of the run, the same whenever it is computed again.
        host: answers inline services.

    Raises:
        StepError: the run cannot be completed, now or ever.
        EventInvalidError: the data does not fit.
    """
    first = step(definition, snapshot, event, now)
    if event.kind is EventKind.RESULT:
        _check_taken(first, event, snapshot)
    elif event.kind is EventKind.EXTERNAL and not first.taken:
        return SettledRun(snapshot=snapshot, taken=False, refused_by=first.refused_by, logs=tuple(_logs(first)))
    return _Run(definition, now, host).settle(first)


def run_stop(definition: Definition, snapshot: Snapshot, now: float) -> SettledRun:
    """Stop a machine from outside. Raises `StepError` when its exit actions cannot be completed."""
    macrostep = stop(definition, snapshot, now)
    return SettledRun(
        snapshot=macrostep.snapshot, taken=True, effects=_net(macrostep.effects), logs=tuple(_logs(macrostep))
    )


class _Run:
    def __init__(self, definition: Definition, now: float, host: Host) -> None:
        self._definition, self._now, self._host = definition, now, host
        self._effects: list[Effect] = []
        self._unchecked: list[Effect] = []
        self._logs: list[Log] = []

    def settle(self, first: Macrostep) -> SettledRun:
        """Feed what is refused at once, then the outcomes of inline services, each in the order it was begun."""
        self._keep(first)
        snapshot = first.snapshot
        for _ in range(MAX_ANSWERS_PER_RUN):
            rejected = tagged_nodes(self._definition, snapshot, REJECTED)
            if rejected:
                return SettledRun(snapshot=snapshot, taken=True, rejected_by=rejected[0])
            macrostep = self._next(snapshot)
            if macrostep is None:
                break
            self._keep(macrostep)
            snapshot = macrostep.snapshot
        else:
            self._give_up(snapshot, f"had {MAX_ANSWERS_PER_RUN} services and refusals without settling")
        if not self._may_rest(snapshot):
            self._give_up(snapshot, "is not settled, and nothing is left to move it; tag it `settled`?")
        return SettledRun(
            snapshot=snapshot,
            taken=first.taken,
            refused_by=first.refused_by,
            effects=_net(tuple(self._effects)),
            logs=tuple(self._logs),
        )

    def _next(self, snapshot: Snapshot) -> Macrostep | None:
        """Return the macrostep after the next answer, or None when nothing more is to be answered now."""
        while self._unchecked:
            effect = self._unchecked.pop(0)
            refusal = self._host.refuse(effect, snapshot)
            if refusal is not None:
                return self._refuse(effect, snapshot, refusal)
            self._effects.append(effect)
        live = next((live for live in snapshot.invokes if self._definition.invokes[live.id].inline), None)
        return None if live is None else self._feed(snapshot, live, self._host.answer(live, snapshot))

    def _refuse(self, effect: Effect, snapshot: Snapshot, refusal: ServiceOutcome) -> Macrostep:
        """Tell the machine that something it asked for will never be done."""
        self._logs.append(Log(message=f"refused: {refusal.error}", data={"effect": type(effect).__name__}))
        if isinstance(effect, (StartChild, StartService)):
            live = snapshot.find_invoke(effect.invoke)
            return Macrostep(snapshot=snapshot) if live is None else self._feed(snapshot, live, refusal)
        event = Event(type=ERROR_COMMUNICATION, data=refusal.data, kind=EventKind.INTERNAL)
        return step(self._definition, snapshot, event, self._now)

    def _feed(self, snapshot: Snapshot, live: LiveInvoke, outcome: ServiceOutcome) -> Macrostep:
        event = Event(
            type=f"{ERROR_INVOKE if outcome.error else DONE_INVOKE}{live.id}",
            data={} if outcome.data is None else outcome.data,
            kind=EventKind.RESULT,
            key=live.key,
        )
        macrostep = step(self._definition, snapshot, event, self._now)
        _check_taken(macrostep, event, snapshot)
        return macrostep

    def _keep(self, macrostep: Macrostep) -> None:
        self._unchecked += [effect for effect in macrostep.effects if not isinstance(effect, Log)]
        self._logs += _logs(macrostep)

    def _may_rest(self, snapshot: Snapshot) -> bool:
        """Whether the outside, or something live, can move it on."""
        if snapshot.status is not Status.ACTIVE or snapshot.invokes or snapshot.timers:
            return True
        return is_settled(self._definition, snapshot)

    def _give_up(self, snapshot: Snapshot, why: str) -> None:
        where = ", ".join(snapshot.configuration)
        raise NeverSettlesError(f"{self._definition.machine} {why} (at {where})")


def _check_taken(macrostep: Macrostep, event: Event, snapshot: Snapshot) -> None:
    """Refuse to pass over in silence that a service or a child failed.

    Raises:
        UnhandledServiceError: no transition takes its error.
    """
    live = snapshot.find_invoke(event.key)
    if live is None or not event.type.startswith(ERROR_INVOKE):
        return
    if any(each.event == event.type for each in macrostep.microsteps):
        return
    data = event.data if isinstance(event.data, dict) else {}
    message = data.get("message") or data.get("code") or event.data
    raise UnhandledServiceError(
        f"service {live.src!r} of {live.node!r} failed and no transition takes {event.type!r}: {message}"
    )


def _net(effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """Drop what was begun and taken back in the same run: nobody needs to hear of it."""
    begun = {_begins(effect) for effect in effects} - {""}
    ended = {_ends(effect) for effect in effects} - {""}
    both = begun & ended
    return tuple(effect for effect in effects if _begins(effect) not in both and _ends(effect) not in both)


def _begins(effect: Effect) -> str:
    match effect:
        case SetTimer(timer=key):
            return f"timer {key}"
        case StartChild(invoke=key) | StartService(invoke=key):
            return f"invoke {key}"
        case _:
            return ""


def _ends(effect: Effect) -> str:
    match effect:
        case CancelTimer(timer=key):
            return f"timer {key}"
        case StopChild(invoke=key) | StopService(invoke=key):
            return f"invoke {key}"
        case _:
            return ""


def _logs(macrostep: Macrostep) -> Iterator[Log]:
    for error in macrostep.errors:
        yield Log(message=str(error), data={"code": error.code})
    for effect in macrostep.effects:
        if isinstance(effect, Log):
            yield effect
