"""A queue message as the consumer receives it."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from settle.runtime.receipt import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One record of a batch.

    Attributes:
        message_id: names it in the partial batch response.
        receipt_handle: deletes it, or changes when it is visible again.
        queue: ARN of the queue it came from.
        group: message group.
        sequence: number that rises within the group.
        receives: how often it was received, this time included.
        sender: who the queue says sent it.
        trusted: whether that is one of our own functions.
        body: its text.
    """

    message_id: str
    receipt_handle: str
    queue: str
    group: str
    sequence: int
    receives: int
    sender: str
    trusted: bool
    body: str

    def position(self, index: int) -> Position:
        """Where an event of its list stands in the queue."""
        return Position(self.sequence, index)


def read_record(record: Mapping[str, Any], trusted_senders: AbstractSet[str]) -> Message:
    """Read one record of the event that Lambda gives the consumer."""
    attributes = record["attributes"]
    sender = attributes.get("SenderId", "")
    return Message(
        message_id=record["messageId"],
        receipt_handle=record["receiptHandle"],
        queue=record["eventSourceARN"],
        group=attributes["MessageGroupId"],
        sequence=int(attributes["SequenceNumber"]),
        receives=int(attributes.get("ApproximateReceiveCount", "1")),
        sender=sender,
        trusted=is_trusted(sender, trusted_senders),
        body=record["body"],
    )


def is_trusted(sender: str, trusted_senders: AbstractSet[str]) -> bool:
    """Whether a message comes from one of our functions.

    SQS stamps `SenderId` as `<role id>:<session name>`; only the role id is compared.
    """
    return sender.partition(":")[0] in trusted_senders
