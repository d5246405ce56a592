"""User code in the second interpreter: what it is given, what it asks for, what becomes of its exceptions."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from settle.core.codec import CodecError
from settle.core.conditions import AllOf, Condition, Guard, InState, Not
from settle.core.delay import Delay
from settle.core.effects import CancelTimer, Effect, Log, SendEvent, SetTimer
from settle.core.event import Event, EventKind
from settle.core.snapshot import LiveTimer
from settle.core.spec import Action, ErrorPolicy, MachineSpec
from tests.support.reference_choice import State
from tests.support.reference_tree import Arrow, Tree

EFFECTS: Final = 256
"""What the actions of one macrostep may ask for."""
Fault = tuple[str, str, str]
"""Role, name and node of a function that raised."""


class AbortedError(Exception):
    """User code raised, and the machine's policy is that nothing is kept."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class GreedyError(Exception):
    """Actions asked for more than the limit, whatever the policy."""


class RefusedError(Exception):
    """The event's data does not fit the model of its type."""


def find_due(value: object, now: float) -> float:
    """Only the delays that random machines have."""
    match value:
        case datetime():
            return now + max(value.timestamp() - now, 0.0)
        case timedelta():
            return now + value.total_seconds()
        case float() | int() if value >= 0:
            return now + value
        case "2s":
            return now + 2.0
        case _:
            raise ValueError(value)


class Code:
    """Calls the functions of a machine for one macrostep.

    Attributes:
        event: the last one taken from a queue, as functions see it.
        refused: conditions that did not hold, in the order in which they were asked.
        acted: whether any action ran, so that what became of the context counts.
    """

    def __init__(self, spec: MachineSpec, tree: Tree, state: State, now: float) -> None:
        self._spec, self._tree, self.state, self.now = spec, tree, state, now
        self._context = spec.context.load(state.context)
        self.queue: list[Event] = []
        self.effects: list[Effect] = []
        self.errors: list[Fault] = []
        self.refused: list[str] = []
        self.acted, self._asked = False, 0
        self.event = Event()

    def load(self, event: Event) -> Event:
        """Return an event as functions see it."""
        codec = self._spec.events.get(event.type)
        try:
            data = codec.load(event.data) if codec else deepcopy(event.data)
        except CodecError as error:
            raise RefusedError from error
        return replace(event, data=data, now=self.now)

    def keep_context(self) -> None:
        if self.acted:
            self.state.context = self._spec.context.dump(self._context)

    # Asking ----------------------------------------------------------------------------------------------------------

    def in_state(self, path: str) -> bool:
        if path not in self._tree.nodes:
            raise LookupError(path)
        return path in self.state.active

    def allows(self, arrow: Arrow) -> bool:
        for condition in arrow.spec.guards:
            if not self._attempt(("guard", str(condition), arrow.source), partial(self._holds, condition)):
                self.refused.append(str(condition))
                return False
        return True

    def _holds(self, condition: Condition) -> bool:
        if isinstance(condition, Guard):
            return bool(condition.fn(self._context, self.event, self))
        if isinstance(condition, InState):
            return self.in_state(condition.path)
        if isinstance(condition, Not):
            return not self._holds(condition.condition)
        answers = (self._holds(each) for each in condition.conditions)
        return all(answers) if isinstance(condition, AllOf) else any(answers)

    def ask(self, role: str, value: Any, node: str) -> Any:
        """Return data, or what its function returns; None when that raised."""
        if not callable(value):
            return deepcopy(value)
        return self._attempt((role, value.__name__, node), partial(value, self._context, self.event))

    def _attempt(self, fault: Fault, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except GreedyError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever user code raises
            self._fail(fault, error)
            return None

    def _fail(self, fault: Fault, error: Exception) -> None:
        if self._spec.errors is ErrorPolicy.RAISE:
            raise AbortedError(fault) from error
        self.errors.append(fault)
        role, name, node = fault
        data = {"message": str(error), "role": role, "name": name, "node": node}
        try:
            self._raise("error.execution", data)
        except RefusedError as refused:
            raise AbortedError(fault) from refused

    # Acting ----------------------------------------------------------------------------------------------------------

    def run(self, block: Iterable[Action], node: str) -> None:
        for action in block:
            self.acted = True
            failed = len(self.errors)
            self._attempt(("action", action.name, node), partial(action.fn, self._context, self.event, self))
            if len(self.errors) > failed:
                return

    def announce(self, event_type: str, data: Any, fault: Fault) -> None:
        """Raise a done event."""
        self._attempt(fault, partial(self._raise, event_type, data))

    def set_timers(self, path: str) -> None:
        for delay in self._tree.delays(path):
            due = self._attempt(("delay", delay.name, path), partial(self._find_due, delay))
            if due is not None:
                name = f"{path}@{delay.name}"
                self._set(LiveTimer(id=name, entry=0, due=due, type=f"settle.after.{name}", node=path))

    def _find_due(self, delay: Delay) -> float:
        return find_due(delay.fn(self._context, self.event) if delay.fn else delay.seconds, self.now)

    def cancel_timers(self, timers: Iterable[LiveTimer]) -> None:
        for timer in list(timers):
            self.state.timers.remove(timer)
            self.take_back(SetTimer(timer=timer.key, due=timer.due), CancelTimer(timer=timer.key))

    def take_back(self, begin: Effect, end: Effect) -> None:
        """Record the end of something, or forget its beginning where that was in this macrostep."""
        if begin in self.effects:
            self.effects.remove(begin)
        else:
            self.effects.append(end)

    def _set(self, timer: LiveTimer) -> None:
        self.state.entries += 1
        timer = replace(timer, entry=self.state.entries)
        self.state.timers.append(timer)
        self.effects.append(SetTimer(timer=timer.key, due=timer.due))

    # What actions ask for --------------------------------------------------------------------------------------------

    def raise_(self, event_type: str, data: Any = None) -> None:
        self._count()
        self._raise(event_type, data)

    def _raise(self, event_type: str, data: Any) -> None:
        data = {} if data is None else data
        self.queue.append(self.load(Event(type=event_type, data=data, kind=EventKind.INTERNAL)))

    def _count(self) -> None:
        self._asked += 1
        if self._asked > EFFECTS:
            raise GreedyError

    def send(self, target: str | None, event_type: str, data: Any = None, *, delay: Any = None, id: str = "") -> None:  # noqa: A002 - as in Actions
        self._count()
        data = {} if data is None else deepcopy(data)
        if target is None:
            self.load(Event(type=event_type, data=data))
        if delay is None:
            self.effects.append(SendEvent(target=target or "", type=event_type, data=data, id=id))
        else:
            due = find_due(delay, self.now)
            self._set(LiveTimer(id=id, entry=0, due=due, type=event_type, target=target or "", data=data))

    def cancel(self, id: str) -> None:  # noqa: A002 - as in Actions
        self.cancel_timers([each for each in self.state.timers if each.id == id and each.node is None])

    def log(self, message: str, **data: Any) -> None:
        self._count()
        self.effects.append(Log(message=message, data=deepcopy(data)))
