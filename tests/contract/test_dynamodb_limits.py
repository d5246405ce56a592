"""Limits of DynamoDB that the store reckons with, asked of DynamoDB Local; moto has others, or none."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from settle.adapters.dynamodb_store import DynamoDBInstanceStore
from settle.adapters.item_rules import INSTANCE_OVERHEAD_BYTES, MAX_HELD_CHANGES
from settle.runtime.errors import InstanceTooLargeError
from settle.runtime.instance import Blocked, Instance, InstanceKey
from settle.runtime.instance_codec import encode_instance
from settle.runtime.limits import MAX_BATCH, MAX_ITEM_BYTES, MAX_MESSAGE_BYTES
from settle.runtime.names import MAX_INSTANCE_ID, MAX_MACHINE_NAME
from settle.runtime.ports import ABSENT, Expected
from tests.support.dynamodb import TABLE_NAME, lose_the_answer
from tests.support.dynamodb_local import DynamoDBLocal
from tests.support.instances import NOW, make_held, make_instance

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.referee

KEY = InstanceKey("m" * MAX_MACHINE_NAME, "i" * MAX_INSTANCE_ID)
BLOCKED = Blocked(event_id="e", type="PAY", code="user_code", message="", traceback="", at=1_790_000_000.123456)
SLACK_BYTES = 128
"""At most so much less than DynamoDB takes is refused."""


@pytest.fixture
def client(dynamodb_local: DynamoDBLocal) -> "Iterator[DynamoDBClient]":
    with dynamodb_local.table() as client:
        yield client


@pytest.fixture
def store(client: "DynamoDBClient") -> DynamoDBInstanceStore:
    return DynamoDBInstanceStore(client, TABLE_NAME)


def largest(**fields: Any) -> Instance:
    """Return an instance whose item is as large as the store allows."""
    empty = make_instance(key=KEY, context="", **fields)
    taken = INSTANCE_OVERHEAD_BYTES + len(f"{KEY}{empty.incarnation}{encode_instance(empty)}")
    return make_instance(key=KEY, context="x" * (MAX_ITEM_BYTES - taken), **fields)


def following(instance: Instance) -> tuple[Instance, Expected]:
    expected = Expected(incarnation=instance.incarnation, revision=instance.revision)
    return replace(instance, revision=instance.revision + 1), expected


@pytest.mark.parametrize("fields", [{}, {"deleted_at": NOW}, {"blocked": BLOCKED}], ids=["plain", "deleted", "blocked"])
def test_the_largest_instance_fits_an_item_and_little_more_would(
    store: DynamoDBInstanceStore, client: "DynamoDBClient", fields: dict[str, Any]
) -> None:
    instance = largest(**fields)
    store.commit(instance, ABSENT)
    assert store.load(KEY) == instance

    longer = instance.snapshot._replace(context=f"{instance.snapshot.context}x")
    with pytest.raises(InstanceTooLargeError):
        store.commit(replace(instance, snapshot=longer), ABSENT)
    (item,) = client.scan(TableName=TABLE_NAME)["Items"]
    item["doc"] = {"S": f"{item['doc']['S']}{'x' * SLACK_BYTES}"}
    with pytest.raises(ClientError, match="maximum allowed size"):
        client.put_item(TableName=TABLE_NAME, Item=item)


def test_a_whole_batch_of_the_largest_messages_is_held_beside_the_largest_instance(
    store: DynamoDBInstanceStore,
) -> None:
    held = [make_held(number, body="x" * MAX_MESSAGE_BYTES) for number in range(1, MAX_BATCH + 1)]
    store.commit(largest(), ABSENT, hold=held)
    assert store.load_held(KEY, 1, MAX_BATCH) == held


def test_as_many_of_the_largest_messages_as_a_transaction_has_items_are_released_at_once(
    store: DynamoDBInstanceStore,
) -> None:
    instance = largest()
    store.commit(instance, ABSENT)
    for first in range(1, MAX_HELD_CHANGES + 1, MAX_BATCH):
        numbers = range(first, min(first + MAX_BATCH, MAX_HELD_CHANGES + 1))
        instance, expected = following(instance)
        store.commit(instance, expected, hold=[make_held(number, body="x" * MAX_MESSAGE_BYTES) for number in numbers])
    instance, expected = following(instance)
    store.commit(instance, expected, release=range(1, MAX_HELD_CHANGES + 1))
    assert store.load_held(KEY, 1, 1) == []


def test_a_transaction_sent_again_is_known_by_its_token_and_succeeds(
    store: DynamoDBInstanceStore, client: "DynamoDBClient"
) -> None:
    instance = make_instance(key=KEY)
    lost = lose_the_answer(client, "TransactWriteItems")
    store.commit(instance, ABSENT, hold=[make_held(1)])
    assert lost
    assert store.load(KEY) == instance
    assert store.load_held(KEY, 1, 10) == [make_held(1)]
