"""The HTTP API in front of the ingress function."""

from dataclasses import dataclass
from typing import cast

from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_lambda as lambda_
from constructs import Construct


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRoute:
    """A route that strangers can reach, with a throttle of its own.

    Attributes:
        method: of its calls.
        path: as API Gateway writes it.
        rate_limit: requests per second, steadily.
        burst_limit: requests at once.
    """

    method: apigatewayv2.HttpMethod
    path: str
    rate_limit: int
    burst_limit: int

    @property
    def key(self) -> str:
        """What API Gateway calls it."""
        return f"{self.method.value} {self.path}"


# Enough for a few uptime checks.
HEALTH = OpenRoute(method=apigatewayv2.HttpMethod.GET, path="/health", rate_limit=5, burst_limit=10)
# Enough for the answers of people and of other systems. A token that was made up costs an invocation, and two reads of
# the table when it looks like one: at this rate strangers keep a few functions busy, and no more.
CALLBACKS = OpenRoute(method=apigatewayv2.HttpMethod.POST, path="/callbacks/{token}", rate_limit=50, burst_limit=100)
OPEN_ROUTES = (HEALTH, CALLBACKS)


class IngressApi(Construct):
    """One function behind one route: the function routes by itself, and answers unknown paths with its own problems.

    Callers sign with IAM unless another authorizer is given. Two routes are open. Uptime checks cannot sign, and
    `GET /health` says nothing but that the function runs. Whoever completes a service has a token for that one call and
    nothing else, so `POST /callbacks/{token}` needs no signature besides. Their own throttles keep strangers from
    taking the request rate of the callers. There is no CORS: a browser has no business holding IAM credentials.

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
        opened = [
            route
            for open_route in OPEN_ROUTES
            for route in self.api.add_routes(
                path=open_route.path,
                methods=[open_route.method],
                integration=integration,
                authorizer=apigatewayv2.HttpNoneAuthorizer(),
            )
        ]
        stage = self.api.add_stage(
            "Stage",
            stage_name="$default",
            auto_deploy=True,
            throttle=apigatewayv2.ThrottleSettings(rate_limit=rate_limit, burst_limit=burst_limit),
        )
        # The construct has no argument for the settings of one route.
        resource = cast("apigatewayv2.CfnStage", stage.node.default_child)
        resource.route_settings = {
            route.key: {"ThrottlingRateLimit": route.rate_limit, "ThrottlingBurstLimit": route.burst_limit}
            for route in OPEN_ROUTES
        }
        # API Gateway refuses settings for a route that is not there yet, and nothing else orders the two.
        resource.node.add_dependency(*opened)
        self.url = self.api.api_endpoint
