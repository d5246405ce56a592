"""The forwarder: takes timers out of the timers queue and puts those that are due into the group of their instance.

One that is early waits again. That happens to timers that the scheduler brought, and would if clocks disagreed.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from settle.core.errors import SettleError
from settle.runtime.envelope import TimerEnvelope, dump_envelope, parse_timer
from settle.runtime.errors import EnvelopeInvalidError
from settle.runtime.instance import InstanceKey
from settle.runtime.limits import MAX_DELAY_SECONDS
from settle.runtime.outlets import Outlets
from settle.runtime.ports import Clock, DeadLetterQueue

ID_DIGITS: Final = 40
UNREADABLE_GROUP: Final = "timers"
"""Message group of what cannot be read, in the dead-letter queue."""

_logger = logging.getLogger("settle")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerMessage:
    """A message of the timers queue.

    Attributes:
        message_id: given by the queue.
        trusted: whether the consumer or the scheduler sent it.
        body: a `TimerEnvelope`.
    """

    message_id: str
    trusted: bool
    body: str


def forward_timers(
    outlets: Outlets, dead_letters: DeadLetterQueue, clock: Clock, messages: Sequence[TimerMessage]
) -> list[str]:
    """Forward what is due, let the rest wait again, and return the ids of the messages that have to come again."""
    failed: list[str] = []
    for message in messages:
        try:
            _forward(outlets, dead_letters, clock, message)
        except SettleError as error:
            _logger.warning("a timer has to wait: %s", error, extra={"code": error.code})
            failed.append(message.message_id)
    return failed


def _forward(outlets: Outlets, dead_letters: DeadLetterQueue, clock: Clock, message: TimerMessage) -> None:
    timer = _read(dead_letters, message)
    if timer is None:
        return
    left = timer.due - clock.now()
    if left > 0:
        outlets.timers.send(body=message.body, delay=min(int(left) + 1, MAX_DELAY_SECONDS))
        return
    outlets.events.send(
        group=str(InstanceKey(timer.machine, timer.instance)),
        deduplication_id=_deduplication_id(timer),
        body=dump_envelope(timer),
    )


def _read(dead_letters: DeadLetterQueue, message: TimerMessage) -> TimerEnvelope | None:
    """Return a timer; None when it is none, or comes from a stranger, and is buried."""
    reason = "only our own consumer, and its schedules, may set timers"
    if message.trusted:
        try:
            return parse_timer(message.body)
        except EnvelopeInvalidError as error:
            reason = str(error)
    _logger.warning("timer buried: %s", reason)
    dead_letters.bury(group=UNREADABLE_GROUP, deduplication_id=message.message_id, body=message.body, reason=reason)
    return None


def _deduplication_id(timer: TimerEnvelope) -> str:
    """Return an id that follows from which timer of which incarnation it is, so that two deliveries are one event."""
    text = f"{timer.incarnation}\n{timer.what.value}\n{timer.key}"
    return hashlib.sha256(text.encode()).hexdigest()[:ID_DIGITS]
