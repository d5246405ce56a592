"""What of a machine object is left behind, or means something else: each named, with what to write instead."""

from collections.abc import Iterable
from typing import Final

from settle.authoring.findings import Findings
from settle.authoring.imported.outline import Outline
from settle.authoring.imported.upstream import UpstreamMachine, UpstreamState, families, find_overrides

_FEATURES: Final = frozenset({"Volatile", "Retry"})


def check_losses(machine: UpstreamMachine, outline: Outline, findings: Findings) -> None:
    """Report what cannot be carried over."""
    _check_machine_callbacks(machine, findings)
    for path, state in outline.states.items():
        _check_features(path, state, findings)
    _check_overrides(machine, outline, findings)


def _check_machine_callbacks(machine: UpstreamMachine, findings: Findings) -> None:
    if machine.finalize_event:
        message = (
            f"`finalize_event` ({_list(machine.finalize_event)}) runs last when a transition is taken, but not when"
            " none is, nor after an exception: such an event changes nothing here; read its receipt instead"
        )
        findings.warn("finalize-event", "", message)
    if machine.on_exception:
        message = (
            f"`on_exception` ({_list(machine.on_exception)}) is left out: an exception undoes the whole step, and the"
            " event is set aside with its traceback; with `errors='event'` a transition can take `error.execution`"
        )
        findings.warn("on-exception", "", message)


def _check_features(path: str, state: UpstreamState, findings: Findings) -> None:
    features = families(state) & _FEATURES
    if "Volatile" in features:
        message = "states have the feature `Volatile`, which is left out; keep such data in the context"
        findings.warn("volatile-state", "", message)
    if "Retry" in features and bool(getattr(state, "retries", 0)):
        message = (
            "it has `retries`, which are not counted here: count its entries in the context, and let a transition with"
            " a condition lead on when they are too many"
        )
        findings.error("retry-state", path, message)


def _check_overrides(machine: UpstreamMachine, outline: Outline, findings: Findings) -> None:
    _tell_override(machine, "Machine", "", findings)
    for path, state in outline.states.items():
        _tell_override(state, "State", path, findings)
    for holder in (machine, *outline.states.values()):
        for event in getattr(holder, "events", {}).values():
            _tell_override(event, "Event", "", findings)
    for arrow in outline.arrows:
        _tell_override(arrow.item, "Transition", arrow.source, findings)
        for condition in arrow.item.conditions:
            _tell_override(condition, "Condition", arrow.source, findings)


def _tell_override(thing: object, kind: str, path: str, findings: Findings) -> None:
    for hook in find_overrides(thing, kind):
        name = type(thing).__name__
        message = f"{name} replaces `{hook}` of {kind}, which nothing calls here; write what it does as callbacks"
        findings.warn("custom-class", path, message)


def _list(callbacks: Iterable[object]) -> str:
    return ", ".join(
        repr(each if isinstance(each, str) else getattr(each, "__name__", type(each).__name__)) for each in callbacks
    )
