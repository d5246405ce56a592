"""The worker: Lambda gives it the tasks of background services, and those that the queue has given up."""

import logging
import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.garbage import come_back
from functions.logs import set_up_logs
from functions.report import report
from functions.wiring import make_clock, make_dead_letter_queue, make_queue, make_registry, make_store, make_tasks
from functions.worker.settings import WorkerSettings
from settle.core.errors import SettleError
from settle.runtime.run_task import TaskRunner
from settle.runtime.standard_message import read_standard_record
from settle.runtime.tally import Tally

_logger = logging.getLogger("settle")


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Run the tasks of a batch and name the records that have to come again."""
    answer = _worker().work(event)
    come_back()
    return answer


class Worker:
    """Everything that outlives an invocation: clients and machines."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._tallies: list[Tally] = []
        registry = make_registry(settings)
        registry.check_background(settings.function_timeout_seconds)
        self._runner = TaskRunner(
            store=make_store(settings),
            events=make_queue(settings),
            tasks=make_tasks(settings),
            dead_letters=make_dead_letter_queue(settings),
            definitions=registry,
            clock=make_clock(settings),
            observe=self._tallies.append,
        )

    def work(self, event: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
        """Run the records of one SQS event."""
        failed = [record["messageId"] for record in event["Records"] if not self._run(record)]
        report(self._settings, self._tallies)
        self._tallies.clear()
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    def _run(self, record: dict[str, Any]) -> bool:
        message = read_standard_record(record, self._settings.trusted_senders)
        try:
            if record["eventSourceARN"] == self._settings.tasks_dead_letter_queue_arn:
                self._runner.give_up(message)
                return True
            return self._runner.run(message)
        except SettleError as error:
            _logger.warning("task has to wait: %s", error.summary, extra={"code": error.code})
        except Exception:
            # It comes again, and in the end among the dead letters of its queue; the others of its batch go on.
            _logger.exception("unexpected error")
        return False


@cache
def _worker() -> Worker:
    """Wire everything on the first batch, not at import."""
    set_up_logs()
    return Worker(WorkerSettings.from_env(os.environ))
