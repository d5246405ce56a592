"""The log of the requests that an API gets."""

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.access_log_format import make_format
from infra.removal import removal_policy


class AccessLogs(Construct):
    """The log group of an HTTP API.

    API Gateway writes to it through a resource policy that it adds itself when it is deployed. The policy has a limited
    length, and names of this prefix share one entry of it.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-CloudWatchLogs.html

    Attributes:
        group: the log group.
    """

    def __init__(  # noqa: PLR0913 - each argument is one decision of a stage
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        retention: logs.RetentionDays,
        protected: bool,
        key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/vendedlogs/{name}-api",
            retention=retention,
            encryption_key=key,
            removal_policy=removal_policy(protected=protected),
        )

    def settings(self, *, principal: str) -> apigatewayv2.CfnStage.AccessLogSettingsProperty:
        """Return what a stage of the API is told.

        Args:
            principal: the variable that names the caller.
        """
        # The group's own ARN ends in `:*`, which API Gateway takes off, and the stage would seem to have drifted.
        arn = Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=self.group.log_group_name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return apigatewayv2.CfnStage.AccessLogSettingsProperty(destination_arn=arn, format=make_format(principal))
