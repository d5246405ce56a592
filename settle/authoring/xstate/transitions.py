"""Transitions: a target, an object, or a list of these."""

from collections.abc import Iterator, Mapping
from typing import Final

from settle.authoring.xstate.actions import read_actions
from settle.authoring.xstate.delays import read_delay
from settle.authoring.xstate.guards import read_guard
from settle.authoring.xstate.reading import Reading, read_description, read_meta
from settle.authoring.xstate.report import Config
from settle.authoring.xstate.targets import read_targets
from settle.authoring.xstate.tree import StateNode
from settle.authoring.xstate.values import in_js_order, is_code, shorten
from settle.authoring.xstate.words import TRANSITION
from settle.core.delay import Delay
from settle.core.event import DONE_STATE
from settle.core.spec import EVENTLESS, TransitionKind, TransitionSpec

_FORBIDDEN: Final[Config] = {}
"""Under `on`, as null is: takes its event and does nothing, so that no state around it takes the event."""


def read_transitions(
    reading: Reading, source: StateNode, event: str, written: object, delay: Delay | None = None
) -> Iterator[TransitionSpec]:
    """Yield the transitions that are written for one event, in the order in which they are asked."""
    for item in written if isinstance(written, (list, tuple)) else (written,):
        config = _read_config(reading, source, item)
        if config is None:
            continue
        TRANSITION.check(reading.report, source.path, config)
        yield TransitionSpec(
            event=event,
            targets=read_targets(reading.report, reading.tree, source, config.get("target")),
            guards=read_guard(reading, source, config.get("guard")),
            actions=read_actions(reading, source.path, config.get("actions")),
            kind=_read_kind(reading, source, config.get("reenter")),
            delay=delay,
            description=read_description(reading, source.path, config),
            meta=read_meta(reading, source.path, config),
        )


def read_own_transitions(reading: Reading, node: StateNode) -> Iterator[TransitionSpec]:
    """Yield what stands under `on`, `onDone`, `after` and `always` of a state."""
    yield from _read_on(reading, node)
    if node.config.get("onDone") is not None:
        yield from _read_done(reading, node)
    for key, written in _entries(reading, node, "after"):
        delay = read_delay(reading, node.path, key)
        if delay is not None:
            yield from read_transitions(reading, node, EVENTLESS, written, delay)
    if node.config.get("always") is not None:
        yield from read_transitions(reading, node, EVENTLESS, node.config["always"])


def _read_on(reading: Reading, node: StateNode) -> Iterator[TransitionSpec]:
    replaced = {"onDone": f"{DONE_STATE}{node.path}"} if node.config.get("onDone") is not None else {}
    for name, written in _entries(reading, node, "on"):
        event = reading.events.read(name, node.path)
        if event in replaced.values():
            message = f"it has {name!r} under `on` and `onDone`, of which XState takes only the second; merge them"
            reading.report.error("bad-event", node.path, message)
        if event is not None:
            yield from read_transitions(reading, node, event, _FORBIDDEN if written is None else written)


def _read_done(reading: Reading, node: StateNode) -> Iterator[TransitionSpec]:
    if node.parent is not None:
        yield from read_transitions(reading, node, f"{DONE_STATE}{node.path}", node.config["onDone"])
        return
    message = "the machine has `onDone`, which is never taken: it is done then; take it out"
    reading.report.error("never-done", node.path, message)


def _entries(reading: Reading, node: StateNode, word: str) -> list[tuple[str, object]]:
    """Return what stands under a word, in the order in which XState has it."""
    written = node.config.get(word)
    if written is None:
        return []
    if isinstance(written, Mapping):
        return in_js_order(written)
    key = "event name" if word == "on" else "delay"
    message = f"`{word}` is an object with a transition under each {key}, not {shorten(written)}; rewrite it"
    reading.report.error("bad-transition", node.path, message, breaks=True)
    return []


def _read_config(reading: Reading, source: StateNode, item: object) -> Config | None:
    if is_code(item):
        message = f"a transition is code, {shorten(item)}; write `target`, `guard` and `actions`"
        reading.report.error("inline-code", source.path, message, breaks=True)
        return None
    if isinstance(item, str):
        return {"target": item}
    if isinstance(item, Mapping):
        return item
    message = f"a transition is a target, an object, or a list of these, not {shorten(item)}; rewrite it"
    reading.report.error("bad-transition", source.path, message, breaks=True)
    return None


def _read_kind(reading: Reading, source: StateNode, reenter: object) -> TransitionKind:
    if reenter is not None and not isinstance(reenter, bool):
        message = f"`reenter` is true or false, not {shorten(reenter)}; correct it"
        reading.report.error("bad-transition", source.path, message)
    return TransitionKind.EXTERNAL if reenter is True else TransitionKind.LOCAL
