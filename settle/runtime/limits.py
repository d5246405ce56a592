"""Limits of the services that carry events and keep instances, and the check that no message is refused by them."""

import re
from typing import Final

from settle.runtime.errors import EnvelopeInvalidError, MessageTooLargeError, NameInvalidError

MAX_MESSAGE_BYTES: Final = 262_144
"""Body and attributes of a message, together. Ours: SQS takes 1 MiB (`MAX_SQS_MESSAGE_BYTES`), but whatever is accepted
must also fit a held item beside its keys."""
MAX_SQS_MESSAGE_BYTES: Final = 1_048_576
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html"""
MAX_NESTING: Final = 201
"""Brackets within brackets that a message may have: as many as pydantic's parser reads, so nothing deeper comes in."""
MAX_GROUP_LENGTH: Final = 128
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html, MessageGroupId; the
deduplication id has the same rules."""
MAX_BATCH: Final = 10
"""Entries of one SQS batch request, and messages of one receive."""
MAX_VISIBILITY_SECONDS: Final = 43_200
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html"""
MAX_DELAY_SECONDS: Final = 900
"""Longest delay of a message of a standard queue; API_SendMessage, DelaySeconds. FIFO queues take none per message."""
MAX_SCHEDULE_NAME: Final = 64
"""https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html, Name"""
MAX_WAIT_SECONDS: Final = 20
"""Longest long poll of a receive; API_ReceiveMessage, WaitTimeSeconds."""
DEDUPLICATION_SECONDS: Final = 300
"""How long a FIFO queue remembers a deduplication id, whether or not its message was deleted since;
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html"""
MAX_ITEM_BYTES: Final = 400 * 1024
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html, item size"""
MAX_TRANSACTION_ITEMS: Final = 100
"""Items of one TransactWriteItems; the same page."""

WORKER_TIMEOUT_SECONDS: Final = 300.0
"""After which the worker ends an invocation, as the stack deploys it and the local system runs it."""

ID_PATTERN: Final = re.compile(r"""[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]""" + f"{{1,{MAX_GROUP_LENGTH}}}")
"""Message group ids and deduplication ids; API_SendMessage."""
NOT_A_CHARACTER: Final = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What a message or a message attribute cannot carry; API_SendMessage, MessageBody. All others are allowed there; said
that way round it takes a cold start twelve times as long to compile."""


def check_message(*, group: str, deduplication_id: str, body: str, limit: int = MAX_MESSAGE_BYTES) -> None:
    """Check a message before it is sent, so that every queue refuses the same ones in the same way.

    Args:
        group: message group id.
        deduplication_id: of the message.
        body: of the message.
        limit: bytes that the body may take.

    Raises:
        NameInvalidError: an id is empty, longer than 128, or has characters other than letters, digits, punctuation.
        EnvelopeInvalidError: the body is empty or has characters that SQS does not carry (the same page, MessageBody).
        MessageTooLargeError: over the limit.
    """
    for name, value in (("message group id", group), ("deduplication id", deduplication_id)):
        if not ID_PATTERN.fullmatch(value):
            raise NameInvalidError(f"{name} {value!r} is not 1 to 128 letters, digits or punctuation")
    check_body(body, limit)


def check_body(body: str, limit: int = MAX_MESSAGE_BYTES) -> None:
    """Check the body of a message for a standard queue. Raises as `check_message` does."""
    if not body or NOT_A_CHARACTER.search(body):
        raise EnvelopeInvalidError("a message body is not empty and has no control characters or lone surrogates")
    size = len(body.encode())
    if size > limit:
        raise MessageTooLargeError(f"the message has {size} bytes; {limit} are allowed")
