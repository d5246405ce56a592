"""The consumer: Lambda gives it batches of the event queue, and of the timers queue."""

import os
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.consumer.settings import ConsumerSettings
from functions.garbage import come_back
from functions.logs import set_up_logs
from functions.report import report
from functions.wiring import make_clock, make_dead_letter_queue, make_outlets, make_registry, make_store, new_id
from settle.runtime.forward_timers import forward_timers
from settle.runtime.journal import Deadline
from settle.runtime.message import read_record
from settle.runtime.process_batch import BatchProcessor
from settle.runtime.process_group import Invocation
from settle.runtime.standard_message import read_standard_record
from settle.runtime.tally import Tally

_MILLISECONDS: Final = 1000


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Process a batch and name the records that have to come again."""
    answer = _consumer().consume(event, lambda: context.get_remaining_time_in_millis() / _MILLISECONDS)
    come_back()
    return answer


class Consumer:
    """Everything that outlives an invocation: clients, machines, threads."""

    def __init__(self, settings: ConsumerSettings) -> None:
        self._trusted = frozenset(settings.trusted_senders)
        self._store = make_store(settings)
        self._outlets = make_outlets(settings)
        self._timers_arn, self._timer_senders = settings.timers_queue_arn, settings.timer_senders
        self._dead_letters = make_dead_letter_queue(settings)
        self._registry = make_registry(settings)
        self._registry.check_timeouts(settings.function_timeout_seconds)
        self._clock = make_clock(settings)
        self._processor = BatchProcessor()
        self._report = partial(report, settings)

    def consume(self, event: dict[str, Any], remaining: Callable[[], float]) -> dict[str, list[dict[str, str]]]:
        """Process the records of one SQS event, which all come from one queue."""
        records = event["Records"]
        timers = bool(records) and records[0]["eventSourceARN"] == self._timers_arn
        tallies: list[Tally] = []
        failed = self._forward(records, tallies) if timers else self._apply(records, remaining, tallies)
        self._report(tallies)
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    def _forward(self, records: list[dict[str, Any]], tallies: list[Tally]) -> list[str]:
        messages = [read_standard_record(record, self._timer_senders) for record in records]
        return forward_timers(self._outlets, self._dead_letters, self._clock, messages, tallies.append)

    def _apply(self, records: list[dict[str, Any]], remaining: Callable[[], float], tallies: list[Tally]) -> list[str]:
        invocation = Invocation(
            store=self._store,
            outlets=self._outlets,
            dead_letters=self._dead_letters,
            definitions=self._registry,
            clock=self._clock,
            deadline=Deadline(remaining=remaining),
            new_token=new_id,
            observe=tallies.append,
        )
        return self._processor.process(invocation, [read_record(record, self._trusted) for record in records])


@cache
def _consumer() -> Consumer:
    """Wire everything on the first batch, not at import."""
    set_up_logs()
    return Consumer(ConsumerSettings.from_env(os.environ))
