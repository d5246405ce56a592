"""The table and the queues that the adapters rely on, as requests to create them.

The deployed ones come from the stack, which a test holds against these; an emulator gets them from here.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from settle.runtime.limits import MAX_MESSAGE_BYTES, MAX_SQS_MESSAGE_BYTES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

TABLE: Final[dict[str, Any]] = {
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
}
"""Arguments of CreateTable, without the name."""
TTL_ATTRIBUTE: Final = "expires_at"
RETENTION_SECONDS: Final = 14 * 24 * 60 * 60
"""The longest that SQS offers: an outage must not lose or reorder events."""
MAX_RECEIVE_COUNT: Final = 1000
"""The most that SQS takes: the consumer has limits of its own, and an event that SQS moves away lets its successors
overtake it."""
QUEUE_ATTRIBUTES: Final[dict["QueueAttributeNameType", str]] = {
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
DEAD_LETTER_QUEUE_ATTRIBUTES: Final[dict["QueueAttributeNameType", str]] = {
    **QUEUE_ATTRIBUTES,
    # Room for the reason beside the largest message of the event queue.
    "MaximumMessageSize": str(MAX_SQS_MESSAGE_BYTES),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What was created."""

    table_name: str
    queue_url: str
    queue_arn: str
    dead_letter_queue_url: str


def create_resources(
    dynamodb: "DynamoDBClient", sqs: "SQSClient", *, prefix: str, visibility_timeout: int
) -> Resources:
    """Create table, event queue and dead-letter queue.

    Args:
        dynamodb: client of the emulator.
        sqs: client of the emulator.
        prefix: of their names.
        visibility_timeout: of the event queue, seconds.
    """
    table_name = f"{prefix}-instances"
    dynamodb.create_table(TableName=table_name, **TABLE)
    dynamodb.update_time_to_live(
        TableName=table_name, TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
    )
    dead_letter_queue_url = sqs.create_queue(
        QueueName=f"{prefix}-events-dead-letters.fifo", Attributes=DEAD_LETTER_QUEUE_ATTRIBUTES
    )["QueueUrl"]
    redrive_policy = {
        "deadLetterTargetArn": _queue_arn(sqs, dead_letter_queue_url),
        "maxReceiveCount": str(MAX_RECEIVE_COUNT),
    }
    queue_url = sqs.create_queue(
        QueueName=f"{prefix}-events.fifo",
        Attributes={
            **QUEUE_ATTRIBUTES,
            "VisibilityTimeout": str(visibility_timeout),
            "RedrivePolicy": json.dumps(redrive_policy),
        },
    )["QueueUrl"]
    return Resources(
        table_name=table_name,
        queue_url=queue_url,
        queue_arn=_queue_arn(sqs, queue_url),
        dead_letter_queue_url=dead_letter_queue_url,
    )


def _queue_arn(sqs: "SQSClient", url: str) -> str:
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
