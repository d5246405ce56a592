"""The stack: which construct is given what. Decisions of one concern are in its construct."""

from aws_cdk import CfnOutput, Duration, Fn, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.bundling import ROOT, runtime_code
from infra.event_queue import EventQueue
from infra.ingress_api import IngressApi
from infra.runtime_function import RuntimeFunction
from infra.snapshot_table import SnapshotTable
from infra.stage import Stage

# An HTTP API gives up after 30 s; the function ends first, so that the caller gets its answer and not a bare 503.
INGRESS_TIMEOUT_SECONDS = 29
CONSUMER_TIMEOUT_SECONDS = 30
# Lambda's rule for SQS sources: room for the mapping's own retries when the function is throttled. With less, a batch
# that is still running becomes visible again.
VISIBILITY_TIMEOUT_SECONDS = 6 * CONSUMER_TIMEOUT_SECONDS
# The most that Lambda allows for a FIFO queue.
BATCH_SIZE = 10

# Processor share comes with memory, and both functions are bound by it, not by the memory itself. The consumer also
# runs the groups of a batch in parallel.
INGRESS_MEMORY_MB = 512
CONSUMER_MEMORY_MB = 1024


class SettleStack(Stack):
    """Ingress, event queue, consumer and table of one stage.

    It knows no account and no region: the same template can be deployed anywhere.
    """

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(
            scope,
            construct_id,
            description=f"Settle: durable statecharts ({stage.name})",
            tags={"service": "settle", "stage": stage.name},
            termination_protection=stage.protected,
            # Usage metadata for CDK's makers would be a third of the template of a stack without a region.
            analytics_reporting=False,
        )
        self.table = SnapshotTable(self, "Snapshots", protected=stage.protected)
        self.events = EventQueue(
            self,
            "Queues",
            name_prefix=stage.stack_name,
            visibility_timeout=Duration.seconds(VISIBILITY_TIMEOUT_SECONDS),
            protected=stage.protected,
        )
        code = runtime_code(ROOT)
        self.ingress = self._ingress(stage, code)
        self.consumer = self._consumer(stage, code)
        self.api = IngressApi(
            self,
            "Http",
            name=stage.stack_name,
            function=self.ingress.function,
            rate_limit=stage.rate_limit,
            burst_limit=stage.burst_limit,
        )
        CfnOutput(self, "ApiUrl", value=self.api.url)
        CfnOutput(self, "TableName", value=self.table.table.table_name)
        CfnOutput(self, "QueueUrl", value=self.events.queue.queue_url)
        CfnOutput(self, "DeadLetterQueueUrl", value=self.events.dead_letter_queue.queue_url)

    def _ingress(self, stage: Stage, code: lambda_.Code) -> RuntimeFunction:
        ingress = RuntimeFunction(
            self,
            "Ingress",
            stage=stage,
            description="Takes HTTP calls: checks events, queues them, reads instances",
            code=code,
            handler="functions.ingress.handler.handler",
            timeout=Duration.seconds(INGRESS_TIMEOUT_SECONDS),
            memory_size=INGRESS_MEMORY_MB,
            environment=self._shared_environment(),
        )
        self.table.grant_read(ingress.role)
        self.table.grant_accept(ingress.role)
        self.events.grant_send(ingress.role)
        return ingress

    def _consumer(self, stage: Stage, code: lambda_.Code) -> RuntimeFunction:
        consumer = RuntimeFunction(
            self,
            "Consumer",
            stage=stage,
            description="Takes batches of events: steps instances, commits them, relays their effects",
            code=code,
            handler="functions.consumer.handler.handler",
            timeout=Duration.seconds(CONSUMER_TIMEOUT_SECONDS),
            memory_size=CONSUMER_MEMORY_MB,
            environment={
                **self._shared_environment(),
                "SETTLE_DEAD_LETTER_QUEUE_URL": self.events.dead_letter_queue.queue_url,
                "SETTLE_FUNCTION_TIMEOUT_SECONDS": str(CONSUMER_TIMEOUT_SECONDS),
            },
            # It feeds its own queue: a drain of held events goes on by a control message, and instances message each
            # other. Lambda would stop such a chain after about 16 hops and drop the event.
            recursive_loop=lambda_.RecursiveLoop.ALLOW,
        )
        # SQS stamps the sender on each record as `<role id>:<session>`, where no producer can forge it. Internal events
        # are believed from these roles only.
        consumer.function.add_environment(
            "SETTLE_TRUSTED_SENDERS", Fn.join(",", [self.ingress.role.role_id, consumer.role.role_id])
        )
        self.table.grant_read(consumer.role)
        self.table.grant_commit(consumer.role)
        self.events.grant_send(consumer.role)
        self.events.grant_receive(consumer.role)
        self.events.grant_bury(consumer.role)
        consumer.function.add_event_source_mapping(
            "Events",
            event_source_arn=self.events.queue.queue_arn,
            batch_size=BATCH_SIZE,
            report_batch_item_failures=True,
            max_concurrency=stage.maximum_concurrency,
        )
        return consumer

    def _shared_environment(self) -> dict[str, str]:
        return {
            "SETTLE_BACKEND": "aws",
            "SETTLE_TABLE_NAME": self.table.table.table_name,
            "SETTLE_QUEUE_URL": self.events.queue.queue_url,
            "SETTLE_QUEUE_ARN": self.events.queue.queue_arn,
        }
