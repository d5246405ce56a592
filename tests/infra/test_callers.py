"""What the HTTP API lets in: callers that sign, callers with tokens, and browsers."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from functions.ingress.openapi import build_openapi
from infra.callers import Cors, Jwt
from infra.stage import STAGES
from infra.stage_error import StageInvalidError
from settle.runtime.registry import load_machines
from tests.infra.synthesized import Synthesized, synthesize_variant

READ, SEND, OPERATE = ["settle/read"], ["settle/send"], ["settle/operate"]
GOOD: dict[str, Any] = {
    "issuer": "https://id.example.com/pool",
    "audience": ["client-1", "client-2"],
    "read_scopes": READ,
    "send_scopes": SEND,
    "operate_scopes": OPERATE,
}
JWT = Jwt(**GOOD)
INSTANCE = "/machines/{machine}/instances/{instance}"
SCOPES = {
    f"POST {INSTANCE}/events": SEND,
    f"PUT {INSTANCE}": SEND,
    f"POST {INSTANCE}/pause": OPERATE,
    f"POST {INSTANCE}/resume": OPERATE,
    f"POST {INSTANCE}/retry": OPERATE,
    f"POST {INSTANCE}/edit": OPERATE,
    f"POST {INSTANCE}/skip": OPERATE,
    f"DELETE {INSTANCE}": OPERATE,
    "GET /{proxy+}": READ,
}
OPEN = {"GET /health", "POST /callbacks/{token}"}
CORS = Cors(origins=["https://app.example.com", "http://localhost:5173"])


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize_variant(replace(STAGES["staging"], callers=JWT), tmp_path_factory.mktemp("tokens"))


@pytest.fixture(scope="session")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    stage = replace(STAGES["staging"], callers=JWT, cors=CORS)
    return synthesize_variant(stage, tmp_path_factory.mktemp("browsers"))


def routes(stack: Synthesized) -> dict[str, tuple[str, Sequence[str] | None]]:
    """Return how each route is authorized and the scopes that it asks for."""
    found = [route["Properties"] for route in stack.of_type("AWS::ApiGatewayV2::Route").values()]
    return {each["RouteKey"]: (each["AuthorizationType"], each.get("AuthorizationScopes")) for each in found}


# Tokens ---------------------------------------------------------------------------------------------------------------


def test_a_token_is_checked_against_its_issuer_and_audience(tokens: Synthesized) -> None:
    authorizer = tokens.only("AWS::ApiGatewayV2::Authorizer")["Properties"]
    assert authorizer["AuthorizerType"] == "JWT"
    assert authorizer["JwtConfiguration"] == {"Issuer": JWT.issuer, "Audience": JWT.audience}
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]


def test_reading_sending_and_operating_ask_for_scopes_of_their_own(tokens: Synthesized) -> None:
    found = routes(tokens)
    assert {key: scopes for key, (kind, scopes) in found.items() if kind == "JWT" and key in SCOPES} == SCOPES


def test_what_is_not_listed_asks_for_the_scopes_of_operators(tokens: Synthesized) -> None:
    assert set(routes(tokens)) - set(SCOPES) - OPEN == {"ANY /{proxy+}"}
    assert routes(tokens)["ANY /{proxy+}"] == ("JWT", OPERATE)


def test_no_route_takes_just_any_token(tokens: Synthesized, browsers: Synthesized) -> None:
    for stack in (tokens, browsers):
        for key, (kind, scopes) in routes(stack).items():
            assert (kind, bool(scopes)) == (("NONE", False) if key in OPEN else ("JWT", True)), key


def test_every_call_that_the_api_documents_has_a_route_that_was_thought_of() -> None:
    documented = {
        f"{method.upper()} {path}"
        for path, item in build_openapi(load_machines())["paths"].items()
        for method in item
        if method in {"get", "put", "post", "delete"}
    }
    # The document names each machine, the API none.
    shapes = {" ".join([method, shape(path)]) for method, path in (call.split() for call in documented)}
    known = {" ".join([method, shape(path)]) for method, path in (key.split() for key in {*SCOPES, *OPEN})}
    assert {call for call in shapes if not call.startswith("GET ")} <= known


def shape(path: str) -> str:
    """Return a path with a star for what differs between calls."""
    parts = path.split("/")
    if parts[1] == "machines" and len(parts) > 2:
        parts[2] = "*"
    return "/".join("*" if part.startswith("{") else part for part in parts)


def test_the_access_log_names_who_signed_or_whose_token_it_was(dev: Synthesized, tokens: Synthesized) -> None:
    for stack, variable in ((dev, "$context.identity.userArn"), (tokens, "$context.authorizer.claims.sub")):
        settings = stack.only("AWS::ApiGatewayV2::Stage")["Properties"]["AccessLogSettings"]
        assert json.loads(settings["Format"])["principal"] == variable


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"issuer": "http://id.example.com"}, "is not an https URL"),
        ({"issuer": "id.example.com"}, "is not an https URL"),
        # Without an audience, a token that the issuer made for somebody else would do.
        ({"audience": []}, "audience has to be a list"),
        ({"read_scopes": []}, "read_scopes has to be a list"),
        ({"send_scopes": [""]}, "send_scopes has to be a list"),
        # A string is a list of letters.
        ({"operate_scopes": "settle/operate"}, "operate_scopes has to be a list"),
    ],
)
def test_a_setting_that_lets_in_everybody_or_nobody_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(StageInvalidError, match=message):
        Jwt(**{**GOOD, **change})


# Browsers -------------------------------------------------------------------------------------------------------------


def test_pages_of_the_origins_may_call_and_see_the_headers_of_answers(browsers: Synthesized) -> None:
    cors = browsers.only("AWS::ApiGatewayV2::Api")["Properties"]["CorsConfiguration"]
    assert cors["AllowOrigins"] == list(CORS.origins)
    assert cors["AllowMethods"] == ["DELETE", "GET", "POST", "PUT"]
    assert {"authorization", "content-type", "idempotency-key", "if-match", "prefer"} <= set(cors["AllowHeaders"])
    assert {"etag", "location", "preference-applied"} <= set(cors["ExposeHeaders"])
    assert "AllowCredentials" not in cors


def test_no_route_takes_preflight_requests_away_from_the_api(browsers: Synthesized) -> None:
    # They carry no credentials, so a route with an authorizer would refuse them.
    assert not [key for key in routes(browsers) if key.startswith(("ANY ", "OPTIONS "))]
    rest = {key for key in routes(browsers) if key.endswith("/{proxy+}")}
    assert rest == {f"{method} /{{proxy+}}" for method in ("DELETE", "GET", "POST", "PUT")}


def test_callers_that_sign_may_come_from_browsers_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    stack = synthesize_variant(replace(STAGES["dev"], cors=CORS), tmp_path_factory.mktemp("signed"))
    assert {kind for key, (kind, _) in routes(stack).items() if key not in OPEN} == {"AWS_IAM"}
    assert not [key for key in routes(stack) if key.startswith("ANY ")]


@pytest.mark.parametrize("origin", ["*", "https://app.example.com", "https://app.example.com:8443", "http://localhost"])
def test_origins_are_what_browsers_send(origin: str) -> None:
    assert Cors(origins=[origin]).origins == [origin]


@pytest.mark.parametrize(
    "origins",
    [
        [],
        "https://app.example.com",
        [""],
        ["app.example.com"],
        ["http://app.example.com"],
        ["https://app.example.com/"],
        ["https://app.example.com/page"],
        ["https://user@app.example.com?x"],
    ],
)
def test_what_no_browser_sends_or_anybody_can_read_is_no_origin(origins: Sequence[str]) -> None:
    with pytest.raises(StageInvalidError, match="origin"):
        Cors(origins=origins)
