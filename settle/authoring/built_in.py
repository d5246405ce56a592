"""What the built-in actions of XState do, made from data alone."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from settle.core.delay import Delay

Act = Callable[[Any, Any, Any], None]
RAISE, CANCEL, LOG = "raise", "cancel", "log"


def _raise(event_type: str, content: Mapping[str, Any], delay: Delay | None, identifier: str) -> Act:
    if delay is None:
        return lambda _context, _event, do: do.raise_(event_type, content)
    compute = delay.fn

    def send(context: Any, event: Any, do: Any) -> None:  # noqa: ANN401 - user data
        wait = delay.seconds if compute is None else compute(context, event)
        do.send(None, event_type, content, delay=wait, id=identifier)

    return send


def _cancel(identifier: str) -> Act:
    return lambda _context, _event, do: do.cancel(identifier)


def _log(message: str, more: Mapping[str, Any]) -> Act:
    return lambda _context, _event, do: do.log(message, **more)


MAKERS: Final[Mapping[str, Callable[..., Act]]] = {RAISE: _raise, CANCEL: _cancel, LOG: _log}
"""Each takes JSON data, and `raise` a delay, so that what it makes can be made again."""
