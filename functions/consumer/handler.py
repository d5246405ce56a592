"""The consumer: Lambda gives it batches of the event queue."""

import os
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.consumer.settings import ConsumerSettings
from functions.logs import set_up_logs
from functions.wiring import SystemClock, make_dead_letter_queue, make_queue, make_registry, make_store
from settle.runtime.journal import Deadline
from settle.runtime.message import read_record
from settle.runtime.process_batch import BatchProcessor
from settle.runtime.process_group import Invocation

_MILLISECONDS: Final = 1000


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Process a batch and name the records that have to come again."""
    return _consumer().consume(event, lambda: context.get_remaining_time_in_millis() / _MILLISECONDS)


class Consumer:
    """Everything that outlives an invocation: clients, machines, threads."""

    def __init__(self, settings: ConsumerSettings) -> None:
        self._trusted = frozenset(settings.trusted_senders)
        self._store = make_store(settings)
        self._queue = make_queue(settings)
        self._dead_letters = make_dead_letter_queue(settings)
        self._registry = make_registry(settings)
        self._registry.check_timeouts(settings.function_timeout_seconds)
        self._clock = SystemClock()
        self._processor = BatchProcessor()

    def consume(self, event: dict[str, Any], remaining: Callable[[], float]) -> dict[str, list[dict[str, str]]]:
        """Process the records of one SQS event."""
        invocation = Invocation(
            store=self._store,
            queue=self._queue,
            dead_letters=self._dead_letters,
            definitions=self._registry,
            clock=self._clock,
            deadline=Deadline(remaining=remaining),
        )
        messages = [read_record(record, self._trusted) for record in event["Records"]]
        failed = self._processor.process(invocation, messages)
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


@cache
def _consumer() -> Consumer:
    """Wire everything on the first batch, not at import."""
    set_up_logs()
    return Consumer(ConsumerSettings.from_env(os.environ))
