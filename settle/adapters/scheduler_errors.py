"""What EventBridge Scheduler and the way to it may answer, in the words of the runtime; by error code, never by text.

Codes: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html, and CommonErrors beside it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from settle.adapters.aws_errors import error_code
from settle.runtime.errors import SchedulerUnavailableError

EXISTS: Final = "ConflictException"
"""A schedule of that name is there, or is being changed at this moment."""
ABSENT: Final = "ResourceNotFoundException"
"""Of a schedule, or of its group."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise what botocore raises as errors of the runtime.

    Raises:
        SchedulerUnavailableError: throttled, over the quota, unreachable, timed out, failing or closed to us; time or
            an operator mends it while the timer waits in the outbox. A `ValidationException` is no exception: what AWS
            says of valid requests our own check has asked before, and a role that Scheduler may not assume is answered
            by the same code (https://github.com/aws/aws-sdk-js-v3/issues/6494).
    """
    try:
        yield
    except ClientError as error:
        raise SchedulerUnavailableError(f"EventBridge Scheduler: {error_code(error)}") from error
    except BotoCoreError as error:
        if isinstance(error, ParamValidationError):
            raise
        raise SchedulerUnavailableError(f"EventBridge Scheduler cannot be reached: {error}") from error
