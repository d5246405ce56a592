"""What EventBridge Scheduler and the way to it may answer, in the words of the runtime; by error code.

Codes: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html, and CommonErrors beside it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from settle.adapters.sqs_errors import error_code
from settle.runtime.errors import ScheduleRefusedError, SchedulerUnavailableError

EXISTS: Final = "ConflictException"
"""A schedule of that name is there, or is being changed at this moment."""
ABSENT: Final = "ResourceNotFoundException"
REFUSED: Final = "ValidationException"


@contextmanager
def translated() -> Iterator[None]:
    """Raise what botocore raises as errors of the runtime.

    Raises:
        ScheduleRefusedError: no retry mends the request.
        SchedulerUnavailableError: throttled, over the quota, unreachable, timed out, failing or closed to us; time or
            an operator mends it while the timer waits in the outbox.
    """
    try:
        yield
    except ClientError as error:
        code = error_code(error)
        if code == REFUSED:
            raise ScheduleRefusedError(f"EventBridge Scheduler refuses a schedule: {code}") from error
        raise SchedulerUnavailableError(f"EventBridge Scheduler: {code}") from error
    except BotoCoreError as error:
        if isinstance(error, ParamValidationError):
            raise
        raise SchedulerUnavailableError(f"EventBridge Scheduler cannot be reached: {error}") from error
