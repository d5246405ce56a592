import json
import os
import re
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import pytest

from app import build
from infra.stage import STAGES, UnknownStageError
from tests.infra.synthesized import ROOT, Synthesized, cdk_context

STATEFUL = ("AWS::DynamoDB::GlobalTable", "AWS::SQS::Queue", "AWS::IAM::Role", "AWS::Scheduler::ScheduleGroup")


@pytest.mark.parametrize("stage", ["staging", "", None, ["dev"]])
def test_an_unknown_stage_is_refused_by_name(stage: object) -> None:
    with pytest.raises(UnknownStageError, match=re.escape(f"unknown stage {stage!r}: use one of -c stage=dev, ")):
        build(cdk.App(context={"stage": stage}))


def test_deploying_without_a_stage_means_dev() -> None:
    assert cdk_context()["stage"] == "dev"
    assert set(STAGES) == {"dev", "prod"}


def test_stacks_are_tagged_and_production_refuses_deletion(dev: Synthesized, prod: Synthesized) -> None:
    assert dev.tags == {"service": "settle", "stage": "dev"}
    assert prod.tags == {"service": "settle", "stage": "prod"}
    assert (dev.termination_protection, prod.termination_protection) == (False, True)


def test_outputs_name_what_a_client_and_an_operator_need(stack: Synthesized) -> None:
    outputs = {name: output["Value"] for name, output in stack.template["Outputs"].items()}
    (table,) = stack.of_type("AWS::DynamoDB::GlobalTable")
    (api,) = stack.of_type("AWS::ApiGatewayV2::Api")
    assert outputs.pop("ApiUrl") == {"Fn::GetAtt": [api, "ApiEndpoint"]}
    environment = stack.environment("consumer")
    assert {name: stack.resolve(value) for name, value in outputs.items()} == {
        "TableName": table,
        "QueueUrl": environment["SETTLE_QUEUE_URL"],
        "DeadLetterQueueUrl": environment["SETTLE_DEAD_LETTER_QUEUE_URL"],
        "TimersQueueUrl": environment["SETTLE_TIMERS_QUEUE_URL"],
        "TasksQueueUrl": environment["SETTLE_TASKS_QUEUE_URL"],
    }


def test_the_template_knows_no_account_and_no_region(stack: Synthesized) -> None:
    text = json.dumps(stack.template)
    assert not re.search(r"\b\d{12}\b", text)
    assert not re.search(r"\b(us|eu|ap|sa|ca|me|af)-[a-z]+-\d\b", text)


def test_what_holds_state_or_trust_keeps_its_logical_id(stack: Synthesized) -> None:
    # A new logical id is a new resource: an empty table, a queue whose name is taken, a role whose messages in flight
    # are no longer believed or whose schedules can no longer be delivered, a group without the timers that were set.
    assert {name for kind in STATEFUL for name in stack.of_type(kind)} == {
        "SnapshotsTableAE12316E",
        "QueuesDeadLettersF0D5D2AD",
        "QueuesEvents3B99B77C",
        "IngressRoleF140690A",
        "ConsumerRoleE2904DDD",
        "TimersDeadLettersBB155020",
        "TimersQueue10AEBBE9",
        "TimersGroup2EF8D443",
        "TimersSchedulerRole3B27FAD7",
        "TasksDeadLettersCFF7832A",
        "TasksQueue14B5121E",
        "WorkerRoleAAEB1603",
    }


def run_app(tmp_path: Path, stage: str) -> subprocess.CompletedProcess[str]:
    """Run app.py as the CDK command line does, on a machine without node, docker and credentials."""
    context = {**cdk_context(), "aws:cdk:bundling-stacks": [], "stage": stage}
    environment = {
        "HOME": os.environ["HOME"],
        "PATH": "",
        "JSII_NODE": os.environ["JSII_NODE"],
        "CDK_CONTEXT_JSON": json.dumps(context),
        "CDK_OUTDIR": str(tmp_path),
    }
    command = [sys.executable, "app.py"]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)


@pytest.mark.slow
def test_the_command_writes_the_template_that_the_tests_read(tmp_path: Path, dev: Synthesized) -> None:
    done = run_app(tmp_path, "dev")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "settle-dev.template.json").read_text()) == dev.template


@pytest.mark.slow
def test_an_unknown_stage_ends_the_command_with_one_line(tmp_path: Path) -> None:
    done = run_app(tmp_path, "staging")
    assert done.returncode == 1
    assert done.stderr == "error: unknown stage 'staging': use one of -c stage=dev, -c stage=prod\n"
    assert list(tmp_path.iterdir()) == []
