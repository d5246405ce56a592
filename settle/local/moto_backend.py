"""The moto backend: the AWS adapters of production, against the services of AWS in the memory of a child process."""

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from settle.adapters.aws_resources import create_resources
from settle.adapters.dynamodb_store import make_dynamodb_client
from settle.adapters.eventbridge_scheduler import EventBridgeScheduler, make_scheduler_client
from settle.adapters.shifted_clock import MAX_AHEAD_SECONDS
from settle.adapters.sqs_queue import SqsPolledQueue, make_sqs_client
from settle.adapters.sqs_standard_queue import SqsStandardQueue
from settle.local.clock import open_clock
from settle.local.data_directory import DataDirectory
from settle.local.errors import StartError
from settle.local.lambda_context import ACCOUNT, REGION
from settle.local.moto_schedules import MotoSchedules
from settle.local.options import Options
from settle.local.schedule_thread import ScheduleSource
from settle.local.sources import Sources

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_sqs import SQSClient

PREFIX: Final = "settle-local"
SCHEDULER_ROLE_ARN: Final = f"arn:aws:iam::{ACCOUNT}:role/{PREFIX}-scheduler"
LONG_POLL_SECONDS: Final = 1
STOP_SECONDS: Final = 2.0
RETENTION_SECONDS: Final = 2 * int(MAX_AHEAD_SECONDS)
"""Of messages. After 14 days SQS would drop them, and an advance by a month would lose what has just been sent."""


class MotoBackend:
    """A moto server, and the table and queues in it.

    Args:
        options: settings of the local system.
        data: where the server's log goes.

    Raises:
        StartError: the server does not start.
    """

    def __init__(self, options: Options, data: DataDirectory) -> None:
        self._clock_path = data.passing_clock
        self.clock = open_clock(self._clock_path, fresh=True)
        self._process = self._launch(data)
        self._endpoint = self._read_endpoint(data)
        _use_credentials("supervisor")
        sqs = make_sqs_client(
            region=REGION,
            endpoint_url=self._endpoint,
            long_poll_seconds=LONG_POLL_SECONDS,
            connections=options.consumer.concurrency + options.worker.concurrency + 1,
        )
        scheduler = make_scheduler_client(region=REGION, endpoint_url=self._endpoint)
        self._resources = create_resources(
            make_dynamodb_client(region=REGION, endpoint_url=self._endpoint),
            sqs,
            prefix=PREFIX,
            visibility_timeout=options.visibility_timeout,
            scheduler=scheduler,
        )
        self.sources = self._open_sources(sqs)
        self.schedules: ScheduleSource = self._open_schedules(scheduler, sqs)

    def _open_sources(self, sqs: "SQSClient") -> Sources:
        made = self._resources
        return Sources(
            events=_open_queue(sqs, made.queue_url, made.queue_arn),
            timers=_open_queue(sqs, made.timers_queue_url, made.timers_queue_arn),
            tasks=_open_queue(sqs, made.tasks_queue_url, made.tasks_queue_arn),
            dead_tasks=_open_queue(sqs, made.tasks_dead_letter_queue_url, made.tasks_dead_letter_queue_arn),
        )

    def _open_schedules(self, client: "EventBridgeSchedulerClient", sqs: "SQSClient") -> MotoSchedules:
        group, target_arn = self._resources.schedule_group, self._resources.timers_queue_arn
        return MotoSchedules(
            client,
            EventBridgeScheduler(client, group=group, role_arn=SCHEDULER_ROLE_ARN, target_arn=target_arn),
            SqsStandardQueue(sqs, queue_url=self._resources.timers_queue_url, arn=target_arn),
            group=group,
            clock=self.clock,
        )

    @property
    def description(self) -> str:
        """What holds the state."""
        return f"moto in the place of AWS on {self._endpoint}, state is in memory and is lost when this stops"

    @property
    def processes(self) -> Mapping[str, int]:
        """The server."""
        return {"moto": self._process.pid}

    def environment(self, function: str, /) -> dict[str, str]:
        """Where the server is; the access key stands for the function's role, by which senders are told apart."""
        return {
            "SETTLE_BACKEND": "aws",
            "SETTLE_TABLE_NAME": self._resources.table_name,
            "SETTLE_QUEUE_URL": self._resources.queue_url,
            "SETTLE_DEAD_LETTER_QUEUE_URL": self._resources.dead_letter_queue_url,
            "SETTLE_TIMERS_QUEUE_URL": self._resources.timers_queue_url,
            "SETTLE_TIMERS_DEAD_LETTER_QUEUE_ARN": self._resources.timers_dead_letter_queue_arn,
            "SETTLE_TASKS_QUEUE_URL": self._resources.tasks_queue_url,
            "SETTLE_SCHEDULE_GROUP": self._resources.schedule_group,
            "SETTLE_SCHEDULER_ROLE_ARN": SCHEDULER_ROLE_ARN,
            "SETTLE_CLOCK": str(self._clock_path),
            **self.sources.environment(),
            "AWS_ENDPOINT_URL": self._endpoint,
            **_credentials(function),
        }

    def close(self) -> None:
        """End the server."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _launch(self, data: DataDirectory) -> "subprocess.Popen[str]":
        arguments = ["--port", "0", "--parent", str(os.getpid()), "--clock", str(self._clock_path)]
        with data.log("moto").open("a") as log:
            return subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "settle.local.moto_server", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                process_group=0,
            )

    def _read_endpoint(self, data: DataDirectory) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        endpoint = next((word.rstrip(",") for word in line.split() if word.startswith("http://")), None)
        if endpoint is None:
            self.close()
            raise StartError(f"moto did not start; see {data.log('moto')}")
        return endpoint


def _open_queue(sqs: "SQSClient", url: str, arn: str) -> SqsPolledQueue:
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": str(RETENTION_SECONDS)})
    return SqsPolledQueue(sqs, queue_url=url, arn=arn, long_poll_seconds=LONG_POLL_SECONDS)


def _credentials(role: str) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": role, "AWS_SECRET_ACCESS_KEY": "local"}


def _use_credentials(role: str) -> None:
    """Give this process credentials that are worth nothing, instead of the user's own."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(_credentials(role))
