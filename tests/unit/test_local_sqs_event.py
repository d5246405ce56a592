"""Received messages become the event of Lambda's event source mapping."""

from settle.adapters.polled_queue import ReceivedMessage
from settle.local.sqs_event import to_event

ARN = "arn:aws:sqs:eu-west-1:000000000000:events.fifo"


def test_record_has_the_shape_that_lambda_gives_it() -> None:
    message = ReceivedMessage(
        message_id="m1",
        receipt_handle="h1",
        body="hello",
        attributes={"MessageGroupId": "count/1", "ApproximateReceiveCount": "1"},
        message_attributes={
            "reason": {"DataType": "String", "StringValue": "why"},
            "bytes": {"DataType": "Binary", "BinaryValue": b"\x00"},
        },
    )
    assert to_event([message], arn=ARN) == {
        "Records": [
            {
                "messageId": "m1",
                "receiptHandle": "h1",
                "body": "hello",
                "attributes": {"MessageGroupId": "count/1", "ApproximateReceiveCount": "1"},
                "messageAttributes": {
                    "reason": {
                        "dataType": "String",
                        "stringValue": "why",
                        "stringListValues": [],
                        "binaryListValues": [],
                    },
                    "bytes": {
                        "dataType": "Binary",
                        "binaryValue": "AA==",
                        "stringListValues": [],
                        "binaryListValues": [],
                    },
                },
                "md5OfBody": "5d41402abc4b2a76b9719d911017c592",
                "eventSource": "aws:sqs",
                "eventSourceARN": ARN,
                "awsRegion": "eu-west-1",
            }
        ]
    }
