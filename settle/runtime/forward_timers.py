"""The forwarder: takes timers out of the timers queue and puts those that are due into the group of their instance.

One that is early waits again. That happens to timers that the scheduler brought, and would if clocks disagreed.
"""

import hashlib
import logging
from collections.abc import Sequence
from typing import Final

from settle.core.errors import SettleError
from settle.runtime.envelope import TimerEnvelope, dump_envelope, parse_timer
from settle.runtime.instance import InstanceKey
from settle.runtime.limits import MAX_DELAY_SECONDS
from settle.runtime.outlets import Outlets
from settle.runtime.ports import Clock, DeadLetterQueue
from settle.runtime.standard_message import StandardMessage, open_or_bury
from settle.runtime.tally import Observe, Tally, ignore

ID_DIGITS: Final = 40
UNREADABLE_GROUP: Final = "timers"
"""Message group of what cannot be read, in the dead-letter queue."""
STRANGER: Final = "only our own consumer, and its schedules, may set timers"
"""Why a message of anybody else is buried."""

_logger = logging.getLogger("settle")


def forward_timers(
    outlets: Outlets,
    dead_letters: DeadLetterQueue,
    clock: Clock,
    messages: Sequence[StandardMessage],
    observe: Observe = ignore,
) -> list[str]:
    """Forward what is due, let the rest wait again, and return the ids of the messages that have to come again."""
    failed: list[str] = []
    tally = Tally()
    for message in messages:
        try:
            _forward(outlets, dead_letters, clock, message, tally)
        except SettleError as error:
            _logger.warning("a timer has to wait: %s", error.summary, extra={"code": error.code})
            failed.append(message.message_id)
    observe(tally)
    return failed


def _forward(
    outlets: Outlets, dead_letters: DeadLetterQueue, clock: Clock, message: StandardMessage, tally: Tally
) -> None:
    timer = open_or_bury(message, parse_timer, dead_letters, group=UNREADABLE_GROUP, reason=STRANGER)
    if timer is None:
        tally.buried += 1
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
    tally.timer_lateness.append(-left)


def _deduplication_id(timer: TimerEnvelope) -> str:
    """Return an id that follows from which timer of which incarnation it is, so that two deliveries are one event."""
    text = f"{timer.incarnation}\n{timer.what.value}\n{timer.key}"
    return hashlib.sha256(text.encode()).hexdigest()[:ID_DIGITS]
