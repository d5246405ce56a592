"""What all tests share."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support.dynamodb_local_package import find_missing, is_required

if TYPE_CHECKING:
    from tests.support.dynamodb_local import DynamoDBLocal

# A loaded machine is not a failing test; a failing test is the same one tomorrow.
settings.register_profile("settle", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("settle")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Skip what DynamoDB Local judges where it is not; with `REFEREE=required` its absence is an error instead."""
    judged = [item for item in items if item.get_closest_marker("referee")]
    missing = find_missing() if judged else None
    if missing is None:
        return
    if is_required():
        raise pytest.UsageError(missing)
    for item in judged:
        item.add_marker(pytest.mark.skip(reason=missing))


@pytest.fixture(scope="session")
def dynamodb_local(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[DynamoDBLocal]":
    """Start DynamoDB Local with the first test that asks for it."""
    from tests.support.dynamodb_local import DynamoDBLocal  # noqa: PLC0415 - half a second that most tests need not wait

    with DynamoDBLocal(tmp_path_factory.mktemp("dynamodb-local") / "log") as server:
        yield server
