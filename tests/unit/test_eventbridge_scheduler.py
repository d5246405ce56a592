"""The scheduler on AWS: what it asks for, and answers that no emulator gives on demand."""

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError
from botocore.stub import ANY, Stubber

from settle.adapters.eventbridge_scheduler import EventBridgeScheduler, make_scheduler_client
from settle.core.errors import Disposition
from settle.runtime.errors import SchedulerUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient

GROUP = "settle-dev"
ROLE_ARN = "arn:aws:iam::123456789012:role/settle-dev-scheduler"
QUEUE_ARN = "arn:aws:sqs:eu-central-1:123456789012:settle-dev-timers"
DEAD_LETTER_ARN = "arn:aws:sqs:eu-central-1:123456789012:settle-dev-timers-dead-letters"
AT = 1_800_000_000.25
SCHEDULE_ARN = f"arn:aws:scheduler:eu-central-1:123456789012:schedule/{GROUP}/timer"

CALLS: dict[str, Callable[[EventBridgeScheduler], object]] = {
    "create_schedule": lambda scheduler: scheduler.schedule(name="timer", at=AT, body="body"),
    "delete_schedule": lambda scheduler: scheduler.cancel("timer"),
}


@pytest.fixture(scope="module")
def client() -> "EventBridgeSchedulerClient":
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "none")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "none")
        return make_scheduler_client(region="eu-central-1")


@pytest.fixture
def scheduler(client: "EventBridgeSchedulerClient") -> EventBridgeScheduler:
    return EventBridgeScheduler(client, group=GROUP, role_arn=ROLE_ARN, target_arn=QUEUE_ARN)


@pytest.fixture
def stubber(client: "EventBridgeSchedulerClient") -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def created(target: dict[str, Any]) -> dict[str, Any]:
    return {
        "Name": "timer",
        "GroupName": GROUP,
        "ScheduleExpression": "at(2027-01-15T08:00:01)",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "ClientToken": ANY,
        "Target": {
            "Arn": QUEUE_ARN,
            "RoleArn": ROLE_ARN,
            "Input": "body",
            "RetryPolicy": {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185},
            **target,
        },
    }


# ---- requests


def test_a_schedule_is_exact_deletes_itself_and_is_tried_for_a_day(
    scheduler: EventBridgeScheduler, stubber: Stubber
) -> None:
    stubber.add_response("create_schedule", {"ScheduleArn": SCHEDULE_ARN}, created({}))
    scheduler.schedule(name="timer", at=AT, body="body")


def test_what_cannot_be_sent_goes_to_the_dead_letters_where_there_are_some(
    client: "EventBridgeSchedulerClient", stubber: Stubber
) -> None:
    scheduler = EventBridgeScheduler(
        client, group=GROUP, role_arn=ROLE_ARN, target_arn=QUEUE_ARN, dead_letter_arn=DEAD_LETTER_ARN
    )
    expected = created({"DeadLetterConfig": {"Arn": DEAD_LETTER_ARN}})
    stubber.add_response("create_schedule", {"ScheduleArn": SCHEDULE_ARN}, expected)
    scheduler.schedule(name="timer", at=AT, body="body")


def test_a_repeated_request_has_the_same_token_and_another_name_has_another(
    client: "EventBridgeSchedulerClient", scheduler: EventBridgeScheduler, stubber: Stubber
) -> None:
    tokens: list[str] = []

    def keep(params: dict[str, Any], **_: Any) -> None:
        tokens.append(params["ClientToken"])

    event = "before-parameter-build.scheduler.CreateSchedule"
    client.meta.events.register(event, keep)
    for name in ("a.b", "a.b", "a-b"):
        stubber.add_response("create_schedule", {"ScheduleArn": SCHEDULE_ARN})
        scheduler.schedule(name=name, at=AT, body="body")
    client.meta.events.unregister(event, keep)
    assert tokens[0] == tokens[1] != tokens[2]


# ---- answers


def test_a_name_that_is_taken_is_passed_over(scheduler: EventBridgeScheduler, stubber: Stubber) -> None:
    stubber.add_client_error("create_schedule", "ConflictException", http_status_code=409)
    scheduler.schedule(name="timer", at=AT, body="body")


def test_cancelling_a_schedule_that_is_not_there_is_passed_over(
    scheduler: EventBridgeScheduler, stubber: Stubber
) -> None:
    stubber.add_client_error("delete_schedule", "ResourceNotFoundException", http_status_code=404)
    scheduler.cancel("timer")


def test_words_that_the_service_would_replace_arrive_as_they_are(
    scheduler: EventBridgeScheduler, stubber: Stubber
) -> None:
    sent = '{"key": "\\u003caws.scheduler.execution-id>"}'
    expected = created({})
    expected["Target"] = {"Arn": QUEUE_ARN, "RoleArn": ROLE_ARN, "Input": sent, "RetryPolicy": ANY}
    stubber.add_response("create_schedule", {"ScheduleArn": SCHEDULE_ARN}, expected)
    scheduler.schedule(name="timer", at=AT, body='{"key": "<aws.scheduler.execution-id>"}')
    assert json.loads(sent) == {"key": "<aws.scheduler.execution-id>"}


@pytest.mark.parametrize(
    ("name", "code", "status"),
    [
        *(
            (name, code, status)
            for name in CALLS
            for code, status in [
                ("ThrottlingException", 429),
                ("InternalServerException", 500),
                ("ServiceQuotaExceededException", 402),
                ("AccessDeniedException", 403),
                ("ExpiredTokenException", 403),
                # Also the answer to a role that the service may not assume.
                ("ValidationException", 400),
            ]
        ),
        # The group: an operator mends it.
        ("create_schedule", "ResourceNotFoundException", 404),
        # Somebody else is changing the schedule at this moment.
        ("delete_schedule", "ConflictException", 409),
    ],
)
def test_what_time_or_an_operator_mends_is_unavailable(
    scheduler: EventBridgeScheduler, stubber: Stubber, name: str, code: str, status: int
) -> None:
    stubber.add_client_error(name, code, http_status_code=status)
    with pytest.raises(SchedulerUnavailableError, match=code) as raised:
        CALLS[name](scheduler)
    assert raised.value.disposition is Disposition.RETRY
    assert isinstance(raised.value.__cause__, ClientError)


@pytest.mark.parametrize("name", CALLS)
def test_a_scheduler_that_cannot_be_reached_is_unavailable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("settle.adapters.eventbridge_scheduler.ATTEMPTS", 1)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    # A port that nobody may listen on.
    client = make_scheduler_client(region="eu-central-1", endpoint_url="http://127.0.0.1:1")
    scheduler = EventBridgeScheduler(client, group=GROUP, role_arn=ROLE_ARN, target_arn=QUEUE_ARN)
    with pytest.raises(SchedulerUnavailableError, match="cannot be reached"):
        CALLS[name](scheduler)


def test_a_call_that_botocore_refuses_is_not_hidden(client: "EventBridgeSchedulerClient") -> None:
    wrong: Any = 7
    scheduler = EventBridgeScheduler(client, group=wrong, role_arn=ROLE_ARN, target_arn=QUEUE_ARN)
    with pytest.raises(ParamValidationError):
        scheduler.cancel("timer")


def test_a_client_gives_up_soon(client: "EventBridgeSchedulerClient") -> None:
    config = client.meta.config
    longest = config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout)
    assert longest < 30
