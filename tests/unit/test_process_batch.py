"""What the consumer promises for a batch: groups are independent, and the answer keeps their order."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from settle.runtime.errors import QueueUnavailableError, StoreUnavailableError
from settle.runtime.process_batch import GRACE_SECONDS
from tests.support.charts import action, guard, invoke, machine, node, on, settled
from tests.support.system import System


def add(context: dict[str, Any], _event: object, _do: object) -> None:
    context["count"] = context.get("count", 0) + 1


ADD = action("add", add)


class RecordingQueue:
    """The queue, remembering what it was asked to do besides sending."""

    def __init__(self, system: System, *, broken: bool = False) -> None:
        self._queue, self._broken = system.polled, broken
        self.acknowledged: list[list[str]] = []
        self.delayed: list[tuple[list[str], int]] = []

    @property
    def arn(self) -> str:
        return self._queue.arn

    def send(self, *, group: str, deduplication_id: str, body: str) -> Any:
        return self._queue.send(group=group, deduplication_id=deduplication_id, body=body)

    def acknowledge(self, receipt_handles: Sequence[str]) -> None:
        self.acknowledged.append(list(receipt_handles))
        if self._broken:
            raise QueueUnavailableError("down")
        self._queue.acknowledge(receipt_handles)

    def delay(self, receipt_handles: Sequence[str], seconds: int) -> None:
        self.delayed.append((list(receipt_handles), seconds))
        if self._broken:
            raise QueueUnavailableError("down")
        self._queue.delay(receipt_handles, seconds)


def failing(attempts: int = 99) -> Any:
    def fail(_call: object) -> None:
        raise OSError("down")

    return machine(
        "failing",
        settled("rest", on("GO", "one"), on("NOTE", actions=(ADD,))),
        node("one", invoke("s", fail, attempts=attempts), on("done.invoke.s", "rest"), on("error.invoke.s", "rest")),
    )


def test_a_failing_event_and_all_later_ones_of_its_group_are_named() -> None:
    system = System(failing())
    system.post("failing/1", "NOTE")
    for event in ("GO", "NOTE", "NOTE"):
        system.post("failing/1", event)
    system.post("failing/2", "NOTE")
    received = system.polled.receive(max_messages=10, visibility_timeout=30)
    by_group = [m.message_id for m in received if m.attributes["MessageGroupId"] == "failing/1"]
    assert system.process(received) == by_group[1:]
    assert system.context("failing/1") == {"count": 1}
    assert system.context("failing/2") == {"count": 1}


def test_failed_messages_get_their_backoff_newest_first() -> None:
    system = System(failing())
    for event in ("GO", "NOTE", "NOTE"):
        system.post("failing/1", event)
    queue = RecordingQueue(system)
    system.queue = queue
    received = system.polled.receive(max_messages=10, visibility_timeout=30)
    system.process(received)
    handles = [message.receipt_handle for message in received]
    assert queue.delayed == [(handles[::-1], 1)]
    system.clock.sleep(2)
    again = system.polled.receive(max_messages=10, visibility_timeout=30)
    assert [message.message_id for message in again] == [message.message_id for message in received]
    system.process(again)
    assert queue.delayed[-1][1] == 2


def test_a_queue_that_cannot_be_reached_only_costs_time() -> None:
    system = System(failing())
    system.post("failing/1", "GO")
    system.queue = RecordingQueue(system, broken=True)
    received = system.polled.receive(max_messages=10, visibility_timeout=30)
    assert system.process(received) == [received[0].message_id]


def test_a_store_that_cannot_be_reached_fails_every_message_and_loses_none() -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise StoreUnavailableError("down")

    system = System(failing())
    system.post("failing/1", "NOTE")
    system.post("failing/2", "NOTE")
    good, system.store = system.store, Broken()
    received = system.polled.receive(max_messages=10, visibility_timeout=30)
    assert sorted(system.process(received)) == sorted(message.message_id for message in received)
    system.store = good
    system.settle_down(patience=3)
    assert system.context("failing/1") == {"count": 1}
    assert system.context("failing/2") == {"count": 1}


def test_groups_of_a_batch_run_in_parallel() -> None:
    meeting = threading.Barrier(3, timeout=10)
    chart = machine(
        "meet",
        settled("rest", on("GO", "one")),
        node("one", invoke("s", lambda _call: meeting.wait()), on("done.invoke.s", "met"), on("error.*", "alone")),
        settled("met"),
        settled("alone"),
    )
    system = System(chart)
    for instance in range(3):
        system.post(f"meet/{instance}", "GO")
    system.pump()
    assert {system.state(f"meet/{instance}") for instance in range(3)} == {("met",)}


def test_a_group_that_is_done_early_is_acknowledged_while_others_run() -> None:
    release = threading.Event()
    acknowledged = threading.Event()

    class Queue(RecordingQueue):
        def acknowledge(self, receipt_handles: Sequence[str]) -> None:
            super().acknowledge(receipt_handles)
            acknowledged.set()
            release.set()

    chart = machine(
        "slow",
        settled("rest", on("WAIT", "one"), on("NOTE", actions=(ADD,))),
        node(
            "one",
            invoke("s", lambda _call: release.wait(10), timeout=20.0),
            on("done.invoke.s", "rest"),
            on("error.*", "rest"),
        ),
    )
    system = System(chart)
    system.queue = queue = Queue(system)
    system.post("slow/1", "WAIT")
    system.post("slow/2", "NOTE")
    received = system.polled.receive(max_messages=10, visibility_timeout=30)
    assert system.process(received) == []
    quick = next(m.receipt_handle for m in received if m.attributes["MessageGroupId"] == "slow/2")
    assert acknowledged.is_set(), f"not acknowledged within {GRACE_SECONDS} s"
    assert queue.acknowledged[0] == [quick]


def test_an_error_that_nobody_foresaw_stays_in_its_group_and_ends_in_quarantine() -> None:
    class Odd:
        def __init__(self, system: System) -> None:
            self._store = system.inner_store
            self.wrong = True

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

        def commit(self, instance: Any, *args: Any, **kwargs: Any) -> None:
            if self.wrong and instance.key.instance == "1" and instance.failing is None:
                raise ZeroDivisionError
            self._store.commit(instance, *args, **kwargs)

    system = System(failing())
    system.store = odd = Odd(system)
    system.post("failing/1", "NOTE")
    system.post("failing/2", "NOTE")
    system.pump()
    assert not system.exists("failing/1")
    assert system.context("failing/2") == {"count": 1}
    for _ in range(6):
        system.clock.sleep(31)
        system.pump()
    odd.wrong = False
    system.clock.sleep(31)
    system.pump()
    blocked = system.instance("failing/1").blocked
    assert blocked is not None
    assert blocked.code == "attempts_exhausted"


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_service_gets_as_many_attempts_as_its_invoke_says(attempts: int) -> None:
    system = System(failing(attempts))
    system.post("failing/1", "GO")
    system.post("failing/1", "NOTE")
    received = system.polled.receive(max_messages=10, visibility_timeout=30)
    assert len(system.process(received)) == (0 if attempts == 1 else 2)


def test_a_refusing_guard_in_one_group_leaves_others_alone() -> None:
    def explode(*_: object) -> bool:
        raise RuntimeError("kaboom")

    chart = machine(
        "mixed", settled("rest", on("NOTE", actions=(ADD,)), on("BAD", "rest", guards=(guard("explode", explode),)))
    )
    system = System(chart)
    for instance in range(5):
        system.post(f"mixed/{instance}", "BAD" if instance == 2 else "NOTE")
    system.pump()
    assert system.instance("mixed/2").blocked is not None
    assert [system.context(f"mixed/{i}") for i in (0, 1, 3, 4)] == [{"count": 1}] * 4
