"""What the examples of docs/semantics.md share."""

from collections.abc import Callable
from typing import Any

from settle import Statechart
from settle.core.event import Event, EventKind
from settle.core.interpreter import start, step
from settle.core.macrostep import Macrostep
from settle.core.service import ServiceCall

_log: list[str] = []


def note(text: str) -> Callable[[], None]:
    """Return an action that notes a text down."""

    def action(*_: object) -> None:
        _log.append(text)

    action.__name__ = action.__qualname__ = f"note {text}"
    return action


def see(chart: Statechart, *events: str) -> tuple[list[str], list[str]]:
    """Start a chart, send it events, run its services; return the active leaves and what was noted."""
    _log.clear()
    macrostep = _settle(chart, start(chart.definition))
    for event in events:
        macrostep = _settle(chart, step(chart.definition, macrostep.snapshot, Event(type=event)))
    return list(macrostep.snapshot.configuration), list(_log)


def _settle(chart: Statechart, macrostep: Macrostep) -> Macrostep:
    while macrostep.snapshot.invokes:
        live = macrostep.snapshot.invokes[0]
        call = ServiceCall(
            key="key",
            context=macrostep.snapshot.context,
            machine=chart.id,
            instance="1",
            invoke=live.id,
            event=Event(type="example"),
        )
        fn = chart.definition.invokes[live.id].fn
        data: Any = fn(call) if fn else None
        result = Event(type=f"done.invoke.{live.id}", data=data, kind=EventKind.RESULT, key=live.key)
        macrostep = step(chart.definition, macrostep.snapshot, result)
    return macrostep
