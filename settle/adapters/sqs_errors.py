"""What SQS and the way to it may answer, in the words of the runtime; by error code, never by message text.

Codes: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html, and the pages of the
calls.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from settle.adapters.aws_errors import error_code
from settle.runtime.errors import QueueUnavailableError

STALE_CODES: Final = frozenset(
    {
        "ReceiptHandleIsInvalid",
        # Of a FIFO queue, for a handle that has expired.
        "InvalidParameterValue",
        "InvalidParameterValueException",
        "AWS.SimpleQueueService.MessageNotInflight",
        "MessageNotInflight",
    }
)
"""Answers to a receipt handle whose delivery is over."""
MISTAKE_CODES: Final = frozenset(
    {
        "InvalidAttributeValue",
        "InvalidMessageContents",
        "InvalidParameterCombination",
        "InvalidParameterValue",
        "InvalidParameterValueException",
        "MissingParameter",
        "UnsupportedOperation",
        "AWS.SimpleQueueService.UnsupportedOperation",
    }
)
"""Requests that no retry mends: a bug of ours, so they pass as they are. Everything else, a missing role or queue
included, an operator or time can mend while the events wait."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise what botocore raises as errors of the runtime.

    Raises:
        QueueUnavailableError: throttled, unreachable, timed out, failing or closed to us.
    """
    try:
        yield
    except ClientError as error:
        code = error_code(error)
        if code in MISTAKE_CODES:
            raise
        raise QueueUnavailableError(f"SQS: {code}") from error
    except BotoCoreError as error:
        if isinstance(error, ParamValidationError):
            raise
        raise QueueUnavailableError(f"SQS cannot be reached: {error}") from error
