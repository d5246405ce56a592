"""The HTTP API in front of the ingress function."""

from collections.abc import Iterable
from typing import assert_never, cast

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.access_log_format import SIGNED_BY, TOKEN_OF
from infra.access_logs import AccessLogs
from infra.api_routes import METHODS, OPEN_ROUTES, Route, scoped_routes, signed_routes
from infra.callers import REQUEST_HEADERS, RESPONSE_HEADERS, Cors, Iam, Jwt
from infra.stage import Stage


class IngressApi(Construct):
    """One function behind all routes: it routes by itself, and answers unknown paths with its own problems.

    Callers sign with IAM, or bring a token if the stage says so. Two routes are open. Uptime checks cannot sign, and
    `GET /health` says nothing but that the function runs. Whoever completes a service has a token for that one call and
    nothing else, so `POST /callbacks/{token}` needs no signature besides. Their own throttles keep strangers from
    taking the request rate of the callers. Browsers are let in by the stage only: they have no business holding IAM
    credentials.

    Attributes:
        api: the API.
        url: its base, without a trailing slash and without a stage name in the path.
        logs: what it writes about each request.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        function: lambda_.IFunction,
        key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._integration = integrations.HttpLambdaIntegration(
            "Ingress",
            function,
            payload_format_version=apigatewayv2.PayloadFormatVersion.VERSION_2_0,
            scope_permission_to_route=False,
        )
        self.api = apigatewayv2.HttpApi(
            self,
            "Api",
            api_name=stage.stack_name,
            create_default_stage=False,
            default_authorizer=_authorizer(stage),
            cors_preflight=_preflight(stage.cors) if stage.cors else None,
        )
        self.logs = AccessLogs(
            self,
            "Access",
            name=stage.stack_name,
            retention=stage.log_retention,
            protected=stage.protected,
            key=key,
        )
        self._add_routes(_routes(stage))
        self._add_stage(stage, self._add_open_routes())
        self.url = self.api.api_endpoint

    def _add_routes(self, routes: Iterable[Route]) -> None:
        for route in routes:
            self.api.add_routes(
                path=route.path,
                methods=list(route.methods),
                integration=self._integration,
                authorization_scopes=list(route.scopes) or None,
            )

    def _add_open_routes(self) -> list[apigatewayv2.HttpRoute]:
        return [
            route
            for open_route in OPEN_ROUTES
            for route in self.api.add_routes(
                path=open_route.path,
                methods=[open_route.method],
                integration=self._integration,
                authorizer=apigatewayv2.HttpNoneAuthorizer(),
            )
        ]

    def _add_stage(self, stage: Stage, opened: list[apigatewayv2.HttpRoute]) -> None:
        added = self.api.add_stage(
            "Stage",
            stage_name="$default",
            auto_deploy=True,
            throttle=apigatewayv2.ThrottleSettings(rate_limit=stage.rate_limit, burst_limit=stage.burst_limit),
        )
        # The construct has no argument for the settings of one route, and one for logs that takes no format of ours.
        resource = cast("apigatewayv2.CfnStage", added.node.default_child)
        principal = TOKEN_OF if isinstance(stage.callers, Jwt) else SIGNED_BY
        resource.access_log_settings = self.logs.settings(principal=principal)
        resource.route_settings = {
            route.key: {"ThrottlingRateLimit": route.rate_limit, "ThrottlingBurstLimit": route.burst_limit}
            for route in OPEN_ROUTES
        }
        # API Gateway refuses settings for a route that is not there yet, and nothing else orders the two.
        resource.node.add_dependency(*opened)


def _authorizer(stage: Stage) -> apigatewayv2.IHttpRouteAuthorizer:
    match stage.callers:
        case Jwt(issuer=issuer, audience=audience):
            return authorizers.HttpJwtAuthorizer("Jwt", issuer, jwt_audience=list(audience))
        case Iam():
            return authorizers.HttpIamAuthorizer()
        case never:
            assert_never(never)


def _routes(stage: Stage) -> Iterable[Route]:
    browsers = stage.cors is not None
    match stage.callers:
        case Jwt() as jwt:
            return scoped_routes(jwt, browsers=browsers)
        case Iam():
            return signed_routes(browsers=browsers)
        case never:
            assert_never(never)


def _preflight(cors: Cors) -> apigatewayv2.CorsPreflightOptions:
    return apigatewayv2.CorsPreflightOptions(
        allow_origins=list(cors.origins),
        allow_methods=[apigatewayv2.CorsHttpMethod(method.value) for method in METHODS],
        allow_headers=list(REQUEST_HEADERS),
        expose_headers=list(RESPONSE_HEADERS),
        max_age=Duration.seconds(cors.max_age_seconds),
    )
