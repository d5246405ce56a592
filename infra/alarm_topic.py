"""A topic that alarms go to, and whoever wants to be told."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.encryption import alarms_arn


class AlarmTopic(Construct):
    """A topic that the alarms of this stack may publish to, and nobody else.

    Without a customer key it is not encrypted at rest: CloudWatch may not use the key that SNS offers, and an alarm
    says nothing about any instance.

    Attributes:
        topic: the topic.
    """

    def __init__(  # noqa: PLR0913 - each argument is one decision of a stage
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        display_name: str,
        address: str | None = None,
        key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Topic", display_name=display_name, enforce_ssl=True, master_key=key)
        # A policy of our own takes the place of the one that would let the whole account publish.
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisStack",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
                    "ArnLike": {"aws:SourceArn": alarms_arn(self, name)},
                },
            )
        )
        if address is not None:
            self.topic.add_subscription(subscriptions.EmailSubscription(address))
