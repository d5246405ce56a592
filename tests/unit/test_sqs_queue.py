"""The SQS adapters: answers that no emulator gives on demand."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError
from botocore.stub import Stubber

from settle.adapters.sqs_queue import SqsDeadLetterQueue, SqsEventQueue, SqsPolledQueue, make_sqs_client
from settle.runtime.errors import QueueUnavailableError
from settle.runtime.limits import MAX_VISIBILITY_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/events.fifo"
ARN = "arn:aws:sqs:eu-central-1:123456789012:events.fifo"

Call = Callable[["SQSClient"], object]
CALLS: dict[str, Call] = {
    "send_message": lambda client: event_queue(client).send(group="g", deduplication_id="id", body="b"),
    "delete_message_batch": lambda client: event_queue(client).acknowledge(["handle"]),
    "change_message_visibility": lambda client: event_queue(client).delay(["handle"], 1),
    "receive_message": lambda client: SqsPolledQueue(client, queue_url=URL, arn=ARN).receive(
        max_messages=1, visibility_timeout=1
    ),
}


def event_queue(client: "SQSClient") -> SqsEventQueue:
    return SqsEventQueue(client, queue_url=URL, arn=ARN)


@pytest.fixture(scope="module")
def client() -> "SQSClient":
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "none")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "none")
        return make_sqs_client(region="eu-central-1")


@pytest.fixture
def stubber(client: "SQSClient") -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("RequestThrottled", 403),
        ("ThrottlingException", 400),
        ("InternalError", 500),
        ("ServiceUnavailable", 503),
        ("AccessDeniedException", 403),
        ("AWS.SimpleQueueService.NonExistentQueue", 400),
    ],
)
def test_what_time_or_an_operator_mends_is_unavailable(
    client: "SQSClient", stubber: Stubber, name: str, code: str, status: int
) -> None:
    stubber.add_client_error(name, code, http_status_code=status)
    with pytest.raises(QueueUnavailableError, match=code) as raised:
        CALLS[name](client)
    assert isinstance(raised.value.__cause__, ClientError)


@pytest.mark.parametrize("name", ["send_message", "delete_message_batch", "receive_message"])
def test_a_mistake_of_ours_is_not_hidden(client: "SQSClient", stubber: Stubber, name: str) -> None:
    stubber.add_client_error(name, "InvalidParameterValue", http_status_code=400)
    with pytest.raises(ClientError):
        CALLS[name](client)


def test_a_queue_that_cannot_be_reached_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("settle.adapters.sqs_queue.ATTEMPTS", 1)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    # A port that nobody may listen on.
    unreachable = make_sqs_client(region="eu-central-1", endpoint_url="http://127.0.0.1:1")
    with pytest.raises(QueueUnavailableError, match="cannot be reached"):
        event_queue(unreachable).send(group="g", deduplication_id="id", body="b")


def test_a_call_that_botocore_refuses_is_not_hidden(client: "SQSClient") -> None:
    queue = SqsPolledQueue(client, queue_url=URL, arn=ARN)
    wrong: Any = "ten"
    with pytest.raises(ParamValidationError):
        queue.receive(max_messages=wrong, visibility_timeout=1)


def test_stale_handles_are_passed_over_and_other_failures_are_not(client: "SQSClient", stubber: Stubber) -> None:
    def failed(code: str) -> dict[str, object]:
        return {"Id": "0", "SenderFault": True, "Code": code}

    stale = [failed("ReceiptHandleIsInvalid"), failed("InvalidParameterValue")]
    for failures in (stale, [*stale, failed("InternalError")]):
        stubber.add_response("delete_message_batch", {"Successful": [], "Failed": failures})
    event_queue(client).acknowledge(["a", "b"])
    with pytest.raises(QueueUnavailableError, match=r"did not delete 1 messages: \['InternalError'\]"):
        event_queue(client).acknowledge(["a", "b", "c"])


def test_a_failed_batch_does_not_keep_the_next_from_being_deleted(client: "SQSClient", stubber: Stubber) -> None:
    handles = [f"handle-{number}" for number in range(12)]
    failure = {"Id": "3", "SenderFault": False, "Code": "ServiceUnavailable"}
    for batch, failures in ((handles[:10], [failure]), (handles[10:], [])):
        entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(batch)]
        stubber.add_response(
            "delete_message_batch", {"Successful": [], "Failed": failures}, {"QueueUrl": URL, "Entries": entries}
        )
    with pytest.raises(QueueUnavailableError):
        event_queue(client).acknowledge([*handles, handles[0]])


@pytest.mark.parametrize(
    "code", ["ReceiptHandleIsInvalid", "InvalidParameterValue", "AWS.SimpleQueueService.MessageNotInflight"]
)
def test_handles_are_delayed_one_by_one_in_the_order_given(client: "SQSClient", stubber: Stubber, code: str) -> None:
    def expected(handle: str) -> dict[str, object]:
        return {"QueueUrl": URL, "ReceiptHandle": handle, "VisibilityTimeout": 3}

    stubber.add_response("change_message_visibility", {}, expected("newest"))
    stubber.add_client_error("change_message_visibility", code, expected_params=expected("stale"))
    stubber.add_response("change_message_visibility", {}, expected("oldest"))
    event_queue(client).delay(["newest", "stale", "oldest"], 2.4)


@pytest.mark.parametrize(("seconds", "sent"), [(-1, 0), (0, 0), (10**6, MAX_VISIBILITY_SECONDS)])
def test_a_delay_stays_within_what_sqs_takes(client: "SQSClient", stubber: Stubber, seconds: int, sent: int) -> None:
    parameters = {"QueueUrl": URL, "ReceiptHandle": "handle", "VisibilityTimeout": sent}
    stubber.add_response("change_message_visibility", {}, parameters)
    event_queue(client).delay(["handle"], seconds)


def test_burying_reports_trouble_like_sending(client: "SQSClient", stubber: Stubber) -> None:
    stubber.add_client_error("send_message", "RequestThrottled", http_status_code=403)
    with pytest.raises(QueueUnavailableError):
        SqsDeadLetterQueue(client, queue_url=URL).bury(group="g", deduplication_id="id", body="b", reason="r")


def test_a_long_poll_is_given_the_time_to_answer() -> None:
    quick, patient = (make_sqs_client(region="eu-central-1", long_poll_seconds=seconds) for seconds in (0, 20))
    assert patient.meta.config.read_timeout == quick.meta.config.read_timeout + 20
