import json
from pathlib import Path
from typing import Any, NamedTuple

import aws_cdk as cdk
import pytest
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs

from app import build
from tests.infra.synthesized import Synthesized, cdk_context

PACK = "AwsSolutions"


class Finding(NamedTuple):
    path: str
    rule: str


def report(output: Path) -> dict[str, Any]:
    """Return what the rules found, as the CDK wrote it down."""
    reports = json.loads((output / "validation-report.json").read_text())["pluginReports"]
    (of_the_pack,) = (report for report in reports if report["pluginName"] == PACK)
    assert isinstance(of_the_pack, dict)
    return of_the_pack


def findings(violations: list[dict[str, Any]]) -> set[Finding]:
    return {
        Finding(resource["constructPath"], violation["ruleName"])
        for violation in violations
        for resource in violation["violatingConstructs"]
    }


def acknowledged(output: Path) -> dict[Finding, str]:
    """Return the reasons of all that was acknowledged anywhere in the stack."""
    (file,) = output.glob("*.metadata.json")
    return {
        Finding(path.removeprefix("/"), rule.removeprefix(f"{PACK}::")): reason
        for path, entries in json.loads(file.read_text()).items()
        for entry in entries
        if entry["type"] == "aws:cdk:acknowledged-rules"
        for rule, reason in entry["data"].items()
    }


def stack_to_add_to(output: Path) -> tuple[cdk.App, cdk.Stack]:
    context = {**cdk_context(), "aws:cdk:bundling-stacks": [], "stage": "dev"}
    app = cdk.App(outdir=str(output), context=context)
    return app, build(app)


def test_nothing_is_found_that_is_not_accepted(stack: Synthesized) -> None:
    found = report(stack.output)
    assert (found["conclusion"], found["violations"]) == ("success", [])


def test_everything_accepted_is_found_at_the_resource_itself(stack: Synthesized) -> None:
    # An acknowledgment that no finding needs any more would accept the next one unseen.
    accepted = acknowledged(stack.output)
    assert findings(report(stack.output)["suppressedViolations"]) == set(accepted)
    assert all(accepted.values())


def test_other_settings_of_a_stage_need_no_other_reasons(variant: Synthesized) -> None:
    assert findings(report(variant.output)["suppressedViolations"]) == set(acknowledged(variant.output))


def test_a_queue_without_dead_letters_ends_the_synth(tmp_path: Path) -> None:
    app, stack = stack_to_add_to(tmp_path)
    sqs.Queue(stack, "Added", enforce_ssl=True)
    with pytest.raises(RuntimeError, match="AwsSolutions-SQS3"):
        app.synth()
    assert findings(report(tmp_path)["violations"]) == {Finding("settle-dev/Added/Resource", "AwsSolutions-SQS3")}


def test_what_is_accepted_of_one_resource_is_not_accepted_of_another(tmp_path: Path) -> None:
    app, stack = stack_to_add_to(tmp_path)
    api = stack.node.find_child("Http").node.find_child("Api")
    assert isinstance(api, apigatewayv2.HttpApi)
    apigatewayv2.CfnRoute(api, "Added", api_id=api.api_id, route_key="GET /open", authorization_type="NONE")
    with pytest.raises(RuntimeError, match="AwsSolutions-APIG4"):
        app.synth()
    assert findings(report(tmp_path)["violations"]) == {Finding("settle-dev/Http/Api/Added", "AwsSolutions-APIG4")}


def test_another_wildcard_in_a_policy_that_has_one_is_found(tmp_path: Path) -> None:
    app, stack = stack_to_add_to(tmp_path)
    role = stack.node.find_child("Consumer").node.find_child("Role")
    assert isinstance(role, iam.Role)
    role.add_to_policy(
        iam.PolicyStatement(actions=["sqs:*"], resources=[stack.format_arn(service="sqs", resource="q")])
    )
    with pytest.raises(RuntimeError, match="AwsSolutions-IAM5"):
        app.synth()
    (added,) = findings(report(tmp_path)["violations"])
    assert added == ("settle-dev/Consumer/Role/DefaultPolicy/Resource", "AwsSolutions-IAM5[Action::sqs:*]")


def test_what_cloudformation_would_refuse_ends_the_synth(tmp_path: Path) -> None:
    app, stack = stack_to_add_to(tmp_path)
    cdk.CfnResource(stack, "Added", type="AWS::SNS::Topic", properties={"FifoTopic": "perhaps"})
    with pytest.raises(RuntimeError, match="CloudFormation-Validate"):
        app.synth()


def test_what_a_construct_warns_of_ends_the_synth(tmp_path: Path) -> None:
    app, stack = stack_to_add_to(tmp_path)
    cdk.Annotations.of(stack).add_warning_v2("settle:added", "this is going to be expensive")
    with pytest.raises(RuntimeError, match="this is going to be expensive"):
        app.synth()
