"""Drives a definition by hand: events in, results of services as the test says, no runtime and no clock."""

from collections.abc import Callable, Mapping
from typing import Any

from settle.core.configuration import active_tags, is_settled
from settle.core.definition import Definition
from settle.core.effects import Effect
from settle.core.event import Event, EventKind
from settle.core.interpreter import start, step
from settle.core.macrostep import Macrostep
from settle.core.service import ServiceCall, ServiceError
from settle.core.snapshot import LiveInvoke
from settle.core.spec import REJECTED


class Driver:
    """One instance of a machine.

    Attributes:
        snapshot: where it stands.
        refused_by: guards that said no to the last event.
        effects: that were asked for so far.
    """

    def __init__(self, definition: Definition, **first: Any) -> None:
        self.definition = definition
        self._events, self._now = 0, 0.0
        self._event = Event(type="settle.start")
        self.effects: list[Effect] = []
        self._keep(start(definition, input=first or None))

    @property
    def configuration(self) -> tuple[str, ...]:
        return self.snapshot.configuration

    @property
    def context(self) -> Mapping[str, Any]:
        context: Mapping[str, Any] = self.snapshot.context
        return context

    @property
    def settled(self) -> bool:
        return is_settled(self.definition, self.snapshot)

    @property
    def rejected(self) -> bool:
        return REJECTED in active_tags(self.definition, self.snapshot)

    def send(self, event_type: str, **data: Any) -> "Driver":
        self._events += 1
        self._event = Event(type=event_type, data=data, id=f"event-{self._events}")
        self._keep(step(self.definition, self.snapshot, self._event, self._now))
        return self

    def advance(self, seconds: float) -> "Driver":
        """Let time pass, and every timer fire that is due meanwhile."""
        self._now += seconds
        while due := [timer for timer in self.snapshot.timers if timer.due <= self._now]:
            timer = min(due, key=lambda each: each.due)
            self._keep(step(self.definition, self.snapshot, Event(kind=EventKind.TIMER, key=timer.key), timer.due))
        return self

    def answer(self, data: Any = None) -> "Driver":
        """Let the service that was begun first end well."""
        return self._result("done", self.snapshot.invokes[0], {} if data is None else data)

    def fail(self, code: str = "broken") -> "Driver":
        """Let the service that was begun first fail for good."""
        return self._result("error", self.snapshot.invokes[0], {"code": code, "message": "", "data": {}})

    def service(self, live: LiveInvoke) -> Callable[[ServiceCall], Any]:
        """Return the function of a live service."""
        fn = self.definition.invokes[live.id].fn
        assert fn is not None
        return fn

    def run_services(self) -> "Driver":
        """Call the real services until none is live."""
        while self.snapshot.invokes:
            live = self.snapshot.invokes[0]
            try:
                answer = self.service(live)(self.call(live))
            except ServiceError as error:
                self.fail(error.code)
            else:
                self.answer(answer)
        return self

    def call(self, live: LiveInvoke) -> ServiceCall:
        """What a live service is given."""
        return ServiceCall(
            key=f"{self._event.id}-{live.entry}".ljust(32, "0"),
            context=self.definition.context.load(self.snapshot.context),
            machine=self.definition.machine,
            instance="it",
            invoke=live.id,
            event=self._event,
        )

    def _result(self, outcome: str, live: LiveInvoke, data: Any) -> "Driver":
        event = Event(type=f"{outcome}.invoke.{live.id}", data=data, kind=EventKind.RESULT, key=live.key)
        self._keep(step(self.definition, self.snapshot, event, self._now))
        return self

    def _keep(self, macrostep: Macrostep) -> None:
        self.effects = [*self.effects, *macrostep.effects]
        self.snapshot, self.refused_by = macrostep.snapshot, macrostep.refused_by
