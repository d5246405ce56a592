"""Which times a standard queue and EventBridge Scheduler accept: our own check, so that all adapters refuse the same.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html, DelaySeconds;
https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html.
"""

import math
import re
from datetime import UTC, datetime
from typing import Final

from settle.runtime.errors import EnvelopeInvalidError, MessageTooLargeError, ScheduleRefusedError
from settle.runtime.limits import MAX_DELAY_SECONDS, MAX_SCHEDULE_NAME, check_body

_NAME: Final = re.compile(rf"[0-9a-zA-Z-_.]{{1,{MAX_SCHEDULE_NAME}}}")


def check_delay(delay: int) -> None:
    """Refuse a delay that SQS does not take.

    Raises:
        ValueError: whoever asks for it has a mistake; what is further ahead is a schedule.
    """
    if not 0 <= delay <= MAX_DELAY_SECONDS:
        raise ValueError(f"a standard queue delays a message by 0 to {MAX_DELAY_SECONDS} s, not by {delay}")


def check_schedule(name: str, at: float, body: str) -> int:
    """Return when a schedule fires: its time, rounded up to a whole second.

    Raises:
        ScheduleRefusedError: name, time or body are not what the service takes, or the queue behind it.
    """
    if not _NAME.fullmatch(name):
        raise ScheduleRefusedError(f"a schedule's name has 1 to {MAX_SCHEDULE_NAME} characters of 0-9a-zA-Z-_.")
    try:
        check_body(body)
        second = math.ceil(at)
        datetime.fromtimestamp(second, UTC)
    except (EnvelopeInvalidError, MessageTooLargeError, ValueError, OverflowError, OSError) as error:
        raise ScheduleRefusedError(f"the scheduler cannot take {name}: {error}") from error
    return second
