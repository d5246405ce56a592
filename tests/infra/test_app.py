import json
import os
import re
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import pytest

from app import build
from infra.stage import STAGES
from infra.stage_error import UnknownStageError
from tests.infra.readable_template import readable
from tests.infra.synthesized import REGION, ROOT, Synthesized, cdk_context

STATEFUL = ("AWS::DynamoDB::GlobalTable", "AWS::SQS::Queue", "AWS::IAM::Role", "AWS::Scheduler::ScheduleGroup")
FUNCTIONS = ("ingress", "consumer", "worker")


@pytest.mark.parametrize("stage", ["production", "", None, ["dev"]])
def test_an_unknown_stage_is_refused_by_name(stage: object) -> None:
    with pytest.raises(UnknownStageError, match=re.escape(f"unknown stage {stage!r}: use one of -c stage=dev, ")):
        build(cdk.App(context={"stage": stage}))


def test_deploying_without_a_stage_means_dev() -> None:
    assert cdk_context()["stage"] == "dev"
    assert set(STAGES) == {"dev", "staging", "prod"}


def test_stacks_are_tagged_and_production_refuses_deletion(
    dev: Synthesized, staging: Synthesized, prod: Synthesized
) -> None:
    assert dev.tags == {"service": "settle", "stage": "dev"}
    assert staging.tags == {"service": "settle", "stage": "staging"}
    assert prod.tags == {"service": "settle", "stage": "prod"}
    assert [each.termination_protection for each in (dev, staging, prod)] == [False, False, True]


def test_outputs_name_what_a_client_and_an_operator_need(stack: Synthesized) -> None:
    outputs = {name: output["Value"] for name, output in stack.template["Outputs"].items()}
    (table,) = stack.of_type("AWS::DynamoDB::GlobalTable")
    (api,) = stack.of_type("AWS::ApiGatewayV2::Api")
    assert outputs.pop("ApiUrl") == {"Fn::GetAtt": [api, "ApiEndpoint"]}
    environment = stack.environment("consumer")
    (dashboard,) = stack.of_type("AWS::CloudWatch::Dashboard")
    assert {name: stack.resolve(value) for name, value in outputs.items()} == {
        "TableName": table,
        "QueueUrl": environment["SETTLE_QUEUE_URL"],
        "DeadLetterQueueUrl": environment["SETTLE_DEAD_LETTER_QUEUE_URL"],
        "TimersQueueUrl": environment["SETTLE_TIMERS_QUEUE_URL"],
        "TimersDeadLetterQueueUrl": stack.url("-timers-dead-letters"),
        "TasksQueueUrl": environment["SETTLE_TASKS_QUEUE_URL"],
        "TasksDeadLetterQueueUrl": stack.url("-tasks-dead-letters"),
        "ScheduleGroupName": environment["SETTLE_SCHEDULE_GROUP"],
        **{f"{name.capitalize()}FunctionName": function_id(stack, name) for name in FUNCTIONS},
        **{f"{name.capitalize()}LogGroupName": log_group_id(stack, name) for name in FUNCTIONS},
        "AccessLogGroupName": "HttpAccessLogsBA63A067",
        "DashboardUrl": f"https://console.aws.amazon.com/cloudwatch/home?region={REGION}#dashboards/dashboard/{dashboard}",
        "UrgentTopicArn": "ObservabilityUrgentTopic1E51DC77",
        "NoticesTopicArn": "ObservabilityNoticesTopicA908730D",
    }


def function_id(stack: Synthesized, name: str) -> str:
    functions = stack.of_type("AWS::Lambda::Function")
    (found,) = (key for key, function in functions.items() if function == stack.function(name))
    return found


def log_group_id(stack: Synthesized, name: str) -> str:
    group = stack.function(name)["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
    assert isinstance(group, str)
    return group


@pytest.mark.parametrize("name", ["urgent", "notices"])
def test_the_names_of_topics_are_those_of_their_outputs(stack: Synthesized, name: str) -> None:
    topic = stack.resolve(stack.template["Outputs"][f"{name.capitalize()}TopicArn"]["Value"])
    assert topic in stack.of_type("AWS::SNS::Topic")


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
    # But for the bundle's hash: it tells whether there is a Python that compiles it, and here is no path to one.
    assert readable(json.loads((tmp_path / "settle-dev.template.json").read_text())) == readable(dev.template)


@pytest.mark.slow
def test_an_unknown_stage_ends_the_command_with_one_line(tmp_path: Path) -> None:
    done = run_app(tmp_path, "production")
    assert done.returncode == 1
    known = "-c stage=dev, -c stage=staging, -c stage=prod"
    assert done.stderr == f"error: unknown stage 'production': use one of {known}\n"
    assert list(tmp_path.iterdir()) == []
