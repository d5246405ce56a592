"""The rules of AWS Solutions, and every finding of theirs that is accepted, with its reason.

cdk-nag checks within each synth, so within each `cdk deploy` too: a finding that is not accepted here ends it. What the
rules mean: https://github.com/cdklabs/cdk-nag/blob/main/RULES.md#awssolutions
"""

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import Acknowledgment, Stack, Token, Validations
from cdk_nag import AwsSolutionsChecks
from constructs import IConstruct

from infra.stage import Stage

FUNCTIONS = ("Ingress", "Consumer", "Worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A finding that stays.

    Attributes:
        path: of the resource, below the stack. A construct around it would accept the finding for what is added to it
            later, too.
        rule: its name. A rule that can find several things in one resource has the thing in brackets.
        reason: why it stays.
    """

    path: str
    rule: str
    reason: str


def check(stack: Stack, stage: Stage) -> None:
    """Have the stack checked when it is synthesized, but for what is accepted of its stage."""
    checks = AwsSolutionsChecks(stack)
    Validations.of(stack).add_plugins(checks)
    for accepted in find_accepted(stack, stage):
        acknowledgment = Acknowledgment(id=f"{checks.name}::{accepted.rule}", reason=accepted.reason)
        Validations.of(_find(stack, accepted.path)).acknowledge(acknowledgment)


def find_accepted(stack: Stack, stage: Stage) -> Iterator[Accepted]:
    """Yield what is accepted in a stage; what is not found in it must not be among it."""
    for function in FUNCTIONS:
        yield Accepted(
            path=f"{function}/Function/Resource",
            rule="AwsSolutions-L1",
            reason="The bundle carries bytecode, which only a Python of the runtime's minor version compiles, so the "
            "version changes when the machines that deploy have the next one. Lambda supports python3.13 until "
            "June 2029, as long as python3.14: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html",
        )
        if stage.tracing:
            yield Accepted(
                path=f"{function}/Role/DefaultPolicy/Resource",
                rule="AwsSolutions-IAM5[Resource::*]",
                reason="A trace has no ARN: sending it is allowed for everything, or not at all. "
                "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html",
            )
    yield Accepted(
        path="Consumer/Role/DefaultPolicy/Resource",
        rule=f"AwsSolutions-IAM5[Resource::{_schedules(stack, stage)}]",
        reason="Schedules are made and named at run time, one for each timer. The group is theirs alone.",
    )
    yield Accepted(
        path="Http/Api/GET--health/Resource",
        rule="AwsSolutions-APIG4",
        reason="Uptime checks cannot sign. It says nothing but that the function runs, and has a throttle of its own.",
    )
    yield Accepted(
        path="Http/Api/POST--callbacks--{token}/Resource",
        rule="AwsSolutions-APIG4",
        reason="The token in the path is what authorizes the call: random, for one call, checked against the live one. "
        "Whoever completes a service has nothing else to sign with. The route has a throttle of its own.",
    )


def _schedules(stack: Stack, stage: Stage) -> str:
    """Return the ARN of the group's schedules as the rule writes it: what only CloudFormation knows in brackets."""
    place = {"AWS::Partition": stack.partition, "AWS::Region": stack.region, "AWS::AccountId": stack.account}
    known = (f"<{name}>" if Token.is_unresolved(value) else value for name, value in place.items())
    partition, region, account = known
    return f"arn:{partition}:scheduler:{region}:{account}:schedule/{stage.stack_name}/*"


def _find(stack: Stack, path: str) -> IConstruct:
    found: IConstruct = stack
    for construct_id in path.split("/"):
        found = found.node.find_child(construct_id)
    return found
