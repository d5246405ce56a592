"""User code inside a macrostep: what it is given, what it records, and what becomes of its exceptions."""

from collections.abc import Callable
from typing import Any, Final

from settle.core.actions import Actions
from settle.core.codec import CodecError, PlainCodec
from settle.core.conditions import Guard, as_answer, holds
from settle.core.definition import Definition, Node, TimerSpec, Transition
from settle.core.delay import find_due
from settle.core.effects import Effect, SendEvent
from settle.core.errors import ContextInvalidError, EventInvalidError, StepError, UserCodeError
from settle.core.event import ERROR_EXECUTION, Event, EventKind
from settle.core.event_data import load_data
from settle.core.live import Live
from settle.core.snapshot import LiveTimer, Snapshot
from settle.core.spec import Action, ErrorPolicy
from settle.core.stored_data import load_context

_NOT_LOADED: Final = object()
_plain: Final = PlainCodec()


class Performer:
    """Calls guards, actions and the other functions of a definition, for one macrostep.

    Args:
        definition: the machine.
        snapshot: where the macrostep begins; without the invoke or timer whose event it handles.
        mask: the configuration.
        event: as it was given.
        data: that of the event, loaded for user code.
        now: seconds since the epoch.

    Attributes:
        definition: the machine.
        snapshot: where the macrostep began.
        mask: the configuration at this moment.
        now: seconds since the epoch.
        queue: the internal queue.
        effects: what was recorded.
        errors: exceptions that became events.
        breach: a limit that an action went over, whether or not it let the error pass.
        refusals: transitions that would have taken the last event, with the condition that did not hold.
    """

    __slots__ = (
        "_acted",
        "_actions",
        "_context",
        "_event",
        "_given",
        "_live",
        "breach",
        "definition",
        "effects",
        "errors",
        "mask",
        "now",
        "queue",
        "refusals",
        "snapshot",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - what a step is given, and its parts loaded
        self,
        definition: Definition,
        snapshot: Snapshot,
        mask: int,
        event: Event,
        data: Any,  # noqa: ANN401 - JSON data or a model
        now: float,
    ) -> None:
        self.definition, self.snapshot, self.mask, self.now = definition, snapshot, mask, now
        self._given = (event, data)
        self._event: Event | None = None
        self._context: Any = _NOT_LOADED
        self._acted = False
        self._actions: Actions | None = None
        self._live: Live | None = None
        self.queue: list[Event] = []
        self.effects: list[Effect] = []
        self.errors: list[UserCodeError] = []
        self.breach: StepError | None = None
        self.refusals: list[tuple[Transition, str]] = []

    @property
    def event(self) -> Event:
        """The event that was taken from a queue last, as user code sees it; made when it is asked for first."""
        if self._event is None:
            given, data = self._given
            # In the order of its fields: by name it takes twice as long.
            self._event = Event(
                given.type, data, given.kind, given.id, given.key, given.principal, given.origin, self.now
            )
        return self._event

    def take_raised(self) -> str:
        """Take the next event from the internal queue; return its type."""
        self._event = self.queue.pop(0)
        return self._event.type

    # Asking ----------------------------------------------------------------------------------------------------------

    def allows(self, transition: Transition) -> bool:
        """Ask the guards of a transition; note the first condition that does not hold."""
        context, event = self.loaded_context(), self._event or self.event
        answer: object
        for condition in transition.guards:
            try:
                # Most conditions are a single function, which needs no walk through a tree.
                if type(condition) is Guard:
                    answer = condition.fn(context, event, self)
                    if answer is not True and answer is not False:
                        answer = as_answer(answer)
                else:
                    answer = holds(condition, context, event, self)
            except StepError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever user code raises
                answer = False
                self.fail("guard", str(condition), self.definition.nodes[transition.source], error)
            if not answer:
                self.refusals.append((transition, str(condition)))
                return False
        return True

    def in_state(self, path: str) -> bool:
        """Tell whether a node is active at this moment."""
        index = self.definition.numbers.get(path)
        if index is None:
            raise LookupError(f"{self.definition.machine} has no node {path!r}")
        return bool(self.mask >> index & 1)

    def ask(self, role: str, value: Any, node: Node) -> Any:  # noqa: ANN401 - JSON data, or a function for it
        """Return a copy of JSON data that the definition holds, or what its function computes; None when it raised."""
        if not callable(value):
            return _plain.load(value)
        name = getattr(value, "__name__", role)
        return self.attempt(role, name, node, lambda: _plain.dump(value(self.loaded_context(), self.event)))

    def attempt(self, role: str, name: str, node: Node, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - of the call
        """Return what a call of user code returns; None when it raised, which the policy then takes care of."""
        try:
            return call()
        except StepError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever user code raises
            self.fail(role, name, node, error)
            return None

    # Acting ----------------------------------------------------------------------------------------------------------

    def perform(self, block: tuple[Action, ...], node: Node) -> None:
        """Run actions that belong together. Under the error policy `event` the rest is left out after an error."""
        context, event = self.loaded_context(), self._event or self.event
        self._acted = True
        if self._actions is None:
            self._actions = Actions(self)
        for action in block:
            try:
                action.fn(context, event, self._actions)
            except StepError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever user code raises
                self.fail("action", action.name, node, error)
                return

    def fail(self, role: str, name: str, node: Node, error: Exception) -> None:
        """Raise an exception of user code as the policy has it: as an error here, or as an event."""
        wrapped = UserCodeError(role, name, node.path, error)
        if self.definition.errors is ErrorPolicy.RAISE:
            raise wrapped from error
        wrapped.__cause__ = error
        self.errors.append(wrapped)
        try:
            self.raise_event(ERROR_EXECUTION, {"message": str(wrapped), "role": role, "name": name, "node": node.path})
        except EventInvalidError as invalid:  # the machine declares another model for it
            raise wrapped from invalid

    def raise_event(self, event_type: str, data: Any) -> None:  # noqa: ANN401 - any JSON data
        """Put an event on the internal queue, its data as the machine's model for it.

        Raises:
            EventInvalidError: the data does not fit.
        """
        loaded = load_data(self.definition, event_type, {} if data is None else data)
        self.queue.append(Event(type=event_type, data=loaded, kind=EventKind.INTERNAL, now=self.now))

    def check_message(self, message: SendEvent) -> None:
        """Check a message to this instance itself, which nobody could answer for later.

        Raises:
            EventInvalidError: the data does not fit the model of its type.
        """
        if not message.target:
            load_data(self.definition, message.type, message.data)

    # What is live ----------------------------------------------------------------------------------------------------

    @property
    def alive(self) -> Live:
        """What is live, once anything begins or ends in this macrostep."""
        if self._live is None:
            self._live = Live(self.definition, self.snapshot, self.effects)
        return self._live

    def set_timer(self, timer: TimerSpec, node: Node) -> None:
        """Set the timer of a node that was entered."""
        delay = timer.delay

        def compute() -> float:
            return find_due(
                delay.seconds if delay.fn is None else delay.fn(self.loaded_context(), self.event), self.now
            )

        due = self.attempt("delay", delay.name, node, compute)
        if due is not None:
            self.alive.set(due, id=timer.id, type=timer.event, node=node.path)

    def send_later(self, message: SendEvent, due: float) -> None:
        """Set a timer for a delayed message."""
        self.alive.set(due, id=message.id, type=message.type, target=message.target, data=message.data)

    def cancel_timers(self, chosen: Callable[[LiveTimer], bool]) -> None:
        """Cancel live timers."""
        self.alive.cancel(chosen)

    # Context ---------------------------------------------------------------------------------------------------------

    def loaded_context(self) -> Any:  # noqa: ANN401 - whatever the machine's codec makes
        """Return the context for user code, made when it is asked for first."""
        if self._context is _NOT_LOADED:
            self._context = load_context(self.definition, self.snapshot)
        return self._context

    def dumped_context(self) -> Any:  # noqa: ANN401 - JSON data
        """Return the context for the snapshot."""
        if not self._acted:
            return self.snapshot.context
        try:
            return self.definition.context.dump(self._context)
        except CodecError as error:
            raise ContextInvalidError(f"actions left a context that does not fit: {error}") from error
