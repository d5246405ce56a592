"""Replaying: a recorded history is done again to a definition that may have changed, and compared step by step."""

from collections import deque
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from settle.authoring.findings import did_you_mean
from settle.core.errors import SettleError
from settle.core.service import WAIT_FOR_CALLBACK, ServiceCall
from settle.core.spec import InvokeSpec
from settle.testing.cast import Machine
from settle.testing.errors import HIDDEN, BlockedError, HistoryDifferenceError, NotStubbedError, TrialError
from settle.testing.history import History, HistoryStep, RecordedAnswer, compare, revive_error, revive_failure
from settle.testing.setting import make_setting
from settle.testing.trial import Trial

__tracebackhide__ = HIDDEN


def replay(
    history: History | Path | str,
    machine: Machine,
    *others: Machine,
    services: Mapping[str, Any] | None = None,
    ignoring: Collection[str] = (),
) -> Trial:
    """Do everything again that a history tells, and compare what comes of it.

    Services answer as they did. So what differs is what the definition makes of the same events and answers.

    Args:
        history: or the file or the text that holds it.
        machine: as `given` takes it.
        others: machines that were given when it was recorded.
        services: answers for those that the history does not know.
        ignoring: what may differ, by the names in the differences: `context.mails`, or `effects`.

    Returns:
        The trial at its end.

    Raises:
        HistoryDifferenceError: at the first step that goes differently.
        TrialError: this is no history, or it is that of another machine.
    """
    told = History.read(history)
    _check_ignoring(ignoring, told)
    setting = make_setting(
        (machine, *others),
        services=services,
        real_services=False,
        instance=told.instance,
        now=told.now,
        strangers=told.strangers,
    )
    name = setting.definition.machine
    if told.machine != name:
        raise TrialError(f"this is a history of {told.machine!r}, and it is replayed to {name!r}")
    trial = setting.make()
    trial.stubs.other = _Memory(told)
    for number, step in enumerate(told.steps, 1):
        differences = _repeat(trial, step, ignoring)
        if differences:
            raise HistoryDifferenceError(name, number, str(step), differences)
    return trial


def _check_ignoring(ignoring: Collection[str], told: History) -> None:
    """Check that what is to be ignored could differ.

    Raises:
        TrialError: nothing is called so.
    """
    if isinstance(ignoring, str):
        raise TrialError(f"ignoring= is a list of names; write ignoring=[{ignoring!r}]")
    known = dict.fromkeys([*(name for step in told.steps for name in step.then), "calls"])
    for name in ignoring:
        first = name.partition(".")[0]
        if first not in known:
            raise TrialError(f"nothing that is compared is called {first!r}{did_you_mean(first, known)}")


class _Memory:
    """Answers services as a history tells, each invoke for itself."""

    def __init__(self, history: History) -> None:
        self._left: dict[str, deque[RecordedAnswer]] = {}
        for step in history.steps:
            for answer in step.services:
                self._left.setdefault(answer.invoke, deque()).append(answer)

    def __call__(self, invoke: InvokeSpec, _call: ServiceCall) -> Any:  # noqa: ANN401 - a service returns anything
        """Answer a call."""
        left = self._left.get(invoke.id)
        if not left:
            raise NotStubbedError(
                f"the service {invoke.src!r} (invoke {invoke.id!r}) is called, which the history does not tell;"
                f" say what it answers with services={{{invoke.src!r}: ...}}"
            )
        answer = left.popleft()
        if answer.raised:
            raise revive_failure(answer.raised)
        if answer.error is not None:
            raise revive_error(answer.error)
        return WAIT_FOR_CALLBACK if answer.waits else answer.answer


def _repeat(trial: Trial, step: HistoryStep, ignoring: Collection[str]) -> list[str]:
    """Do a step again; return how what comes of it differs."""
    before = len(trial.history.steps)
    try:
        whose = trial.other(step.other) if step.other else trial
        for invoke in step.child:
            whose = whose.child(invoke)
        _do(whose, step)
    except BlockedError as error:
        if step.then.get("outcome") != "quarantined":
            return [f"it blocks the instance: {error.blocked.message}"]
    except TrialError as error:
        return [str(error)]
    except SettleError as error:
        return [f"it fails with {type(error).__name__}: {error}"]
    now = trial.history.steps[before]
    found = list(compare(step.then, now.then, ignoring=ignoring))
    was_called, is_called = ([f"{each.name} ({each.invoke})" for each in of.services] for of in (step, now))
    if was_called != is_called and "calls" not in ignoring:
        found.append(f"calls were {was_called!r} and are {is_called!r}")
    return found


def _do(trial: Trial, step: HistoryStep) -> None:
    """Do what a step says."""
    given: dict[str, Any] = dict(step.given)
    match step.do:
        case "start":
            trial.start(given.pop("input"), **given)
        case "in_state":
            trial.in_state(*given["states"], context=given["context"])
        case "send":
            trial.send(given.pop("type"), given.pop("data"), **given)
        case "advance":
            trial.advance(given["duration"])
        case "complete":
            error = revive_error(given["data"]) if given["error"] else None
            trial.complete(given["invoke"], None if error else given["data"], error=error)
        case "edit":
            trial.edit(given.pop("data"), event_type=given.pop("type"), **given)
        case "control":
            trial.control(given.pop("action"), **given)
