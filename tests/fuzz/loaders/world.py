"""The functions as Lambda calls them, over one database in memory, with machines that write down what they are told."""

import io
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from functions import wiring
from functions.consumer import handler as consumer
from functions.ingress import handler as ingress
from functions.logs import LogFormatter
from functions.worker import handler as worker
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_queue import DEAD_LETTER_QUEUE, SqliteQueue
from settle.adapters.sqlite_standard_queue import (
    TASKS_DEAD_LETTER_QUEUE,
    TASKS_QUEUE,
    TIMERS_QUEUE,
    SqliteStandardQueue,
)
from settle.adapters.sqlite_store import SqliteInstanceStore
from settle.local.http_event import HttpRequest, to_event
from settle.runtime.instance import Instance, InstanceKey
from settle.runtime.registry import Registry, load_machines
from tests.support.system import ManualClock

MACHINES: Final = Path(__file__).parent / "machines"
REGISTRY: Final[Registry] = load_machines(MACHINES)
DEFINITION: Final = REGISTRY.get("witness")
ARN: Final = "arn:aws:sqs:local:000000000000:settle-events.fifo"
TRUSTED: Final = "ingress"
STRANGER: Final = "AIDASTRANGER"
FIRST_SEQUENCE: Final = 10**19


class Context:
    """What the handlers ask of Lambda's context."""

    function_name = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:local:000000000000:function:function"
    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


CONTEXT: Any = Context()


class Log(io.TextIOBase):
    """Where the functions write their lines; keeps those about errors that nobody foresaw, and counts the rest.

    Attributes:
        unforeseen: lines with an exception that is none of ours.
        lines: how many there were.
        keep: whether all lines are kept, in `text`.
    """

    def __init__(self) -> None:
        self.unforeseen: list[str] = []
        self.text: list[str] = []
        self.lines, self.keep = 0, False

    def write(self, text: str) -> int:
        """Take what one line is made of: the line itself, or its end."""
        for line in filter(None, text.split("\n")):
            said = json.loads(line)  # each is one line of JSON, whatever stands in it
            self.lines += 1
            if said["message"] == "unexpected error" or said.get("code") == "internal_error":
                self.unforeseen.append(line)
            if self.keep:
                self.text.append(line)
        return len(text)


@contextmanager
def watch_logs() -> Iterator[Log]:
    """Yield what the functions write while this lasts."""
    log, logger = Log(), logging.getLogger("settle")
    # One, but where tests have set up the logs again.
    handlers = [
        each
        for each in logger.handlers
        if isinstance(each, logging.StreamHandler) and isinstance(each.formatter, LogFormatter)
    ]
    before = [handler.stream for handler in handlers]
    for number, handler in enumerate(handlers):
        handler.stream = io.StringIO() if number else log  # not by setStream, which flushes what may be closed
    try:
        yield log
    finally:
        for handler, stream in zip(handlers, before, strict=True):
            handler.stream = stream


class World:
    """The handlers, and what lies below them."""

    log: Log

    def __init__(self) -> None:
        self.database: SqliteDatabase = wiring._database(":memory:")
        self.store = SqliteInstanceStore(self.database)
        clock = ManualClock()
        self.events = SqliteQueue(self.database, clock, sender=TRUSTED)
        self.timers, self.tasks, self.lost = (
            SqliteStandardQueue(self.database, clock, sender=TRUSTED, name=name)
            for name in (TIMERS_QUEUE, TASKS_QUEUE, TASKS_DEAD_LETTER_QUEUE)
        )
        self._sequence = FIRST_SEQUENCE
        self._messages = 0

    def record(
        self, body: str, *, group: str = "", sender: str = TRUSTED, arn: str = ARN, receives: int = 1
    ) -> dict[str, Any]:
        """Return a record of the event that Lambda gives: all but the body is the queue's own, or was checked by it."""
        self._messages += 1
        attributes = {
            "ApproximateReceiveCount": str(receives),
            "SentTimestamp": "1700000000000",
            "SenderId": f"{sender}:session",
            "ApproximateFirstReceiveTimestamp": "1700000000001",
        }
        if group:
            self._sequence += 1
            own = {"MessageGroupId": group, "SequenceNumber": str(self._sequence), "MessageDeduplicationId": "d"}
            attributes |= own
        return {
            "messageId": f"00000000-0000-0000-0000-{self._messages:012d}",
            "receiptHandle": f"{self._messages}.{receives}",
            "body": body,
            "attributes": attributes,
            "messageAttributes": {},
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": arn,
            "awsRegion": "local",
        }

    def consume(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """Call the consumer with a batch; return the ids of the messages that come again."""
        return _failed(consumer.handler({"Records": list(records)}, CONTEXT))

    def work(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """Call the worker with a batch; return the ids of the messages that come again."""
        return _failed(worker.handler({"Records": list(records)}, CONTEXT))

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **claims: str
    ) -> int:
        """Call the ingress; return the status of its answer."""
        return int(self._request(method, path, body, headers, claims)["statusCode"])

    def read(self, path: str) -> str:
        """Call the ingress; return the body of its answer."""
        return str(self._request("GET", path, None, None, {})["body"])

    def _request(
        self, method: str, path: str, body: Any, headers: Mapping[str, str] | None, claims: Mapping[str, str]
    ) -> Mapping[str, Any]:
        given = {"content-type": "application/json", **(headers or {})}
        request = HttpRequest(
            method=method,
            path=path,
            query="",
            headers=[(name.encode(), value.encode()) for name, value in given.items()],
            body=b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode(),
            protocol="HTTP/1.1",
            source_ip="127.0.0.1",
        )
        event = to_event(request, request_id="request", now=1.7e9)
        event["requestContext"]["authorizer"] = {"jwt": {"claims": {"sub": "ada", **claims}}}
        return ingress.handler(event, CONTEXT)

    def instance(self, group: str = "witness/1") -> Instance | None:
        """Look at an instance."""
        return self.store.load(InstanceKey.parse(group))

    def put(self, document: str, group: str = "witness/1", incarnation: str = "i" * 32, revision: int = 4) -> None:
        """Put a stored document into the table, as somebody would who may write there."""
        with self.database.transaction() as connection:
            connection.execute("REPLACE INTO instance VALUES (?, ?, ?, ?)", (group, incarnation, revision, document))

    def buried(self) -> int:
        """Count the dead letters."""
        with self.database.reading() as connection:
            (count,) = connection.execute(
                "SELECT count(*) FROM queue_message WHERE queue = ?", (DEAD_LETTER_QUEUE,)
            ).fetchone()
        return int(count)

    def clear(self) -> None:
        """Forget everything but the tables themselves."""
        with self.database.transaction() as connection:
            for table in ("instance", "tombstone", "held_event", "ledger_entry", "blocked_instance", "queue_message"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours


@contextmanager
def make_world() -> Iterator[World]:
    """Yield a world of its own; the environment is as it was afterwards."""
    environment = {
        "SETTLE_BACKEND": "embedded",
        "SETTLE_DATABASE": ":memory:",
        "SETTLE_MACHINES": str(MACHINES),
        "SETTLE_QUEUE_ARN": ARN,
        "SETTLE_SENDER": "consumer",
        "SETTLE_TRUSTED_SENDERS": f"{TRUSTED},consumer,worker",
        "SETTLE_TIMER_SENDERS": f"{TRUSTED},consumer,scheduler",
        "SETTLE_FUNCTION_TIMEOUT_SECONDS": "300",
        "SETTLE_TIMERS_QUEUE_ARN": "arn:timers",
        "SETTLE_TASKS_DEAD_LETTER_QUEUE_ARN": "arn:lost",
        "POWERTOOLS_SERVICE_NAME": "settle",
    }
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    _forget()
    world = World()
    for wire in (consumer._consumer, worker._worker, ingress._api):
        wire()
    try:
        with watch_logs() as world.log:
            yield world
    finally:
        world.database.close()
        _forget()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _forget() -> None:
    for cached in (consumer._consumer, worker._worker, ingress._api, wiring._database):
        cached.cache_clear()


def _failed(answer: Mapping[str, Any]) -> list[str]:
    assert list(answer) == ["batchItemFailures"], answer
    assert all(list(each) == ["itemIdentifier"] for each in answer["batchItemFailures"]), answer
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]
