"""The consumer's handler, called with the event that Lambda would give it."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.consumer import handler as consumer
from functions.wiring import SystemClock
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_queue import SqliteQueue
from settle.adapters.sqlite_store import SqliteInstanceStore
from settle.core.errors import SettleError
from settle.local.sqs_event import to_event
from settle.runtime.envelope import EnvelopeEvent, EventsEnvelope, dump_envelope
from settle.runtime.instance import InstanceKey

ARN = "arn:aws:sqs:local:000000000000:settle-events.fifo"
TIMERS_ARN = "arn:aws:sqs:local:000000000000:timers"


class Context:
    """What the handler asks of Lambda's context."""

    function_name = "consumer"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:local:000000000000:function:consumer"
    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteDatabase]:
    path = tmp_path / "settle.db"
    environment = {
        "SETTLE_BACKEND": "embedded",
        "SETTLE_DATABASE": str(path),
        "SETTLE_QUEUE_ARN": ARN,
        "SETTLE_SENDER": "consumer",
        "SETTLE_TRUSTED_SENDERS": "ingress,consumer",
        "SETTLE_FUNCTION_TIMEOUT_SECONDS": "30",
        "SETTLE_TIMERS_QUEUE_ARN": TIMERS_ARN,
        "SETTLE_TIMER_SENDERS": "consumer,scheduler",
        "SETTLE_LOCAL_DIR": str(tmp_path),
        "POWERTOOLS_SERVICE_NAME": "settle",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    consumer._consumer.cache_clear()
    database = SqliteDatabase(path)
    yield database
    database.close()
    consumer._consumer.cache_clear()


def send(queue: SqliteQueue, group: str, event: str = "COUNT") -> None:
    machine, instance = group.split("/")
    body = dump_envelope(EventsEnvelope(machine=machine, instance=instance, events=[EnvelopeEvent(type=event)]))
    queue.send(group=group, deduplication_id=f"{group.replace('/', '-')}-{SystemClock().now()}", body=body)


def test_a_batch_is_applied_and_nothing_comes_again(database: SqliteDatabase) -> None:
    queue = SqliteQueue(database, SystemClock(), sender="ingress")
    for instance in range(3):
        send(queue, f"count/{instance}")
    received = queue.receive(max_messages=10, visibility_timeout=30)
    answer = consumer.handler(to_event(received, arn=queue.arn), Context())  # type: ignore[arg-type]
    assert answer == {"batchItemFailures": []}
    stored = SqliteInstanceStore(database).load(InstanceKey("count", "1"))
    assert stored is not None
    assert stored.snapshot.configuration == ("even",)


def test_log_lines_carry_the_keys_that_operators_search_for(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer._consumer()
    lines = io.StringIO()
    (handler,) = logging.getLogger("settle").handlers
    assert isinstance(handler, logging.StreamHandler)
    monkeypatch.setattr(handler, "stream", lines)
    queue = SqliteQueue(database, SystemClock(), sender="stranger")
    queue.send(group="count/1", deduplication_id="x", body="nonsense")
    received = queue.receive(max_messages=10, visibility_timeout=30)
    consumer.handler(to_event(received, arn=queue.arn), Context())  # type: ignore[arg-type]
    line = json.loads(lines.getvalue())
    keys = ("machine_id", "instance_id", "event_id", "snapshot_version", "correlation_id")
    assert [line.get(key) for key in keys] == ["count", "1", "", None, ""]
    assert "not an envelope" in line["message"]
    assert "nonsense" not in lines.getvalue()


def test_a_batch_is_one_line_of_metrics_in_a_stage_and_none_elsewhere(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queue = SqliteQueue(database, SystemClock(), sender="ingress")
    for stage in ("", "dev"):
        monkeypatch.setenv("SETTLE_STAGE", stage)
        consumer._consumer.cache_clear()
        for group in ("count/1", "count/2"):
            send(queue, group)
        received = queue.receive(max_messages=10, visibility_timeout=30)
        consumer.handler(to_event(received, arn=queue.arn), Context())  # type: ignore[arg-type]
        queue.delete([each.receipt_handle for each in received])
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
        assert [line["Applied"] for line in lines] == ([[2.0]] if stage else [])


def test_the_events_of_a_batch_are_traced_where_that_was_switched_on(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("functions.tracing.send_traces", lambda tallies, _environ: sent.extend(tallies))
    monkeypatch.setenv("SETTLE_TRACING", "on")
    consumer._consumer.cache_clear()
    queue = SqliteQueue(database, SystemClock(), sender="ingress")
    send(queue, "count/1")
    received = queue.receive(max_messages=10, visibility_timeout=30)
    consumer.handler(to_event(received, arn=queue.arn), Context())  # type: ignore[arg-type]
    assert [taken.group for tally in sent for taken in tally.taken] == ["count/1"]


def test_a_service_that_could_never_start_is_found_when_the_function_starts(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SETTLE_FUNCTION_TIMEOUT_SECONDS", "3")
    records: dict[str, Any] = {"Records": []}
    with pytest.raises(SettleError, match=r"may take 3.0 s"):
        consumer.handler(records, Context())  # type: ignore[arg-type]
    assert database is not None
