"""The routes of the HTTP API, as far as it tells them apart: which are open, and which scopes each one asks for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aws_cdk import aws_apigatewayv2 as apigatewayv2

from infra.callers import Jwt

ANY = apigatewayv2.HttpMethod.ANY
DELETE = apigatewayv2.HttpMethod.DELETE
GET = apigatewayv2.HttpMethod.GET
POST = apigatewayv2.HttpMethod.POST
PUT = apigatewayv2.HttpMethod.PUT

INSTANCE = "/machines/{machine}/instances/{instance}"
# What the function does not know it answers with a problem, so everything else is handed to it too.
REST = "/{proxy+}"
# The methods that the function knows; a route for ANY would also take the preflight requests of browsers, which carry
# no credentials, away from API Gateway: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
METHODS = (DELETE, GET, POST, PUT)
OPERATIONS = ("pause", "resume", "retry", "edit", "skip")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route, or several methods of one path.

    Attributes:
        methods: of its calls.
        path: as API Gateway writes it.
        scopes: of which a token needs one; empty where there are no tokens.
    """

    methods: Sequence[apigatewayv2.HttpMethod]
    path: str
    scopes: Sequence[str] = ()


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
HEALTH = OpenRoute(method=GET, path="/health", rate_limit=5, burst_limit=10)
# Enough for the answers of people and of other systems. A token that was made up costs an invocation, and two reads of
# the table when it looks like one: at this rate strangers keep a few functions busy, and no more.
CALLBACKS = OpenRoute(method=POST, path="/callbacks/{token}", rate_limit=50, burst_limit=100)
OPEN_ROUTES = (HEALTH, CALLBACKS)


def signed_routes(*, browsers: bool) -> Iterator[Route]:
    """Return the routes of callers that sign with IAM: their own policies tell methods and paths apart."""
    yield Route(methods=METHODS if browsers else (ANY,), path=REST)


def scoped_routes(jwt: Jwt, *, browsers: bool) -> Iterator[Route]:
    """Return the routes of callers that bring a token, the most special ones first.

    What is not listed, and may be added to the function later, asks for the operators' scopes: it is better refused
    than open.
    """
    yield Route(methods=(POST,), path=f"{INSTANCE}/events", scopes=jwt.send_scopes)
    yield Route(methods=(PUT,), path=INSTANCE, scopes=jwt.send_scopes)
    for operation in OPERATIONS:
        yield Route(methods=(POST,), path=f"{INSTANCE}/{operation}", scopes=jwt.operate_scopes)
    yield Route(methods=(DELETE,), path=INSTANCE, scopes=jwt.operate_scopes)
    yield Route(methods=(GET,), path=REST, scopes=jwt.read_scopes)
    rest = tuple(method for method in METHODS if method is not GET) if browsers else (ANY,)
    yield Route(methods=rest, path=REST, scopes=jwt.operate_scopes)
