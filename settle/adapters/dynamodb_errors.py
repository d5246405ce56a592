"""What DynamoDB and the way to it may answer, in the words of the runtime; by error code, never by message text.

Codes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html. What stands in no list
here is a mistake in our own request (`ValidationException`) and passes as it is.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from settle.adapters.aws_errors import error_code
from settle.core.errors import SettleError
from settle.runtime.errors import ConflictError, StoreUnavailableError

CONDITION_FAILED: Final = "ConditionalCheckFailedException"
TRANSACTION_CANCELED: Final = "TransactionCanceledException"
CONFLICT_CODES: Final = frozenset({CONDITION_FAILED, "TransactionConflictException"})
CONFLICT_REASONS: Final = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
"""Codes of the reasons of a cancelled transaction."""
UNAVAILABLE_REASONS: Final = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError"})
UNAVAILABLE_CODES: Final = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestAbortedException",
        "RequestExpired",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
        # A role, a key or a table that is not there yet, or no more: an operator mends it, the events wait.
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "ResourceNotFoundException",
        "UnrecognizedClientException",
    }
)
THROTTLED: Final = 429
SERVER_ERROR: Final = 500
"""HTTP status from which on the service is at fault."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise what botocore raises as errors of the runtime.

    Raises:
        ConflictError: a condition failed, or another transaction holds the item.
        StoreUnavailableError: throttled, unreachable, timed out, failing or closed to us.
    """
    try:
        yield
    except ClientError as error:
        found = _translate(error)
        if found is None:
            raise
        raise found from error
    except BotoCoreError as error:
        if isinstance(error, ParamValidationError):
            raise
        raise StoreUnavailableError(f"DynamoDB cannot be reached: {error}") from error


def _translate(error: ClientError) -> SettleError | None:
    code = error_code(error)
    if code in CONFLICT_CODES:
        return ConflictError(f"DynamoDB: {code}")
    if code == TRANSACTION_CANCELED:
        return _translate_reasons(error.response)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in UNAVAILABLE_CODES or status == THROTTLED or status >= SERVER_ERROR:
        return StoreUnavailableError(f"DynamoDB: {code} (HTTP {status})")
    return None


def _translate_reasons(response: Mapping[str, Any]) -> SettleError | None:
    codes = {reason.get("Code", "None") for reason in response.get("CancellationReasons", ())} - {"None"}
    if codes & CONFLICT_REASONS:
        return ConflictError(f"DynamoDB cancelled a transaction: {sorted(codes)}")
    if codes & UNAVAILABLE_REASONS:
        return StoreUnavailableError(f"DynamoDB cancelled a transaction: {sorted(codes)}")
    return None
