"""The local system makes its table and queues without the CDK; here they are proven equal to the deployed ones."""

from typing import Any

import pytest

from settle.adapters import aws_resources
from tests.infra.synthesized import Synthesized

# What SQS does where a queue says nothing, by its API reference. VisibilityTimeout is not compared: the local one is
# shorter on purpose, so that a crash is felt in seconds.
SQS_DEFAULTS = {
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "DelaySeconds": "0",
    "FifoThroughputLimit": "perQueue",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
}
NOT_COMPARED = {"QueueName", "RedrivePolicy", "VisibilityTimeout"}


def deployed(stack: Synthesized, suffix: str) -> dict[str, str]:
    properties = stack.queue(suffix)["Properties"]
    return {name: as_attribute(value) for name, value in properties.items() if name not in NOT_COMPARED}


def as_attribute(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_the_local_table_has_the_keys_and_billing_of_the_deployed_one(stack: Synthesized) -> None:
    properties = stack.only("AWS::DynamoDB::GlobalTable")["Properties"]
    local = aws_resources.TABLE
    for name in ("KeySchema", "AttributeDefinitions", "BillingMode"):
        assert local[name] == properties[name]
    for name in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        assert local.get(name) == properties.get(name)


def test_the_local_table_expires_items_by_the_same_attribute(stack: Synthesized) -> None:
    properties = stack.only("AWS::DynamoDB::GlobalTable")["Properties"]
    assert properties["TimeToLiveSpecification"]["AttributeName"] == aws_resources.TTL_ATTRIBUTE


def test_the_deployed_table_has_nothing_else_that_an_expression_could_depend_on(stack: Synthesized) -> None:
    properties = stack.only("AWS::DynamoDB::GlobalTable")["Properties"]
    compared = {"AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema", "TimeToLiveSpecification"}
    # Where the table is, how it is restored, protected and watched: nothing that the store could notice.
    assert set(properties) == compared | {"Replicas"}
    (replica,) = properties["Replicas"]
    known = {
        "ContributorInsightsSpecification",
        "DeletionProtectionEnabled",
        "GlobalSecondaryIndexes",
        "PointInTimeRecoverySpecification",
        "Region",
    }
    assert set(replica) <= known


@pytest.mark.parametrize(
    ("suffix", "local"),
    [
        ("-events.fifo", aws_resources.QUEUE_ATTRIBUTES),
        ("-dead-letters.fifo", aws_resources.DEAD_LETTER_QUEUE_ATTRIBUTES),
        ("-timers", aws_resources.STANDARD_QUEUE_ATTRIBUTES),
        ("-timers-dead-letters", aws_resources.STANDARD_QUEUE_ATTRIBUTES),
        ("-tasks", aws_resources.STANDARD_QUEUE_ATTRIBUTES),
        ("-tasks-dead-letters", aws_resources.STANDARD_QUEUE_ATTRIBUTES),
    ],
)
def test_the_local_queues_behave_like_the_deployed_ones(stack: Synthesized, suffix: str, local: dict[str, str]) -> None:
    compared = {name: value for name, value in local.items() if name not in NOT_COMPARED}
    assert {**SQS_DEFAULTS, **compared} == {**SQS_DEFAULTS, **deployed(stack, suffix)}


@pytest.mark.parametrize("suffix", ["-events.fifo", "-timers", "-tasks"])
def test_the_local_queues_redrive_after_as_many_receives(stack: Synthesized, suffix: str) -> None:
    redrive = stack.queue(suffix)["Properties"]["RedrivePolicy"]
    assert redrive["maxReceiveCount"] == aws_resources.MAX_RECEIVE_COUNT
