"""What actions can do besides assigning to the context: their third argument."""

from typing import Any, Final

from settle.core.codec import PlainCodec
from settle.core.effects import Effect, Log
from settle.core.errors import EffectLimitError
from settle.core.event import Event, EventKind

MAX_EFFECTS: Final = 256
"""Effects that one macrostep may record, raised events included."""


class Actions:
    """Records what an action asks for. Nothing happens before the macrostep is complete and stored."""

    __slots__ = ("_count", "_effects", "_now", "_queue")

    def __init__(self, queue: list[Event], effects: list[Effect], now: float) -> None:
        self._queue, self._effects, self._now, self._count = queue, effects, now, 0

    def raise_(self, event_type: str, data: Any = None) -> None:  # noqa: ANN401 - any JSON data
        """Put an event on the internal queue: it is handled in this same macrostep, before any external event."""
        if not event_type:
            raise ValueError("a raised event needs a type; a transition without one is `always`")
        self._add()
        self._queue.append(
            Event(type=event_type, data={} if data is None else data, kind=EventKind.INTERNAL, now=self._now)
        )

    def log(self, message: str, **data: Any) -> None:  # noqa: ANN401 - any JSON data
        """Write a line to the log once the macrostep is stored."""
        self._add()
        self._effects.append(Log(message=message, data=PlainCodec().dump(data)))

    def _add(self) -> None:
        self._count += 1
        if self._count > MAX_EFFECTS:
            raise EffectLimitError(f"more than {MAX_EFFECTS} effects in one macrostep; is an action in a loop?")
