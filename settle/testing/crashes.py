"""The crash matrix: a scenario that ends in the same way whenever a function dies in it.

It runs once without a death, and then once per call that the functions make and side of it: the function dies before
the call takes effect, or after it did and before anybody heard of it. What it had in its hands is delivered again, and
a client whose request was not answered repeats it under the same idempotency key. In the end everything has to be as it
is without a death: each instance, what it asked of the world, by its id, and the keys its services were called with.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from settle.runtime.instance import FinishEvent, Instance
from settle.testing.cast import Machine
from settle.testing.deaths import Plan
from settle.testing.errors import HIDDEN, CrashDifferenceError, TrialError
from settle.testing.history import compare
from settle.testing.recording import fingerprint, is_own_control
from settle.testing.setting import INSTANCE, Setting, make_setting
from settle.testing.stubs import Stubs
from settle.testing.trial import Trial
from settle.testing.view import InstanceView
from settle.testing.world import World

__tracebackhide__ = HIDDEN

Scenario = Callable[[Trial], object]
"""What is done to a new trial. What it returns is compared too, so it can speak of a world outside."""

_WORDS: Final[Mapping[str, str]] = {
    "store.load": "reads the instance",
    "store.commit": "stores the instance",
    "store.load_held": "reads held events",
    "store.find_entries": "asks the ledger",
    "store.accept": "enters an id in the ledger",
    "store.finish": "enters an id in the ledger as finished",
    "store.purge": "empties the ledger of a deleted instance",
    "events.send": "sends a message to an instance",
    "events.delay": "lets a message come again later",
    "events.acknowledge": "deletes messages that are done",
    "timers.send": "puts a timer into its queue",
    "tasks.send": "hands a background service to the worker",
    "tasks.postpone": "hides the task of a background service while it runs",
    "scheduler.schedule": "sets a schedule",
    "scheduler.cancel": "deletes a schedule",
    "dead_letters.bury": "buries a message",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashReport:
    """What was tried.

    Attributes:
        calls: that the functions make in a run without a death, in words, in order.
        deaths: how many runs there were in which a function died.
        lost: how many of them ended differently as their author chose: a service that may be begun once was lost.
    """

    calls: tuple[str, ...] = field(repr=False)
    deaths: int
    lost: int = 0


def check_crashes(  # noqa: PLR0913 - those of `given`, and at what to die
    scenario: Scenario,
    machine: Machine,
    *others: Machine,
    services: Mapping[str, Any] | None = None,
    real_services: bool = False,
    instance: str = INSTANCE,
    at: int | None = None,
) -> CrashReport:
    """Run a scenario again and again, and let a function die at each of its calls.

    Args:
        scenario: what is done to the trial; it stubs what keeps a state of its own, so that each run has a new one.
        machine: as `given` takes it.
        others: see there.
        services: see there.
        real_services: see there.
        instance: see there.
        at: number of the one call to die at, to look into a difference; None for all of them.

    Returns:
        What was tried.

    Raises:
        CrashDifferenceError: some run ended differently; it says which, and how.
        TrialError: the scenario makes no calls, has no such call, or ends differently each time by itself.
    """
    if not callable(scenario):
        raise TrialError(f"a scenario is a function of the trial, and comes before the machine; {scenario!r} is none")
    setting = make_setting((machine, *others), services=services, real_services=real_services, instance=instance)
    calm = _run(setting, scenario, Plan())
    calls = tuple(map(_in_words, calm.plan.calls))
    _check_calm(calm, _run(setting, scenario, Plan()), at)
    differences: list[str] = []
    lost = deaths = 0
    for number in range(len(calls)) if at is None else [at]:
        for after in (False, True):
            run = _run(setting, scenario, Plan(number, after=after))
            deaths += 1
            found = list(_differences(calm, run, number))
            if run.lost:
                lost += 1
                found = list(_called_twice(run))
            where = f"{calls[number].replace('# ', 'dies after it ' if after else 'dies before it ')} (call {number})"
            differences += [f"{where}: {each}" for each in found[:1]]
    if differences:
        name = setting.definition.machine
        raise CrashDifferenceError(name, differences, deaths)
    return CrashReport(calls=tuple(each.replace("# ", "") for each in calls), deaths=deaths, lost=lost)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A run and how it ended.

    Attributes:
        plan: counted the calls.
        ending: everything that has to be the same.
        error: what the scenario raised; empty when nothing.
        lost: whether a worker died with a service that may be begun once.
        calls: how often services were called, by key; of those that may be begun once.
    """

    plan: Plan
    ending: Mapping[str, Any]
    error: str
    lost: bool
    calls: Counter[str]


def _run(setting: Setting, scenario: Scenario, plan: Plan) -> _Run:
    with _unlogged():
        return _try(setting, scenario, plan)


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep a hundred runs from logging what each of them has in common."""
    logger = logging.getLogger("settle")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _try(setting: Setting, scenario: Scenario, plan: Plan) -> _Run:
    trial = setting.make(plan, keyed=True)
    world, stubs = trial.world, trial.stubs
    error, told = "", None
    try:
        told = scenario(trial)
    except Exception as raised:
        if plan.at < 0:
            raise
        error = f"{type(raised).__name__}: {str(raised).partition(chr(10))[0]}"
    ending = _describe(world, stubs, trial.group)
    if not isinstance(told, InstanceView):  # the last link of a chain says nothing that is not compared anyway
        ending["what the scenario returns"] = told
    calls = Counter(each.call.key for each in stubs.answered)
    return _Run(plan=plan, ending=ending, error=error, lost=world.lost_once_only, calls=calls)


def _check_calm(calm: _Run, again: _Run, at: int | None) -> None:
    count = len(calm.plan.calls)
    if not count:
        raise TrialError("the scenario does nothing that a function has to do, so none can die in it")
    if at is not None and not 0 <= at < count:
        raise TrialError(f"the scenario makes {count} calls, and none has the number {at}")
    different = next(compare(calm.ending, again.ending), "")
    if different:
        raise TrialError(
            f"two runs without any death differ already: {different}; nothing may depend on chance, on the time of day"
            " or on an earlier run, so let the scenario make all it uses"
        )


def _differences(calm: _Run, run: _Run, number: int) -> Iterator[str]:
    if len(run.plan.calls) <= number:
        yield "this call does not happen any more, so what came before depends on chance or on an earlier run"
    elif run.error:
        yield f"the scenario fails with {run.error}"
    else:
        yield from compare(calm.ending, run.ending)


def _called_twice(run: _Run) -> Iterator[str]:
    """Yield what is wrong after a service was lost that may be begun once."""
    twice = sum(count > 1 for count in run.calls.values())
    if twice:
        yield "a service that may be begun once was called twice"


def _describe(world: World, stubs: Stubs, main: str) -> dict[str, Any]:
    """Return all that may not depend on a death."""
    found = {group: world.find(group) for group in world.groups()}
    return {
        **{group: _describe_instance(instance) for group, instance in found.items() if instance is not None},
        "effects": dict(_effects(world)),
        "services": _services(stubs, main),
        "dead letters": sorted(world.letters()),
    }


def _describe_instance(instance: Instance) -> dict[str, Any]:
    snapshot = instance.snapshot
    return {
        "state": snapshot.configuration,
        "status": snapshot.status.value,
        "context": snapshot.context,
        "output": snapshot.output,
        "history": dict(snapshot.history),
        "timers": [timer.key for timer in snapshot.timers],
        "services": [live.key for live in snapshot.invokes],
        "version": instance.version,
        "outbox": [entry.id for entry in instance.outbox],
        "held": sum(len(lane) for lane in (instance.held, instance.urgent) if lane is not None),
        "blocked by": instance.blocked.type if instance.blocked is not None else None,
        "paused": instance.paused,
        "deleted": instance.deleted,
    }


def _effects(world: World) -> Iterator[tuple[str, str]]:
    """Yield every effect by its id, with the name of the instance in place of its incarnation."""
    for key, entries in world.recorded.entries.items():
        for entry in entries.values():
            # What it asks itself to go on with is the runtime's own: twice is as good as once, and under any id.
            if is_own_control(entry, key):
                continue
            text = fingerprint(entry)
            for incarnation, whose in world.recorded.lives.items():
                text = text.replace(incarnation, str(whose))
            # What is entered in the ledger is told by what it says: the id of a callback follows from a token.
            yield f"{key}:{text if isinstance(entry, FinishEvent) else entry.id.partition(':')[2]}", text


def _services(stubs: Stubs, main: str) -> dict[str, Any]:
    """Return the keys under which each service was called; of other instances, whose lives may differ, how many."""
    keys: dict[str, set[str]] = {}
    for each in stubs.answered:
        group = f"{each.call.machine}/{each.call.instance}"
        keys.setdefault(f"{each.name} of {group}", set()).add(each.call.key)
    return {name: sorted(found) if name.endswith(f" of {main}") else len(found) for name, found in keys.items()}


def _in_words(call: str) -> str:
    """Return a call in words, with `# ` where it is said whether the function dies before it or after it."""
    process, _, name = call.partition(": ")
    if name.startswith("service "):
        return f"the {process} # calls the {name}"
    return f"the {process} # {_WORDS.get(name, name)}"
