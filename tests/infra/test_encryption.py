"""What a stage with a customer key encrypts with it, and who may use the key."""

from dataclasses import replace
from typing import Any

import pytest

from infra.stage import STAGES
from tests.infra.synthesized import ACCOUNT, REGION, Synthesized, as_list, synthesize_variant

TABLE = {
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
}
MESSAGES = {"kms:Decrypt", "kms:GenerateDataKey"}


@pytest.fixture(scope="session", params=["staging", "prod"])
def keyed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    stage = replace(STAGES[request.param], customer_key=True, account=ACCOUNT, region=REGION)
    return synthesize_variant(stage, tmp_path_factory.mktemp("keyed"))


def key_id(stack: Synthesized) -> str:
    (key,) = stack.of_type("AWS::KMS::Key")
    return key


def test_there_is_no_key_unless_a_stage_asks_for_one(stack: Synthesized) -> None:
    assert stack.of_type("AWS::KMS::Key") == {}


def test_table_queues_topics_and_logs_are_encrypted_with_the_key(keyed: Synthesized) -> None:
    arn = {"Fn::GetAtt": [key_id(keyed), "Arn"]}
    table = keyed.only("AWS::DynamoDB::GlobalTable")["Properties"]
    assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
    assert [replica["SSESpecification"]["KMSMasterKeyId"] for replica in table["Replicas"]] == [arn]
    for kind, attribute, count in (
        ("AWS::SQS::Queue", "KmsMasterKeyId", 6),
        ("AWS::SNS::Topic", "KmsMasterKeyId", 2),
        ("AWS::Logs::LogGroup", "KmsKeyId", 4),
    ):
        assert [each["Properties"][attribute] for each in keyed.of_type(kind).values()] == [arn] * count
    for queue in keyed.of_type("AWS::SQS::Queue").values():
        assert "SqsManagedSseEnabled" not in queue["Properties"]


def test_the_key_rotates_and_goes_only_where_everything_goes(keyed: Synthesized) -> None:
    key = keyed.only("AWS::KMS::Key")
    assert key["Properties"]["EnableKeyRotation"] is True
    kept = keyed.only("AWS::DynamoDB::GlobalTable")["DeletionPolicy"]
    assert key["DeletionPolicy"] == key["UpdateReplacePolicy"] == kept


@pytest.mark.parametrize("function", ["ingress", "consumer", "worker"])
def test_functions_use_the_key_through_the_table_and_the_queues_only(keyed: Synthesized, function: str) -> None:
    assert usage(keyed, keyed.role(function)) == {"dynamodb": TABLE, "sqs": MESSAGES}


def test_scheduler_uses_the_key_through_the_queue_only(keyed: Synthesized) -> None:
    (role,) = (role for role in keyed.of_type("AWS::IAM::Role") if "Scheduler" in role)
    assert usage(keyed, role) == {"sqs": MESSAGES}


def usage(stack: Synthesized, role: str) -> dict[str, set[str]]:
    """Return what a role may do with the key, by the service through which."""
    arn = stack.resolve({"Fn::GetAtt": [key_id(stack), "Arn"]})
    found = {}
    for statement in stack.statements(role):
        if any(action.startswith("kms:") for action in as_list(statement["Action"])):
            assert stack.resolve(statement["Resource"]) == arn
            service = statement["Condition"]["StringEquals"]["kms:ViaService"]
            assert service.endswith(f".{REGION}.amazonaws.com")
            found[service.partition(".")[0]] = set(statement["Action"])
    return found


def statements(stack: Synthesized) -> dict[str, dict[str, Any]]:
    """Return the statements of the key's policy, by service; that of the account by its name."""
    policy = stack.only("AWS::KMS::Key")["Properties"]["KeyPolicy"]["Statement"]
    return {each["Principal"].get("Service", "account"): each for each in policy}


def test_the_policy_of_the_key_lets_in_logs_and_alarms_of_this_stack(keyed: Synthesized) -> None:
    stage = keyed.environment("consumer")["SETTLE_STAGE"]
    found = statements(keyed)
    assert set(found) == {"account", f"logs.{REGION}.amazonaws.com", "cloudwatch.amazonaws.com"}
    logs = found[f"logs.{REGION}.amazonaws.com"]
    groups = logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert groups == [
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:settle-{stage}-*",
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/vendedlogs/settle-{stage}-*",
    ]
    alarms = found["cloudwatch.amazonaws.com"]
    # Without both, an alarm goes off and its message is dropped: CloudWatch calls the key itself.
    assert set(alarms["Action"]) == MESSAGES
    assert alarms["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:settle-{stage}-*"},
    }


def test_names_are_those_that_the_policy_of_the_key_lets_in(keyed: Synthesized) -> None:
    stage = keyed.environment("consumer")["SETTLE_STAGE"]
    names = [group["Properties"].get("LogGroupName") for group in keyed.of_type("AWS::Logs::LogGroup").values()]
    # CloudFormation begins the names that it makes with that of the stack.
    assert [name for name in names if name is not None] == [f"/aws/vendedlogs/settle-{stage}-api"]
    alarms = [alarm["Properties"]["AlarmName"] for alarm in keyed.of_type("AWS::CloudWatch::Alarm").values()]
    assert all(name.startswith(f"settle-{stage}-") for name in alarms)
