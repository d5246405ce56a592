"""Queues for tests: the same four handles on every backend."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest
from moto import mock_aws

from settle.adapters.aws_resources import create_resources
from settle.adapters.dynamodb_store import make_dynamodb_client
from settle.adapters.polled_queue import PolledQueue, ReceivedMessage
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_queue import SqliteDeadLetterQueue, SqliteQueue
from settle.adapters.sqs_queue import SqsDeadLetterQueue, SqsEventQueue, SqsPolledQueue, make_sqs_client
from settle.local.moto_guard import MotoGuard
from settle.runtime.ports import DeadLetterQueue, EventQueue, SentMessage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
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
class QueueUnderTest:
    """A FIFO queue that gives up a message after `MAX_RECEIVE_COUNT` deliveries, seen from all sides."""

    clock: MovableClock
    queue: EventQueue
    polled: PolledQueue
    dead_letter_queue: DeadLetterQueue
    dead_letters: PolledQueue

    def send(self, body: str, group: str = "g", deduplication_id: str | None = None) -> SentMessage:
        return self.queue.send(group=group, deduplication_id=deduplication_id or body, body=body)

    def send_all(self, *bodies: str, group: str = "g") -> None:
        for body in bodies:
            self.send(body, group)

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


@dataclass(frozen=True, kw_only=True)
class MotoClients:
    """Clients of a guarded moto in this process, whose SQS goes by a movable clock."""

    clock: MovableClock
    sqs: "SQSClient"
    dynamodb: "DynamoDBClient"


@contextmanager
def moto_clients() -> Iterator[MotoClients]:
    """Start an empty moto; whoever sends through these clients is `SENDER`."""
    clock = MovableClock()
    with MotoGuard(now=clock.now), mock_aws(), pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", SENDER)
        yield MotoClients(clock=clock, sqs=make_sqs_client(region=REGION), dynamodb=make_dynamodb_client(region=REGION))


def sqs_queue(clients: MotoClients, prefix: str) -> QueueUnderTest:
    made = create_resources(clients.dynamodb, clients.sqs, prefix=prefix, visibility_timeout=VISIBILITY_SECONDS)
    policy = clients.sqs.get_queue_attributes(QueueUrl=made.queue_url, AttributeNames=["RedrivePolicy"])["Attributes"]
    redrive = {**json.loads(policy["RedrivePolicy"]), "maxReceiveCount": MAX_RECEIVE_COUNT}
    clients.sqs.set_queue_attributes(QueueUrl=made.queue_url, Attributes={"RedrivePolicy": json.dumps(redrive)})
    return QueueUnderTest(
        clock=clients.clock,
        queue=SqsEventQueue(clients.sqs, queue_url=made.queue_url, arn=made.queue_arn),
        polled=SqsPolledQueue(clients.sqs, queue_url=made.queue_url, arn=made.queue_arn, long_poll_seconds=0),
        dead_letter_queue=SqsDeadLetterQueue(clients.sqs, queue_url=made.dead_letter_queue_url),
        dead_letters=SqsPolledQueue(clients.sqs, queue_url=made.dead_letter_queue_url, arn="", long_poll_seconds=0),
    )
