"""Both functions in this one process, over either backend, with nothing around them: to count what they keep."""

import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Protocol

from benchmarks.aws_stage import Stage, http_request, open_stage
from settle.local.http_event import to_event as to_http_event
from settle.local.lambda_context import LambdaContext
from settle.local.sqs_event import to_event as to_sqs_event

MACHINES: Final = Path(__file__).parents[2] / "benchmarks" / "machines"
VISIBILITY_SECONDS: Final = 180
TIMEOUT_SECONDS: Final = 30.0
SENDER: Final = "ours"
BATCH: Final = 10
TRACE: Final = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
"""Traces are written too, to a daemon that is not there: what nobody takes must not pile up either."""


class Functions(Protocol):
    """What both backends are asked for."""

    def request(
        self, wanted: int, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a request through the ingress, which has to answer with that status."""

    def consume(self) -> None:
        """Have the consumer process whatever is queued."""


@contextmanager
def open_functions(backend: str) -> Iterator[Functions]:
    """Wire the handlers. Only once in a process: they keep what they were wired with."""
    os.environ.update(SETTLE_TRACING="true", _X_AMZN_TRACE_ID=TRACE)
    if backend == "moto":
        with open_stage() as stage:
            yield _Aws(stage)
    else:
        with TemporaryDirectory(prefix="settle-memory-") as folder:
            yield _Embedded(Path(folder))


class _Aws:
    """The handlers over botocore; moto is a process of its own, so that what it keeps is not counted."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def request(
        self, wanted: int, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> None:
        answer = self._stage.request(method, path, body, headers or {}).result().answer
        assert answer["statusCode"] == wanted, answer

    def consume(self) -> None:
        self._stage.process_at_hand()


class _Embedded:
    """The handlers over one SQLite file."""

    def __init__(self, folder: Path) -> None:
        os.environ.update(
            POWERTOOLS_LOG_LEVEL="INFO",
            SETTLE_BACKEND="embedded",
            SETTLE_DATABASE=str(folder / "settle.db"),
            SETTLE_FUNCTION_TIMEOUT_SECONDS=f"{TIMEOUT_SECONDS:g}",
            SETTLE_LOCAL_DIR=str(folder),
            SETTLE_MACHINES=str(MACHINES),
            SETTLE_QUEUE_ARN="arn:aws:sqs:local:000000000000:events.fifo",
            SETTLE_TIMERS_QUEUE_ARN="arn:aws:sqs:local:000000000000:timers",
            SETTLE_SENDER=SENDER,
            SETTLE_STAGE="memory",
            SETTLE_TIMER_SENDERS=SENDER,
            SETTLE_TRUSTED_SENDERS=SENDER,
        )
        # Not at the top: the environment has to be there.
        from functions.consumer.handler import handler as consumer  # noqa: PLC0415
        from functions.ingress.handler import handler as ingress  # noqa: PLC0415
        from functions.settings import RuntimeSettings  # noqa: PLC0415
        from functions.wiring import SystemClock, _database  # noqa: PLC0415
        from settle.adapters.sqlite_queue import SqliteQueue  # noqa: PLC0415

        self._ingress: Callable[..., Any] = ingress
        self._consumer: Callable[..., Any] = consumer
        settings = RuntimeSettings.from_env(os.environ)
        # The poller is not the function: in the local system it is another process, with a connection of its own.
        self._polled = SqliteQueue(_database(settings.database), SystemClock(), sender=SENDER)
        self._nowhere = open(os.devnull, "w")  # noqa: SIM115, PTH123 - as long as the process

    def request(
        self, wanted: int, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> None:
        request = http_request(method, path, body, headers or {})
        event = to_http_event(request, request_id=str(uuid.uuid1()), now=time.time())  # noqa: TID251 - API Gateway's
        with redirect_stdout(self._nowhere):
            answer = self._ingress(event, _context("ingress"))
        assert answer["statusCode"] == wanted, answer

    def consume(self) -> None:
        while received := self._polled.receive(max_messages=BATCH, visibility_timeout=VISIBILITY_SECONDS):
            with redirect_stdout(self._nowhere):
                answer = self._consumer(to_sqs_event(received, arn=self._polled.arn), _context("consumer"))
            assert answer == {"batchItemFailures": []}, answer
            self._polled.delete([message.receipt_handle for message in received])


def _context(function: str) -> LambdaContext:
    return LambdaContext(function_name=function, request_id=str(uuid.uuid1()), memory_mb=512, timeout=TIMEOUT_SECONDS)
