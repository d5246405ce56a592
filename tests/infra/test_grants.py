import pytest

from tests.infra.synthesized import ACCOUNT, REGION, Synthesized, as_list

LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
READ = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}
COMMIT = {"dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:PutItem"}
BE_FED = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
POSTPONE = {"sqs:ChangeMessageVisibility"}
SEND = {"sqs:SendMessage"}
TRACE = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}


def test_the_ingress_reads_enters_ids_and_sends(stack: Synthesized) -> None:
    assert stack.allowed(stack.role("ingress")) == {
        table_arn(stack): READ | {"dynamodb:PutItem"},
        f"{table_arn(stack)}/index/blocked": {"dynamodb:Query"},
        stack.arn("-events.fifo"): SEND,
        own_logs(stack, "ingress"): LOGS,
        **traces(stack, "ingress"),
    }


def test_the_consumer_reads_commits_receives_relays_and_buries(stack: Synthesized) -> None:
    allowed = stack.allowed(stack.role("consumer"))
    assert allowed.pop(schedules_arn(stack)) == {"scheduler:CreateSchedule", "scheduler:DeleteSchedule"}
    assert allowed.pop(stack.environment("consumer")["SETTLE_SCHEDULER_ROLE_ARN"]) == {"iam:PassRole"}
    assert allowed == {
        table_arn(stack): READ | COMMIT,
        stack.arn("-events.fifo"): BE_FED | POSTPONE | SEND,
        stack.arn("-dead-letters.fifo"): SEND,
        stack.arn("-timers"): BE_FED | SEND,
        stack.arn("-tasks"): SEND,
        own_logs(stack, "consumer"): LOGS,
        **traces(stack, "consumer"),
    }


def test_the_worker_reads_enters_begun_calls_receives_answers_and_buries(stack: Synthesized) -> None:
    assert stack.allowed(stack.role("worker")) == {
        table_arn(stack): READ | {"dynamodb:PutItem"},
        stack.arn("-events.fifo"): SEND,
        stack.arn("-dead-letters.fifo"): SEND,
        stack.arn("-tasks"): BE_FED | POSTPONE,
        stack.arn("-tasks-dead-letters"): BE_FED,
        own_logs(stack, "worker"): LOGS,
        **traces(stack, "worker"),
    }


def test_nothing_is_allowed_by_wildcard_but_the_schedules_of_the_own_group_and_traces(stack: Synthesized) -> None:
    logs = {own_logs(stack, name) for name in ("ingress", "consumer", "worker")}
    for role in stack.of_type("AWS::IAM::Role"):
        for statement in stack.statements(role):
            assert set(statement) <= {"Action", "Condition", "Effect", "Resource"}
            assert not [action for action in as_list(statement["Action"]) if "*" in action]
            resources = {stack.resolve(resource) for resource in as_list(statement["Resource"])}
            # The ARN of a log group ends like that, by CloudFormation itself: its streams.
            wide = {resource for resource in resources - logs if "*" in resource}
            # X-Ray knows no resources to name: https://docs.aws.amazon.com/xray/latest/devguide/security_iam_service-with-iam.html
            tracing = wide == {"*"} and set(as_list(statement["Action"])) == TRACE
            assert tracing or wide <= {schedules_arn(stack)}


def test_every_policy_is_that_of_one_role(stack: Synthesized) -> None:
    policies = stack.of_type("AWS::IAM::Policy").values()
    assert [len(policy["Properties"]["Roles"]) for policy in policies] == [1] * len(stack.of_type("AWS::IAM::Role"))
    assert stack.of_type("AWS::IAM::ManagedPolicy") == {}


def test_queue_policies_only_deny(stack: Synthesized) -> None:
    for policy in stack.of_type("AWS::SQS::QueuePolicy").values():
        assert {statement["Effect"] for statement in policy["Properties"]["PolicyDocument"]["Statement"]} == {"Deny"}


def test_roles_bring_no_policies_of_others(stack: Synthesized) -> None:
    for role in stack.of_type("AWS::IAM::Role").values():
        assert set(role["Properties"]) == {"AssumeRolePolicyDocument"}


@pytest.mark.parametrize("name", ["ingress", "consumer", "worker"])
def test_only_lambda_takes_the_roles_of_functions(stack: Synthesized, name: str) -> None:
    role = stack.of_type("AWS::IAM::Role")[stack.role(name)]
    (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


@pytest.mark.parametrize("kind", ["AWS::Lambda::LayerVersion", "AWS::Lambda::Url", "Custom::LogRetention"])
def test_nothing_comes_in_by_the_back_door(stack: Synthesized, kind: str) -> None:
    assert stack.of_type(kind) == {}


def table_arn(stack: Synthesized) -> str:
    (table,) = stack.of_type("AWS::DynamoDB::GlobalTable")
    return stack.resolve({"Fn::GetAtt": [table, "Arn"]})


def schedules_arn(stack: Synthesized) -> str:
    group = stack.only("AWS::Scheduler::ScheduleGroup")["Properties"]["Name"]
    return f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{group}/*"


def own_logs(stack: Synthesized, name: str) -> str:
    group = stack.function(name)["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
    return stack.resolve({"Fn::GetAtt": [group, "Arn"]})


def traces(stack: Synthesized, name: str) -> dict[str, set[str]]:
    return {"*": TRACE} if "SETTLE_TRACING" in stack.environment(name) else {}
