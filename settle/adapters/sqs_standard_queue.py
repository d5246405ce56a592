"""A standard queue on SQS: messages that wait for a time of their own, and tasks that may take long."""

from typing import TYPE_CHECKING

from settle.adapters.sqs_errors import translated
from settle.adapters.sqs_queue import change_visibility
from settle.adapters.time_rules import check_delay
from settle.runtime.limits import check_body

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsStandardQueue:
    """A `StandardQueue`.

    Args:
        client: see `settle.adapters.sqs_queue.make_sqs_client`.
        queue_url: of a standard queue.
        arn: of the same queue.
    """

    def __init__(self, client: "SQSClient", *, queue_url: str, arn: str) -> None:
        self._client, self._queue_url, self._arn = client, queue_url, arn

    @property
    def arn(self) -> str:
        """ARN of the queue."""
        return self._arn

    def send(self, *, body: str, delay: int = 0) -> None:
        """Send one message, to be delivered in `delay` seconds.

        Raises:
            ValueError: the delay is not one that SQS takes.
            EnvelopeInvalidError: a body that SQS would refuse.
            MessageTooLargeError: over the limit.
            QueueUnavailableError: see `settle.adapters.sqs_errors`.
        """
        check_delay(delay)
        check_body(body)
        with translated():
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=body, DelaySeconds=delay)

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        """Let a received message become visible again in so many seconds. A stale handle is passed over.

        Raises:
            QueueUnavailableError: the message stays hidden until its visibility timeout.
        """
        change_visibility(self._client, self._queue_url, receipt_handle, seconds)
