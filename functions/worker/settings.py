"""Settings of the worker function."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from functions.settings import Backend, RuntimeSettings, TrustedSenders


class WorkerSettings(RuntimeSettings):
    """Settings of the worker.

    Attributes:
        trusted_senders: role ids, or local names, of the functions that may have services called.
        function_timeout_seconds: after which Lambda ends an invocation.
        tasks_dead_letter_queue_arn: by which the records of its dead letters are told from tasks.
        dead_letter_queue_url: of the queue for what cannot be read, on aws.
        tasks_queue_url, tasks_queue_arn: of the queue that its tasks come from, on aws.
    """

    required: ClassVar[Mapping[Backend, tuple[str, ...]]] = {
        **RuntimeSettings.required,
        "aws": (
            *RuntimeSettings.required["aws"],
            "SETTLE_DEAD_LETTER_QUEUE_URL",
            "SETTLE_TASKS_QUEUE_URL",
            "SETTLE_TASKS_QUEUE_ARN",
        ),
    }

    trusted_senders: TrustedSenders = Field(alias="SETTLE_TRUSTED_SENDERS", min_length=1)
    function_timeout_seconds: float = Field(alias="SETTLE_FUNCTION_TIMEOUT_SECONDS", gt=0)
    tasks_dead_letter_queue_arn: str = Field(alias="SETTLE_TASKS_DEAD_LETTER_QUEUE_ARN")
    dead_letter_queue_url: str = Field(default="", alias="SETTLE_DEAD_LETTER_QUEUE_URL")
    tasks_queue_url: str = Field(default="", alias="SETTLE_TASKS_QUEUE_URL")
    tasks_queue_arn: str = Field(default="", alias="SETTLE_TASKS_QUEUE_ARN")
