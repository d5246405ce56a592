"""Received messages as the event that Lambda's event source mapping gives to the consumer.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-fifo-message-event
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from settle.adapters.polled_queue import ReceivedMessage


def to_event(messages: Sequence[ReceivedMessage], *, arn: str) -> dict[str, Any]:
    """Build the event of one batch from a queue."""
    region = arn.split(":")[3]
    return {"Records": [_record(message, arn, region) for message in messages]}


def _record(message: ReceivedMessage, arn: str, region: str) -> dict[str, Any]:
    return {
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": dict(message.attributes),
        "messageAttributes": {name: _attribute(value) for name, value in message.message_attributes.items()},
        "md5OfBody": hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    }


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    # boto3 writes `StringValue` and bytes; Lambda `stringValue`, base64, and always both lists.
    content = {name[0].lower() + name[1:]: _text(one) for name, one in value.items()}
    return {**content, "stringListValues": [], "binaryListValues": []}


def _text(value: str | bytes) -> str:
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value
