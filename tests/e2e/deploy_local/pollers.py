"""The deployed event source mappings, worked by our own poller.

ministack's own has two faults that would hide what this run is for (1.5.33): it invokes one batch of a FIFO queue after
the other, whatever groups they are of, and it deletes a whole batch when the answer names a record that is not in it.
So its mappings are switched off, as an operator would, and their settings are taken over.
"""

import json
from types import TracebackType
from typing import Any, Final, Self

import boto3
from botocore.config import Config

from settle.adapters.sqs_queue import SqsPolledQueue, make_sqs_client
from settle.local.errors import FunctionError
from settle.local.event_source_mapping import EventSourceMapping, MappingConfig

LONG_POLL_SECONDS: Final = 1
STOP_SECONDS: Final = 10.0
MAPPINGS: Final = 4
"""Events, timers, tasks, and tasks that were given up."""


class WiringError(LookupError):
    """The stack has not the mappings that it should have."""


class Pollers:
    """All mappings of the stack, at work from the beginning to the end, but for when they are stopped."""

    def __init__(self) -> None:
        # An invocation may be repeated by the mapping, and never by the client.
        quiet = Config(retries={"total_max_attempts": 1}, read_timeout=60, max_pool_connections=50)
        self._lambda: Any = boto3.client("lambda", config=quiet)
        self._running: dict[str, EventSourceMapping] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Switch the deployed mappings off and work in their place.

        Raises:
            WiringError: one is missing, or switched off by itself.
        """
        deployed = self._lambda.list_event_source_mappings()["EventSourceMappings"]
        if len(deployed) != MAPPINGS:
            raise WiringError(f"{MAPPINGS} mappings are expected, not {len(deployed)}")
        for mapping in deployed:
            self._lambda.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        self._running = {mapping["EventSourceArn"]: self._make(mapping) for mapping in deployed}
        for running in self._running.values():
            running.start()

    def stop(self) -> None:
        """Let what is in flight end, and take nothing more."""
        for running in self._running.values():
            running.stop(0)
        for running in self._running.values():
            running.stop(STOP_SECONDS)
        self._running = {}

    def count_failed(self, queue: str) -> int:
        """Return how many messages of a queue were not finished, each time counted, since the start."""
        return sum(one.counters.failed_messages for arn, one in self._running.items() if arn.endswith(f":{queue}"))

    def _make(self, mapping: dict[str, Any]) -> EventSourceMapping:
        concurrency = mapping["ScalingConfig"]["MaximumConcurrency"]
        client: Any = make_sqs_client(long_poll_seconds=LONG_POLL_SECONDS, connections=concurrency + 1)
        arn, function = mapping["EventSourceArn"], mapping["FunctionArn"]
        url = client.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
        config = MappingConfig(
            visibility_timeout=int(attributes["VisibilityTimeout"]),
            function_timeout=self._lambda.get_function_configuration(FunctionName=function)["Timeout"],
            batch_size=mapping["BatchSize"],
            max_concurrency=concurrency,
        )
        queue = SqsPolledQueue(client, queue_url=url, arn=arn, long_poll_seconds=LONG_POLL_SECONDS)
        return EventSourceMapping(queue, _Invoker(self._lambda, function), config)


class _Invoker:
    """Invokes a deployed function."""

    def __init__(self, client: Any, function: str) -> None:
        self._client, self._function = client, function

    def __call__(self, event: object, *, in_flight: int) -> Any:  # noqa: ARG002 - any JSON value
        answer = self._client.invoke(FunctionName=self._function, Payload=json.dumps(event))
        response = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise FunctionError(f"{answer['FunctionError']}: {response}")
        return response
