"""The deployed system without AWS: both real handlers over botocore, against moto in a process of its own.

Moto's processor time is not ours, so it stays out of this process; requests are signed, sent over a socket and parsed
as they would be on AWS.
"""

import json
import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from benchmarks.log_meter import LogMeter
from settle.adapters.aws_resources import Resources, create_resources
from settle.adapters.dynamodb_store import make_dynamodb_client
from settle.adapters.eventbridge_scheduler import make_scheduler_client
from settle.adapters.polled_queue import ReceivedMessage
from settle.adapters.sqs_queue import SqsPolledQueue, make_sqs_client
from settle.local.http_event import HttpRequest
from settle.local.http_event import to_event as to_http_event
from settle.local.lambda_context import REGION, LambdaContext
from settle.local.sqs_event import to_event as to_sqs_event

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MACHINES: Final = Path(__file__).with_name("machines")
SENDER: Final = "ours"
VISIBILITY_SECONDS: Final = 180
TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One call of a handler.

    Attributes:
        answer: what it returned.
        cpu_ms: processor time.
        wall_ms: time it took.
    """

    answer: Any
    cpu_ms: float
    wall_ms: float


class Stage:
    """The handlers, and the queue between them. The names of its threads tell the meters who sends and who prints.

    Attributes:
        logs: counts what the handlers print.
    """

    def __init__(self, sqs: "SQSClient", resources: Resources) -> None:
        # Not at the top: the environment has to be there, and the meter has to listen.
        from functions.consumer.handler import handler as consumer  # noqa: PLC0415
        from functions.ingress.handler import handler as ingress  # noqa: PLC0415
        from functions.worker.handler import handler as worker  # noqa: PLC0415

        self.logs = LogMeter()
        self._handlers: dict[str, Callable[..., Any]] = {"ingress": ingress, "consumer": consumer, "worker": worker}
        self._threads = {name: ThreadPoolExecutor(1, thread_name_prefix=name) for name in self._handlers}
        queue_url = resources.queue_url
        self._polled = SqsPolledQueue(sqs, queue_url=queue_url, arn=resources.queue_arn)
        self._at_hand = SqsPolledQueue(sqs, queue_url=queue_url, arn=resources.queue_arn, long_poll_seconds=0)
        self._timers = SqsPolledQueue(sqs, queue_url=resources.timers_queue_url, arn=resources.timers_queue_arn)
        self._tasks = SqsPolledQueue(sqs, queue_url=resources.tasks_queue_url, arn=resources.tasks_queue_arn)
        self._sqs, self._queue_url = sqs, queue_url

    def post(self, group: str, event: Mapping[str, Any], headers: Mapping[str, str]) -> "Future[Invocation]":
        """Begin to send an event; with `Prefer: wait` the answer comes once it is consumed."""
        machine, instance = group.split("/")
        return self.request("POST", f"/machines/{machine}/instances/{instance}/events", event, headers)

    def request(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> "Future[Invocation]":
        """Begin to send a request through the ingress."""
        now = time.time()  # noqa: TID251 - this stands for API Gateway, where time comes from
        event = to_http_event(http_request(method, path, body, headers), request_id=str(uuid.uuid1()), now=now)
        # Somebody else works meanwhile when it waits, so only its own thread counts.
        clock = time.thread_time if "prefer" in headers else time.process_time
        return self._threads["ingress"].submit(self._invoke, "ingress", event, clock)

    def send_batch(self, messages: Sequence[tuple[str, str, str]]) -> None:
        """Send messages as a producer with an SDK does: group, deduplication id and body of each."""
        self._sqs.send_message_batch(
            QueueUrl=self._queue_url,
            Entries=[
                {"Id": str(number), "MessageGroupId": group, "MessageDeduplicationId": unique, "MessageBody": body}
                for number, (group, unique, body) in enumerate(messages)
            ],
        )

    def receive(self, count: int) -> list[ReceivedMessage]:
        """Take so many messages off the queue, as one batch."""
        messages: list[ReceivedMessage] = []
        while len(messages) < count:
            messages += self._polled.receive(max_messages=count - len(messages), visibility_timeout=VISIBILITY_SECONDS)
        return messages

    def process_at_hand(self) -> None:
        """Process the events that are queued, without waiting for more."""
        while received := self._at_hand.receive(max_messages=10, visibility_timeout=VISIBILITY_SECONDS):
            self._process("consumer", self._at_hand, received)

    def settle_down(self) -> Counter[str]:
        """Process everything that any queue has, until all are quiet; return how many batches there were of each."""
        batches: Counter[str] = Counter()
        sources = (("events", self._polled, "consumer"), ("timers", self._timers, "consumer"))
        quiet = False
        while not quiet:
            quiet = True
            for name, queue, function in (*sources, ("tasks", self._tasks, "worker")):
                received = queue.receive(max_messages=10, visibility_timeout=VISIBILITY_SECONDS)
                if received:
                    quiet = False
                    batches[name] += 1
                    self._process(function, queue, received)
        return batches

    def _process(self, function: str, queue: SqsPolledQueue, messages: Sequence[ReceivedMessage]) -> None:
        event = to_sqs_event(messages, arn=queue.arn)
        done = self._threads[function].submit(self._invoke, function, event, time.thread_time).result()
        assert done.answer == {"batchItemFailures": []}, done.answer
        queue.delete([message.receipt_handle for message in messages])

    def consume(self, messages: Sequence[ReceivedMessage], *, alone: bool = True) -> Invocation:
        """Process a batch and delete it; `alone` when nothing else runs in this process."""
        clock = time.process_time if alone else time.thread_time
        event = to_sqs_event(messages, arn=self._polled.arn)
        invocation = self._threads["consumer"].submit(self._invoke, "consumer", event, clock).result()
        assert invocation.answer == {"batchItemFailures": []}, invocation.answer
        self._polled.delete([message.receipt_handle for message in messages])
        return invocation

    def _invoke(self, name: str, event: object, clock: Callable[[], float]) -> Invocation:
        context = LambdaContext(
            function_name=name, request_id=str(uuid.uuid1()), memory_mb=512, timeout=TIMEOUT_SECONDS
        )
        wall, cpu = time.perf_counter(), clock()
        with redirect_stdout(self.logs):
            answer = self._handlers[name](event, context)
        return Invocation(answer=answer, cpu_ms=(clock() - cpu) * 1000, wall_ms=(time.perf_counter() - wall) * 1000)

    def close(self) -> None:
        """End the threads."""
        for threads in self._threads.values():
            threads.shutdown()


def http_request(method: str, path: str, body: object, headers: Mapping[str, str]) -> HttpRequest:
    """Return a request as a client sends it; a body of None is none."""
    sent = {"content-type": "application/json", "host": "localhost", **headers}
    return HttpRequest(
        method=method,
        path=path,
        query="",
        headers=[(name.encode(), value.encode()) for name, value in sent.items()],
        body=b"" if body is None else json.dumps(body).encode(),
        protocol="HTTP/1.1",
        source_ip="127.0.0.1",
    )


@contextmanager
def open_stage() -> Iterator[Stage]:
    """Start moto and wire the handlers. Only once in a process: handlers keep what they were wired with."""
    with TemporaryDirectory() as folder, _moto() as endpoint:
        _set_environment(endpoint, folder)
        sqs = make_sqs_client()
        resources = create_resources(
            make_dynamodb_client(),
            sqs,
            prefix="benchmark",
            visibility_timeout=VISIBILITY_SECONDS,
            scheduler=make_scheduler_client(),
        )
        os.environ.update(
            SETTLE_TABLE_NAME=resources.table_name,
            SETTLE_QUEUE_URL=resources.queue_url,
            SETTLE_QUEUE_ARN=resources.queue_arn,
            SETTLE_DEAD_LETTER_QUEUE_URL=resources.dead_letter_queue_url,
            SETTLE_TIMERS_QUEUE_URL=resources.timers_queue_url,
            SETTLE_TIMERS_QUEUE_ARN=resources.timers_queue_arn,
            SETTLE_TIMERS_DEAD_LETTER_QUEUE_ARN=resources.timers_dead_letter_queue_arn,
            SETTLE_TASKS_QUEUE_URL=resources.tasks_queue_url,
            SETTLE_TASKS_QUEUE_ARN=resources.tasks_queue_arn,
            SETTLE_TASKS_DEAD_LETTER_QUEUE_ARN=resources.tasks_dead_letter_queue_arn,
            SETTLE_SCHEDULE_GROUP=resources.schedule_group,
            SETTLE_SCHEDULER_ROLE_ARN="arn:aws:iam::000000000000:role/scheduler",
        )
        stage = Stage(sqs, resources)
        try:
            yield stage
        finally:
            stage.close()


def _set_environment(endpoint: str, folder: str) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        AWS_ACCESS_KEY_ID=SENDER,
        AWS_SECRET_ACCESS_KEY="local",  # noqa: S106 - of no account
        AWS_DEFAULT_REGION=REGION,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_ENDPOINT_URL=endpoint,
        POWERTOOLS_LOG_LEVEL="INFO",
        SETTLE_STAGE="prod",
        SETTLE_BACKEND="aws",
        SETTLE_FUNCTION_TIMEOUT_SECONDS=str(TIMEOUT_SECONDS),
        SETTLE_LOCAL_DIR=folder,
        SETTLE_MACHINES=str(MACHINES),
        SETTLE_TRUSTED_SENDERS=SENDER,
        SETTLE_TIMER_SENDERS=SENDER,
    )


@contextmanager
def _moto() -> Iterator[str]:
    command = [sys.executable, "-m", "settle.local.moto_server", "--parent", str(os.getpid())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own module
        try:
            line = process.stdout.readline() if process.stdout else ""
            yield next(word.rstrip(",") for word in line.split() if word.startswith("http://"))
        finally:
            process.terminate()
