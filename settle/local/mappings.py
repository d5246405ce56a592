"""Which queue invokes which function: the event source mappings of the deployed stack."""

import math
import os
import uuid
from typing import Any, Final

from settle.local.event_source_mapping import EventSourceMapping, MappingConfig
from settle.local.function import Function
from settle.local.gate import Gate
from settle.local.options import SIDE_CONCURRENCY, Options
from settle.local.sources import Sources
from settle.runtime.limits import MAX_VISIBILITY_SECONDS

VISIBILITY_TIMEOUTS: Final = 6
"""Visibility timeout of the tasks queue, in function timeouts
(https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html); the worker itself sets a shorter one."""
TASK_BATCH: Final = 1
"""A service may take as long as its invocation, so none waits for another."""


def make_mappings(
    sources: Sources, consumer: Function, worker: Function, options: Options, gate: Gate
) -> dict[str, EventSourceMapping]:
    """Return the mappings by their names in the report, none of them started.

    Raises:
        StartError: AWS would refuse their settings.
    """
    events = MappingConfig(
        visibility_timeout=options.visibility_timeout,
        function_timeout=options.consumer_timeout,
        max_concurrency=options.consumer_concurrency,
    )
    timers = MappingConfig(
        visibility_timeout=options.visibility_timeout,
        function_timeout=options.consumer_timeout,
        max_concurrency=SIDE_CONCURRENCY,
    )
    visibility_timeout = min(math.ceil(VISIBILITY_TIMEOUTS * options.worker_timeout), MAX_VISIBILITY_SECONDS)
    tasks = MappingConfig(
        visibility_timeout=visibility_timeout,
        function_timeout=options.worker_timeout,
        batch_size=TASK_BATCH,
        max_concurrency=options.worker_concurrency,
    )
    dead_tasks = MappingConfig(
        visibility_timeout=visibility_timeout,
        function_timeout=options.worker_timeout,
        max_concurrency=SIDE_CONCURRENCY,
    )
    consume, work = _Invoker(consumer), _Invoker(worker)
    return {
        "mapping": EventSourceMapping(sources.events, consume, events, gate=gate),
        "timers_mapping": EventSourceMapping(sources.timers, consume, timers, gate=gate),
        "tasks_mapping": EventSourceMapping(sources.tasks, work, tasks, gate=gate),
        "dead_tasks_mapping": EventSourceMapping(sources.dead_tasks, work, dead_tasks, gate=gate),
    }


class _Invoker:
    """Invokes a function, each time under a new request id."""

    def __init__(self, function: Function) -> None:
        self._function = function

    def __call__(self, event: object, *, in_flight: int) -> Any:  # noqa: ANN401 - any JSON value
        request_id = str(uuid.UUID(bytes=os.urandom(16), version=4))
        return self._function.invoke(event, request_id=request_id, in_flight=in_flight)
