"""Every queue invokes its function, as in the deployed stack."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_queue import SqliteQueue
from settle.adapters.sqlite_standard_queue import (
    TASKS_DEAD_LETTER_QUEUE,
    TASKS_QUEUE,
    TIMERS_QUEUE,
    SqliteStandardQueue,
)
from settle.local.data_directory import DataDirectory
from settle.local.embedded_backend import EmbeddedBackend
from settle.local.errors import StartError
from settle.local.event_source_mapping import EventSourceMapping
from settle.local.gate import Gate
from settle.local.mappings import make_mappings
from settle.local.options import parse
from settle.local.report import build_report

PATIENCE = 10.0


class Function:
    """Remembers its invocations."""

    def __init__(self, config: Any = None) -> None:
        self.config = config
        self.events: list[Any] = []
        self.request_ids: set[str] = set()

    def invoke(self, event: Any, *, request_id: str, in_flight: int) -> Any:
        assert in_flight == len(event["Records"])
        self.events.append(event)
        self.request_ids.add(request_id)

    def batches(self) -> list[tuple[str, list[str]]]:
        """Return, sorted, what the functions got: the name of the queue and the bodies."""
        return sorted(
            (
                event["Records"][0]["eventSourceARN"].rpartition(":")[2],
                sorted(record["body"] for record in event["Records"]),
            )
            for event in self.events
        )


@pytest.fixture(autouse=True)
def _stop_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("settle.local.event_source_mapping.WAIT_SECONDS", 0.02)


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[EmbeddedBackend]:
    with DataDirectory(tmp_path) as data:
        yield EmbeddedBackend(data)


def start(backend: EmbeddedBackend, consumer: Any, worker: Any) -> tuple[dict[str, EventSourceMapping], Gate]:
    gate = Gate()
    mappings = make_mappings(backend.sources, consumer, worker, parse([], {}), gate)
    for mapping in mappings.values():
        mapping.start()
    return mappings, gate


def test_each_queue_invokes_its_function_with_batches_of_its_size(backend: EmbeddedBackend, tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "settle.db")
    events = SqliteQueue(database, backend.clock, sender="ingress")
    for number in range(2):
        events.send(group="g", deduplication_id=str(number), body=f"event {number}")
    for name in (TIMERS_QUEUE, TASKS_QUEUE, TASKS_DEAD_LETTER_QUEUE):
        queue = SqliteStandardQueue(database, backend.clock, sender="consumer", name=name)
        for number in range(2):
            queue.send(body=f"{name} {number}")
    consumer, worker = Function(), Function()
    mappings, gate = start(backend, consumer, worker)
    assert gate.wait_until_idle(PATIENCE)
    for mapping in mappings.values():
        mapping.stop(PATIENCE)
    assert consumer.batches() == [("events.fifo", ["event 0", "event 1"]), ("timers", ["timers 0", "timers 1"])]
    assert worker.batches() == [
        ("tasks", ["tasks 0"]),
        ("tasks", ["tasks 1"]),
        ("tasks-dead-letters", ["tasks-dead-letters 0", "tasks-dead-letters 1"]),
    ]
    assert len(worker.request_ids) == 3
    assert {name: mapping.counters.messages for name, mapping in mappings.items()} == {
        "mapping": 2,
        "timers_mapping": 2,
        "tasks_mapping": 2,
        "dead_tasks_mapping": 2,
    }


def test_settings_that_aws_would_refuse_are_refused(backend: EmbeddedBackend) -> None:
    options = parse(["--visibility-timeout", "4"], {})
    function: Any = Function()
    with pytest.raises(StartError, match="Queue visibility timeout: 4 seconds"):
        make_mappings(backend.sources, function, function, options, Gate())


@pytest.mark.parametrize("timeout", ["0.5", "60", "900", "43200"])
def test_tasks_stay_hidden_for_at_least_as_long_as_the_worker_may_take(backend: EmbeddedBackend, timeout: str) -> None:
    function: Any = Function()
    make_mappings(backend.sources, function, function, parse(["--worker-timeout", timeout], {}), Gate())


def test_report_has_the_counters_of_every_mapping(backend: EmbeddedBackend) -> None:
    function: Any = Function()
    mappings = make_mappings(backend.sources, function, function, parse([], {}), Gate())
    report = build_report([], mappings, {"zygote": 1})
    assert [process["role"] for process in report["processes"]] == ["supervisor", "zygote"]
    assert report["counters"].keys() == {"mapping", "timers_mapping", "tasks_mapping", "dead_tasks_mapping"}
