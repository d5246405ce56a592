"""The step: one event against one snapshot, run to completion as SCXML's appendix D says.

Pure: no clock, no randomness, no I/O. The same arguments give the same answer, and the arguments stay as they are.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from settle.core.codec import CodecError, PlainCodec
from settle.core.configuration import load_configuration
from settle.core.definition import Definition
from settle.core.effects import SendEvent
from settle.core.errors import EventInvalidError, FieldError, InputInvalidError, SnapshotInvalidError, UserCodeError
from settle.core.event import Event, EventKind
from settle.core.event_data import load_data
from settle.core.macrostep import Macrostep
from settle.core.run import Run
from settle.core.snapshot import Snapshot, Status

START_EVENT: Final = "settle.start"
"""Type of the event that entry actions see when an instance starts; its data is the input."""
STOP_EVENT: Final = "settle.stop"
"""Type of the event that exit actions see when an instance is stopped."""

_plain: Final = PlainCodec()
# Names of this module: what an enumeration is asked for takes a while, and every step asks for these.
_ACTIVE: Final = Status.ACTIVE
_RESULT: Final = EventKind.RESULT
_LIVE: Final = frozenset({EventKind.RESULT, EventKind.TIMER})


def start(definition: Definition, *, input: Mapping[str, Any] | None = None, now: float = 0.0) -> Macrostep:  # noqa: A002
    """Enter a machine's initial configuration.

    Args:
        definition: the compiled machine.
        input: what the first context is made from, laid over what the definition begins with.
        now: seconds since the epoch; the only time that user code sees.

    Raises:
        InputInvalidError: the input does not fit the context.
        StepError: the first macrostep cannot be completed.
    """
    given = _read_input(definition, input)
    try:
        context = definition.context.dump(definition.context.load({**definition.initial_context, **given}))
    except CodecError as error:
        raise InputInvalidError(f"input of {definition.machine}", error.fields) from error
    empty = Snapshot(
        machine=definition.machine,
        machine_version=definition.version,
        definition=definition.hash,
        configuration=(),
        context=context,
    )
    event = Event(type=START_EVENT, kind=EventKind.INTERNAL)
    return Run(definition, empty, 0, event, _plain.load(given), now).begin()


def _read_input(definition: Definition, given: object) -> Mapping[str, Any]:
    if given is None or isinstance(given, Mapping):
        return given or {}
    fields = [FieldError("input", f"{type(given).__name__} is no object with fields", "input_type")]
    raise InputInvalidError(f"input of {definition.machine}", fields)


def step(definition: Definition, snapshot: Snapshot, event: Event, now: float = 0.0) -> Macrostep:
    """Give one event to a machine.

    A result whose invoke is no longer live, a timer that is no longer live, and any event for a machine that is done
    change nothing.

    Args:
        definition: the compiled machine that the snapshot belongs to.
        snapshot: where the instance stands.
        event: what happened.
        now: seconds since the epoch; the only time that user code sees.

    Raises:
        EventInvalidError: the data does not fit the model of its type.
        SnapshotInvalidError: the snapshot names an illegal configuration.
        StepError: the macrostep cannot be completed.
    """
    mask = load_snapshot(definition, snapshot)
    if snapshot.status is not _ACTIVE:
        return Macrostep(snapshot=snapshot)
    if event.kind in _LIVE:
        received = receive(definition, snapshot, event)
        if isinstance(received, Macrostep):
            return received
        snapshot, event, data = received
    else:
        data = load_data(definition, event.type, event.data)
    return Run(definition, snapshot, mask, event, data, now).react()


def stop(definition: Definition, snapshot: Snapshot, now: float = 0.0) -> Macrostep:
    """Stop a machine from outside: its exit actions run, what it invoked is stopped, its timers are cancelled.

    Raises:
        SnapshotInvalidError: the snapshot names an illegal configuration.
        StepError: the exit actions cannot be completed.
    """
    mask = load_snapshot(definition, snapshot)
    if snapshot.status is not _ACTIVE:
        return Macrostep(snapshot=snapshot)
    event = Event(type=STOP_EVENT, kind=EventKind.INTERNAL)
    return Run(definition, snapshot, mask, event, {}, now).stop()


def load_snapshot(definition: Definition, snapshot: Snapshot) -> int:
    """Return the configuration of a snapshot as bits.

    Raises:
        SnapshotInvalidError: it belongs to another definition, or names an illegal configuration, or something is live
            that the definition does not have.
    """
    if snapshot.definition != definition.hash:
        message = f"the snapshot belongs to definition {snapshot.definition!r} of {snapshot.machine!r}"
        raise SnapshotInvalidError(f"{message}, not to {definition.hash!r} of {definition.machine!r}")
    if snapshot.invokes or snapshot.timers:
        _check_live(definition, snapshot)
    return load_configuration(definition, snapshot.configuration)


def _check_live(definition: Definition, snapshot: Snapshot) -> None:
    nodes = [(live.id, live.node) for live in snapshot.invokes]
    nodes += [(timer.id, timer.node) for timer in snapshot.timers if timer.node is not None]
    for name, node in nodes:
        if node not in definition.numbers:
            raise SnapshotInvalidError(f"{definition.machine} has no node {node!r}, where {name!r} is live")
    for live in snapshot.invokes:
        if live.id not in definition.invokes:
            raise SnapshotInvalidError(f"{definition.machine} has no invoke {live.id!r}, which is live")


class Received(NamedTuple):
    """A result or a timer that is live: the snapshot without it, and the event that it brings, its data loaded."""

    snapshot: Snapshot
    event: Event
    data: Any


def receive(definition: Definition, snapshot: Snapshot, event: Event) -> Received | Macrostep:
    """Look up what a result or a timer belongs to; a whole macrostep where no transition is asked.

    Raises:
        UserCodeError: a result, or what a timer kept, does not fit the model of its event; not the fault of whoever
            sent the event that led to it.
    """
    if event.kind is _RESULT:
        return _receive_result(definition, snapshot, event)
    timer = snapshot.find_timer(event.key)
    if timer is None:
        return Macrostep(snapshot=snapshot)
    snapshot = snapshot._replace(timers=tuple(other for other in snapshot.timers if other is not timer))
    data = {} if timer.data is None else timer.data
    if timer.target:
        message = SendEvent(target=timer.target, type=timer.type, data=data, id=timer.id)
        return Macrostep(snapshot=snapshot, effects=(message,))
    try:
        return Received(snapshot, replace(event, type=timer.type), load_data(definition, timer.type, data))
    except EventInvalidError as error:
        raise UserCodeError("action", timer.id or timer.type, timer.node or "", error) from error


def _receive_result(definition: Definition, snapshot: Snapshot, event: Event) -> Received | Macrostep:
    live = snapshot.find_invoke(event.key)
    if live is None:
        return Macrostep(snapshot=snapshot)
    snapshot = snapshot._replace(invokes=tuple(invoke for invoke in snapshot.invokes if invoke is not live))
    try:
        return Received(snapshot, event, load_data(definition, event.type, event.data))
    except EventInvalidError as error:
        raise UserCodeError("service", live.src, live.node, error) from error
