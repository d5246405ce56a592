"""What actions can do besides assigning to the context: their third argument."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from settle.core.codec import PlainCodec
from settle.core.delay import find_due
from settle.core.effects import Effect, Log, SendEvent
from settle.core.errors import EffectLimitError, StepError
from settle.core.event import RUNTIME_PREFIX
from settle.core.targets import check_target

MAX_EFFECTS: Final = 256
"""Effects that one macrostep may record, raised events included."""
_plain: Final = PlainCodec()


class Recorder(Protocol):
    """Where actions record what they ask for: the macrostep under way."""

    effects: list[Effect]
    now: float
    breach: StepError | None

    def in_state(self, path: str) -> bool:
        """Tell whether a node is active."""
        ...

    def raise_event(self, event_type: str, data: Any) -> None:  # noqa: ANN401 - any JSON data
        """Put an event on the internal queue."""
        ...

    def check_message(self, message: SendEvent) -> None:
        """Check a message before it is recorded."""
        ...

    def send_later(self, message: SendEvent, due: float) -> None:
        """Set a timer that brings or sends a message."""
        ...

    def cancel_timers(self, chosen: Callable[[Any], bool]) -> None:
        """Cancel the live timers that are chosen."""
        ...


class Actions:
    """Records what an action asks for. Nothing happens before the macrostep is complete and stored."""

    __slots__ = ("_count", "_run")

    def __init__(self, run: Recorder) -> None:
        self._run, self._count = run, 0

    def in_state(self, path: str) -> bool:
        """Tell whether a node is active now: an exit action finds its own node active, an entry action too.

        Raises:
            LookupError: the machine has no such node.
        """
        return self._run.in_state(path)

    def raise_(self, event_type: str, data: Any = None) -> None:  # noqa: ANN401 - any JSON data
        """Put an event on the internal queue: it is handled in this same macrostep, before any external event.

        Raises:
            ValueError: no type, or one that only the runtime makes.
            TypeError: the type is no text.
            CodecError: the data is not JSON data.
            EventInvalidError: the data does not fit the model of its type.
        """
        _check_type(event_type)
        self._add()
        self._run.raise_event(event_type, _plain.dump(data))

    def send(
        self,
        target: str | None,
        event_type: str,
        data: Any = None,  # noqa: ANN401 - any JSON data
        *,
        delay: float | str | timedelta | datetime | None = None,
        id: str = "",  # noqa: A002 - the word of SCXML and XState
    ) -> None:
        """Send an event once the macrostep is stored.

        Args:
            target: to whom: `machine/instance`; `#_parent` for the instance that invoked this one; `#_<invoke id>` for
                a live child; None for this instance itself, which then takes the event in a macrostep of its own. One
                that is not there makes an event `error.communication`.
            event_type: its type.
            data: JSON data.
            delay: how long to wait first: seconds, text such as `24h` or `PT24H`, a `timedelta`, or an aware
                `datetime` at which to send. It is a timer of the instance: it ends when the machine is done.
            id: by which `cancel` finds it while it waits.

        Raises:
            ValueError: no type, a target that is nobody's name, or a delay that is none.
            TypeError: target, type or id is no text.
            EventInvalidError: it is for this instance itself, and the data does not fit the model of its type.
        """
        _check_type(event_type)
        _check_text("`target`", target or "")
        check_target(target or "")
        _check_text("`id`", id)
        self._add()
        message = SendEvent(target=target or "", type=event_type, data=_plain.dump({} if data is None else data), id=id)
        self._run.check_message(message)
        if delay is None:
            self._run.effects.append(message)
        else:
            self._run.send_later(message, find_due(delay, self._run.now))

    def cancel(self, id: str) -> None:  # noqa: A002 - the word of SCXML and XState
        """Cancel every delayed event that was sent under this id and still waits. That there is none is no error."""
        _check_text("`id`", id)
        if not id:
            raise ValueError("`cancel` needs the `id` under which the event was sent")
        self._run.cancel_timers(lambda timer: timer.id == id and timer.node is None)

    def log(self, message: str, **data: Any) -> None:  # noqa: ANN401 - any JSON data
        """Write a line to the log once the macrostep is stored."""
        _check_text("a message", message)
        self._add()
        self._run.effects.append(Log(message=message, data=_plain.dump(data)))

    def _add(self) -> None:
        self._count += 1
        if self._count > MAX_EFFECTS:
            error = EffectLimitError(
                f"more than {MAX_EFFECTS} effects in one macrostep, raised events among them; is an action in a loop?"
            )
            self._run.breach = error  # an action that catches everything must not hide it
            raise error


def _check_text(what: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{what} is text, not {value!r}")


def _check_type(event_type: str) -> None:
    _check_text("the type of an event", event_type)
    if not event_type:
        raise ValueError("an event needs a type; a transition without one is `always`")
    if event_type.startswith(RUNTIME_PREFIX):
        raise ValueError(
            f"only the runtime makes events whose type begins with {RUNTIME_PREFIX!r}; rename {event_type!r}"
        )
