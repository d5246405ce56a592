"""The moto backend: the AWS adapters of production, against DynamoDB and SQS in the memory of a child process."""

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

from settle.adapters.aws_resources import create_resources
from settle.adapters.dynamodb_store import make_dynamodb_client
from settle.adapters.polled_queue import PolledQueue
from settle.adapters.sqs_queue import SqsPolledQueue, make_sqs_client
from settle.local.data_directory import DataDirectory
from settle.local.errors import StartError
from settle.local.lambda_context import REGION
from settle.local.options import Options

PREFIX: Final = "settle-local"
LONG_POLL_SECONDS: Final = 1
STOP_SECONDS: Final = 2.0


class MotoBackend:
    """A moto server, and the table and queues in it.

    Args:
        options: settings of the local system.
        data: where the server's log goes.

    Raises:
        StartError: the server does not start.
    """

    def __init__(self, options: Options, data: DataDirectory) -> None:
        self._process = self._launch(data)
        self._endpoint = self._read_endpoint(data)
        _use_credentials("supervisor")
        sqs = make_sqs_client(
            region=REGION,
            endpoint_url=self._endpoint,
            long_poll_seconds=LONG_POLL_SECONDS,
            connections=options.consumer_concurrency + 1,
        )
        dynamodb = make_dynamodb_client(region=REGION, endpoint_url=self._endpoint)
        self._resources = create_resources(dynamodb, sqs, prefix=PREFIX, visibility_timeout=options.visibility_timeout)
        self.queue: PolledQueue = SqsPolledQueue(
            sqs,
            queue_url=self._resources.queue_url,
            arn=self._resources.queue_arn,
            long_poll_seconds=LONG_POLL_SECONDS,
        )

    @property
    def description(self) -> str:
        """What holds the state."""
        return f"DynamoDB and SQS of moto on {self._endpoint}, state is in memory and is lost when this stops"

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
            "SETTLE_QUEUE_ARN": self._resources.queue_arn,
            "SETTLE_DEAD_LETTER_QUEUE_URL": self._resources.dead_letter_queue_url,
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

    @staticmethod
    def _launch(data: DataDirectory) -> "subprocess.Popen[str]":
        with data.log("moto").open("a") as log:
            return subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "settle.local.moto_server", "--port", "0", "--parent", str(os.getpid())],
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


def _credentials(role: str) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": role, "AWS_SECRET_ACCESS_KEY": "local"}


def _use_credentials(role: str) -> None:
    """Give this process credentials that are worth nothing, instead of the user's own."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(_credentials(role))
