"""The account's own key for everything that holds events, instances or logs, where a stage asks for one."""

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

# What a table, or a log group, asks the key for. AWS writes two of them with a wildcard; these are what it stands for.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
STORE_ACTIONS = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
# What it takes to send to an encrypted queue or topic, and to receive.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
MESSAGE_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")


class CustomerKey(Construct):
    """A key that rotates every year, used only by the services of this stack and only for its resources.

    It is not for the environments of the functions, which hold names and no secrets.

    Attributes:
        key: the key.
    """

    def __init__(self, scope: Construct, construct_id: str, *, name: str, protected: bool) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(
            self,
            "Key",
            description=f"Instances, events, alarms and logs of {name}",
            enable_key_rotation=True,
            # With the key, everything that is encrypted with it is lost, the backups of the table included.
            removal_policy=RemovalPolicy.RETAIN if protected else RemovalPolicy.DESTROY,
        )
        self._allow_logs(name)
        self._allow_alarms(name)

    def grant_table(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow to read and write encrypted items, through DynamoDB and in no other way."""
        return self._grant(grantee, "dynamodb", STORE_ACTIONS)

    def grant_queues(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow to send and receive encrypted messages, through SQS and in no other way."""
        return self._grant(grantee, "sqs", MESSAGE_ACTIONS)

    def _grant(self, grantee: iam.IGrantable, service: str, actions: tuple[str, ...]) -> iam.Grant:
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=list(actions),
            resource_arns=[self.key.key_arn],
            conditions={"StringEquals": {"kms:ViaService": f"{service}.{Stack.of(self).region}.amazonaws.com"}},
        )

    def _allow_logs(self, name: str) -> None:
        """Let CloudWatch Logs encrypt the log groups of this stack, which names itself in their names.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        """
        stack = Stack.of(self)
        groups = [
            stack.format_arn(service="logs", resource=f"log-group:{prefix}{name}-*")
            for prefix in ("", "/aws/vendedlogs/")
        ]
        self._allow(
            f"logs.{stack.region}.amazonaws.com",
            STORE_ACTIONS,
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
        )

    def _allow_alarms(self, name: str) -> None:
        """Let CloudWatch publish to the encrypted topics. Without this an alarm goes off and nobody is told.

        https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
        """
        self._allow(
            "cloudwatch.amazonaws.com",
            MESSAGE_ACTIONS,
            {
                "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
                "ArnLike": {"aws:SourceArn": alarms_arn(self, name)},
            },
        )

    def _allow(self, service: str, actions: tuple[str, ...], conditions: dict[str, object]) -> None:
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(service)],
                actions=list(actions),
                # In the policy of a key, this key.
                resources=["*"],
                conditions=conditions,
            )
        )


def alarms_arn(scope: Construct, name: str) -> str:
    """Return the ARN of all alarms of a stack, whose names begin with its own."""
    return Stack.of(scope).format_arn(service="cloudwatch", resource=f"alarm:{name}-*")
