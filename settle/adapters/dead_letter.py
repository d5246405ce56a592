"""What both dead-letter queues put beside a message: the reason, as a message attribute."""

from typing import Final, TypedDict

from settle.runtime.limits import MAX_SQS_MESSAGE_BYTES, NOT_A_CHARACTER

REASON_ATTRIBUTE: Final = "reason"


class TextAttribute(TypedDict):
    """A message attribute, in the shape of boto3."""

    DataType: str
    StringValue: str


def reason_attribute(body: str, reason: str) -> dict[str, TextAttribute]:
    """Return the attribute, cut so that SQS takes it with the body; none when the body leaves no room.

    SQS counts name, type and value of an attribute against the limit of the message, and refuses empty values and
    control characters (API_SendMessage). A message must never be kept from its dead-letter queue by that.
    """
    room = MAX_SQS_MESSAGE_BYTES - len(body.encode()) - len(REASON_ATTRIBUTE) - len("String")
    text = NOT_A_CHARACTER.sub("\ufffd", reason).encode()[: max(room, 0)].decode(errors="ignore")
    return {REASON_ATTRIBUTE: {"DataType": "String", "StringValue": text}} if text else {}
