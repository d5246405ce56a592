"""The table, the queues and the schedule group that the adapters rely on, as requests to create them.

The deployed ones come from the stack, which a test holds against these; an emulator gets them from here.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from settle.adapters.blocked_index import BLOCKED_SINCE, INDEX
from settle.runtime.limits import MAX_MESSAGE_BYTES, MAX_SQS_MESSAGE_BYTES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

    Attributes = dict[QueueAttributeNameType, str]

TABLE: Final[dict[str, Any]] = {
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
        {"AttributeName": INDEX, "AttributeType": "S"},
        {"AttributeName": BLOCKED_SINCE, "AttributeType": "N"},
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": INDEX,
            "KeySchema": [
                {"AttributeName": INDEX, "KeyType": "HASH"},
                {"AttributeName": BLOCKED_SINCE, "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
}
"""Arguments of CreateTable, without the name."""
TTL_ATTRIBUTE: Final = "expires_at"
RETENTION_SECONDS: Final = 14 * 24 * 60 * 60
"""The longest that SQS offers: an outage must not lose or reorder events."""
MAX_RECEIVE_COUNT: Final = 1000
"""The most that SQS takes: consumer and worker have limits of their own, and an event that SQS moves away lets its
successors overtake it."""
QUEUE_ATTRIBUTES: "Final[Attributes]" = {
    "FifoQueue": "true",
    # A producer that forgets the deduplication id gets an error; equal bodies would be dropped without one.
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "messageGroup",
    "FifoThroughputLimit": "perMessageGroupId",
    "MaximumMessageSize": str(MAX_MESSAGE_BYTES),
    "MessageRetentionPeriod": str(RETENTION_SECONDS),
    "SqsManagedSseEnabled": "true",
}
"""Attributes of CreateQueue, without the visibility timeout and the redrive policy."""
DEAD_LETTER_QUEUE_ATTRIBUTES: "Final[Attributes]" = {
    **QUEUE_ATTRIBUTES,
    # Room for the reason beside the largest message of the event queue.
    "MaximumMessageSize": str(MAX_SQS_MESSAGE_BYTES),
}
STANDARD_QUEUE_ATTRIBUTES: "Final[Attributes]" = {
    "MaximumMessageSize": str(MAX_MESSAGE_BYTES),
    "MessageRetentionPeriod": str(RETENTION_SECONDS),
    "SqsManagedSseEnabled": "true",
}
"""Of the timers queue, the tasks queue and their dead-letter queues, without the same two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What was created."""

    table_name: str
    queue_url: str
    queue_arn: str
    dead_letter_queue_url: str
    timers_queue_url: str
    timers_queue_arn: str
    timers_dead_letter_queue_url: str
    timers_dead_letter_queue_arn: str
    tasks_queue_url: str
    tasks_queue_arn: str
    tasks_dead_letter_queue_url: str
    tasks_dead_letter_queue_arn: str
    schedule_group: str


def create_resources(
    dynamodb: "DynamoDBClient",
    sqs: "SQSClient",
    *,
    prefix: str,
    visibility_timeout: int,
    scheduler: "EventBridgeSchedulerClient | None" = None,
) -> Resources:
    """Create the table, the queues with their dead-letter queues, and the schedule group.

    Args:
        dynamodb: client of the emulator.
        sqs: client of the emulator.
        prefix: of their names.
        visibility_timeout: of every queue that invokes a function, seconds.
        scheduler: client of the emulator; None creates no schedule group.
    """
    table_name = f"{prefix}-instances"
    _create_table(dynamodb, table_name)
    if scheduler is not None:
        scheduler.create_schedule_group(Name=prefix)

    def make(name: str, attributes: "Attributes", dead_letter_queue: _Queue | None = None) -> _Queue:
        return _create_queue(sqs, f"{prefix}-{name}", attributes, dead_letter_queue)

    visibility: Attributes = {"VisibilityTimeout": str(visibility_timeout)}
    dead_events = make("events-dead-letters.fifo", DEAD_LETTER_QUEUE_ATTRIBUTES)
    events = make("events.fifo", {**QUEUE_ATTRIBUTES, **visibility}, dead_events)
    dead_timers = make("timers-dead-letters", STANDARD_QUEUE_ATTRIBUTES)
    timers = make("timers", {**STANDARD_QUEUE_ATTRIBUTES, **visibility}, dead_timers)
    dead_tasks = make("tasks-dead-letters", {**STANDARD_QUEUE_ATTRIBUTES, **visibility})
    tasks = make("tasks", {**STANDARD_QUEUE_ATTRIBUTES, **visibility}, dead_tasks)
    return Resources(
        table_name=table_name,
        queue_url=events.url,
        queue_arn=events.arn,
        dead_letter_queue_url=dead_events.url,
        timers_queue_url=timers.url,
        timers_queue_arn=timers.arn,
        timers_dead_letter_queue_url=dead_timers.url,
        timers_dead_letter_queue_arn=dead_timers.arn,
        tasks_queue_url=tasks.url,
        tasks_queue_arn=tasks.arn,
        tasks_dead_letter_queue_url=dead_tasks.url,
        tasks_dead_letter_queue_arn=dead_tasks.arn,
        schedule_group=prefix,
    )


def _create_table(dynamodb: "DynamoDBClient", name: str) -> None:
    dynamodb.create_table(TableName=name, **TABLE)
    dynamodb.update_time_to_live(
        TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
    )


@dataclass(frozen=True, slots=True)
class _Queue:
    url: str
    arn: str


def _create_queue(
    sqs: "SQSClient", name: str, attributes: "Attributes", dead_letter_queue: _Queue | None = None
) -> _Queue:
    redrive: Attributes = {}
    if dead_letter_queue is not None:
        policy = {"deadLetterTargetArn": dead_letter_queue.arn, "maxReceiveCount": str(MAX_RECEIVE_COUNT)}
        redrive = {"RedrivePolicy": json.dumps(policy)}
    url = sqs.create_queue(QueueName=name, Attributes={**attributes, **redrive})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return _Queue(url, arn)
