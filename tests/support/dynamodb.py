"""The table in moto, in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

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
