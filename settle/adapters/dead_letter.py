"""What both dead-letter queues put beside a message, as message attributes: the reason, and who had sent it."""

from typing import Final, TypedDict

from settle.runtime.limits import MAX_SQS_MESSAGE_BYTES, NOT_A_CHARACTER

REASON_ATTRIBUTE: Final = "reason"
SENDER_ATTRIBUTE: Final = "sender"
_TEXT: Final = "String"


class TextAttribute(TypedDict):
    """A message attribute, in the shape of boto3."""

    DataType: str
    StringValue: str


def letter_attributes(body: str, reason: str, sender: str = "") -> dict[str, TextAttribute]:
    """Return the attributes, cut so that SQS takes them with the body; none when the body leaves no room.

    SQS counts name, type and value of an attribute against the limit of the message, and refuses empty values and
    control characters (API_SendMessage). A message must never be kept from its dead-letter queue by that.

    Args:
        body: of the message.
        reason: why nobody could take it.
        sender: as the event queue named them; whoever buries a message is its sender from then on.
    """
    room = MAX_SQS_MESSAGE_BYTES - len(body.encode())
    attributes: dict[str, TextAttribute] = {}
    # A sender is worth nothing when it is cut; the reason is read by people.
    for name, value, whole in ((SENDER_ATTRIBUTE, sender, True), (REASON_ATTRIBUTE, reason, False)):
        left = max(room - len(name) - len(_TEXT), 0)
        written = NOT_A_CHARACTER.sub("\ufffd", value).encode()
        if not written or not left or (whole and len(written) > left):
            continue
        text = written[:left].decode(errors="ignore")
        room -= len(name) + len(_TEXT) + len(text.encode())
        if text:
            attributes[name] = {"DataType": _TEXT, "StringValue": text}
    return attributes
