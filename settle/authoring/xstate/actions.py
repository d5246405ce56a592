"""Actions: names, and those of XState's own that are complete without code."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from settle.authoring.binding import MADE
from settle.authoring.built_in import CANCEL, LOG, RAISE
from settle.authoring.lists import listed
from settle.authoring.xstate.delays import read_delay
from settle.authoring.xstate.reading import Reading, read_params
from settle.authoring.xstate.report import Config
from settle.authoring.xstate.values import is_code, read_static, shorten
from settle.authoring.xstate.words import ACTION, BUILT_IN_ACTIONS
from settle.core.event import is_internal
from settle.core.spec import Action

_BUILT_IN: Final = ("xstate.", "@xstate.")
_LOGGED: Final = ("value", "message", "expr", "args")
"""Where tools put what `log` writes."""
_IN_PYTHON: Final = "write an action in Python, and its name here"
_MENDS: Final = {
    "assign": "write an action in Python that assigns to its context, and its name here",
    "sendTo": f"{_IN_PYTHON}; it sends with `do.send`",
    "sendParent": f"{_IN_PYTHON}; it sends with `do.send`",
    "send": f"{_IN_PYTHON}; it sends with `do.send`",
    "forwardTo": f"{_IN_PYTHON}; it sends with `do.send`",
    "respond": f"{_IN_PYTHON}; it sends with `do.send`",
    "escalate": f"{_IN_PYTHON}; it sends with `do.send`",
    "emit": f"nobody listens to an instance; {_IN_PYTHON}, which sends with `do.send`",
    "enqueueActions": f"{_IN_PYTHON}, or several transitions with guards",
    "choose": f"{_IN_PYTHON}, or several transitions with guards",
    "pure": f"{_IN_PYTHON}, or several transitions with guards",
    "spawnChild": "write an `invoke`",
    "spawn": "write an `invoke`",
    "start": "write an `invoke`",
    "invoke": "write an `invoke`",
    "stopChild": "a service ends when its state is left; write an `invoke`",
    "stop": "a service ends when its state is left; write an `invoke`",
}


def read_actions(reading: Reading, node: str, written: object) -> tuple[Action, ...]:
    """Return the actions of a list, in order; those that are wrong are left out."""
    found = (_read(reading, node, item) for item in listed(written))
    return tuple(action for action in found if action is not None)


def _read(reading: Reading, node: str, written: object) -> Action | None:
    if is_code(written):
        message = f"an action is code, {shorten(written)}; {_IN_PYTHON}"
        reading.report.error("inline-code", node, message)
        return None
    if callable(written):
        return reading.binder.action(written, node)
    config = written if isinstance(written, Mapping) else {"type": written}
    name = config.get("type")
    if not isinstance(name, str) or not name:
        message = f"an action is a name, or an object with its `type`, not {shorten(written)}; name a function"
        reading.report.error("bad-action", node, message)
        return None
    if name.startswith(_BUILT_IN):
        return _read_built_in(reading, node, name, config)
    ACTION.check(reading.report, node, config)
    return reading.binder.action(name, node, read_params(reading, node, f"the action {name!r}", config.get("params")))


def _read_built_in(reading: Reading, node: str, name: str, config: Config) -> Action | None:
    word = name.rpartition("xstate.")[2]
    if word in _BUILDERS:
        params = config.get("params")
        given = {**config, **(params if isinstance(params, Mapping) else {})}
        BUILT_IN_ACTIONS[word].check(reading.report, node, given)
        data = read_static(reading.report, node, f"the action {name!r}", given)
        return None if data is None else _BUILDERS[word](reading, node, name, data)
    reading.report.error(
        "built-in-action", node, f"the action {name!r} is not carried over; {_MENDS.get(word, _IN_PYTHON)}"
    )
    return None


def _raise(reading: Reading, node: str, name: str, data: Mapping[str, Any]) -> Action | None:
    event = data.get("event")
    event = {"type": event} if isinstance(event, str) else event
    if not isinstance(event, dict) or not isinstance(event.get("type"), str) or not event["type"]:
        message = f"the action {name!r} does not say which event; add `event` with its `type`, or {_IN_PYTHON}"
        reading.report.error("built-in-action", node, message)
        return None
    event_type = event["type"]
    if is_internal(event_type) or event_type.startswith("xstate."):
        message = f"the action {name!r} raises {event_type!r}, which only the runtime may; rename the event"
        reading.report.error("bad-event", node, message)
        return None
    content = {key: value for key, value in event.items() if key != "type"}
    if data.get("delay") is None:
        made = {"event_type": event_type, "content": content, "delay": None, "identifier": ""}
        return _make(reading, node, name, {"event": event}, RAISE, made)
    delay = read_delay(reading, node, data["delay"])
    if delay is None:
        return None
    identifier = str(data.get("id") or "")
    params = {
        "event": {"type": event_type, **content},
        "delay": delay.name,
        **({"id": identifier} if identifier else {}),
    }
    made = {"event_type": event_type, "content": content, "delay": delay, "identifier": identifier}
    return _make(reading, node, name, params, RAISE, made)


def _cancel(reading: Reading, node: str, name: str, data: Mapping[str, Any]) -> Action | None:
    identifier = data.get("sendId", data.get("id"))
    if not isinstance(identifier, str) or not identifier:
        message = f"the action {name!r} does not say what to cancel; add `sendId`, or {_IN_PYTHON}"
        reading.report.error("built-in-action", node, message)
        return None
    return _make(reading, node, name, {"sendId": identifier}, CANCEL, {"identifier": identifier})


def _log(reading: Reading, node: str, name: str, data: Mapping[str, Any]) -> Action:
    value = next((data[key] for key in _LOGGED if data.get(key) is not None), None)
    label = str(data.get("label") or "")
    message = ": ".join(filter(None, (label, value))) if isinstance(value, str) else label
    more = {} if value is None or isinstance(value, str) else {"value": value}
    params = {"message": message or name, **more}
    return _make(reading, node, name, params, LOG, {"message": message or name, "more": more})


def _make(  # noqa: PLR0913, PLR0917 - an action, and what makes its function
    reading: Reading, node: str, name: str, params: Mapping[str, Any], maker: str, made: Mapping[str, Any]
) -> Action:
    return Action(name=name, fn=reading.binder.bind(MADE, maker, node, made)[1], params=params)


_BUILDERS: Final[Mapping[str, Callable[[Reading, str, str, Mapping[str, Any]], Action | None]]] = {
    "raise": _raise,
    "cancel": _cancel,
    "log": _log,
}
