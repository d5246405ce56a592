"""Settings of the consumer function."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from functions.settings import Backend, RuntimeSettings, TrustedSenders


class ConsumerSettings(RuntimeSettings):
    """Settings of the consumer.

    Attributes:
        trusted_senders: role ids, or local names, of the functions whose internal messages are believed.
        timer_senders: the same, of those who may put timers into the timers queue.
        function_timeout_seconds: after which Lambda ends an invocation.
        timers_queue_arn: of the timers queue, by which its records are told from events.
        dead_letter_queue_url: of the queue for what cannot be read or attributed, on aws.
        timers_queue_url, tasks_queue_url, tasks_queue_arn: of the queues that it sends to, on aws.
        timers_dead_letter_queue_arn: for what EventBridge Scheduler cannot send, on aws.
        schedule_group: of EventBridge Scheduler, on aws.
        scheduler_role_arn: role as which EventBridge Scheduler sends to the timers queue, on aws.
    """

    required: ClassVar[Mapping[Backend, tuple[str, ...]]] = {
        **RuntimeSettings.required,
        "aws": (
            *RuntimeSettings.required["aws"],
            "SETTLE_DEAD_LETTER_QUEUE_URL",
            "SETTLE_TIMERS_QUEUE_URL",
            "SETTLE_TIMERS_DEAD_LETTER_QUEUE_ARN",
            "SETTLE_TASKS_QUEUE_URL",
            "SETTLE_TASKS_QUEUE_ARN",
            "SETTLE_SCHEDULE_GROUP",
            "SETTLE_SCHEDULER_ROLE_ARN",
        ),
    }

    trusted_senders: TrustedSenders = Field(alias="SETTLE_TRUSTED_SENDERS", min_length=1)
    timer_senders: TrustedSenders = Field(alias="SETTLE_TIMER_SENDERS", min_length=1)
    function_timeout_seconds: float = Field(alias="SETTLE_FUNCTION_TIMEOUT_SECONDS", gt=0)
    timers_queue_arn: str = Field(alias="SETTLE_TIMERS_QUEUE_ARN")
    dead_letter_queue_url: str = Field(default="", alias="SETTLE_DEAD_LETTER_QUEUE_URL")
    timers_queue_url: str = Field(default="", alias="SETTLE_TIMERS_QUEUE_URL")
    tasks_queue_url: str = Field(default="", alias="SETTLE_TASKS_QUEUE_URL")
    tasks_queue_arn: str = Field(default="", alias="SETTLE_TASKS_QUEUE_ARN")
    timers_dead_letter_queue_arn: str = Field(default="", alias="SETTLE_TIMERS_DEAD_LETTER_QUEUE_ARN")
    schedule_group: str = Field(default="", alias="SETTLE_SCHEDULE_GROUP")
    scheduler_role_arn: str = Field(default="", alias="SETTLE_SCHEDULER_ROLE_ARN")
