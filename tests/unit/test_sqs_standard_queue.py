"""The standard SQS queue: answers that no emulator gives on demand."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from settle.adapters.sqs_queue import make_sqs_client
from settle.adapters.sqs_standard_queue import SqsStandardQueue
from settle.runtime.errors import QueueUnavailableError
from settle.runtime.limits import MAX_VISIBILITY_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/settle-dev-tasks"
ARN = "arn:aws:sqs:eu-central-1:123456789012:settle-dev-tasks"

CALLS: dict[str, Callable[[SqsStandardQueue], object]] = {
    "send_message": lambda queue: queue.send(body="b", delay=1),
    "change_message_visibility": lambda queue: queue.postpone("handle", 1),
}


@pytest.fixture(scope="module")
def client() -> "SQSClient":
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "none")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "none")
        return make_sqs_client(region="eu-central-1")


@pytest.fixture
def queue(client: "SQSClient") -> SqsStandardQueue:
    return SqsStandardQueue(client, queue_url=URL, arn=ARN)


@pytest.fixture
def stubber(client: "SQSClient") -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    "code", ["RequestThrottled", "AccessDeniedException", "AWS.SimpleQueueService.NonExistentQueue"]
)
def test_what_time_or_an_operator_mends_is_unavailable(
    queue: SqsStandardQueue, stubber: Stubber, name: str, code: str
) -> None:
    stubber.add_client_error(name, code, http_status_code=400)
    with pytest.raises(QueueUnavailableError, match=code) as raised:
        CALLS[name](queue)
    assert isinstance(raised.value.__cause__, ClientError)


def test_a_mistake_of_ours_is_not_hidden(queue: SqsStandardQueue, stubber: Stubber) -> None:
    stubber.add_client_error("send_message", "InvalidMessageContents", http_status_code=400)
    with pytest.raises(ClientError):
        queue.send(body="b")


@pytest.mark.parametrize(
    "code", ["ReceiptHandleIsInvalid", "InvalidParameterValue", "AWS.SimpleQueueService.MessageNotInflight"]
)
def test_a_stale_handle_is_passed_over(queue: SqsStandardQueue, stubber: Stubber, code: str) -> None:
    stubber.add_client_error("change_message_visibility", code)
    queue.postpone("stale", 1)


@pytest.mark.parametrize(("seconds", "sent"), [(-1, 0), (0, 0), (10**6, MAX_VISIBILITY_SECONDS)])
def test_a_message_is_postponed_within_what_sqs_takes(
    queue: SqsStandardQueue, stubber: Stubber, seconds: int, sent: int
) -> None:
    parameters = {"QueueUrl": URL, "ReceiptHandle": "handle", "VisibilityTimeout": sent}
    stubber.add_response("change_message_visibility", {}, parameters)
    queue.postpone("handle", seconds)
