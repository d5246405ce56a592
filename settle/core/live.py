"""What is live in a macrostep: services, children and timers, with the effects that begin and end them."""

from collections.abc import Callable
from typing import Any

from settle.core.definition import Definition
from settle.core.effects import CancelTimer, Effect, SetTimer, StartChild, StartService, StopChild, StopService
from settle.core.snapshot import LiveInvoke, LiveTimer, Snapshot
from settle.core.spec import InvokeSpec


class Live:
    """The live invokes and timers of an instance, and the entry numbers that tell their lives apart.

    Args:
        definition: the machine.
        snapshot: what was live before.
        effects: where what begins and ends is recorded.
    """

    __slots__ = ("_definition", "_effects", "entries", "invokes", "timers")

    def __init__(self, definition: Definition, snapshot: Snapshot, effects: list[Effect]) -> None:
        self._definition, self._effects = definition, effects
        self.invokes, self.timers, self.entries = snapshot.invokes, snapshot.timers, snapshot.entries

    def start(self, invoke: InvokeSpec, node: str, given: Any) -> None:  # noqa: ANN401 - JSON data
        """Begin a service or a child."""
        self.entries += 1
        live = LiveInvoke(id=invoke.id, entry=self.entries, node=node, src=invoke.src, input=given)
        self.invokes = (*self.invokes, live)
        self._effects.append(StartChild(invoke=live.key) if invoke.machine else StartService(invoke=live.key))

    def stop(self, chosen: Callable[[LiveInvoke], bool]) -> None:
        """End services and children. One that was begun in this same macrostep leaves no trace."""
        for live in self.invokes:
            if not chosen(live):
                continue
            self.invokes = tuple(other for other in self.invokes if other is not live)
            spec = self._definition.invokes.get(live.id)
            if spec is not None and spec.machine:
                self._take_back(StartChild(invoke=live.key), StopChild(invoke=live.key))
            else:
                self._take_back(StartService(invoke=live.key), StopService(invoke=live.key))

    def set(self, due: float, **words: Any) -> None:  # noqa: ANN401 - the fields of LiveTimer
        """Set a timer."""
        self.entries += 1
        timer = LiveTimer(entry=self.entries, due=due, **words)
        self.timers = (*self.timers, timer)
        self._effects.append(SetTimer(timer=timer.key, due=timer.due))

    def cancel(self, chosen: Callable[[LiveTimer], bool]) -> None:
        """Cancel timers. One that was set in this same macrostep leaves no trace."""
        for timer in self.timers:
            if not chosen(timer):
                continue
            self.timers = tuple(other for other in self.timers if other is not timer)
            self._take_back(SetTimer(timer=timer.key, due=timer.due), CancelTimer(timer=timer.key))

    def _take_back(self, begin: Effect, end: Effect) -> None:
        """Record the end of something, or forget its beginning when that was not stored yet."""
        if begin in self._effects:
            self._effects.remove(begin)
        else:
            self._effects.append(end)
