"""A dead letter, and whether it may be sent again: as what, or why it stays.

Sending again must not apply an event twice, and must not make anybody's message one of ours.

- A letter that the consumer buried was never applied. Its events go under the ids that they had, and are entered in the
  ledger, so that sending them twice applies them once.
- A letter that the queue itself moved, after a thousand receives, may have been applied: its consumer may have died
  between the commit and the acknowledgement each time. Nothing that is left says whether it was, so it stays unless
  somebody decides otherwise. What counts only while an instance waits for it is sent all the same.
- What a stranger sent is sent as theirs: type and data, under their name, and no other kind of message.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from settle.runtime.envelope import (
    THIRD_SCHEMA,
    ControlAction,
    ControlEnvelope,
    CreateEnvelope,
    Envelope,
    EventsEnvelope,
    RefusalEnvelope,
    ResultEnvelope,
    TimerEnvelope,
    dump_envelope,
    parse_envelope,
    parse_timer,
)
from settle.runtime.errors import EnvelopeInvalidError, EnvelopeTooNewError, MessageTooLargeError
from settle.runtime.instance import InstanceKey
from settle.runtime.ledger import LEDGER_MARK
from settle.runtime.limits import check_body
from settle.runtime.message import is_trusted
from settle.runtime.open_envelope import as_from_stranger


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message of a dead-letter queue.

    Attributes:
        id: of the message there.
        handle: of this delivery.
        group: message group; empty in a standard queue.
        deduplication_id: the id that the message had in the queue that it comes from; empty in a standard queue.
        body: as it was sent.
        sender: who put it here, or, when the queue itself did, who had sent it.
        reason: why it is here, if anybody said so.
        first_sender: who had sent it, as whoever buried it says; empty when nobody did.
    """

    id: str
    handle: str
    group: str
    deduplication_id: str
    body: str
    sender: str
    reason: str = ""
    first_sender: str = ""


class LetterStaysError(Exception):
    """A dead letter that is not sent again. The message says why."""


def revive_event(letter: DeadLetter, ours: AbstractSet[str], *, perhaps_applied: bool = False) -> tuple[str, str]:
    """Return group and body of the message that a dead letter of the event queue is sent again as.

    Args:
        letter: of the dead-letter queue of the event queue.
        ours: role ids of our functions, as the consumer believes them.
        perhaps_applied: send also what may have been applied before, and would then be once more.

    Raises:
        LetterStaysError: it is not sent again.
    """
    envelope = _parse(letter)
    # Only ours bury; a stranger's message may bring any attributes along.
    buried = bool(letter.reason) and is_trusted(letter.sender, ours)
    first_sender = letter.first_sender if buried else letter.sender
    if not (buried or perhaps_applied or _counts_while_live(envelope)):
        raise LetterStaysError("it was received too often, and may have been applied; --perhaps-applied sends it")
    if not is_trusted(first_sender, ours):
        envelope = _as_from_stranger(envelope, letter, first_sender)
    if isinstance(envelope, EventsEnvelope):
        marks = {"body_hash": envelope.body_hash or LEDGER_MARK, "redriven": True, "schema_version": THIRD_SCHEMA}
        envelope = envelope.model_copy(update=marks)
    elif isinstance(envelope, ControlEnvelope) and not _counts_while_live(envelope):
        raise LetterStaysError(f"{envelope.action.value!r} was meant for the moment it was asked for; ask again")
    return letter.group, _checked(dump_envelope(envelope))


def revive_timer(letter: DeadLetter, ours: AbstractSet[str]) -> str:
    """Return the body of the message that a dead letter of the timers queue is sent again as.

    A timer counts only while its instance waits for it, so it may be sent as often as one likes.

    Args:
        letter: of the dead-letter queue of the timers queue.
        ours: role ids of whoever may set timers.

    Raises:
        LetterStaysError: it is not sent again.
    """
    try:
        parse_timer(letter.body)
    except (EnvelopeInvalidError, EnvelopeTooNewError) as error:
        raise LetterStaysError(str(error)) from error
    if not is_trusted(letter.sender, ours):
        raise LetterStaysError(f"{letter.sender!r} may not set timers")
    return letter.body


def _parse(letter: DeadLetter) -> Envelope:
    try:
        envelope = parse_envelope(letter.body)
    except (EnvelopeInvalidError, EnvelopeTooNewError) as error:
        raise LetterStaysError(str(error)) from error
    if str(InstanceKey(envelope.machine, envelope.instance)) != letter.group:
        raise LetterStaysError(f"it is for {envelope.machine}/{envelope.instance}, and not in the group of that")
    return envelope


def _counts_while_live(envelope: Envelope) -> bool:
    """Whether a message changes nothing when it comes again, or too late."""
    match envelope:
        case TimerEnvelope() | ResultEnvelope():
            return True
        case ControlEnvelope(action=ControlAction.DRAIN | ControlAction.STOP):
            return True
        case ControlEnvelope(action=ControlAction.DELETE, incarnation=incarnation):
            return incarnation is not None
        case ControlEnvelope() | EventsEnvelope() | CreateEnvelope() | RefusalEnvelope():
            return False


def _as_from_stranger(envelope: Envelope, letter: DeadLetter, sender: str) -> EventsEnvelope:
    """Return a stranger's events as the consumer would have taken them: under ids that follow from the message."""
    if not sender:
        raise LetterStaysError("nobody knows who sent it")
    if not isinstance(envelope, EventsEnvelope) or envelope.redriven:
        raise LetterStaysError(f"only our own functions may send {envelope.kind!r}, and {sender!r} is none")
    return as_from_stranger(envelope, sender, letter.deduplication_id)


def _checked(body: str) -> str:
    try:
        check_body(body)
    except MessageTooLargeError as error:
        raise LetterStaysError(str(error)) from error
    return body
