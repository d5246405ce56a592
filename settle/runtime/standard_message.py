"""A message of a standard queue as a function receives it. Only our own functions, and schedules, fill these queues."""

import logging
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, TypeVar

from settle.runtime.errors import EnvelopeInvalidError
from settle.runtime.log_keys import group_log_keys
from settle.runtime.message import is_trusted
from settle.runtime.ports import DeadLetterQueue

Opened = TypeVar("Opened")

_logger = logging.getLogger("settle")


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardMessage:
    """One record of a batch.

    Attributes:
        message_id: given by the queue.
        receipt_handle: of this delivery.
        trusted: whether somebody sent it who may.
        body: its text.
    """

    message_id: str
    receipt_handle: str
    trusted: bool
    body: str


def read_standard_record(record: Mapping[str, Any], trusted_senders: AbstractSet[str]) -> StandardMessage:
    """Read one record of the event that Lambda gives a function."""
    return StandardMessage(
        message_id=record["messageId"],
        receipt_handle=record["receiptHandle"],
        trusted=is_trusted(record["attributes"].get("SenderId", ""), trusted_senders),
        body=record["body"],
    )


def open_or_bury(
    message: StandardMessage,
    parse: Callable[[str], Opened],
    dead_letters: DeadLetterQueue,
    *,
    group: str,
    reason: str,
) -> Opened | None:
    """Return what a message says; None when it cannot be read, or comes from a stranger, and is buried.

    Args:
        message: as received.
        parse: reads its body, or raises `EnvelopeInvalidError`.
        dead_letters: where it is buried.
        group: message group that it has there.
        reason: why strangers are not believed.

    Raises:
        EnvelopeTooNewError: a newer release wrote it.
        QueueUnavailableError: it could not be buried.
    """
    if message.trusted:
        try:
            return parse(message.body)
        except EnvelopeInvalidError as error:
            reason = str(error)
    _logger.warning("message buried: %s", reason, extra=group_log_keys(group))
    dead_letters.bury(group=group, deduplication_id=message.message_id, body=message.body, reason=reason)
    return None
