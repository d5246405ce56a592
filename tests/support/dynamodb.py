"""The table in moto, in this process, and what tests do to clients of any DynamoDB."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from moto import mock_aws

from settle.adapters.aws_resources import TABLE
from settle.adapters.dynamodb_store import make_dynamodb_client
from settle.local.moto_guard import MotoGuard

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE_NAME: Final = "settle-instances"


@contextmanager
def moto_dynamodb() -> Iterator["DynamoDBClient"]:
    """Start an empty moto that threads may share, with the table in it."""
    with MotoGuard(), mock_aws():
        client = make_dynamodb_client(region="eu-central-1")
        client.create_table(TableName=TABLE_NAME, **TABLE)
        yield client


def lose_the_answer(client: "DynamoDBClient", operation: str) -> list[str]:
    """Let the next write take effect, and its answer get lost, as botocore sees it: the request is sent again.

    Returns:
        A list that names the operation once it was lost.
    """
    lost: list[str] = []

    def lose(response: Any, **_: Any) -> int | None:
        if response is not None and not lost:
            lost.append(operation)
            return 0
        return None

    client.meta.events.register_first(f"needs-retry.dynamodb.{operation}", lose)
    return lost
