"""What differs between stages. What is the same everywhere is a constant beside the construct that uses it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs


class UnknownStageError(ValueError):
    """The stage asked for is not in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The configuration of one stage.

    Attributes:
        name: as given on the command line.
        protected: whether instances and accepted events outlive the stack, and the stack refuses to be deleted.
        log_level: of our own lines. Lambda filters by the same level, or it would swallow what the logger lets through.
        system_log_level: of Lambda's lines. Its start, end and report lines at INFO are most of the bytes of a quiet
            function, and log bytes are a visible part of the price of an event.
        log_retention: of every log group.
        maximum_concurrency: of the consumer, for events and for timers each. It bounds what a queue may take of the
            account's concurrency, so that a backlog cannot starve the ingress.
        worker_concurrency: of the worker, for the same reason. It also bounds how many calls at once the systems behind
            the background services see.
        rate_limit: requests per second that the HTTP API lets through, steadily.
        burst_limit: requests that it lets through at once.
    """

    name: str
    protected: bool
    log_level: lambda_.ApplicationLogLevel
    system_log_level: lambda_.SystemLogLevel
    log_retention: logs.RetentionDays
    maximum_concurrency: int
    worker_concurrency: int
    rate_limit: int
    burst_limit: int

    @property
    def stack_name(self) -> str:
        """Name of the stack; the schedule group has it too, and the queues begin with it: FIFO queues must be named."""
        return f"settle-{self.name}"


STAGES: Mapping[str, Stage] = MappingProxyType(
    {
        stage.name: stage
        for stage in (
            Stage(
                name="dev",
                protected=False,
                log_level=lambda_.ApplicationLogLevel.DEBUG,
                system_log_level=lambda_.SystemLogLevel.INFO,
                log_retention=logs.RetentionDays.ONE_WEEK,
                maximum_concurrency=5,
                worker_concurrency=5,
                rate_limit=50,
                burst_limit=100,
            ),
            Stage(
                name="prod",
                protected=True,
                log_level=lambda_.ApplicationLogLevel.INFO,
                system_log_level=lambda_.SystemLogLevel.WARN,
                log_retention=logs.RetentionDays.THREE_MONTHS,
                maximum_concurrency=100,
                worker_concurrency=50,
                rate_limit=1000,
                burst_limit=500,
            ),
        )
    }
)


def find_stage(name: object) -> Stage:
    """Return the configuration of a stage.

    Args:
        name: the context value `stage`; anything, since it comes from a command line or a file.

    Raises:
        UnknownStageError: there is no such stage.
    """
    stage = STAGES.get(name) if isinstance(name, str) else None
    if stage is None:
        known = ", ".join(f"-c stage={known}" for known in STAGES)
        raise UnknownStageError(f"unknown stage {name!r}: use one of {known}")
    return stage
