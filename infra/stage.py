"""What differs between stages. What is the same everywhere is a constant beside the construct that uses it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from infra.callers import Cors, Iam, Jwt
from infra.stage_error import StageInvalidError, UnknownStageError

# CloudFormation and IAM take ids of this form only, and a number that JSON read as one has lost its leading zeros.
_ACCOUNT = re.compile(r"\d{12}")
# Of a role, as SQS stamps it on messages: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
_ROLE_ID = re.compile(r"AROA[A-Z0-9]{12,124}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
# One address, roughly: SNS sends it a confirmation, which is the real check.
_ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSize:
    """What one function may take.

    Attributes:
        memory_mb: processor share comes with it, and the functions are bound by that, not by the memory itself. The
            consumer runs the groups of a batch in parallel; what a service of the worker needs is not known here.
        reserved_concurrency: how many run at once at most, kept free for this function; None takes what the account
            has left. A fresh account has 10 in all and refuses every reservation, and Lambda always keeps 100
            unreserved: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
    """

    memory_mb: int
    reserved_concurrency: int | None = None


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
        tracing: whether X-Ray follows events. It is on or off: Lambda samples by itself, the first request of each
            second and 5 % of the others, and takes no other share, whatever sampling rules an account has. At $5 a
            million traces that is $0.25 a million events.
            https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
        alarms: whether there are alarms. They cost $0.10 a month each. Without an address nobody is told.
        alarm_address: e-mail address that is told; None for nobody, until something else subscribes to the topics.
        customer_key: whether table, queues, topics and logs are encrypted with a key of the account's own. It costs a
            dollar a month and its requests, and gives control: who may use it, and when it goes.
        account, region: that the stack is bound to; None deploys it wherever the shell points.
        callers: how callers prove who they are.
        cors: which browsers may call; None for none.
        redrivers: ids of the roles that operators redrive dead letters with. The consumer believes them as it believes
            our functions, so whoever has one speaks for the runtime.
        ingress: caps the function that clients wait in, so that they cannot take the concurrency of the consumer.
        consumer: reserves what its two queues may take together, so that nobody else in the account can either.
        worker: reserves nothing, since a background call may wait.
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
    tracing: bool
    alarms: bool = True
    alarm_address: str | None = None
    customer_key: bool = False
    account: str | None = None
    region: str | None = None
    callers: Iam | Jwt = field(default_factory=Iam)
    cors: Cors | None = None
    redrivers: tuple[str, ...] = ()
    ingress: FunctionSize
    consumer: FunctionSize
    worker: FunctionSize
    maximum_concurrency: int
    worker_concurrency: int
    rate_limit: int
    burst_limit: int

    def __post_init__(self) -> None:
        """Refuse what would only fail, or never work, once it is deployed.

        Raises:
            StageInvalidError: a value does not make sense, alone or with another.
        """
        if self.alarm_address is not None and not _ADDRESS.fullmatch(self.alarm_address):
            raise StageInvalidError(f"alarm_address {self.alarm_address!r} is not an e-mail address")
        if self.account is not None and not _ACCOUNT.fullmatch(self.account):
            raise StageInvalidError(f"account {self.account!r} is not twelve digits in a string")
        if self.region is not None and not _REGION.fullmatch(self.region):
            raise StageInvalidError(f"region {self.region!r} is not the name of a region, like eu-west-1")
        for redriver in self.redrivers:
            if not _ROLE_ID.fullmatch(redriver):
                raise StageInvalidError(
                    f"redriver {redriver!r} is not the id of a role: `aws iam get-role` says it, AROA and what follows"
                )
        self._check_concurrency()

    def _check_concurrency(self) -> None:
        """Refuse a reservation that the consumer's own queues would overrun: Lambda would throttle their pollers.

        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
        """
        needed = 2 * self.maximum_concurrency
        reserved = self.consumer.reserved_concurrency
        if reserved is not None and reserved < needed:
            raise StageInvalidError(
                f"the consumer reserves {reserved}, but its two queues may take {needed}: "
                "raise reserved_concurrency or lower maximum_concurrency"
            )

    @property
    def stack_name(self) -> str:
        """Name of the stack; the schedule group has it too, and the queues begin with it: FIFO queues must be named."""
        return f"settle-{self.name}"


STAGES: Mapping[str, Stage] = MappingProxyType(
    {
        stage.name: stage
        for stage in (
            # For one developer: it says the most, keeps the least, fits into a fresh account, and goes without a trace.
            Stage(
                name="dev",
                protected=False,
                log_level=lambda_.ApplicationLogLevel.DEBUG,
                system_log_level=lambda_.SystemLogLevel.INFO,
                log_retention=logs.RetentionDays.ONE_WEEK,
                # With one event at a time, its log says in one place what a trace would.
                tracing=False,
                # It has alarms, because here they can be rehearsed: break something, and follow what the alarm says.
                ingress=FunctionSize(memory_mb=512),
                consumer=FunctionSize(memory_mb=1024),
                worker=FunctionSize(memory_mb=1024),
                maximum_concurrency=5,
                worker_concurrency=5,
                rate_limit=50,
                burst_limit=100,
            ),
            # Production's settings at a tenth of its size. Nothing in it is worth keeping: a release is rehearsed
            # here, and so are teardown and a deploy from nothing.
            Stage(
                name="staging",
                protected=False,
                log_level=lambda_.ApplicationLogLevel.INFO,
                system_log_level=lambda_.SystemLogLevel.WARN,
                log_retention=logs.RetentionDays.ONE_MONTH,
                tracing=True,
                ingress=FunctionSize(memory_mb=512, reserved_concurrency=30),
                consumer=FunctionSize(memory_mb=1024, reserved_concurrency=20),
                worker=FunctionSize(memory_mb=1024),
                maximum_concurrency=10,
                worker_concurrency=5,
                rate_limit=100,
                burst_limit=50,
            ),
            # Of the 1000 that an account has by default, half is left to the worker and to everything else.
            Stage(
                name="prod",
                protected=True,
                log_level=lambda_.ApplicationLogLevel.INFO,
                system_log_level=lambda_.SystemLogLevel.WARN,
                log_retention=logs.RetentionDays.THREE_MONTHS,
                tracing=True,
                ingress=FunctionSize(memory_mb=512, reserved_concurrency=300),
                consumer=FunctionSize(memory_mb=1024, reserved_concurrency=200),
                worker=FunctionSize(memory_mb=1024),
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
