"""Whatever the moment at which a consumer dies, its messages come again and all ends as if it had lived.

The moments are not chosen by hand: each scenario runs once to record every call to the store and the queues, and then
once per call and side, dying before the call took effect or after.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from settle.core.definition import Definition
from settle.core.service import ServiceCall
from tests.support.charts import action, guard, invoke, machine, node, on, settled
from tests.support.faults import KilledError, Mortal, Plan, moments, record
from tests.support.system import System

GROUP = "m/1"
Scenario = Callable[[System], None]


def chart(calls: list[ServiceCall]) -> Definition:
    def add(context: dict[str, Any], event: Any, _do: object) -> None:
        context.setdefault("seen", []).append(event.id)

    def serve(call: ServiceCall) -> None:
        calls.append(call)

    def explode(*_: object) -> bool:
        raise RuntimeError("kaboom")

    seen = action("add", add)
    return machine(
        "m",
        settled(
            "rest",
            on("GO", actions=(seen,)),
            on("SERVE", "one", actions=(seen,)),
            on("BAD", "rest", guards=(guard("explode", explode),)),
        ),
        node("one", invoke("first", serve), on("done.invoke.first", "two")),
        node("two", invoke("second", serve), on("done.invoke.second", "rest")),
    )


def fold(system: System) -> None:
    system.post(GROUP, "GO", "GO")
    system.post(GROUP, "GO")


def keyed(system: System) -> None:
    system.post(GROUP, "GO", key="a")
    system.post(GROUP, "GO", "GO", key="b")
    system.post(GROUP, "GO", key="a")


def services(system: System) -> None:
    system.post(GROUP, "GO")
    system.post(GROUP, "SERVE", key="s")
    system.post(GROUP, "SERVE")


def creation(system: System) -> None:
    system.create(GROUP, input={"seen": ["input"]})
    system.create(GROUP, input={"seen": ["input"]})
    system.post(GROUP, "SERVE")


def quarantine(system: System) -> None:
    system.post(GROUP, "GO")
    system.post(GROUP, "BAD", key="bad")
    system.post(GROUP, "GO", key="after")
    system.post(GROUP, "SERVE")
    system.control(GROUP, "skip")


def retry(system: System) -> None:
    system.post(GROUP, "BAD")
    system.post(GROUP, "GO", key="after")
    system.control(GROUP, "retry")


def edit(system: System) -> None:
    system.post(GROUP, "GO")
    system.post(GROUP, ("BAD", {"n": 1}), key="bad")
    system.post(GROUP, "GO", key="after")
    system.edit(GROUP, "bad-0", ("BAD", {"n": 1}), ("SERVE", {"n": 2}), principal="ana")
    system.edit(GROUP, "bad-0", ("BAD", {"n": 1}), ("GO", {}), principal="bo")
    system.post(GROUP, "GO")


def edit_in_vain(system: System) -> None:
    system.post(GROUP, "BAD", key="bad")
    system.edit(GROUP, "another", ("BAD", {}), ("GO", {}))
    system.edit(GROUP, "bad-0", ("BAD", {"n": 1}), ("GO", {}))
    system.post(GROUP, "GO")


def pause(system: System) -> None:
    system.post(GROUP, "GO")
    system.control(GROUP, "pause")
    system.post(GROUP, "GO", "SERVE", "GO", key="held")
    system.control(GROUP, "resume")
    system.post(GROUP, "GO")


def garbage(system: System) -> None:
    system.post(GROUP, "GO")
    system.polled.send(group=GROUP, deduplication_id="garbage", body="garbage")
    system.post(GROUP, "GO")


def deletion(system: System) -> None:
    system.post(GROUP, "GO", key="a")
    system.control(GROUP, "pause")
    system.post(GROUP, "GO", "GO", key="held")
    system.control(GROUP, "delete")
    system.post(GROUP, "GO", key="b")
    system.create(GROUP, input={"seen": ["input"]})
    system.post(GROUP, "GO", key="a")


SCENARIOS: list[Scenario] = [
    fold,
    keyed,
    services,
    creation,
    quarantine,
    retry,
    edit,
    edit_in_vain,
    pause,
    garbage,
    deletion,
]


def run(scenario: Scenario, plan: Plan, *, size: int = 10) -> tuple[System, list[ServiceCall], int]:
    """Run a scenario to its end, restarting the consumer whenever it dies."""
    calls: list[ServiceCall] = []
    system = System(chart(calls))
    scenario(system)
    system.store = Mortal(system.inner_store, plan)
    system.queue = Mortal(system.polled, plan)
    system.dead_letter_queue = Mortal(system.dead_letters, plan)
    deaths = 0
    for _ in range(20):
        try:
            system.pump(size=size)
        except KilledError:
            deaths += 1
        system.clock.sleep(61)
    return system, calls, deaths


def result(system: System) -> dict[str, Any]:
    """Everything that may not depend on crashes or batches."""
    instance = system.instance(GROUP)
    entries = system.inner_store.find_entries(
        instance.key, ["a-0", "b-0", "b-1", "s-0", "bad-0", "after-0", "held-0", "held-1", "held-2"], system.clock.now()
    )
    return {
        "snapshot": instance.snapshot,
        "version": instance.version,
        "incarnation": instance.incarnation,
        "outbox": instance.outbox,
        "held": instance.held,
        "blocked": instance.blocked and replace(instance.blocked, at=0),
        "run": instance.run,
        "watermark": instance.watermark,
        "edits": tuple(replace(each, edit=_timeless(each.edit)) for each in instance.edits),
        "finished": {
            key: entry.receipt and replace(entry.receipt, edited=_timeless(entry.receipt.edited))
            for key, entry in sorted(entries.items())
        },
        "buried": [(message.body, message.message_attributes) for message in system.buried()],
        "held items": system.inner_store.load_held(instance.key, 1, 100),
    }


def _timeless(edit: Any) -> Any:
    return edit and replace(edit, at=0)


@pytest.mark.parametrize(("scenario", "at", "after"), list(moments(((each,), record(run, each)) for each in SCENARIOS)))
def test_a_death_at_any_call_changes_nothing_in_the_end(scenario: Scenario, at: int, after: bool) -> None:
    calm, calm_calls, _ = run(scenario, Plan())
    system, calls, deaths = run(scenario, Plan(at, after=after))
    assert deaths == 1
    assert result(system) == result(calm)
    assert {call.key for call in calls} == {call.key for call in calm_calls}
    assert len(calls) <= len(calm_calls) + 2, "only what ended since the last write may run again"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_way_the_queue_cuts_batches_changes_nothing(scenario: Scenario, size: int) -> None:
    whole, whole_calls, _ = run(scenario, Plan())
    cut, cut_calls, _ = run(scenario, Plan(), size=size)
    assert result(cut) == result(whole)
    assert [call.key for call in cut_calls] == [call.key for call in whole_calls]
