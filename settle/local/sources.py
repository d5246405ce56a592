"""The queues that invoke functions on a started backend."""

from dataclasses import dataclass

from settle.adapters.polled_queue import PolledQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Queues with an event source mapping each.

    Attributes:
        events: the FIFO queue of events, for the consumer.
        timers: timers that are due, or soon will be; for the consumer.
        tasks: calls of background services, for the worker.
        dead_tasks: calls that the tasks queue has given up, for the worker.
    """

    events: PolledQueue
    timers: PolledQueue
    tasks: PolledQueue
    dead_tasks: PolledQueue

    def environment(self) -> dict[str, str]:
        """Return the variables by which functions tell the queues apart."""
        return {
            "SETTLE_QUEUE_ARN": self.events.arn,
            "SETTLE_TIMERS_QUEUE_ARN": self.timers.arn,
            "SETTLE_TASKS_QUEUE_ARN": self.tasks.arn,
            "SETTLE_TASKS_DEAD_LETTER_QUEUE_ARN": self.dead_tasks.arn,
        }
