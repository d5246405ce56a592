"""What `cdk destroy` leaves behind: of a stage that is not protected, nothing; of prod, what was entrusted to it."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import boto3

from tests.e2e.deploy_local.cdk_cli import CdkCli, CommandFailedError
from tests.e2e.deploy_local.deployment import STACK
from tests.e2e.deploy_local.guide import OperatorShell, read_block
from tests.e2e.deploy_local.story import Story

PROTECTED: Final = "settle-prod"
KEPT: Final = {"table", "queues", "schedule group", "log groups", "roles"}
ALIVE: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
_LISTS: Final[Mapping[str, tuple[str, Callable[[Any], Iterable[str]]]]] = {
    "stack": ("cloudformation", lambda c: _all(c.list_stacks(StackStatusFilter=ALIVE), "StackSummaries", "StackName")),
    "table": ("dynamodb", lambda c: c.list_tables()["TableNames"]),
    "queues": ("sqs", lambda c: c.list_queues().get("QueueUrls", [])),
    "functions": ("lambda", lambda c: _all(c.list_functions(), "Functions", "FunctionName")),
    "mappings": ("lambda", lambda c: _all(c.list_event_source_mappings(), "EventSourceMappings", "FunctionArn")),
    "API": ("apigatewayv2", lambda c: _all(c.get_apis(), "Items", "Name")),
    "schedule group": ("scheduler", lambda c: _all(c.list_schedule_groups(), "ScheduleGroups", "Name")),
    "log groups": ("logs", lambda c: _all(c.describe_log_groups(), "logGroups", "logGroupName")),
    "roles": ("iam", lambda c: _all(c.list_roles(), "Roles", "RoleName")),
}


def tear_down(story: Story, cdk: CdkCli, assembly: Path) -> None:
    """Destroy the stack of a stage that is not protected, and check that everything of it is gone."""
    _check_complete(story, find_resources(STACK))
    cdk.destroy(assembly)
    left = find_resources(STACK)
    story.check("nothing of it is left", not left, left)


def tear_down_protected(story: Story, cdk: CdkCli, assembly: Path, shell: OperatorShell) -> None:
    """Deploy prod, take it down as docs/deploy.md tells, and check what stays until it is removed by hand."""
    cdk.deploy(assembly)
    _check_complete(story, find_resources(PROTECTED))
    refused = ""
    try:
        cdk.destroy(assembly)
    except CommandFailedError as error:
        refused = str(error)
    story.check("prod refuses to be destroyed", "TerminationProtection" in refused, refused)
    shell.type(read_block("unprotect"))
    cdk.destroy(assembly)
    kept = find_resources(PROTECTED)
    story.check(f"unprotected, it keeps {', '.join(sorted(kept))}", set(kept) == KEPT, kept)
    shell.type(read_block("remove what prod kept"))
    left = find_resources(PROTECTED)
    story.check("nothing of it is left", not left, left)


def find_resources(stack: str) -> dict[str, list[str]]:
    """Return what belongs to a stack, by kind, empty kinds left out."""
    found = {kind: list(names(boto3.client(service))) for kind, (service, names) in _LISTS.items()}
    return {kind: mine for kind, names in found.items() if (mine := [name for name in names if stack in name])}


def _check_complete(story: Story, found: Mapping[str, list[str]]) -> None:
    """A list that finds nothing now would find nothing afterwards either."""
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in found.items())
    story.check(f"there is a stack with {counts}", set(found) == set(_LISTS), found)


def _all(answer: Mapping[str, Any], items: str, name: str) -> list[str]:
    return [str(item[name]) for item in answer[items]]
