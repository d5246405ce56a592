"""The receiving side of a queue, for the local event source mapping. On AWS, Lambda does this."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessage:
    """A message as SQS delivers it.

    Attributes:
        message_id: given by the queue; the same in every delivery.
        receipt_handle: of this delivery; void when the message becomes visible again.
        body: as sent.
        attributes: system attributes under their AWS names, all values text: `ApproximateReceiveCount`, `SentTimestamp`
            and `ApproximateFirstReceiveTimestamp` (milliseconds), `SenderId`, `SequenceNumber`, `MessageGroupId`,
            `MessageDeduplicationId`.
        message_attributes: the sender's own, in the shape of boto3 (`DataType`, `StringValue`).
    """

    message_id: str
    receipt_handle: str
    body: str
    attributes: Mapping[str, str]
    message_attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class PolledQueue(Protocol):
    """A queue that one asks for messages. Methods raise `QueueUnavailableError` as those of `EventQueue` do."""

    @property
    def arn(self) -> str:
        """Name of the queue, as in the records of its event source mapping."""

    def receive(self, *, max_messages: int, visibility_timeout: float) -> list[ReceivedMessage]:
        """Take up to `max_messages` (at most 10), and hide them for `visibility_timeout` seconds.

        Several groups may come in one batch, each in order; nobody else gets messages of these groups meanwhile.
        """

    def delete(self, receipt_handles: Sequence[str]) -> None:
        """Delete received messages; handles that are no longer valid are passed over."""

    def wait(self, timeout: float) -> None:
        """Return as soon as `receive` may have something to give, and after `timeout` seconds at the latest."""
