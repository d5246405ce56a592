"""Queues and schedulers for tests: the same handles on every backend."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest
from moto import mock_aws

from settle.adapters.aws_resources import Resources, create_resources
from settle.adapters.dynamodb_store import make_dynamodb_client
from settle.adapters.eventbridge_scheduler import make_scheduler_client
from settle.adapters.polled_queue import PolledQueue, ReceivedMessage
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_queue import SqliteDeadLetterQueue, SqliteQueue
from settle.adapters.sqlite_standard_queue import TASKS_DEAD_LETTER_QUEUE, TASKS_QUEUE, SqliteStandardQueue
from settle.adapters.sqs_queue import SqsDeadLetterQueue, SqsEventQueue, SqsPolledQueue, make_sqs_client
from settle.adapters.sqs_standard_queue import SqsStandardQueue
from settle.local.moto_guard import MotoGuard
from settle.runtime.ports import DeadLetterQueue, EventQueue, SentMessage, StandardQueue

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_sqs import SQSClient

START: Final = 1_800_000_000.0
SENDER: Final = "AROAINGRESS"
MAX_RECEIVE_COUNT: Final = 3
VISIBILITY_SECONDS: Final = 30
REGION: Final = "eu-central-1"


class MovableClock:
    """Stands still until a test moves it."""

    def __init__(self, now: float = START) -> None:
        self._now = now

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


@dataclass(frozen=True, kw_only=True)
class _Polled:
    """The receiving side of a queue that gives up a message after `MAX_RECEIVE_COUNT` deliveries."""

    clock: MovableClock
    polled: PolledQueue
    dead_letters: PolledQueue

    def receive(self, max_messages: int = 10, visibility_timeout: float = VISIBILITY_SECONDS) -> list[ReceivedMessage]:
        return self.polled.receive(max_messages=max_messages, visibility_timeout=visibility_timeout)

    def receive_one(self) -> ReceivedMessage:
        (message,) = self.receive(1)
        return message

    def take(self, max_messages: int = 10) -> list[str]:
        """Receive and delete."""
        messages = self.receive(max_messages)
        self.polled.delete(handles(messages))
        return bodies(messages)

    def take_one_by_one(self) -> list[str]:
        taken: list[str] = []
        while batch := self.take(1):
            taken += batch
        return taken

    def expire(self) -> None:
        """Let every visibility timeout pass."""
        self.clock.sleep(VISIBILITY_SECONDS + 1)


@dataclass(frozen=True, kw_only=True)
class QueueUnderTest(_Polled):
    """A FIFO queue, seen from all sides."""

    queue: EventQueue
    dead_letter_queue: DeadLetterQueue

    def send(self, body: str, group: str = "g", deduplication_id: str | None = None) -> SentMessage:
        return self.queue.send(group=group, deduplication_id=deduplication_id or body, body=body)

    def send_all(self, *bodies: str, group: str = "g") -> None:
        for body in bodies:
            self.send(body, group)


@dataclass(frozen=True, kw_only=True)
class StandardQueueUnderTest(_Polled):
    """A standard queue, seen from both sides."""

    queue: StandardQueue

    def send_all(self, *bodies: str, delay: int = 0) -> None:
        for body in bodies:
            self.queue.send(body=body, delay=delay)


def bodies(messages: Sequence[ReceivedMessage]) -> list[str]:
    return [message.body for message in messages]


def handles(messages: Sequence[ReceivedMessage]) -> list[str]:
    return [message.receipt_handle for message in messages]


def sqlite_queue(database: SqliteDatabase, clock: MovableClock) -> QueueUnderTest:
    queue = SqliteQueue(database, clock, sender=SENDER, max_receive_count=MAX_RECEIVE_COUNT)
    dead_letter_queue = SqliteDeadLetterQueue(database, clock, sender=SENDER)
    return QueueUnderTest(
        clock=clock,
        queue=queue,
        polled=queue,
        dead_letter_queue=dead_letter_queue,
        dead_letters=dead_letter_queue.queue,
    )


def sqlite_standard_queue(database: SqliteDatabase, clock: MovableClock) -> StandardQueueUnderTest:
    queue = SqliteStandardQueue(
        database,
        clock,
        sender=SENDER,
        name=TASKS_QUEUE,
        dead_letters=TASKS_DEAD_LETTER_QUEUE,
        max_receive_count=MAX_RECEIVE_COUNT,
    )
    dead_letters = SqliteStandardQueue(database, clock, sender=SENDER, name=TASKS_DEAD_LETTER_QUEUE)
    return StandardQueueUnderTest(clock=clock, queue=queue, polled=queue, dead_letters=dead_letters)


@dataclass(frozen=True, kw_only=True)
class MotoClients:
    """Clients of a guarded moto in this process, whose SQS goes by a movable clock."""

    clock: MovableClock
    sqs: "SQSClient"
    dynamodb: "DynamoDBClient"
    scheduler: "EventBridgeSchedulerClient"


@contextmanager
def moto_clients() -> Iterator[MotoClients]:
    """Start an empty moto; whoever sends through these clients is `SENDER`."""
    clock = MovableClock()
    with MotoGuard(now=clock.now), mock_aws(), pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", SENDER)
        yield MotoClients(
            clock=clock,
            sqs=make_sqs_client(region=REGION),
            dynamodb=make_dynamodb_client(region=REGION),
            scheduler=make_scheduler_client(region=REGION),
        )


def sqs_queue(clients: MotoClients, prefix: str) -> QueueUnderTest:
    made = _create(clients, prefix)
    _give_up_soon(clients, made.queue_url)
    return QueueUnderTest(
        clock=clients.clock,
        queue=SqsEventQueue(clients.sqs, queue_url=made.queue_url, arn=made.queue_arn),
        polled=_polled(clients, made.queue_url, made.queue_arn),
        dead_letter_queue=SqsDeadLetterQueue(clients.sqs, queue_url=made.dead_letter_queue_url),
        dead_letters=_polled(clients, made.dead_letter_queue_url),
    )


def sqs_standard_queue(clients: MotoClients, prefix: str) -> StandardQueueUnderTest:
    made = _create(clients, prefix)
    _give_up_soon(clients, made.tasks_queue_url)
    return StandardQueueUnderTest(
        clock=clients.clock,
        queue=SqsStandardQueue(clients.sqs, queue_url=made.tasks_queue_url, arn=made.tasks_queue_arn),
        polled=_polled(clients, made.tasks_queue_url, made.tasks_queue_arn),
        dead_letters=_polled(clients, made.tasks_dead_letter_queue_url),
    )


def _create(clients: MotoClients, prefix: str) -> Resources:
    return create_resources(
        clients.dynamodb,
        clients.sqs,
        prefix=prefix,
        visibility_timeout=VISIBILITY_SECONDS,
        scheduler=clients.scheduler,
    )


def _give_up_soon(clients: MotoClients, url: str) -> None:
    policy = clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
    redrive = {**json.loads(policy["RedrivePolicy"]), "maxReceiveCount": MAX_RECEIVE_COUNT}
    clients.sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(redrive)})


def _polled(clients: MotoClients, url: str, arn: str = "") -> SqsPolledQueue:
    return SqsPolledQueue(clients.sqs, queue_url=url, arn=arn, long_poll_seconds=0)
