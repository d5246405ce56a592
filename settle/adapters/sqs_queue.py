"""The event queue on SQS."""

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from botocore.config import Config
from botocore.exceptions import ClientError

from settle.adapters.aws_errors import error_code
from settle.adapters.aws_session import make_session
from settle.adapters.dead_letter import letter_attributes
from settle.adapters.polled_queue import ReceivedMessage
from settle.adapters.sqs_errors import STALE_CODES, translated
from settle.runtime.errors import QueueUnavailableError
from settle.runtime.limits import (
    MAX_BATCH,
    MAX_SQS_MESSAGE_BYTES,
    MAX_VISIBILITY_SECONDS,
    MAX_WAIT_SECONDS,
    check_message,
)
from settle.runtime.ports import SentMessage

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

CONNECT_SECONDS: Final = 2.0
READ_SECONDS: Final = 5.0
"""SQS answers within milliseconds; three attempts must end well before API Gateway gives up at 30 s."""
ATTEMPTS: Final = 3


def make_sqs_client(
    *,
    session: "Session | None" = None,
    region: str | None = None,
    endpoint_url: str | None = None,
    long_poll_seconds: int = 0,
    connections: int = 10,
) -> "SQSClient":
    """Make a client that gives up soon: the event source mapping, or the caller, tries again later.

    It may be used by all threads.

    Args:
        session: that makes it, one client at a time; one of its own by default.
        region: of the queue; the environment's by default.
        endpoint_url: of an emulator.
        long_poll_seconds: longest wait of a receive through this client.
        connections: kept open, one per thread that calls at the same time.
    """
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS + long_poll_seconds,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=connections,
        tcp_keepalive=True,
    )
    client: SQSClient = (session or make_session()).create_client(
        "sqs", region_name=region, endpoint_url=endpoint_url, config=config
    )
    return client


class SqsEventQueue:
    """An `EventQueue`.

    Args:
        client: see `make_sqs_client`.
        queue_url: of a FIFO queue with `DeduplicationScope=messageGroup` and without content-based deduplication.
        arn: of the same queue.
    """

    def __init__(self, client: "SQSClient", *, queue_url: str, arn: str) -> None:
        self._client, self._queue_url, self._arn = client, queue_url, arn

    @property
    def arn(self) -> str:
        """ARN of the queue."""
        return self._arn

    def send(self, *, group: str, deduplication_id: str, body: str) -> SentMessage:
        """Send one message. A deduplication id that its group saw within five minutes sends nothing more.

        Raises:
            NameInvalidError: an id that SQS would refuse.
            EnvelopeInvalidError: a body that SQS would refuse.
            MessageTooLargeError: over the limit.
            QueueUnavailableError: see `settle.adapters.sqs_errors`.
        """
        check_message(group=group, deduplication_id=deduplication_id, body=body)
        with translated():
            answer = self._client.send_message(
                QueueUrl=self._queue_url,
                MessageGroupId=group,
                MessageDeduplicationId=deduplication_id,
                MessageBody=body,
            )
        return SentMessage(message_id=answer["MessageId"], sequence_number=answer["SequenceNumber"])

    def acknowledge(self, receipt_handles: Sequence[str]) -> None:
        """Delete received messages. A handle whose delivery is over is passed over: its message comes again.

        Raises:
            QueueUnavailableError: some or all messages may still be there.
        """
        handles = iter(dict.fromkeys(receipt_handles))
        failed: list[str] = []
        while batch := list(islice(handles, MAX_BATCH)):
            with translated():
                answer = self._client.delete_message_batch(
                    QueueUrl=self._queue_url,
                    Entries=[{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(batch)],
                )
            failed += [entry["Code"] for entry in answer.get("Failed", ()) if entry["Code"] not in STALE_CODES]
        if failed:
            raise QueueUnavailableError(f"SQS did not delete {len(failed)} messages: {sorted(set(failed))}")

    def delay(self, receipt_handles: Sequence[str], seconds: float) -> None:
        """Let received messages become visible again in so many seconds, one after the other in the order given.

        Given newest first, a group is never partly visible. The batch call promises no order. A handle whose delivery
        is over is passed over.

        Raises:
            QueueUnavailableError: the remaining messages stay hidden until their visibility timeout.
        """
        for handle in receipt_handles:
            change_visibility(self._client, self._queue_url, handle, seconds)


class SqsDeadLetterQueue:
    """A `DeadLetterQueue`.

    Args:
        client: see `make_sqs_client`.
        queue_url: of the FIFO queue that is the dead-letter queue of the event queue.
    """

    def __init__(self, client: "SQSClient", *, queue_url: str) -> None:
        self._client, self._queue_url = client, queue_url

    def bury(self, *, group: str, deduplication_id: str, body: str, reason: str, sender: str = "") -> None:
        """Keep a message, with reason and sender as message attributes. Raises `QueueUnavailableError`."""
        check_message(group=group, deduplication_id=deduplication_id, body=body, limit=MAX_SQS_MESSAGE_BYTES)
        with translated():
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageGroupId=group,
                MessageDeduplicationId=deduplication_id,
                MessageBody=body,
                MessageAttributes={
                    name: {"DataType": value["DataType"], "StringValue": value["StringValue"]}
                    for name, value in letter_attributes(body, reason, sender).items()
                },
            )


class SqsPolledQueue:
    """A `PolledQueue`, for emulators of SQS.

    Args:
        client: made with the same `long_poll_seconds`.
        queue_url: of the queue.
        arn: of the same queue.
        long_poll_seconds: how long a receive waits at the queue for the first message, at most 20.
    """

    def __init__(self, client: "SQSClient", *, queue_url: str, arn: str, long_poll_seconds: int = 1) -> None:
        self._client, self._queue_url = client, queue_url
        self._queue = SqsEventQueue(client, queue_url=queue_url, arn=arn)
        self._long_poll_seconds = min(long_poll_seconds, MAX_WAIT_SECONDS)

    @property
    def arn(self) -> str:
        """ARN of the queue."""
        return self._queue.arn

    def receive(self, *, max_messages: int, visibility_timeout: float) -> list[ReceivedMessage]:
        """Take messages, waiting for the first as long as the constructor says. Raises `QueueUnavailableError`."""
        with translated():
            answer = self._client.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=max_messages,
                VisibilityTimeout=math.ceil(visibility_timeout),
                WaitTimeSeconds=self._long_poll_seconds,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        return list(_received(answer.get("Messages", ())))

    def delete(self, receipt_handles: Sequence[str]) -> None:
        """Delete received messages; stale handles are passed over. Raises `QueueUnavailableError`."""
        self._queue.acknowledge(receipt_handles)

    def delay(self, receipt_handles: Sequence[str], seconds: float) -> None:
        """Let received messages become visible again in so many seconds, in the order given.

        Raises:
            QueueUnavailableError: the remaining messages stay hidden until their visibility timeout.
        """
        self._queue.delay(receipt_handles, seconds)

    def wait(self, timeout: float) -> None:
        """Return at once: `receive` does the waiting, there is nothing cheaper to ask SQS."""


def change_visibility(client: "SQSClient", queue_url: str, receipt_handle: str, seconds: float) -> None:
    """Let a received message become visible again in so many seconds. A handle whose delivery is over is passed over.

    Raises:
        QueueUnavailableError: the message stays hidden until its visibility timeout.
    """
    timeout = min(max(math.ceil(seconds), 0), MAX_VISIBILITY_SECONDS)
    with translated():
        try:
            client.change_message_visibility(
                QueueUrl=queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=timeout
            )
        except ClientError as error:
            if error_code(error) not in STALE_CODES:
                raise


def _received(messages: "Sequence[MessageTypeDef]") -> Iterator[ReceivedMessage]:
    for message in messages:
        yield ReceivedMessage(
            message_id=message["MessageId"],
            receipt_handle=message["ReceiptHandle"],
            body=message["Body"],
            attributes={str(name): value for name, value in message.get("Attributes", {}).items()},
            message_attributes={name: {**value} for name, value in message.get("MessageAttributes", {}).items()},
        )
