"""What a function's answer to a batch means: which messages the event source mapping deletes.

The rules are Lambda's for `ReportBatchItemFailures`, as documented and as recorded on AWS:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from collections.abc import Mapping, Sequence

from settle.adapters.polled_queue import ReceivedMessage


class InvalidBatchResponseError(Exception):
    """An answer that Lambda takes for the failure of the whole batch."""


def succeeded(messages: Sequence[ReceivedMessage], answer: object) -> list[ReceivedMessage]:
    """Return the messages that the function did not list as failed; they are deleted, whatever their group or order.

    An empty or null answer, and an empty, null or missing `batchItemFailures`, mean that all succeeded.

    Raises:
        InvalidBatchResponseError: an entry without a known `itemIdentifier`, or no JSON object at all.
    """
    failed = _failed(answer)
    unknown = failed - {message.message_id for message in messages}
    if unknown:
        raise InvalidBatchResponseError(
            f"batchItemFailures names messages that are not in the batch: {sorted(unknown)}"
        )
    return [message for message in messages if message.message_id not in failed]


def _failed(answer: object) -> set[str]:
    if not answer:
        return set()
    if not isinstance(answer, Mapping):
        raise InvalidBatchResponseError(f"the answer is {type(answer).__name__}, not an object")
    failures = answer.get("batchItemFailures")
    if not failures:
        return set()
    if not isinstance(failures, list):
        raise InvalidBatchResponseError("batchItemFailures is not a list")
    return {_identifier(failure) for failure in failures}


def _identifier(failure: object) -> str:
    identifier = failure.get("itemIdentifier") if isinstance(failure, Mapping) else None
    if not isinstance(identifier, str) or not identifier:
        raise InvalidBatchResponseError(f"an entry of batchItemFailures has no itemIdentifier: {failure!r}")
    return identifier
