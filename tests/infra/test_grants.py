import pytest

from tests.infra.synthesized import Synthesized, as_list

LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
READ = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}
COMMIT = {"dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:PutItem"}
RECEIVE = {"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}


def test_the_ingress_reads_enters_ids_and_sends(stack: Synthesized) -> None:
    environment = stack.environment("ingress")
    allowed = stack.allowed("ingress")
    assert allowed.pop(table_arn(stack)) == READ | {"dynamodb:PutItem"}
    assert allowed.pop(environment["SETTLE_QUEUE_ARN"]) == {"sqs:SendMessage"}
    assert allowed == {own_logs(stack, "ingress"): LOGS}


def test_the_consumer_reads_commits_receives_relays_and_buries(stack: Synthesized) -> None:
    environment = stack.environment("consumer")
    allowed = stack.allowed("consumer")
    assert allowed.pop(table_arn(stack)) == READ | COMMIT
    assert allowed.pop(environment["SETTLE_QUEUE_ARN"]) == RECEIVE | {"sqs:SendMessage"}
    dead_letters = stack.queue("-dead-letters.fifo")["Properties"]["QueueName"]
    assert allowed.pop(environment["SETTLE_QUEUE_ARN"].rpartition(":")[0] + f":{dead_letters}") == {"sqs:SendMessage"}
    assert allowed == {own_logs(stack, "consumer"): LOGS}


def test_nothing_is_allowed_by_wildcard(stack: Synthesized) -> None:
    for policy in stack.of_type("AWS::IAM::Policy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            assert not [action for action in as_list(statement["Action"]) if "*" in action]
            assert "*" not in as_list(statement["Resource"])


def test_queue_policies_only_deny(stack: Synthesized) -> None:
    for policy in stack.of_type("AWS::SQS::QueuePolicy").values():
        assert {statement["Effect"] for statement in policy["Properties"]["PolicyDocument"]["Statement"]} == {"Deny"}


def test_roles_bring_no_policies_of_others(stack: Synthesized) -> None:
    for role in stack.of_type("AWS::IAM::Role").values():
        assert set(role["Properties"]) == {"AssumeRolePolicyDocument"}
        (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


@pytest.mark.parametrize("kind", ["AWS::Lambda::LayerVersion", "AWS::Lambda::Url", "Custom::LogRetention"])
def test_nothing_comes_in_by_the_back_door(stack: Synthesized, kind: str) -> None:
    assert stack.of_type(kind) == {}


def table_arn(stack: Synthesized) -> str:
    (table,) = stack.of_type("AWS::DynamoDB::GlobalTable")
    return stack.resolve({"Fn::GetAtt": [table, "Arn"]})


def own_logs(stack: Synthesized, name: str) -> str:
    group = stack.function(name)["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
    return stack.resolve({"Fn::GetAtt": [group, "Arn"]})
