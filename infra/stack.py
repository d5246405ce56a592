"""The stack: which construct is given what. Decisions of one concern are in its construct."""

from collections.abc import Sequence

from aws_cdk import Duration, Environment, Fn, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.bundling import ROOT, runtime_code
from infra.encryption import CustomerKey
from infra.event_queue import EventQueue
from infra.ingress_api import IngressApi
from infra.observability import Observability
from infra.outputs import add_outputs
from infra.queues import visibility_timeout
from infra.runtime_function import RuntimeFunction
from infra.snapshot_table import SnapshotTable
from infra.stage import Stage
from infra.task_queue import TaskQueue
from infra.timers import Timers
from infra.watched import Watched

# An HTTP API gives up after 30 s; the function ends first, so that the caller gets its answer and not a bare 503.
INGRESS_TIMEOUT_SECONDS = 29
CONSUMER_TIMEOUT_SECONDS = 30
# What a background service may take, less a margin for its answer. Longer work hands out a token and is completed by a
# callback. Lambda would allow 900 s, but a task whose worker dies before it begins stays hidden for six times this.
WORKER_TIMEOUT_SECONDS = 300
# One call at a time: those of a batch would wait for each other, and share one timeout.
TASK_BATCH_SIZE = 1
# The least that Lambda takes: dead letters are few, and late already.
DEAD_LETTER_CONCURRENCY = 2


class SettleStack(Stack):
    """Ingress, consumer, worker, their queues and the table of one stage.

    Unless the stage is bound to a place, it knows no account and no region: the same template can be deployed anywhere.
    """

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(
            scope,
            construct_id,
            description=f"Settle: durable statecharts ({stage.name})",
            tags={"service": "settle", "stage": stage.name},
            env=Environment(account=stage.account, region=stage.region),
            termination_protection=stage.protected,
            # Usage metadata for CDK's makers would be a third of the template of a stack without a region.
            analytics_reporting=False,
        )
        name, protected = stage.stack_name, stage.protected
        self.customer_key = (
            CustomerKey(self, "Encryption", name=name, protected=protected) if stage.customer_key else None
        )
        self._key = key = self.customer_key.key if self.customer_key else None
        self.table = SnapshotTable(self, "Snapshots", protected=protected, key=key)
        hidden = visibility_timeout(CONSUMER_TIMEOUT_SECONDS)
        self.events = EventQueue(self, "Queues", name=name, visibility=hidden, protected=protected, key=key)
        self.timers = Timers(self, "Timers", name=name, visibility=hidden, protected=protected, key=key)
        hidden = visibility_timeout(WORKER_TIMEOUT_SECONDS)
        self.tasks = TaskQueue(self, "Tasks", name=name, visibility=hidden, protected=protected, key=key)
        code = runtime_code(ROOT)
        self.ingress = self._ingress(stage, code)
        self.consumer = self._consumer(stage, code)
        self.worker = self._worker(stage, code)
        self._trust(stage.redrivers)
        self._share_key()
        self.api = IngressApi(self, "Http", stage=stage, function=self.ingress.function, key=key)
        watched = self._watched(stage)
        self.observability = Observability(self, "Observability", stage=stage, watched=watched, key=key)
        add_outputs(self, watched, self.observability)

    def _ingress(self, stage: Stage, code: lambda_.Code) -> RuntimeFunction:
        ingress = RuntimeFunction(
            self,
            "Ingress",
            stage=stage,
            description="Takes HTTP calls: checks events, queues them, reads instances",
            code=code,
            handler="functions.ingress.handler.handler",
            timeout=Duration.seconds(INGRESS_TIMEOUT_SECONDS),
            size=stage.ingress,
            key=self._key,
            environment=self._shared_environment(),
        )
        self.table.grant_read(ingress.role)
        self.table.grant_list(ingress.role)
        self.table.grant_accept(ingress.role)
        self.events.grant_send(ingress.role)
        return ingress

    def _consumer(self, stage: Stage, code: lambda_.Code) -> RuntimeFunction:
        consumer = RuntimeFunction(
            self,
            "Consumer",
            stage=stage,
            description="Takes batches of events: steps instances, commits them, relays their effects; forwards timers",
            code=code,
            handler="functions.consumer.handler.handler",
            timeout=Duration.seconds(CONSUMER_TIMEOUT_SECONDS),
            size=stage.consumer,
            key=self._key,
            environment={
                **self._shared_environment(),
                **self._tasks_environment(),
                "SETTLE_FUNCTION_TIMEOUT_SECONDS": str(CONSUMER_TIMEOUT_SECONDS),
                "SETTLE_TIMERS_QUEUE_URL": self.timers.queue.queue_url,
                "SETTLE_TIMERS_QUEUE_ARN": self.timers.queue.queue_arn,
                "SETTLE_TIMERS_DEAD_LETTER_QUEUE_ARN": self.timers.dead_letter_queue.queue_arn,
                "SETTLE_SCHEDULE_GROUP": self.timers.group.schedule_group_name,
                "SETTLE_SCHEDULER_ROLE_ARN": self.timers.role.role_arn,
            },
            # It feeds its own queues: a drain of held events goes on by a control message, instances message each
            # other, a timer that is early waits again. Lambda would stop such a chain after about 16 hops and drop the
            # event; the runtime counts the hops itself.
            recursive_loop=lambda_.RecursiveLoop.ALLOW,
        )
        self.table.grant_read(consumer.role)
        self.table.grant_commit(consumer.role)
        self.events.grant_send(consumer.role)
        self.events.grant_receive(consumer.role)
        self.events.grant_bury(consumer.role)
        self.timers.grant_set(consumer.role)
        self.timers.grant_receive(consumer.role)
        self.tasks.grant_send(consumer.role)
        consumer.feed("Events", self.events.queue, max_concurrency=stage.maximum_concurrency)
        consumer.feed("Timers", self.timers.queue, max_concurrency=stage.maximum_concurrency)
        return consumer

    def _worker(self, stage: Stage, code: lambda_.Code) -> RuntimeFunction:
        worker = RuntimeFunction(
            self,
            "Worker",
            stage=stage,
            description="Calls background services, and sends their answers to the instances that wait for them",
            code=code,
            handler="functions.worker.handler.handler",
            timeout=Duration.seconds(WORKER_TIMEOUT_SECONDS),
            size=stage.worker,
            key=self._key,
            environment={
                **self._shared_environment(),
                **self._tasks_environment(),
                "SETTLE_FUNCTION_TIMEOUT_SECONDS": str(WORKER_TIMEOUT_SECONDS),
                "SETTLE_TASKS_DEAD_LETTER_QUEUE_ARN": self.tasks.dead_letter_queue.queue_arn,
            },
            # A chart that calls one service after the other goes round: consumer, tasks, worker, events, consumer.
            # The setting of one function says nothing about the other.
            recursive_loop=lambda_.RecursiveLoop.ALLOW,
        )
        self.table.grant_read(worker.role)
        # A call that has begun is entered in the ledger, like an event id.
        self.table.grant_accept(worker.role)
        self.events.grant_send(worker.role)
        self.events.grant_bury(worker.role)
        self.tasks.grant_receive(worker.role)
        self.tasks.grant_receive_dead_letters(worker.role)
        worker.feed("Tasks", self.tasks.queue, max_concurrency=stage.worker_concurrency, batch_size=TASK_BATCH_SIZE)
        worker.feed("DeadLetters", self.tasks.dead_letter_queue, max_concurrency=DEAD_LETTER_CONCURRENCY)
        return worker

    def _trust(self, redrivers: Sequence[str]) -> None:
        """Tell the functions whose messages to believe.

        SQS stamps the sender on each record as `<role id>:<session>`, where no producer can forge it. Internal events
        are believed from our roles only, services are called for the consumer only, and timers come from the consumer
        and from its schedules. What was among the dead letters comes from operators, as far as the stage names them.
        """
        senders = [function.role.role_id for function in (self.ingress, self.consumer, self.worker)]
        self.consumer.function.add_environment("SETTLE_TRUSTED_SENDERS", Fn.join(",", [*senders, *redrivers]))
        self.worker.function.add_environment("SETTLE_TRUSTED_SENDERS", self.consumer.role.role_id)
        timers = [self.consumer.role.role_id, self.timers.role.role_id]
        self.consumer.function.add_environment("SETTLE_TIMER_SENDERS", Fn.join(",", [*timers, *redrivers]))

    def _share_key(self) -> None:
        """Let whoever reads or writes what is encrypted use the key."""
        if self.customer_key is None:
            return
        for function in (self.ingress, self.consumer, self.worker):
            self.customer_key.grant_table(function.role)
            self.customer_key.grant_queues(function.role)
        self.customer_key.grant_queues(self.timers.role)

    def _watched(self, stage: Stage) -> Watched:
        return Watched(
            stage_name=stage.name,
            api=self.api,
            ingress=self.ingress,
            consumer=self.consumer,
            worker=self.worker,
            events=self.events,
            timers=self.timers,
            tasks=self.tasks,
            table=self.table,
        )

    def _shared_environment(self) -> dict[str, str]:
        return {
            "SETTLE_BACKEND": "aws",
            "SETTLE_TABLE_NAME": self.table.table.table_name,
            "SETTLE_QUEUE_URL": self.events.queue.queue_url,
            "SETTLE_QUEUE_ARN": self.events.queue.queue_arn,
        }

    def _tasks_environment(self) -> dict[str, str]:
        """Return what consumer and worker share besides: who sends a task and who makes the call."""
        return {
            "SETTLE_DEAD_LETTER_QUEUE_URL": self.events.dead_letter_queue.queue_url,
            "SETTLE_TASKS_QUEUE_URL": self.tasks.queue.queue_url,
            "SETTLE_TASKS_QUEUE_ARN": self.tasks.queue.queue_arn,
        }
