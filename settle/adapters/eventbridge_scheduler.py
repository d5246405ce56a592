"""Timers that are due in more than fifteen minutes, as one-time schedules of EventBridge Scheduler."""

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from botocore.config import Config
from botocore.exceptions import ClientError

from settle.adapters.aws_errors import error_code
from settle.adapters.aws_session import make_session
from settle.adapters.scheduler_errors import ABSENT, EXISTS, translated
from settle.adapters.time_rules import check_schedule

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_scheduler.type_defs import TargetTypeDef

CONNECT_SECONDS: Final = 2.0
READ_SECONDS: Final = 5.0
ATTEMPTS: Final = 3
MAX_EVENT_AGE_SECONDS: Final = 86_400
"""The longest that Scheduler itself tries again to send to the queue."""
MAX_RETRY_ATTEMPTS: Final = 185
"""The most that it takes; https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html."""


def make_scheduler_client(
    *, session: "Session | None" = None, region: str | None = None, endpoint_url: str | None = None
) -> "EventBridgeSchedulerClient":
    """Make a client that gives up soon: the timer waits in the outbox, and its event comes again.

    Args:
        session: that makes it; one of its own by default.
        region: of the schedules; the environment's by default.
        endpoint_url: of an emulator.
    """
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        tcp_keepalive=True,
    )
    client: EventBridgeSchedulerClient = (session or make_session()).create_client(
        "scheduler", region_name=region, endpoint_url=endpoint_url, config=config
    )
    return client


class EventBridgeScheduler:
    """A `Scheduler`.

    A schedule fires within the minute that begins at its time, and is then deleted by the service. What it cannot send
    within a day goes to its dead-letter queue. Whether AWS fires a schedule whose time is past is not documented: such
    a timer never comes here, the queue takes it.

    Args:
        client: see `make_scheduler_client`.
        group: schedule group.
        role_arn: as which Scheduler sends to the queue.
        target_arn: of the timers queue.
        dead_letter_arn: of a standard queue for what it could not send; empty for none.
    """

    def __init__(
        self,
        client: "EventBridgeSchedulerClient",
        *,
        group: str,
        role_arn: str,
        target_arn: str,
        dead_letter_arn: str = "",
    ) -> None:
        self._client, self._group = client, group
        self._target: TargetTypeDef = {
            "Arn": target_arn,
            "RoleArn": role_arn,
            "RetryPolicy": {
                "MaximumEventAgeInSeconds": MAX_EVENT_AGE_SECONDS,
                "MaximumRetryAttempts": MAX_RETRY_ATTEMPTS,
            },
        }
        if dead_letter_arn:
            self._target["DeadLetterConfig"] = {"Arn": dead_letter_arn}

    def schedule(self, *, name: str, at: float, body: str) -> None:
        """Create a one-time schedule. One of that name stays as it is.

        So may, for a while, the cancellation of one of that name: a request with its token may count as a repeated one.

        Raises:
            ScheduleRefusedError: the service will never take it.
            SchedulerUnavailableError: see `settle.adapters.scheduler_errors`.
        """
        time = datetime.fromtimestamp(check_schedule(name, at, body), UTC)
        with translated():
            try:
                self._client.create_schedule(
                    Name=name,
                    GroupName=self._group,
                    ScheduleExpression=f"at({time:%Y-%m-%dT%H:%M:%S})",
                    ScheduleExpressionTimezone="UTC",
                    FlexibleTimeWindow={"Mode": "OFF"},
                    ActionAfterCompletion="DELETE",
                    ClientToken=_client_token(name),
                    Target={**self._target, "Input": _literal(body)},
                )
            except ClientError as error:
                if error_code(error) != EXISTS:
                    raise

    def cancel(self, name: str) -> None:
        """Delete a schedule. One that is not there, or has fired, is passed over. Raises as `schedule` does."""
        with translated():
            try:
                self._client.delete_schedule(Name=name, GroupName=self._group)
            except ClientError as error:
                if error_code(error) != ABSENT:
                    raise


def _client_token(name: str) -> str:
    # The same for every attempt, so that one whose answer was lost does not meet itself. A token, other than a name,
    # has no dots.
    return hashlib.sha256(name.encode()).hexdigest()


def _literal(body: str) -> str:
    """Write JSON text so that Scheduler leaves it as it is: it replaces words such as `<aws.scheduler.attempt-number>`.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    """
    return body.replace("<", "\\u003c")
