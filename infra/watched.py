"""What alarms and dashboard look at, and the metrics of it. A metric is described once, whoever shows it."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs

from infra.event_queue import EventQueue
from infra.ingress_api import IngressApi
from infra.runtime_function import RuntimeFunction
from infra.snapshot_table import SnapshotTable
from infra.task_queue import TaskQueue
from infra.timers import Timers

# Of what the functions count themselves, in one line of their log per batch. A count of zero is left out.
NAMESPACE = "Settle"
DIMENSION = "stage"
MINUTE = Duration.minutes(1)
FIVE_MINUTES = Duration.minutes(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """The constructs of one stage.

    Attributes:
        stage_name: by which the counts of this stage are told from those of others.
        api, ingress, consumer, worker, events, timers, tasks, table: of the stage.
    """

    stage_name: str
    api: IngressApi
    ingress: RuntimeFunction
    consumer: RuntimeFunction
    worker: RuntimeFunction
    events: EventQueue
    timers: Timers
    tasks: TaskQueue
    table: SnapshotTable

    @property
    def functions(self) -> Mapping[str, RuntimeFunction]:
        """The functions by name."""
        return {"ingress": self.ingress, "consumer": self.consumer, "worker": self.worker}

    @property
    def queues(self) -> Mapping[str, sqs.Queue]:
        """The queues by what waits in them."""
        return {"events": self.events.queue, "timers": self.timers.queue, "background calls": self.tasks.queue}

    @property
    def dead_letter_queues(self) -> Mapping[str, sqs.Queue]:
        """The dead-letter queues by what ends in them."""
        return {
            "events": self.events.dead_letter_queue,
            "timers": self.timers.dead_letter_queue,
            "background calls": self.tasks.dead_letter_queue,
        }

    def count(self, name: str, *, period: Duration = FIVE_MINUTES, label: str | None = None) -> cloudwatch.Metric:
        """Return how often something happened."""
        return self._own(name, "Sum", period, label)

    def figure(self, name: str, statistic: str, *, label: str | None = None) -> cloudwatch.Metric:
        """Return a statistic of something that the functions measure in milliseconds."""
        return self._own(name, statistic, FIVE_MINUTES, label)

    def _own(self, name: str, statistic: str, period: Duration, label: str | None) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={DIMENSION: self.stage_name},
            statistic=statistic,
            period=period,
            label=label,
        )

    def table_count(self, name: str, *, period: Duration = FIVE_MINUTES, label: str | None = None) -> cloudwatch.Metric:
        """Return the sum of something that DynamoDB counts for the table."""
        return self.table.table.metric(name, statistic="Sum", period=period, label=label)
