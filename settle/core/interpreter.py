"""The step: one event against one snapshot, run to completion as SCXML's appendix D says.

Pure: no clock, no randomness, no I/O. The same arguments give the same answer, and the arguments stay as they are.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from settle.core.actions import Actions
from settle.core.codec import CodecError, PlainCodec
from settle.core.configuration import dump_configuration, load_configuration
from settle.core.definition import Definition, Node, Transition
from settle.core.effects import Effect, StartService, StopService
from settle.core.errors import (
    ContextInvalidError,
    EventInvalidError,
    InputInvalidError,
    MicrostepLimitError,
    StepError,
    UserCodeError,
)
from settle.core.event import Event, EventKind
from settle.core.macrostep import Macrostep, Microstep
from settle.core.plan import Plan, plan_microstep
from settle.core.selection import find_candidates, select
from settle.core.snapshot import LiveInvoke, Snapshot, Status
from settle.core.spec import EVENTLESS, Action, NodeKind

MAX_MICROSTEPS: Final = 1000
"""Microsteps that one macrostep may take."""
START_EVENT: Final = "settle.start"
"""Type of the event that entry actions see when an instance starts; its data is the input."""

_NOT_LOADED: Final = object()
_PLAIN: Final = PlainCodec()


def start(definition: Definition, *, input: Mapping[str, Any] | None = None, now: float = 0.0) -> Macrostep:  # noqa: A002
    """Enter a machine's initial configuration.

    Args:
        definition: the compiled machine.
        input: what the first context is made from.
        now: seconds since the epoch; the only time that user code sees.

    Raises:
        InputInvalidError: the input does not fit the context.
        StepError: the first macrostep cannot be completed.
    """
    try:
        context = definition.context.dump(definition.context.load(input or {}))
    except CodecError as error:
        raise InputInvalidError(f"input of {definition.machine}", error.fields) from error
    empty = Snapshot(
        machine=definition.machine,
        machine_version=definition.version,
        definition=definition.hash,
        configuration=(),
        context=context,
    )
    run = _Run(definition, empty, 0, now)
    event = Event(type=START_EVENT, data=_PLAIN.load(input or {}), kind=EventKind.INTERNAL, now=now)
    run.take((), event)
    run.complete()
    return run.result()


def step(definition: Definition, snapshot: Snapshot, event: Event, now: float = 0.0) -> Macrostep:
    """Give one event to a machine.

    A result whose invoke is no longer live, and any event for a machine that is done, changes nothing.

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
    mask = load_configuration(definition, snapshot.configuration)
    if snapshot.status is not Status.ACTIVE:
        return Macrostep(snapshot=snapshot)
    if event.kind is EventKind.RESULT:
        live = snapshot.find_invoke(event.invoke)
        if live is None:
            return Macrostep(snapshot=snapshot)
        snapshot = replace(snapshot, invokes=tuple(invoke for invoke in snapshot.invokes if invoke is not live))
        data = _load_answer(definition, event, live)
    else:
        data = _load_data(definition, event)
    event = replace(event, data=data, now=now)
    run = _Run(definition, snapshot, mask, now)
    transitions = run.select(event)
    if not transitions:
        return Macrostep(snapshot=snapshot, refused_by=tuple(run.refusing))
    run.take(transitions, event)
    run.complete()
    return run.result()


def load_event(definition: Definition, event: Event) -> Event:
    """Return the event with its data as the model that the machine declares for its type, if it declares one.

    Raises:
        EventInvalidError: the data does not fit; `fields` have paths that begin with `data`.
    """
    return replace(event, data=_load_data(definition, event))


def _load_data(definition: Definition, event: Event) -> Any:  # noqa: ANN401 - JSON data or a model
    """Return data that user code may change without changing the event's."""
    try:
        return definition.events.get(event.type, _PLAIN).load(event.data)
    except CodecError as error:
        fields = [replace(field, path=_below_data(field.path)) for field in error.fields]
        raise EventInvalidError(f"event {event.type!r} of {definition.machine}", fields) from error


def _load_answer(definition: Definition, event: Event, live: LiveInvoke) -> Any:  # noqa: ANN401 - JSON data or a model
    """Load what a service answered; that it does not fit is not the fault of whoever sent the event of this run."""
    try:
        return _load_data(definition, event)
    except EventInvalidError as error:
        raise UserCodeError("service", live.src, live.node, error) from error


def _below_data(path: str) -> str:
    return path if path == "data" else f"data.{path}"


class _Run:
    """One macrostep under way. Mutable, and gone when it is over."""

    def __init__(self, definition: Definition, snapshot: Snapshot, mask: int, now: float) -> None:
        self._definition, self._snapshot, self._mask, self._now = definition, snapshot, mask, now
        self._context: Any = _NOT_LOADED
        self._acted = False
        self._history = snapshot.history
        self._invokes = {invoke.key: invoke for invoke in snapshot.invokes}
        self._to_invoke: list[Node] = []
        self._entries = snapshot.entries
        self._queue: list[Event] = []
        self._effects: list[Effect] = []
        self._actions: Actions | None = None
        self._microsteps: list[Microstep] = []
        self._status, self._output = snapshot.status, snapshot.output
        self.refusing: list[str] = []

    # Selecting -------------------------------------------------------------------------------------------------------

    def select(self, event: Event) -> tuple[Transition, ...]:
        """Return the transitions that the event enables, noting the guards that said no."""
        self.refusing = []
        return select(self._definition, self._mask, event.type, self._history, partial(self._allows, event))

    def _allows(self, event: Event, transition: Transition) -> bool:
        for guard in transition.guards:
            try:
                answer = bool(guard.fn(self._loaded_context(), event))
            except StepError:
                raise
            except Exception as error:
                node = self._definition.nodes[transition.source].path
                raise UserCodeError("guard", guard.name, node, error) from error
            if answer is guard.negated:
                self.refusing.append(str(guard))
                return False
        return True

    # Taking ----------------------------------------------------------------------------------------------------------

    def complete(self) -> None:
        """Take eventless transitions, then raised events, until neither is left."""
        while self._status is Status.ACTIVE:
            transitions, event = self._find_next()
            if event is None:
                break
            self.take(transitions, event)
        self._start_services()

    def _find_next(self) -> tuple[tuple[Transition, ...], Event | None]:
        """Return what happens by itself now, and the event for it; no event when nothing does."""
        if find_candidates(self._definition, self._mask, EVENTLESS).by_leaf:
            event = Event(type=EVENTLESS, kind=EventKind.INTERNAL, now=self._now)
            transitions = self.select(event)
            if transitions:
                return transitions, event
        while self._queue:
            event = self._queue.pop(0)
            transitions = self.select(event)
            if transitions:
                return transitions, event
        return (), None

    def take(self, transitions: tuple[Transition, ...], event: Event) -> None:
        """Take one microstep: leave, act, enter."""
        if len(self._microsteps) >= MAX_MICROSTEPS:
            where = ", ".join(dump_configuration(self._definition, self._mask))
            raise MicrostepLimitError(
                f"{self._definition.machine} took {MAX_MICROSTEPS} microsteps without coming to rest, now at {where}"
            )
        plan = plan_microstep(self._definition, self._mask, transitions, event.type, self._history)
        self._microsteps.append(plan.report)
        if plan.quiet:
            self._mask = plan.mask
            return
        for node, actions in plan.before:
            self._perform(actions, node, event)
        self._leave(plan, event)
        for node, actions in plan.actions:
            self._perform(actions, node, event)
        self._mask = plan.mask & ~plan.finals
        for node in plan.entered:
            self._enter(node, event)
        for node, actions in plan.after:
            self._perform(actions, node, event)

    def _leave(self, plan: Plan, event: Event) -> None:
        if plan.records:
            self._history = {**self._history, **dict(plan.records)}
        for node in plan.exited:
            self._perform(node.exit, node, event)
            if node.invokes:
                self._stop_services(node)

    def _enter(self, node: Node, event: Event) -> None:
        self._perform(node.entry, node, event)
        if node.invokes:
            self._to_invoke.append(node)
        if node.kind is NodeKind.FINAL:
            # One by one, so that regions which finish together finish their parallel node once.
            self._mask |= node.bit
            self._announce_final(node, event)

    def _perform(self, actions: tuple[Action, ...], node: Node, event: Event) -> None:
        if not actions:
            return
        context = self._loaded_context()
        self._acted = True
        if self._actions is None:
            self._actions = Actions(self._queue, self._effects, self._now)
        for action in actions:
            raised = len(self._queue)
            try:
                action.fn(context, event, self._actions)
                for place in range(raised, len(self._queue)):
                    self._queue[place] = load_event(self._definition, self._queue[place])
            except StepError:
                raise
            except Exception as error:
                raise UserCodeError("action", action.name, node.path, error) from error

    # Final nodes -----------------------------------------------------------------------------------------------------

    def _announce_final(self, node: Node, event: Event) -> None:
        """Raise the done events that entering a final node causes: of its parent, then of the parallel nodes around.

        SCXML 3.7 raises that of the nearest parallel node only, so that one whose last region to end is a parallel node
        itself would never end.
        """
        nodes = self._definition.nodes
        ended = nodes[node.parent]
        output = self._output_of(node, event)
        if ended.kind is NodeKind.PARALLEL:
            output = None
        while self._is_final(ended):
            if ended.index == 0:
                self._finish(output)
                return
            self._raise_done(ended, output, node)
            ended, output = nodes[ended.parent], None
            if ended.kind is not NodeKind.PARALLEL:
                return

    def _is_final(self, node: Node) -> bool:
        if node.kind is NodeKind.FINAL:
            return bool(self._mask & node.bit)
        children = [self._definition.nodes[child] for child in node.children]
        if node.kind is NodeKind.PARALLEL:
            return all(self._is_final(child) for child in children)
        return any(child.kind is NodeKind.FINAL and self._mask & child.bit for child in children)

    def _raise_done(self, ended: Node, output: Any, final: Node) -> None:  # noqa: ANN401 - JSON data
        data = {} if output is None else output
        event = Event(type=f"done.state.{ended.path}", data=data, kind=EventKind.INTERNAL, now=self._now)
        try:
            self._queue.append(load_event(self._definition, event))
        except EventInvalidError as error:
            raise UserCodeError("output", _name_of_output(final), final.path, error) from error

    def _output_of(self, node: Node, event: Event) -> Any:  # noqa: ANN401 - JSON data
        if not callable(node.output):
            return _PLAIN.load(node.output)
        try:
            return _PLAIN.dump(node.output(self._loaded_context(), event))
        except StepError:
            raise
        except Exception as error:
            raise UserCodeError("output", _name_of_output(node), node.path, error) from error

    def _finish(self, output: Any) -> None:  # noqa: ANN401 - JSON data
        self._status, self._output = Status.DONE, output
        self._effects.extend(StopService(invoke=key) for key in self._invokes)
        self._invokes.clear()
        self._to_invoke.clear()

    # Services --------------------------------------------------------------------------------------------------------

    def _start_services(self) -> None:
        """Begin the services of nodes that were entered and are still active, in the order they were entered."""
        for node in self._to_invoke:
            for invoke in node.invokes:
                self._entries += 1
                live = LiveInvoke(id=invoke.id, entry=self._entries, node=node.path, src=invoke.src)
                self._invokes[live.key] = live
                self._effects.append(StartService(invoke=live.key))

    def _stop_services(self, node: Node) -> None:
        if node in self._to_invoke:
            self._to_invoke.remove(node)
        for key in [key for key, invoke in self._invokes.items() if invoke.node == node.path]:
            del self._invokes[key]
            self._effects.append(StopService(invoke=key))

    # Context and result ----------------------------------------------------------------------------------------------

    def _loaded_context(self) -> Any:  # noqa: ANN401 - whatever the machine's codec makes
        if self._context is _NOT_LOADED:
            try:
                self._context = self._definition.context.load(self._snapshot.context)
            except CodecError as error:
                raise ContextInvalidError(
                    f"the stored context does not fit {self._definition.machine}: {error}"
                ) from error
        return self._context

    def _dumped_context(self) -> Any:  # noqa: ANN401 - JSON data
        if not self._acted:
            return self._snapshot.context
        try:
            return self._definition.context.dump(self._context)
        except CodecError as error:
            raise ContextInvalidError(f"actions left a context that does not fit: {error}") from error

    def result(self) -> Macrostep:
        """Return what the macrostep came to."""
        snapshot = replace(
            self._snapshot,
            configuration=dump_configuration(self._definition, self._mask),
            context=self._dumped_context(),
            status=self._status,
            history=self._history,
            invokes=tuple(self._invokes.values()),
            entries=self._entries,
            output=self._output,
        )
        return Macrostep(snapshot=snapshot, effects=tuple(self._effects), microsteps=tuple(self._microsteps))


def _name_of_output(node: Node) -> str:
    return getattr(node.output, "__name__", "output")
