"""Functions of random machines. They note what they see in `context["log"]`, and stop asking for more when it is long.

Each depends on nothing but its arguments. None raises for an `error.execution`, so that an error leads to no other.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import BaseModel

from settle.core.active import Active
from settle.core.conditions import AllOf, AnyOf, Condition, Guard, InState, Not
from settle.core.delay import Delay
from settle.core.event import ERROR_EXECUTION, Event
from settle.core.spec import Action
from tests.support.random_choices import Choices, Style

EVENTS: Final = ("A", "B", "B.x")
FUEL: Final = 40
"""How long a log may grow before actions ask for nothing more and guarded transitions give up."""
IDS: Final = ("", "x", "y")
CANCELLED: Final = ("x", "y", "a@5s", "@0s")
"""The last two are those of timers that only their nodes may cancel."""
Context = dict[str, Any]


class Numbered(BaseModel):
    """Data of the event types that have a model."""

    n: int


GOOD: Final[Mapping[str, Any]] = {"n": 1}
BAD: Final[Mapping[str, Any]] = {"n": "none"}


def has_fuel(context: Context) -> bool:
    return len(context["log"]) < FUEL


def _is_due(context: Context, event: Event) -> bool:
    """Whether a function that raises now and then raises now."""
    return event.type != ERROR_EXECUTION and len(context["log"]) % 2 == 0


# Actions -------------------------------------------------------------------------------------------------------------


def telling(text: str, style: Style, paths: Sequence[str]) -> Action:
    """An action that notes its event, and if it looks around, everything that it can see."""

    def act(context: Context, event: Event, do: Any) -> None:
        words = [text, event.type]
        if style.looks:
            active = " ".join(path for path in paths if do.in_state(path))
            words += [event.kind.value, event.key, f"{event.now}", _show(event.data), active]
        context["log"].append("|".join(words))

    return Action(name=text, fn=act)


def _show(data: Any) -> str:
    if isinstance(data, BaseModel):
        return f"{type(data).__name__} {data}"
    if isinstance(data, Mapping):  # the words of a message are nobody's concern here
        data = {key: value for key, value in data.items() if key != "message"}
    return json.dumps(data)


def make_block(choices: Choices, style: Style, slot: str, paths: Sequence[str]) -> tuple[Action, ...]:
    """Make a list of actions, often an empty one."""
    menu: list[Callable[[Choices], Action]] = [lambda _: telling(slot, style, paths), _raising]
    if style.looks:
        menu.append(lambda _: Action(name="meddle", fn=_meddle))
    if style.sending:
        menu += [_sending, _sending, _cancelling, lambda _: Action(name="log", fn=_log)]
    if style.raising:
        menu += [lambda _: Action(name="boom", fn=_boom), lambda _: Action(name="raise and boom", fn=_raise_and_boom)]
    if style.models:
        menu.append(lambda _: Action(name="raise badly", fn=_raise_badly))
    return tuple(choices.pick(menu)(choices) for _ in range(choices.pick((0, 0, 1, 0, 2))))


def _raising(choices: Choices) -> Action:
    event = choices.pick(EVENTS)

    def act(context: Context, _event: Event, do: Any) -> None:
        if has_fuel(context):
            do.raise_(event, {"n": len(context["log"])})

    return Action(name=f"raise {event}", fn=act)


def _sending(choices: Choices) -> Action:
    target, event, name = choices.pick((None, None, "other/1")), choices.pick(EVENTS), choices.pick(IDS)
    delay, data = choices.pick((5, None, 0, 2.5, "2s", timedelta(seconds=1), "soon", -1)), choices.pick((GOOD, BAD, 0))

    def act(context: Context, event_seen: Event, do: Any) -> None:
        if has_fuel(context) and (delay not in {"soon", -1} or _is_due(context, event_seen)):
            do.send(target, event, data, delay=delay, id=name)

    return Action(name=f"send {event}", fn=act)


def _cancelling(choices: Choices) -> Action:
    name = choices.pick(CANCELLED)
    return Action(name=f"cancel {name}", fn=lambda _context, _event, do: do.cancel(name))


def _log(context: Context, _event: Event, do: Any) -> None:
    if has_fuel(context):
        do.log("heard", count=len(context["log"]))


def _meddle(_context: Context, event: Event, _do: Any) -> None:
    if isinstance(event.data, dict):
        event.data["touched"] = True
    elif isinstance(event.data, Numbered):
        event.data.n += 1


def _boom(context: Context, event: Event, _do: Any) -> None:
    if _is_due(context, event):
        context["log"].append("boom")
        raise ValueError("boom")


def _raise_and_boom(context: Context, event: Event, do: Any) -> None:
    if _is_due(context, event) and has_fuel(context):
        do.raise_("B", {"n": 7})
        raise ValueError("boom")


def _raise_badly(context: Context, event: Event, do: Any) -> None:
    if _is_due(context, event) and has_fuel(context):
        do.raise_("B", BAD)


# Conditions ----------------------------------------------------------------------------------------------------------


def make_condition(choices: Choices, style: Style, paths: Sequence[str], depth: int = 0) -> Condition:
    menu: list[Callable[[], Condition]] = [lambda: choices.pick(PARITIES), lambda: _hearing(choices.pick(HEARD))]
    if style.conditions:
        menu += [lambda: InState(choices.pick(paths)), lambda: _seeing(choices.pick(paths))]
    if style.conditions and depth < 2:
        menu += [lambda: _make_tree(choices, style, paths, depth + 1)] * 2
    if style.looks:
        menu.append(lambda: Guard(name="meddles", fn=_meddles))
    if style.raising:
        menu.append(lambda: Guard(name="booms", fn=_booms))
    return choices.pick(menu)()


def _make_tree(choices: Choices, style: Style, paths: Sequence[str], depth: int) -> Condition:
    one, other = make_condition(choices, style, paths, depth), make_condition(choices, style, paths, depth)
    trees: list[Condition] = [Not(one), AllOf((one, other)), AnyOf((one, other)), AllOf(()), AnyOf(())]
    return choices.pick(trees)


HEARD: Final = (*EVENTS, ERROR_EXECUTION, "settle.start")


def _hearing(event_type: str) -> Guard:
    return Guard(name=f"hears {event_type}", fn=lambda _context, event, _active: event.type == event_type)


def _seeing(path: str) -> Guard:
    return Guard(name=f"sees {path}", fn=lambda _context, _event, active: active.in_state(path))


def _meddles(context: Context, _event: Event, _active: Active) -> bool:
    """A guard that touches what it should only look at: that counts when an action runs, and else is lost."""
    context["asked"] = context.get("asked", 0) + 1
    return bool(context["asked"] % 2)


def _booms(context: Context, event: Event, _active: Active) -> bool:
    if _is_due(context, event):
        raise ValueError("boom")
    return len(context["log"]) % 3 == 0


def _counting(name: str, answer: Callable[[int], bool]) -> Guard:
    return Guard(name=name, fn=lambda context, _event, _active: answer(len(context["log"])))


PARITIES: Final = (
    _counting("even", lambda heard: heard % 2 == 0),
    _counting("third", lambda heard: heard % 3 == 0),
    _counting("late", lambda heard: heard > 3),
)
FUELLED: Final = _counting("fuel", lambda heard: heard < FUEL)


# Delays, inputs, outputs ---------------------------------------------------------------------------------------------


def make_delay(choices: Choices, style: Style) -> Delay:
    constant = [Delay(name="5s", seconds=5.0), Delay(name="0s", seconds=0.0)]
    computed = [counted_delay, spanned_delay, dated_delay]
    failing = [booming, worded_delay] if style.raising else []
    return choices.pick([*constant, *(Delay(name=fn.__name__, fn=fn) for fn in (*computed, *failing))])


def counted_delay(context: Context, _event: Event) -> int:
    return len(context["log"]) % 4


def spanned_delay(_context: Context, _event: Event) -> timedelta:
    return timedelta(milliseconds=1500)


def dated_delay(context: Context, event: Event) -> datetime:
    """Some lie in the past."""
    return datetime.fromtimestamp(event.now + 6 - 3 * (len(context["log"]) % 4), UTC)


def worded_delay(context: Context, event: Event) -> Any:
    return "soon" if _is_due(context, event) else 3


def booming(context: Context, event: Event) -> int:
    if _is_due(context, event):
        raise ValueError("boom")
    return 2


def heard(context: Context, event: Event) -> dict[str, Any]:
    return {"heard": len(context["log"]), "event": event.type}


def numbered(context: Context, _event: Event) -> dict[str, Any]:
    return {"n": len(context["log"])}


def make_value(choices: Choices, style: Style) -> Any:
    """What an invoke is given, or a final node answers."""
    return choices.pick([None, 1, {"a": [1]}, 0, heard, numbered, *([booming] if style.raising else [])])
