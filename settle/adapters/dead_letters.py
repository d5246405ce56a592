"""Dead-letter queues as whoever empties them sees them, on both backends."""

from collections.abc import Sequence
from typing import Final, Protocol

from settle.adapters.dead_letter import REASON_ATTRIBUTE, SENDER_ATTRIBUTE
from settle.adapters.polled_queue import PolledQueue, ReceivedMessage
from settle.runtime.dead_letter import DeadLetter
from settle.runtime.limits import MAX_BATCH

HIDE_SECONDS: Final = 120
"""How long letters are hidden from others: long enough to handle ten, and what stays when a run is killed is found
again after that."""
SCHEDULER_REASONS: Final = ("ERROR_CODE", "ERROR_MESSAGE")
"""Attributes in which EventBridge Scheduler says why it gave a message up;
https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html"""


class ReturnableQueue(PolledQueue, Protocol):
    """A polled queue that takes messages back."""

    def delay(self, receipt_handles: Sequence[str], seconds: float) -> None:
        """Let received messages become visible again in so many seconds, in the order given."""


class QueuedDeadLetters:
    """`DeadLetters` in a queue.

    Args:
        queue: that holds them.
    """

    def __init__(self, queue: ReturnableQueue) -> None:
        self._queue = queue

    def receive(self) -> list[DeadLetter]:
        """Take up to ten letters."""
        received = self._queue.receive(max_messages=MAX_BATCH, visibility_timeout=HIDE_SECONDS)
        return [_letter(message) for message in received]

    def delete(self, letter: DeadLetter) -> None:
        """Delete a letter."""
        self._queue.delete([letter.handle])

    def put_back(self, letters: Sequence[DeadLetter]) -> None:
        """Have letters found again at once. Newest first, so that a group is never there in part."""
        self._queue.delay([letter.handle for letter in reversed(letters)], 0)


def _letter(message: ReceivedMessage) -> DeadLetter:
    attributes = message.attributes
    texts = {name: str(value.get("StringValue", "")) for name, value in message.message_attributes.items()}
    reasons = (texts.get(name, "") for name in (REASON_ATTRIBUTE, *SCHEDULER_REASONS))
    return DeadLetter(
        id=message.message_id,
        handle=message.receipt_handle,
        group=attributes.get("MessageGroupId", ""),
        deduplication_id=attributes.get("MessageDeduplicationId", ""),
        body=message.body,
        sender=attributes.get("SenderId", ""),
        reason=": ".join(filter(None, reasons)),
        first_sender=texts.get(SENDER_ATTRIBUTE, ""),
    )
