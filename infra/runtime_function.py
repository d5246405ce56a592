"""A Lambda function of the runtime, with a role and a log group of its own."""

from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.bundling import PYTHON_VERSION
from infra.removal import keep_role
from infra.stage import FunctionSize, Stage

RUNTIME = lambda_.Runtime(f"python{PYTHON_VERSION}", lambda_.RuntimeFamily.PYTHON)
ARCHITECTURE = lambda_.Architecture.ARM_64
# The most that Lambda allows for a FIFO queue, and for a standard one without a batching window. A window would add to
# the latency of every message.
BATCH_SIZE = 10


class RuntimeFunction(Construct):
    """One function from the shared code asset.

    The role and the log group are made here, not by Lambda: the managed policy for logs allows writing to every log
    group of the account, and a log group that Lambda makes itself keeps everything for ever.

    Attributes:
        function: the function.
        role: what it runs as. It exists before the function, so its id can stand in any function's environment.
        log_group: where it logs.
    """

    def __init__(  # noqa: PLR0913 - each argument is one setting of a function
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        description: str,
        code: lambda_.Code,
        handler: str,
        timeout: Duration,
        size: FunctionSize,
        environment: Mapping[str, str],
        key: kms.IKey | None = None,
        recursive_loop: lambda_.RecursiveLoop = lambda_.RecursiveLoop.TERMINATE,
    ) -> None:
        super().__init__(scope, construct_id)
        self.log_group = logs.LogGroup(
            self,
            "Logs",
            retention=stage.log_retention,
            encryption_key=key,
            removal_policy=RemovalPolicy.RETAIN if stage.protected else RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        # Its permissions go with the stack: they are of no use without the function.
        keep_role(self.role, protected=stage.protected)
        self.log_group.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            description=description,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            code=code,
            handler=handler,
            timeout=timeout,
            memory_size=size.memory_mb,
            reserved_concurrent_executions=size.reserved_concurrency,
            role=self.role,
            log_group=self.log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=stage.log_level,
            system_log_level_v2=stage.system_log_level,
            recursive_loop=recursive_loop,
            tracing=lambda_.Tracing.ACTIVE if stage.tracing else lambda_.Tracing.DISABLED,
            environment={
                "POWERTOOLS_SERVICE_NAME": f"settle-{construct_id.lower()}",
                "POWERTOOLS_LOG_LEVEL": stage.log_level.value,
                "SETTLE_STAGE": stage.name,
                **({"SETTLE_TRACING": "on"} if stage.tracing else {}),
                **environment,
            },
        )

    def feed(self, name: str, queue: sqs.Queue, *, max_concurrency: int, batch_size: int = BATCH_SIZE) -> None:
        """Have Lambda poll a queue for this function, which has to be allowed to receive from it.

        The function answers with the messages that have to come again; else one failure would repeat a whole batch.
        """
        self.function.add_event_source_mapping(
            name,
            event_source_arn=queue.queue_arn,
            batch_size=batch_size,
            report_batch_item_failures=True,
            max_concurrency=max_concurrency,
        )
