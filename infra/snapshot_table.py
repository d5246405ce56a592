"""The table of instances: snapshots, held events and the ledger of event ids."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

PARTITION_KEY = "pk"
SORT_KEY = "sk"
TTL_ATTRIBUTE = "expires_at"
BLOCKED_INDEX = "blocked"
BLOCKED_SINCE = "since"

READ_ACTIONS = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query")
# A transaction has no action of its own: each of its parts is allowed or denied as the single call would be.
WRITE_ACTIONS = ("dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:PutItem")


class SnapshotTable(Construct):
    """One table for all machines, on demand, recoverable to any second of the last 35 days.

    Recovery is on in every stage, so that restoring can be practised where it costs cents.

    Attributes:
        table: the table.
    """

    def __init__(self, scope: Construct, construct_id: str, *, protected: bool, key: kms.IKey | None = None) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.TableV2(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name=PARTITION_KEY, type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name=SORT_KEY, type=dynamodb.AttributeType.STRING),
            billing=dynamodb.Billing.on_demand(),
            time_to_live_attribute=TTL_ATTRIBUTE,
            # Only blocked instances have its keys, so all other writes cost nothing more.
            global_secondary_indexes=[
                dynamodb.GlobalSecondaryIndexPropsV2(
                    index_name=BLOCKED_INDEX,
                    partition_key=dynamodb.Attribute(name=BLOCKED_INDEX, type=dynamodb.AttributeType.STRING),
                    sort_key=dynamodb.Attribute(name=BLOCKED_SINCE, type=dynamodb.AttributeType.NUMBER),
                    projection_type=dynamodb.ProjectionType.KEYS_ONLY,
                )
            ],
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True,
            ),
            # Names the instances that are throttled, and costs nothing as long as none is.
            contributor_insights_specification=dynamodb.ContributorInsightsSpecification(
                enabled=True, mode=dynamodb.ContributorInsightsMode.THROTTLED_KEYS
            ),
            # A table is always encrypted: without a key of the account's, with one of DynamoDB's.
            encryption=dynamodb.TableEncryptionV2.customer_managed_key(key) if key else None,
            deletion_protection=protected,
            removal_policy=RemovalPolicy.RETAIN if protected else RemovalPolicy.DESTROY,
        )

    # The table's own grant_* methods also allow Scan and UpdateItem, which nothing here uses.

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow to read instances, held events and the ledger."""
        return self._grant(grantee, *READ_ACTIONS)

    def grant_list(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow to list the blocked instances."""
        index = f"{self.table.table_arn}/index/{BLOCKED_INDEX}"
        return iam.Grant.add_to_principal(grantee=grantee, actions=["dynamodb:Query"], resource_arns=[index])

    def grant_accept(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow to enter event ids in the ledger, which is a conditional put."""
        return self._grant(grantee, "dynamodb:PutItem")

    def grant_commit(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow to store instances and to add and remove held events, alone or in one transaction."""
        return self._grant(grantee, *WRITE_ACTIONS)

    def _grant(self, grantee: iam.IGrantable, *actions: str) -> iam.Grant:
        return iam.Grant.add_to_principal(grantee=grantee, actions=list(actions), resource_arns=[self.table.table_arn])
