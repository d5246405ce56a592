"""A synthesized stack, read as an operator reads a template."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from app import build
from infra import nag
from infra.stack import SettleStack
from infra.stage import Stage

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"
REGION = "eu-west-1"
# By the logical id where the resource has no name.
ATTRIBUTES = {
    ("AWS::SQS::Queue", "Arn"): f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{name}}",
    ("AWS::SQS::Queue", "QueueName"): "{name}",
    ("AWS::DynamoDB::GlobalTable", "Arn"): f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{{id}}",
    ("AWS::CloudWatch::Alarm", "Arn"): f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{{id}}",
    ("AWS::KMS::Key", "Arn"): f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{{id}}",
    ("AWS::Logs::LogGroup", "Arn"): f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{id}}:*",
    ("AWS::IAM::Role", "RoleId"): "AROA-{id}",
    ("AWS::IAM::Role", "Arn"): f"arn:aws:iam::{ACCOUNT}:role/{{id}}",
    ("AWS::Scheduler::ScheduleGroup", "Arn"): f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/{{name}}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesized:
    """One stage's stack.

    Attributes:
        template: the CloudFormation template.
        tags: of the stack.
        termination_protection: of the stack.
        output: folder of the cloud assembly.
    """

    template: Mapping[str, Any]
    tags: Mapping[str, str]
    termination_protection: bool
    output: Path

    def of_type(self, kind: str) -> dict[str, Any]:
        """Return the resources of a type, by logical id."""
        resources = self.template["Resources"]
        return {name: resource for name, resource in resources.items() if resource["Type"] == kind}

    def only(self, kind: str) -> dict[str, Any]:
        """Return the one resource of a type."""
        (resource,) = self.of_type(kind).values()
        assert isinstance(resource, dict)
        return resource

    def queue(self, suffix: str) -> dict[str, Any]:
        """Return the queue whose name ends like this."""
        (found,) = (
            q for q in self.of_type("AWS::SQS::Queue").values() if q["Properties"]["QueueName"].endswith(suffix)
        )
        assert isinstance(found, dict)
        return found

    def function(self, name: str) -> dict[str, Any]:
        """Return the function of a package in `functions`."""
        functions = self.of_type("AWS::Lambda::Function").values()
        (found,) = (f for f in functions if f["Properties"]["Handler"] == f"functions.{name}.handler.handler")
        assert isinstance(found, dict)
        return found

    def environment(self, name: str) -> dict[str, str]:
        """Return a function's environment, as the function would see it."""
        variables = self.function(name)["Properties"]["Environment"]["Variables"]
        return {variable: self.resolve(value) for variable, value in variables.items()}

    def role(self, name: str) -> str:
        """Return the logical id of a function's role."""
        role = self.function(name)["Properties"]["Role"]["Fn::GetAtt"][0]
        assert isinstance(role, str)
        return role

    def statements(self, role: str) -> list[dict[str, Any]]:
        """Return the statements of a role's policies; all of them allow something."""
        statements = [
            statement
            for policy in self.of_type("AWS::IAM::Policy").values()
            if policy["Properties"]["Roles"] == [{"Ref": role}]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ]
        assert {statement["Effect"] for statement in statements} == {"Allow"}
        return statements

    def allowed(self, role: str) -> dict[str, set[str]]:
        """Return the actions that a role is allowed, by resource."""
        allowed: dict[str, set[str]] = {}
        for statement in self.statements(role):
            for resource in as_list(statement["Resource"]):
                allowed.setdefault(self.resolve(resource), set()).update(as_list(statement["Action"]))
        return allowed

    def mappings(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the event source mappings of a function, by the ARN of the queue."""
        function = self.function(name)
        mappings = [mapping["Properties"] for mapping in self.of_type("AWS::Lambda::EventSourceMapping").values()]
        return {
            self.resolve(mapping["EventSourceArn"]): mapping
            for mapping in mappings
            if self.template["Resources"][mapping["FunctionName"]["Ref"]] == function
        }

    def arn(self, suffix: str) -> str:
        """Return the ARN of the queue whose name ends like this."""
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.queue(suffix)['Properties']['QueueName']}"

    def url(self, suffix: str) -> str:
        """Return the URL of the queue whose name ends like this."""
        return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self.queue(suffix)['Properties']['QueueName']}"

    def resolve(self, value: object) -> str:
        """Return what CloudFormation would put in the place of a value; made up where only AWS knows it."""
        match value:
            case str():
                return value
            case {"Fn::Join": [str(separator), list(parts)]}:
                return separator.join(self.resolve(part) for part in parts)
            case {"Ref": str(name)}:
                return self._reference(name)
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return self._attribute(name, attribute)
            case _:
                raise NotImplementedError(value)

    def _reference(self, name: str) -> str:
        pseudo = {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws"}
        if name in pseudo:
            return pseudo[name]
        resource = self.template["Resources"][name]
        if resource["Type"] == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{resource['Properties']['QueueName']}"
        return name

    def _attribute(self, name: str, attribute: str) -> str:
        resource = self.template["Resources"][name]
        form = ATTRIBUTES.get((resource["Type"], attribute))
        if form is None:
            raise NotImplementedError(resource["Type"], attribute)
        properties = resource.get("Properties", {})
        return form.format(id=name, name=properties.get("QueueName", properties.get("Name")))


def as_list(value: Any) -> list[Any]:
    """Return a policy's value as the list that it stands for."""
    return value if isinstance(value, list) else [value]


def cdk_context() -> dict[str, Any]:
    """Return the context of cdk.json, which a CDK app in process does not read; without it the policies differ."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    assert isinstance(context, dict)
    return context


def synthesize(stage: str, output: Path, **given: str) -> Synthesized:
    """Synthesize a stage of the table, without bundling.

    Args:
        stage: its name.
        output: folder of the cloud assembly.
        given: what else the command line says.
    """
    app = _app(output, stage=stage, **given)
    return _read(app, build(app), output)


def synthesize_variant(stage: Stage, output: Path) -> Synthesized:
    """Synthesize a stage that somebody might write into the table."""
    app = _app(output, stage=stage.name)
    stack = SettleStack(app, stage.stack_name, stage=stage)
    nag.check(stack, stage)
    return _read(app, stack, output)


def _app(output: Path, **given: str) -> cdk.App:
    return cdk.App(outdir=str(output), context={**cdk_context(), "aws:cdk:bundling-stacks": [], **given})


def _read(app: cdk.App, stack: cdk.Stack, output: Path) -> Synthesized:
    artifact = app.synth().get_stack_by_name(stack.stack_name)
    return Synthesized(
        template=artifact.template,
        tags=artifact.tags,
        termination_protection=artifact.termination_protection or False,
        output=output,
    )
