"""The DynamoDB store alone: what it asks of the service, and what it makes of the service's errors."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from socket import socket
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.model import OperationModel
from botocore.stub import Stubber
from botocore.validate import ParamValidator

from settle.adapters.dynamodb_store import BATCH_GET_ATTEMPTS, DynamoDBInstanceStore, make_dynamodb_client
from settle.core.errors import SettleError
from settle.runtime.errors import ConflictError, StoreUnavailableError
from settle.runtime.instance import TOMBSTONE_SECONDS
from settle.runtime.ports import ABSENT, Expected, InstanceStore
from tests.support.dynamodb import TABLE_NAME, lose_the_answer, moto_dynamodb
from tests.support.dynamodb_local import DynamoDBLocal
from tests.support.instances import KEY, NOW, make_entry, make_held, make_instance

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Call = Callable[[InstanceStore], object]
FIRST = make_instance()
AT_FIRST = Expected(incarnation=FIRST.incarnation, revision=FIRST.revision)
SECOND = replace(FIRST, revision=2)

CALLS: dict[str, tuple[Call, str]] = {
    "load": (lambda store: store.load(KEY), "GetItem"),
    "commit": (lambda store: store.commit(SECOND, AT_FIRST), "PutItem"),
    "hold": (lambda store: store.commit(SECOND, AT_FIRST, hold=[make_held(3), make_held(4)]), "TransactWriteItems"),
    "release": (lambda store: store.commit(SECOND, AT_FIRST, release=[1, 2]), "TransactWriteItems"),
    "load_held": (lambda store: store.load_held(KEY, 1, 10), "Query"),
    "find one": (lambda store: store.find_entries(KEY, ["a"], NOW), "GetItem"),
    "find many": (lambda store: store.find_entries(KEY, ["a", "b", "c"], NOW), "BatchGetItem"),
    "accept": (lambda store: store.accept(KEY, make_entry("b"), NOW), "PutItem"),
    "accept again": (lambda store: store.accept(KEY, make_entry("a"), NOW), "PutItem"),
    "purge": (lambda store: store.purge(KEY, until=NOW, version=1), "Query"),
    "finish": (lambda store: store.finish(KEY, make_entry("a", finished=True)), "PutItem"),
    "find blocked": (lambda store: store.find_blocked(KEY.machine, 10), "Query"),
}
EACH_CALL = pytest.mark.parametrize(("call", "operation"), CALLS.values(), ids=CALLS)


@pytest.fixture(params=["moto", pytest.param("dynamodb-local", marks=pytest.mark.referee)])
def client(request: pytest.FixtureRequest) -> Iterator["DynamoDBClient"]:
    if request.param == "moto":
        with moto_dynamodb() as client:
            yield client
        return
    server: DynamoDBLocal = request.getfixturevalue("dynamodb_local")
    with server.table() as client:
        yield client


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[DynamoDBInstanceStore, Stubber]]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    client = make_dynamodb_client(region="eu-central-1")
    with Stubber(client) as stubber:
        yield DynamoDBInstanceStore(client, TABLE_NAME), stubber


def count_requests(client: "DynamoDBClient") -> Counter[str]:
    """Count the HTTP requests of a client from now on, by operation; retries count."""
    requests: Counter[str] = Counter()

    def count(operation_name: str, **_: Any) -> None:
        requests[operation_name] += 1

    client.meta.events.register("request-created.dynamodb", count)
    return requests


# ---- requests


@EACH_CALL
def test_every_call_is_one_request(client: "DynamoDBClient", call: Call, operation: str) -> None:
    store = DynamoDBInstanceStore(client, TABLE_NAME)
    store.commit(FIRST, ABSENT, hold=[make_held(1), make_held(2)])
    store.accept(KEY, make_entry("a"), NOW)
    requests = count_requests(client)
    call(store)
    assert requests == {operation: 1}


@EACH_CALL
def test_every_request_is_valid_by_the_model_of_the_service(
    client: "DynamoDBClient", call: Call, operation: str
) -> None:
    """The client does not check it, to save time."""
    reports: list[str] = []

    def validate(params: dict[str, Any], model: OperationModel, **_: Any) -> None:
        reports.append(ParamValidator().validate(params, model.input_shape).generate_report())

    store = DynamoDBInstanceStore(client, TABLE_NAME)
    store.commit(FIRST, ABSENT, hold=[make_held(1), make_held(2)])
    store.accept(KEY, make_entry("a"), NOW)
    client.meta.events.register(f"before-parameter-build.dynamodb.{operation}", validate)
    call(store)
    assert reports == [""]


def test_creation_is_one_put(client: "DynamoDBClient") -> None:
    requests = count_requests(client)
    DynamoDBInstanceStore(client, TABLE_NAME).commit(FIRST, ABSENT)
    assert requests == {"PutItem": 1}


def test_no_ids_are_no_request(client: "DynamoDBClient") -> None:
    requests = count_requests(client)
    assert DynamoDBInstanceStore(client, TABLE_NAME).find_entries(KEY, [], NOW) == {}
    assert not requests


def test_reads_are_strongly_consistent(client: "DynamoDBClient") -> None:
    seen: list[bool] = []

    def look(params: dict[str, Any], **_: Any) -> None:
        request = params.get("RequestItems", {}).get(TABLE_NAME, params)
        seen.append(request["ConsistentRead"])

    store = DynamoDBInstanceStore(client, TABLE_NAME)
    for operation in ("GetItem", "Query", "BatchGetItem"):
        client.meta.events.register(f"provide-client-params.dynamodb.{operation}", look)
    for name in ("load", "load_held", "find one", "find many"):
        CALLS[name][0](store)
    assert seen == [True] * 4


def test_items_have_the_keys_and_attributes_that_the_table_is_made_for(client: "DynamoDBClient") -> None:
    store = DynamoDBInstanceStore(client, TABLE_NAME)
    store.commit(FIRST, ABSENT, hold=[make_held(7)])
    store.accept(KEY, make_entry("a", expires_at=NOW + 0.5), NOW)

    items = {item["sk"]["S"]: item for item in client.scan(TableName=TABLE_NAME)["Items"]}

    assert set(items) == {"instance", "held#0000000007", "event#a"}
    assert {item["pk"]["S"] for item in items.values()} == {"count/order-4711"}
    assert set(items["instance"]) == {"pk", "sk", "rev", "inc", "doc"}
    assert items["event#a"]["expires_at"] == {"N": "1790000001"}


def test_a_deleted_instance_expires_by_the_time_to_live_of_the_table(client: "DynamoDBClient") -> None:
    store = DynamoDBInstanceStore(client, TABLE_NAME)
    tomb = make_instance(deleted_at=NOW + 0.5)
    store.commit(tomb, ABSENT)
    (item,) = client.scan(TableName=TABLE_NAME)["Items"]
    assert item["expires_at"] == {"N": str(int(NOW) + TOMBSTONE_SECONDS + 1)}
    after = Expected(incarnation=tomb.incarnation, revision=tomb.revision)
    store.commit(replace(tomb, revision=tomb.revision + 1, deleted_at=0.0), after)
    (item,) = client.scan(TableName=TABLE_NAME)["Items"]
    assert "expires_at" not in item


def test_purging_is_a_query_and_a_delete_for_each_entry(client: "DynamoDBClient") -> None:
    store = DynamoDBInstanceStore(client, TABLE_NAME)
    for name in ("a", "b"):
        store.finish(KEY, make_entry(name, finished=True))
    requests = count_requests(client)
    store.purge(KEY, until=NOW, version=100)
    assert requests == {"Query": 1, "DeleteItem": 2}


def test_an_entry_that_was_replaced_while_it_was_purged_stays(stubbed: tuple[DynamoDBInstanceStore, Stubber]) -> None:
    store, stubber = stubbed
    key = {"pk": {"S": str(KEY)}, "sk": {"S": "event#a"}}
    stubber.add_response("query", {"Items": [key], "LastEvaluatedKey": key})
    stubber.add_client_error("delete_item", "ConditionalCheckFailedException", http_status_code=400)
    stubber.add_response("query", {"Items": []})
    store.purge(KEY, until=NOW, version=1)
    stubber.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException"])
def test_a_purge_that_cannot_go_on_is_unavailable(stubbed: tuple[DynamoDBInstanceStore, Stubber], code: str) -> None:
    store, stubber = stubbed
    key = {"pk": {"S": str(KEY)}, "sk": {"S": "event#a"}}
    stubber.add_response("query", {"Items": [key]})
    stubber.add_client_error("delete_item", code, http_status_code=400)
    with pytest.raises(StoreUnavailableError):
        store.purge(KEY, until=NOW, version=1)


# ---- unprocessed keys


def keys_of(*event_ids: str) -> dict[str, Any]:
    keys = [{"pk": {"S": str(KEY)}, "sk": {"S": f"event#{event_id}"}} for event_id in event_ids]
    return {TABLE_NAME: {"Keys": keys, "ConsistentRead": True}}


def stored(event_id: str) -> dict[str, Any]:
    return {
        **keys_of(event_id)[TABLE_NAME]["Keys"][0],
        "hash": {"S": "5d41402abc4b2a76"},
        "expires_at": {"N": "1790086400"},
        "doc": {"S": ""},
    }


def test_keys_left_out_of_an_answer_are_asked_for_again(stubbed: tuple[DynamoDBInstanceStore, Stubber]) -> None:
    store, stubber = stubbed
    stubber.add_response(
        "batch_get_item",
        {"Responses": {TABLE_NAME: [stored("a")]}, "UnprocessedKeys": keys_of("b")},
        {"RequestItems": keys_of("a", "b")},
    )
    stubber.add_response(
        "batch_get_item",
        {"Responses": {TABLE_NAME: [stored("b")]}, "UnprocessedKeys": {}},
        {"RequestItems": keys_of("b")},
    )
    assert store.find_entries(KEY, ["a", "b"], NOW) == {"a": make_entry("a"), "b": make_entry("b")}
    stubber.assert_no_pending_responses()


def test_keys_left_out_again_and_again_are_unavailable(stubbed: tuple[DynamoDBInstanceStore, Stubber]) -> None:
    store, stubber = stubbed
    for _ in range(BATCH_GET_ATTEMPTS):
        stubber.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": keys_of("a", "b")})
    with pytest.raises(StoreUnavailableError, match="left 2 keys out"):
        store.find_entries(KEY, ["a", "b"], NOW)
    stubber.assert_no_pending_responses()


# ---- errors


@EACH_CALL
def test_a_closed_port_is_unavailable(call: Call, operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets it, and it refuses connections
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        client = make_dynamodb_client(region="eu-central-1", endpoint_url=url, attempts=1)
        requests = count_requests(client)
        with pytest.raises(StoreUnavailableError) as raised:
            call(DynamoDBInstanceStore(client, TABLE_NAME))
    assert raised.value.__cause__ is not None
    assert requests == {operation: 1}


@EACH_CALL
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("ProvisionedThroughputExceededException", 400),
        ("RequestLimitExceeded", 400),
        ("InternalServerError", 500),
        ("ServiceUnavailable", 503),
        ("NobodyKnowsThisOne", 502),
        ("AccessDeniedException", 400),
        ("ResourceNotFoundException", 400),
    ],
)
def test_a_service_that_throttles_fails_or_is_closed_is_unavailable(
    stubbed: tuple[DynamoDBInstanceStore, Stubber], call: Call, operation: str, code: str, status: int
) -> None:
    store, stubber = stubbed
    stubber.add_client_error(method_of(operation), service_error_code=code, http_status_code=status)
    with pytest.raises(StoreUnavailableError) as raised:
        call(store)
    assert isinstance(raised.value.__cause__, ClientError)


@pytest.mark.parametrize(
    "error",
    [ConnectTimeoutError(endpoint_url="x"), ReadTimeoutError(endpoint_url="x"), NoCredentialsError()],
    ids=lambda error: type(error).__name__,
)
@EACH_CALL
def test_a_lost_connection_is_unavailable(
    stubbed: tuple[DynamoDBInstanceStore, Stubber], call: Call, operation: str, error: Exception
) -> None:
    store, _ = stubbed
    raise_before(store, operation, error)
    with pytest.raises(StoreUnavailableError):
        call(store)


@pytest.mark.parametrize("code", ["ConditionalCheckFailedException", "TransactionConflictException"])
def test_a_failed_condition_of_a_put_is_a_conflict(stubbed: tuple[DynamoDBInstanceStore, Stubber], code: str) -> None:
    store, stubber = stubbed
    stubber.add_client_error("put_item", service_error_code=code, http_status_code=400)
    with pytest.raises(ConflictError):
        store.commit(SECOND, AT_FIRST)


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        (["ConditionalCheckFailed", "None"], ConflictError),
        (["None", "ConditionalCheckFailed"], ConflictError),
        (["TransactionConflict", "None"], ConflictError),
        (["ThrottlingError", "ConditionalCheckFailed"], ConflictError),
        (["ThrottlingError", "None"], StoreUnavailableError),
        (["None", "ProvisionedThroughputExceeded"], StoreUnavailableError),
        (["ValidationError", "None"], ClientError),
        (["None", "None"], ClientError),
    ],
)
def test_a_cancelled_transaction_is_judged_by_its_reasons(
    stubbed: tuple[DynamoDBInstanceStore, Stubber], reasons: list[str], expected: type[Exception]
) -> None:
    store, stubber = stubbed
    stubber.add_client_error(
        "transact_write_items",
        service_error_code="TransactionCanceledException",
        http_status_code=400,
        modeled_fields={"CancellationReasons": [{"Code": reason} for reason in reasons]},
    )
    with pytest.raises(expected):
        store.commit(SECOND, AT_FIRST, hold=[make_held(1)])


@EACH_CALL
def test_a_mistake_in_our_own_request_is_not_hidden(
    stubbed: tuple[DynamoDBInstanceStore, Stubber], call: Call, operation: str
) -> None:
    store, stubber = stubbed
    stubber.add_client_error(method_of(operation), service_error_code="ValidationException", http_status_code=400)
    with pytest.raises(ClientError):
        call(store)
    raise_before(store, operation, ParamValidationError(report="x"))
    with pytest.raises(ParamValidationError):
        call(store)


def test_no_error_is_told_by_its_message(stubbed: tuple[DynamoDBInstanceStore, Stubber]) -> None:
    store, stubber = stubbed
    stubber.add_client_error(
        "put_item", service_error_code="ValidationException", service_message="ConditionalCheckFailedException"
    )
    with pytest.raises(ClientError) as raised:
        store.commit(SECOND, AT_FIRST)
    assert not isinstance(raised.value, SettleError)


# ---- a write whose answer is lost


def test_a_commit_sent_again_is_a_conflict_and_is_stored_once(client: "DynamoDBClient") -> None:
    store = DynamoDBInstanceStore(client, TABLE_NAME)
    store.commit(FIRST, ABSENT)
    requests = count_requests(client)
    lose_the_answer(client, "PutItem")
    with pytest.raises(ConflictError):
        store.commit(SECOND, AT_FIRST)
    assert requests == {"PutItem": 2}
    assert store.load(KEY) == SECOND


def test_an_accept_sent_again_finds_itself(client: "DynamoDBClient") -> None:
    store = DynamoDBInstanceStore(client, TABLE_NAME)
    lost = lose_the_answer(client, "PutItem")
    assert store.accept(KEY, make_entry("a"), NOW) == make_entry("a")
    assert lost


def test_a_finish_sent_again_changes_nothing(client: "DynamoDBClient") -> None:
    store = DynamoDBInstanceStore(client, TABLE_NAME)
    lost = lose_the_answer(client, "PutItem")
    store.finish(KEY, make_entry("a", finished=True))
    assert lost
    assert store.find_entries(KEY, ["a"], NOW) == {"a": make_entry("a", finished=True)}


def test_transactions_carry_a_request_token(client: "DynamoDBClient") -> None:
    tokens: list[str] = []

    def look(params: dict[str, Any], **_: Any) -> None:
        tokens.append(json.loads(params["body"])["ClientRequestToken"])

    client.meta.events.register("before-call.dynamodb.TransactWriteItems", look)
    DynamoDBInstanceStore(client, TABLE_NAME).commit(FIRST, ABSENT, hold=[make_held(1)])
    assert len(tokens[0]) == 36


def test_the_client_gives_up_in_bounded_time() -> None:
    config = make_dynamodb_client(region="eu-central-1").meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}
    assert (config.connect_timeout, config.read_timeout) == (1, 3)


def method_of(operation: str) -> str:
    return {
        "GetItem": "get_item",
        "PutItem": "put_item",
        "Query": "query",
        "BatchGetItem": "batch_get_item",
        "TransactWriteItems": "transact_write_items",
    }[operation]


def raise_before(store: DynamoDBInstanceStore, operation: str, error: Exception) -> None:
    def fail(**_: Any) -> None:
        raise error

    store._client.meta.events.register(f"provide-client-params.dynamodb.{operation}", fail)
