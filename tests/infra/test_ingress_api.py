import json

from tests.infra.synthesized import Synthesized


def test_every_call_is_signed_but_health_checks_and_callbacks(stack: Synthesized) -> None:
    routes = [route["Properties"] for route in stack.of_type("AWS::ApiGatewayV2::Route").values()]
    assert {route["RouteKey"]: route["AuthorizationType"] for route in routes} == {
        "ANY /{proxy+}": "AWS_IAM",
        "GET /health": "NONE",
        "POST /callbacks/{token}": "NONE",
    }


def test_all_routes_lead_to_the_ingress_by_payload_format_two(stack: Synthesized) -> None:
    (name,) = stack.of_type("AWS::ApiGatewayV2::Integration")
    integration = stack.only("AWS::ApiGatewayV2::Integration")["Properties"]
    assert integration["PayloadFormatVersion"] == "2.0"
    assert stack.template["Resources"][integration["IntegrationUri"]["Fn::GetAtt"][0]] == stack.function("ingress")
    for route in stack.of_type("AWS::ApiGatewayV2::Route").values():
        assert stack.resolve(route["Properties"]["Target"]) == f"integrations/{name}"


def test_only_this_api_may_call_the_ingress(stack: Synthesized) -> None:
    permission = stack.only("AWS::Lambda::Permission")["Properties"]
    (api,) = stack.of_type("AWS::ApiGatewayV2::Api")
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert stack.resolve(permission["SourceArn"]) == f"arn:aws:execute-api:eu-west-1:123456789012:{api}/*/*/*"


def test_requests_are_throttled_by_stage(dev: Synthesized, staging: Synthesized, prod: Synthesized) -> None:
    limits = [s.only("AWS::ApiGatewayV2::Stage")["Properties"]["DefaultRouteSettings"] for s in (dev, staging, prod)]
    assert limits == [
        {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 100},
        {"ThrottlingRateLimit": 100, "ThrottlingBurstLimit": 50},
        {"ThrottlingRateLimit": 1000, "ThrottlingBurstLimit": 500},
    ]


def test_strangers_at_the_open_routes_cannot_use_up_the_rate_of_callers(stack: Synthesized) -> None:
    stage = stack.only("AWS::ApiGatewayV2::Stage")
    settings = stage["Properties"]["RouteSettings"]
    assert settings == {
        "GET /health": {"ThrottlingRateLimit": 5, "ThrottlingBurstLimit": 10},
        "POST /callbacks/{token}": {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 100},
    }
    routes = [route["Properties"] for route in stack.of_type("AWS::ApiGatewayV2::Route").values()]
    assert set(settings) == {route["RouteKey"] for route in routes if route["AuthorizationType"] == "NONE"}


def test_the_throttles_are_set_once_their_routes_are_there(stack: Synthesized) -> None:
    # API Gateway refuses settings for a route that is not there yet.
    stage = stack.only("AWS::ApiGatewayV2::Stage")
    routes = {stack.template["Resources"][name]["Properties"]["RouteKey"] for name in stage["DependsOn"]}
    assert routes == set(stage["Properties"]["RouteSettings"])


def test_paths_carry_no_stage_name_and_browsers_are_not_invited(stack: Synthesized) -> None:
    assert stack.only("AWS::ApiGatewayV2::Stage")["Properties"]["StageName"] == "$default"
    assert "CorsConfiguration" not in stack.only("AWS::ApiGatewayV2::Api")["Properties"]


def access_log(stack: Synthesized) -> dict[str, str]:
    """Return the fields of a line, as API Gateway fills them in."""
    settings = stack.only("AWS::ApiGatewayV2::Stage")["Properties"]["AccessLogSettings"]
    fields: dict[str, str] = json.loads(settings["Format"])
    return fields


def test_every_request_leaves_a_line_that_says_what_who_and_how_long(stack: Synthesized) -> None:
    fields = access_log(stack)
    for field in ("id", "method", "route", "status", "ms", "function_error", "principal"):
        assert fields[field].startswith("$context.")
    # The function takes it as correlation id, unless the caller brings another.
    assert fields["id"] == "$context.requestId"


def test_no_line_holds_the_token_of_a_callback(stack: Synthesized) -> None:
    # It stands in the path.
    variables = set(access_log(stack).values())
    assert not variables & {"$context.path", "$context.requestOverride.path", "$context.protocol"}
    assert access_log(stack)["route"] == "$context.routeKey"


def test_the_lines_go_to_a_group_of_our_own_that_needs_no_policy_of_its_own(stack: Synthesized) -> None:
    (name,) = (n for n, g in stack.of_type("AWS::Logs::LogGroup").items() if "LogGroupName" in g["Properties"])
    group = stack.of_type("AWS::Logs::LogGroup")[name]["Properties"]["LogGroupName"]
    stage = stack.environment("ingress")["SETTLE_STAGE"]
    assert group == f"/aws/vendedlogs/settle-{stage}-api"
    destination = stack.only("AWS::ApiGatewayV2::Stage")["Properties"]["AccessLogSettings"]["DestinationArn"]
    # Not the ARN that ends in a star: API Gateway takes that off, and the stage would seem to have drifted.
    assert stack.resolve(destination) == f"arn:aws:logs:eu-west-1:123456789012:log-group:{name}"


def test_access_logs_outlive_the_production_stack_only(dev: Synthesized, prod: Synthesized) -> None:
    groups = [stack.of_type("AWS::Logs::LogGroup")["HttpAccessLogsBA63A067"] for stack in (dev, prod)]
    # Except on create: a kept group would hold its explicit name against the next attempt.
    assert [group["DeletionPolicy"] for group in groups] == ["Delete", "RetainExceptOnCreate"]
