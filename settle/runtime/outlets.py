"""Where the consumer sends what must outlive its invocation."""

import math
from dataclasses import dataclass
from typing import Final

from settle.runtime.limits import MAX_DELAY_SECONDS
from settle.runtime.ports import EventQueue, Scheduler, StandardQueue

SCHEDULE_LEAD_SECONDS: Final = 60
"""How long before its timer is due a schedule fires: EventBridge Scheduler is up to a minute late
(https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html), and the timers queue waits out the
rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlets:
    """Queues and the scheduler.

    Attributes:
        events: carries every event.
        timers: carries timers that are due within its longest delay.
        tasks: carries calls of background services.
        scheduler: carries the timers that are due later, and then puts them into `timers`.
    """

    events: EventQueue
    timers: StandardQueue
    tasks: StandardQueue
    scheduler: Scheduler


def carry_timer(outlets: Outlets, *, name: str, body: str, due: float, now: float) -> None:
    """Have a timer come out of the timers queue when it is due, or earlier, but never later than it need be.

    Args:
        outlets: that carry it.
        name: of its schedule, should it be one.
        body: of the message.
        due: in seconds since the epoch; what is past comes at once.
        now: in seconds since the epoch.

    Raises:
        UnavailableError: a service cannot be reached.
        ScheduleRefusedError: the scheduler will never take it.
    """
    left = due - now
    if left <= MAX_DELAY_SECONDS:
        outlets.timers.send(body=body, delay=max(0, math.ceil(left)))
    else:
        outlets.scheduler.schedule(name=name, at=due - SCHEDULE_LEAD_SECONDS, body=body)
