"""The worker's handler, and the consumer's for timers, called with the events that Lambda would give them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.consumer import handler as consumer
from functions.wiring import SystemClock
from functions.worker import handler as worker
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_queue import SqliteQueue
from settle.adapters.sqlite_standard_queue import (
    TASKS_DEAD_LETTER_QUEUE,
    TASKS_QUEUE,
    TIMERS_QUEUE,
    SqliteStandardQueue,
)
from settle.adapters.sqlite_store import SqliteInstanceStore
from settle.core.errors import SettleError
from settle.local.sqs_event import to_event
from settle.runtime.envelope import EnvelopeEvent, EventsEnvelope, dump_envelope
from settle.runtime.instance import Instance, InstanceKey

GROUP = "lamp/1"
MACHINE = """
from settle import Statechart

def warm(call):
    return {"n": 1}

WARMING = {"src": warm, "mode": "background", "on_done": "on", "on_error": "off"}
MACHINE = Statechart(
    id="lamp",
    states=[
        {"name": "off", "tags": ["settled"]},
        {"name": "warming", "tags": ["settled"], "invoke": WARMING},
        {"name": "on", "tags": ["settled"], "timeout": 0, "on_timeout": "off"},
    ],
    transitions=[["SWITCH", "off", "warming"]],
)
"""


class Context:
    """What the handlers ask of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


CONTEXT: Any = Context()


class Queues:
    """The queues of one database, and the batches that Lambda would make of them."""

    def __init__(self, path: Path) -> None:
        self.database = SqliteDatabase(path)
        self.events = SqliteQueue(self.database, SystemClock(), sender="ingress")
        self.timers, self.tasks, self.dead_tasks = (
            SqliteStandardQueue(self.database, SystemClock(), sender="consumer", name=name)
            for name in (TIMERS_QUEUE, TASKS_QUEUE, TASKS_DEAD_LETTER_QUEUE)
        )

    def take(self, queue: Any) -> dict[str, Any]:
        received = queue.receive(max_messages=10, visibility_timeout=30)
        return to_event(received, arn=queue.arn)

    def done(self, queue: Any, event: dict[str, Any]) -> None:
        queue.delete([record["receiptHandle"] for record in event["Records"]])

    def instance(self) -> Instance:
        found = SqliteInstanceStore(self.database).load(InstanceKey.parse(GROUP))
        assert found is not None
        return found


@pytest.fixture
def queues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    machines = tmp_path / "worker_machines"
    machines.mkdir()
    machines.joinpath("lamp.py").write_text(MACHINE)
    queues = Queues(tmp_path / "settle.db")
    environment = {
        "SETTLE_BACKEND": "embedded",
        "SETTLE_DATABASE": str(tmp_path / "settle.db"),
        "SETTLE_MACHINES": str(machines),
        "SETTLE_SENDER": "consumer",
        "SETTLE_TRUSTED_SENDERS": "ingress,consumer,worker",
        "SETTLE_TIMER_SENDERS": "consumer,scheduler",
        "SETTLE_FUNCTION_TIMEOUT_SECONDS": "300",
        "SETTLE_TIMERS_QUEUE_ARN": queues.timers.arn,
        "SETTLE_TASKS_DEAD_LETTER_QUEUE_ARN": queues.dead_tasks.arn,
        "POWERTOOLS_SERVICE_NAME": "settle",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for cached in (consumer._consumer, worker._worker):
        cached.cache_clear()
    yield queues
    queues.database.close()
    for cached in (consumer._consumer, worker._worker):
        cached.cache_clear()


def switch(queues: Queues) -> None:
    envelope = EventsEnvelope(machine="lamp", instance="1", events=[EnvelopeEvent(type="SWITCH")])
    queues.events.send(group=GROUP, deduplication_id="a", body=dump_envelope(envelope))
    consume(queues)


def consume(queues: Queues) -> None:
    event = queues.take(queues.events)
    assert consumer.handler(event, CONTEXT) == {"batchItemFailures": []}
    queues.done(queues.events, event)


def test_a_task_is_run_and_answered(queues: Queues) -> None:
    switch(queues)
    assert worker.handler(queues.take(queues.tasks), CONTEXT) == {"batchItemFailures": []}
    consume(queues)
    assert queues.instance().snapshot.configuration == ("on",)


def test_a_timer_is_forwarded_by_the_consumer(queues: Queues) -> None:
    switch(queues)
    worker.handler(queues.take(queues.tasks), CONTEXT)
    consume(queues)
    due = [record for record in queues.take(queues.timers)["Records"] if json.loads(record["body"])["what"] == "timer"]
    assert consumer.handler({"Records": due}, CONTEXT) == {"batchItemFailures": []}
    consume(queues)
    assert queues.instance().snapshot.configuration == ("off",)


def test_metrics_tell_of_calls_and_of_timers(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SETTLE_STAGE", "dev")
    switch(queues)
    worker.handler(queues.take(queues.tasks), CONTEXT)
    consume(queues)
    due = [record for record in queues.take(queues.timers)["Records"] if json.loads(record["body"])["what"] == "timer"]
    consumer.handler({"Records": due}, CONTEXT)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    told = [set(line) - {"_aws", "stage"} for line in lines]
    assert told == [{"Applied", "SettleTime"}, {"Services"}, {"Applied", "SettleTime"}, {"TimerLateness"}]


def test_a_dead_letter_is_answered(queues: Queues) -> None:
    switch(queues)
    event = queues.take(queues.tasks)
    for record in event["Records"]:
        queues.dead_tasks.send(body=record["body"])
    assert worker.handler(queues.take(queues.dead_tasks), CONTEXT) == {"batchItemFailures": []}
    consume(queues)
    assert queues.instance().snapshot.configuration == ("off",)


def test_a_task_that_cannot_be_answered_comes_again(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    switch(queues)

    def fail(*_args: object, **_named: object) -> None:
        raise SettleError("down")

    monkeypatch.setattr(SqliteQueue, "send", fail)
    event = queues.take(queues.tasks)
    failed = worker.handler(event, CONTEXT)
    assert failed == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}


def test_a_service_that_could_never_end_in_time_is_found_when_the_function_starts(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SETTLE_FUNCTION_TIMEOUT_SECONDS", "30")
    records: dict[str, Any] = {"Records": []}
    with pytest.raises(SettleError, match=r"may take 60"):
        worker.handler(records, CONTEXT)
    assert queues is not None
