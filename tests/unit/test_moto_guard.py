"""The guard over moto: how it is put in place, that it makes moto atomic, and whether it is still needed."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import moto
import moto.sqs.models
import pytest
from moto import mock_aws
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.responses import DynamoHandler
from moto.scheduler.models import EventBridgeSchedulerBackend
from moto.sqs.models import Queue, SQSBackend
from moto.sqs.responses import SQSResponse

from settle.adapters.aws_resources import QUEUE_ATTRIBUTES
from settle.adapters.sqs_queue import make_sqs_client
from settle.local.moto_guard import MotoGuard, MotoVersionError
from tests.support.dynamodb import TABLE_NAME, moto_dynamodb

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

THREADS = 8
ROUNDS = 10
ACCOUNTS = 4
OPENING = 100


@pytest.fixture
def _hurried_threads() -> Iterator[None]:
    """Switch threads a hundred times as often, so that what is not atomic shows it."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(interval / 100)
    yield
    sys.setswitchinterval(interval)


# ---- putting it in place


def test_it_refuses_a_moto_that_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moto, "__version__", "5.2.6")
    with pytest.raises(MotoVersionError, match=r"knows moto 5\.2\.5 and this is 5\.2\.6"):
        MotoGuard().install()


def test_there_is_one_guard_at_a_time() -> None:
    with MotoGuard(), pytest.raises(RuntimeError, match="already"):
        MotoGuard().install()


def test_it_leaves_moto_as_it_was() -> None:
    backends = (SQSBackend, DynamoDBBackend, EventBridgeSchedulerBackend)
    owners = (*backends, SQSResponse, DynamoHandler, Queue, moto.sqs.models)
    before = [dict(vars(owner)) for owner in owners]
    with MotoGuard():
        assert [dict(vars(owner)) for owner in owners] != before
    assert [dict(vars(owner)) for owner in owners] == before


# ---- atomic


@pytest.mark.usefixtures("_hurried_threads")
def test_updates_transactions_and_conditions_hold_under_threads() -> None:
    with moto_dynamodb() as dynamodb:
        for account in range(ACCOUNTS):
            dynamodb.put_item(TableName=TABLE_NAME, Item={**key(f"account-{account}"), "sum": {"N": str(OPENING)}})
        # Made once here: made by several threads at a time there would be several classes of one name.
        assert dynamodb.exceptions is not None
        with ThreadPoolExecutor(THREADS) as pool:
            created = [n for won in pool.map(lambda thread: bank(dynamodb, thread), range(THREADS)) for n in won]
        items = [read(dynamodb, f"account-{account}") for account in range(ACCOUNTS)]
        assert sum(int(item["sum"]["N"]) for item in items) == ACCOUNTS * OPENING
        assert int(read(dynamodb, "counter")["count"]["N"]) == THREADS * ROUNDS
        assert sorted(created) == list(range(ROUNDS))


def bank(dynamodb: "DynamoDBClient", thread: int) -> list[int]:
    """Count, move money and race for new items; return the races won."""
    won = []
    for number in range(ROUNDS):
        dynamodb.update_item(
            TableName=TABLE_NAME,
            Key=key("counter"),
            UpdateExpression="ADD #c :one",
            ExpressionAttributeNames={"#c": "count"},
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
        source, target = (thread + number) % ACCOUNTS, (thread + number + 1) % ACCOUNTS
        dynamodb.transact_write_items(TransactItems=[move(source, -1), move(target, 1)])
        try:
            dynamodb.put_item(
                TableName=TABLE_NAME, Item=key(f"race-{number}"), ConditionExpression="attribute_not_exists(pk)"
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            continue
        won.append(number)
    return won


def move(account: int, amount: int) -> Any:
    return {
        "Update": {
            "TableName": TABLE_NAME,
            "Key": key(f"account-{account}"),
            "UpdateExpression": "ADD #s :amount",
            "ExpressionAttributeNames": {"#s": "sum"},
            "ExpressionAttributeValues": {":amount": {"N": str(amount)}},
        }
    }


def key(name: str) -> dict[str, Any]:
    return {"pk": {"S": name}, "sk": {"S": "-"}}


def read(dynamodb: "DynamoDBClient", name: str) -> Any:
    return dynamodb.get_item(TableName=TABLE_NAME, Key=key(name), ConsistentRead=True)["Item"]


# ---- the canaries


@pytest.fixture
def unguarded() -> Iterator["SQSClient"]:
    with mock_aws():
        yield make_sqs_client(region="eu-central-1")


def make_queue(sqs: "SQSClient") -> str:
    return sqs.create_queue(QueueName="canary.fifo", Attributes=QUEUE_ATTRIBUTES)["QueueUrl"]


def send(sqs: "SQSClient", url: str, body: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g", MessageDeduplicationId=body)


def take(sqs: "SQSClient", url: str) -> list[str]:
    """Receive and delete, one by one."""
    taken = []
    while messages := sqs.receive_message(QueueUrl=url, VisibilityTimeout=60).get("Messages", []):
        taken.append(messages[0]["Body"])
        sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])
    return taken


def test_unguarded_moto_still_returns_an_expired_batch_out_of_order(
    unguarded: "SQSClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_800_000_000_000.0]
    monkeypatch.setattr(moto.sqs.models, "unix_time_millis", lambda: now[0])
    url, bodies = make_queue(unguarded), ["p0", "p1", "p2", "p3"]
    for body in bodies:
        send(unguarded, url, body)
    unguarded.receive_message(QueueUrl=url, MaxNumberOfMessages=3, VisibilityTimeout=30)
    now[0] += 31_000
    taken = take(unguarded, url)
    assert sorted(taken) == bodies
    assert taken != bodies, "moto was mended: see what of the guard is still needed"


def test_unguarded_moto_still_forgets_a_deduplication_id_with_its_message(unguarded: "SQSClient") -> None:
    url = make_queue(unguarded)
    for _ in range(2):
        send(unguarded, url, "p0")
        assert take(unguarded, url) == ["p0"], "moto was mended: see what of the guard is still needed"


def test_unguarded_moto_still_deletes_by_a_handle_of_an_earlier_delivery(unguarded: "SQSClient") -> None:
    url = unguarded.create_queue(QueueName="canary")["QueueUrl"]
    unguarded.send_message(QueueUrl=url, MessageBody="p0")
    earlier, _ = (
        unguarded.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"][0]["ReceiptHandle"] for _ in range(2)
    )
    unguarded.delete_message(QueueUrl=url, ReceiptHandle=earlier)
    left = unguarded.receive_message(QueueUrl=url).get("Messages", [])
    assert left == [], "moto was mended: see what of the guard is still needed"
