"""The HTTP API in front of the ingress function."""

from typing import cast

from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

HEALTH_PATH = "/health"
# Enough for a few uptime checks; see the class.
HEALTH_RATE_LIMIT = 5
HEALTH_BURST_LIMIT = 10


class IngressApi(Construct):
    """One function behind one route: the function routes by itself, and answers unknown paths with its own problems.

    Callers sign with IAM unless another authorizer is given. `GET /health` alone is open, because uptime checks cannot
    sign; it says nothing but that the function runs, and its own throttle keeps strangers from taking the request rate
    of the callers. There is no CORS: a browser has no business holding IAM credentials.

    Attributes:
        api: the API.
        url: its base, without a trailing slash and without a stage name in the path.
    """

    def __init__(  # noqa: PLR0913 - each argument is one setting of an API
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        function: lambda_.IFunction,
        rate_limit: int,
        burst_limit: int,
        authorizer: apigatewayv2.IHttpRouteAuthorizer | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.api = apigatewayv2.HttpApi(
            self,
            "Api",
            api_name=name,
            create_default_stage=False,
            default_authorizer=authorizer or authorizers.HttpIamAuthorizer(),
        )
        integration = integrations.HttpLambdaIntegration(
            "Ingress",
            function,
            payload_format_version=apigatewayv2.PayloadFormatVersion.VERSION_2_0,
            scope_permission_to_route=False,
        )
        self.api.add_routes(path="/{proxy+}", methods=[apigatewayv2.HttpMethod.ANY], integration=integration)
        health = self.api.add_routes(
            path=HEALTH_PATH,
            methods=[apigatewayv2.HttpMethod.GET],
            integration=integration,
            authorizer=apigatewayv2.HttpNoneAuthorizer(),
        )
        stage = self.api.add_stage(
            "Stage",
            stage_name="$default",
            auto_deploy=True,
            throttle=apigatewayv2.ThrottleSettings(rate_limit=rate_limit, burst_limit=burst_limit),
        )
        # The construct has no argument for the settings of one route.
        resource = cast("apigatewayv2.CfnStage", stage.node.default_child)
        resource.route_settings = {
            f"GET {HEALTH_PATH}": {
                "ThrottlingRateLimit": HEALTH_RATE_LIMIT,
                "ThrottlingBurstLimit": HEALTH_BURST_LIMIT,
            },
        }
        # API Gateway refuses settings for a route that is not there yet, and nothing else orders the two.
        resource.node.add_dependency(*health)
        self.url = self.api.api_endpoint
