"""What the guard mends in the standard queues of moto: which receipt handles still count.

moto takes every handle that a message ever had, so that one of an earlier delivery deletes or delays a message that
somebody else is working on. It also counts the twelve hours that a message may stay hidden from when it was sent, which
a clock that is moved forwards runs into. The caller holds the lock of the guard.
"""

from moto.sqs.exceptions import ReceiptHandleIsInvalid, SQSException
from moto.sqs.models import Message, Queue


class MessageNotInflight(SQSException):
    """The delivery under this handle is over; moto has no such answer."""

    def __init__(self) -> None:
        super().__init__("AWS.SimpleQueueService.MessageNotInflight", "The message is not in flight.")


def change_visibility(queue: Queue, receipt_handle: str, seconds: int) -> None:
    """Let a message become visible again in so many seconds.

    Raises:
        ReceiptHandleIsInvalid: no message of the queue was delivered under this handle.
        MessageNotInflight: it is visible again, or was delivered again.
    """
    message = _find(queue, receipt_handle)
    if message.receipt_handle != receipt_handle or message.visible:
        raise MessageNotInflight
    if seconds:
        message.change_visibility(seconds)
    else:
        # What is visible from this moment on is not so yet for moto.
        message.visible_at = 0.0
        queue.pending_messages.discard(message)


def is_outdated(queue: Queue, receipt_handle: str) -> bool:
    """Return whether a message was delivered again since, in which case SQS may answer well and delete nothing.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
    """
    return any(
        message.receipt_handle != receipt_handle and message.had_receipt_handle(receipt_handle)
        for message in queue._messages  # noqa: SLF001 - moto shows the visible ones only
    )


def _find(queue: Queue, receipt_handle: str) -> Message:
    for message in queue._messages:  # noqa: SLF001 - moto shows the visible ones only
        if message.had_receipt_handle(receipt_handle):
            return message
    raise ReceiptHandleIsInvalid
