from typing import Any

from tests.infra.synthesized import Synthesized


def table(stack: Synthesized) -> dict[str, Any]:
    return stack.only("AWS::DynamoDB::GlobalTable")


def replica(stack: Synthesized) -> dict[str, Any]:
    (only,) = table(stack)["Properties"]["Replicas"]
    assert isinstance(only, dict)
    return only


def test_keys_are_two_strings(stack: Synthesized) -> None:
    properties = table(stack)["Properties"]
    assert properties["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    assert properties["AttributeDefinitions"] == [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
        {"AttributeName": "blocked", "AttributeType": "S"},
        {"AttributeName": "since", "AttributeType": "N"},
    ]


def test_table_is_on_demand(stack: Synthesized) -> None:
    assert table(stack)["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def test_the_one_index_holds_blocked_instances_only_and_no_more_than_their_keys(stack: Synthesized) -> None:
    (index,) = table(stack)["Properties"]["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "blocked"
    assert index["KeySchema"] == [
        {"AttributeName": "blocked", "KeyType": "HASH"},
        {"AttributeName": "since", "KeyType": "RANGE"},
    ]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_ledger_entries_expire(stack: Synthesized) -> None:
    assert table(stack)["Properties"]["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_table_can_be_restored_to_a_point_in_time(stack: Synthesized) -> None:
    assert replica(stack)["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True


def test_production_keeps_its_instances(dev: Synthesized, prod: Synthesized) -> None:
    assert replica(prod)["DeletionProtectionEnabled"] is True
    assert table(prod)["DeletionPolicy"] == table(prod)["UpdateReplacePolicy"] == "Retain"
    assert replica(dev)["DeletionProtectionEnabled"] is False
    assert table(dev)["DeletionPolicy"] == table(dev)["UpdateReplacePolicy"] == "Delete"


def test_instances_that_are_throttled_can_be_named(stack: Synthesized) -> None:
    # The mode that looks at throttled keys only is billed by them; the other one by every call.
    assert replica(stack)["ContributorInsightsSpecification"] == {"Enabled": True, "Mode": "THROTTLED_KEYS"}
