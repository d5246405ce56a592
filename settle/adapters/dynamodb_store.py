"""Durable instances in one DynamoDB table.

    pk                   sk            attributes
    machine/instance     instance      rev N, inc S, doc S              and expires_at N (TTL) once it is deleted;
                                                                        blocked S (machine), since N while it is blocked
    machine/instance     held#<n>      doc S                            n in ten digits, so that they sort
    machine/instance     event#<id>    hash S, expires_at N (TTL), doc S

A write whose answer is lost may have taken effect, and botocore repeats it. That is safe everywhere:

- a commit is bound to incarnation and revision, and raises the revision, so it takes effect at most once. Its
  repetition is a `ConflictError`, or after the last attempt a `StoreUnavailableError`; the caller then reads again
  and finds its own watermark, outbox and receipts there. Transactions carry a request token, by which DynamoDB itself
  knows the repetition.
- an `accept` that took effect finds itself: an entry with the same body hash, which callers send on.
- a `finish` puts the same entry again.

The index `blocked` has `blocked` and `since` as its keys, so it holds blocked instances and no others, and the writes
of all others cost nothing more.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from botocore.config import Config
from botocore.exceptions import ClientError

from settle.adapters.aws_errors import error_code
from settle.adapters.aws_session import make_session
from settle.adapters.blocked_index import BLOCKED_SINCE, INDEX, Place, read_cursor, write_cursor
from settle.adapters.dynamodb_errors import CONDITION_FAILED, translated
from settle.adapters.item_rules import check_changes, encode_checked, expiry_second, tombstone_expiry
from settle.runtime.errors import StoreUnavailableError
from settle.runtime.instance import HeldEvent, Instance, InstanceKey
from settle.runtime.instance_codec import decode_instance
from settle.runtime.item_codec import decode_held, decode_receipt, encode_held, encode_receipt
from settle.runtime.ledger import LEDGER_MARK, TASK_MARK, LedgerEntry
from settle.runtime.ports import BlockedPage, Expected

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        PutTypeDef,
        QueryInputTypeDef,
        TransactWriteItemTypeDef,
    )

    Item = Mapping[str, AttributeValueTypeDef]

IS_ABSENT: Final = "attribute_not_exists(pk)"
IS_EXPECTED: Final = "inc = :incarnation AND rev = :revision"
IS_ABSENT_OR_EXPIRED: Final = f"{IS_ABSENT} OR expires_at <= :now"
IS_NOT_LATER: Final = "attribute_not_exists(ver) OR ver <= :version"
IS_OF_THEN: Final = "(ver < :version OR attribute_not_exists(ver) AND expires_at <= :until)"
IS_OF_A_CLIENT: Final = "#hash <> :message AND #hash <> :task"
OF_LEDGER: Final = "pk = :instance AND begins_with(sk, :prefix)"
IN_RANGE: Final = "pk = :instance AND sk BETWEEN :first AND :last"

IS_BLOCKED: Final = f"{INDEX} = :machine"

INSTANCE: Final = "instance"
LAST_HELD: Final = 9_999_999_999
"""The largest number that ten digits hold."""
MAX_BATCH_GET: Final = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""
BATCH_GET_ATTEMPTS: Final = 5
"""How often keys that DynamoDB left out of an answer are asked for again, at once: the message behind them comes again
with a backoff of its own."""

ATTEMPTS: Final = 3
"""Of one call, the first included; botocore waits up to 1 s, then up to 2 s between them."""
CONNECT_TIMEOUT_SECONDS: Final = 1.0
READ_TIMEOUT_SECONDS: Final = 3.0
"""DynamoDB answers in milliseconds; a longer wait is for a lost connection. With `ATTEMPTS` a call ends in 15 s."""


def make_dynamodb_client(
    *,
    session: "Session | None" = None,
    region: str | None = None,
    endpoint_url: str | None = None,
    attempts: int = ATTEMPTS,
) -> "DynamoDBClient":
    """Return a client with bounded retries and short timeouts; it may be shared by threads.

    Args:
        session: that makes it; one of its own by default.
        region: AWS region; None takes that of the environment.
        endpoint_url: of an emulator; None is AWS.
        attempts: of one call, the first included.
    """
    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        tcp_keepalive=True,
        parameter_validation=False,  # a tenth of the time of a call; the contract suite validates our requests instead
    )
    client: DynamoDBClient = (session or make_session()).create_client(
        "dynamodb", region_name=region, endpoint_url=endpoint_url, config=config
    )
    return client


class DynamoDBInstanceStore:
    """An `InstanceStore`.

    Args:
        client: low-level client.
        table_name: of the table.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client, self._table = client, table_name

    def load(self, key: InstanceKey) -> Instance | None:
        """Return the instance, or None: one consistent read."""
        with translated():
            answer = self._client.get_item(TableName=self._table, Key=_key(key, INSTANCE), ConsistentRead=True)
        item = answer.get("Item")
        if item is None:
            return None
        return decode_instance(key, item["inc"]["S"], int(item["rev"]["N"]), item["doc"]["S"])

    def commit(
        self,
        instance: Instance,
        expected: Expected,
        *,
        hold: Sequence[HeldEvent] = (),
        release: Sequence[int] = (),
    ) -> None:
        """Store the instance under the condition: one put, or one transaction with held events."""
        put = self._put_instance(instance, expected)
        if not hold and not release:
            with translated():
                self._client.put_item(**put)
            return
        check_changes(hold, release)
        writes: list[TransactWriteItemTypeDef] = [{"Put": put}]
        writes += [{"Put": self._put_held(instance.key, event, free=event.number in release)} for event in hold]
        writes += [
            {"Delete": {"TableName": self._table, "Key": _key(instance.key, _held(number))}}
            for number in set(release).difference(event.number for event in hold)
        ]
        with translated():
            self._client.transact_write_items(TransactItems=writes)

    def load_held(self, key: InstanceKey, first: int, limit: int) -> list[HeldEvent]:
        """Return held events in order: a consistent query, and another for every megabyte of them."""
        held: list[HeldEvent] = []
        following = first
        while len(held) < limit:
            with translated():
                answer = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression=IN_RANGE,
                    ExpressionAttributeValues={
                        ":instance": {"S": str(key)},
                        ":first": {"S": _held(following)},
                        ":last": {"S": _held(LAST_HELD)},
                    },
                    ConsistentRead=True,
                    Limit=limit - len(held),
                )
            for item in answer["Items"]:
                number = int(item["sk"]["S"].removeprefix("held#"))
                held.append(decode_held(number, item["doc"]["S"]))
                following = number + 1
            if "LastEvaluatedKey" not in answer:
                break
        return held

    def find_entries(self, key: InstanceKey, event_ids: Sequence[str], now: float) -> Mapping[str, LedgerEntry]:
        """Return the unexpired entries, accepted or finished: one consistent read per hundred ids."""
        wanted = list(dict.fromkeys(event_ids))
        items: list[Item] = []
        if len(wanted) == 1:
            with translated():
                answer = self._client.get_item(
                    TableName=self._table, Key=_key(key, _event(wanted[0])), ConsistentRead=True
                )
            items = [answer["Item"]] if "Item" in answer else []
        else:
            for start in range(0, len(wanted), MAX_BATCH_GET):
                items += self._batch_get(key, wanted[start : start + MAX_BATCH_GET])
        entries = (_decode_entry(item) for item in items)
        return {entry.event_id: entry for entry in entries if entry.expires_at > now}

    def accept(self, key: InstanceKey, entry: LedgerEntry, now: float) -> LedgerEntry | None:
        """Enter an event id unless an unexpired entry is there; that one comes back with the refusal."""
        with translated():
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=_entry_item(key, entry),
                    ConditionExpression=IS_ABSENT_OR_EXPIRED,
                    ExpressionAttributeValues={":now": {"N": str(now)}},
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if error_code(error) != CONDITION_FAILED:
                    raise
                return _decode_entry(error.response["Item"])
        return None

    def finish(self, key: InstanceKey, entry: LedgerEntry) -> None:
        """Enter an event id as finished, unless it was at a higher version: one put."""
        version: AttributeValueTypeDef = {"N": str(entry.receipt.version if entry.receipt else 0)}
        with translated():
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item={**_entry_item(key, entry), "ver": version},
                    ConditionExpression=IS_NOT_LATER,
                    ExpressionAttributeValues={":version": version},
                )
            except ClientError as error:
                if error_code(error) != CONDITION_FAILED:
                    raise

    def find_blocked(self, machine: str, limit: int, cursor: str = "") -> BlockedPage:
        """Return up to `limit` blocked instances of a machine, the longest blocked first: one query of the index."""
        arguments: QueryInputTypeDef = {
            "TableName": self._table,
            "IndexName": INDEX,
            "KeyConditionExpression": IS_BLOCKED,
            "ExpressionAttributeValues": {":machine": {"S": machine}},
            "Limit": limit,
        }
        if cursor:
            place = read_cursor(cursor, machine)
            key = _key(InstanceKey.parse(place.group), INSTANCE)
            since: AttributeValueTypeDef = {"N": str(place.since)}
            arguments["ExclusiveStartKey"] = {**key, INDEX: {"S": machine}, BLOCKED_SINCE: since}
        with translated():
            answer = self._client.query(**arguments)
        keys = tuple(InstanceKey.parse(item["pk"]["S"]) for item in answer["Items"])
        last = answer.get("LastEvaluatedKey")
        following = write_cursor(Place(float(last[BLOCKED_SINCE]["N"]), last["pk"]["S"])) if last else ""
        return BlockedPage(keys=keys, cursor=following)

    def purge(self, key: InstanceKey, *, until: float, version: int) -> None:
        """Delete what the ledger keeps of a life that has ended: a query, and a conditional delete for each entry."""
        limits: Item = {":until": {"N": str(until)}, ":version": {"N": str(version)}}
        arguments: QueryInputTypeDef = {
            "TableName": self._table,
            "KeyConditionExpression": OF_LEDGER,
            "FilterExpression": f"{IS_OF_THEN} AND {IS_OF_A_CLIENT}",
            "ProjectionExpression": "pk, sk",
            "ExpressionAttributeNames": {"#hash": "hash"},
            "ExpressionAttributeValues": {
                ":instance": {"S": str(key)},
                ":prefix": {"S": _event("")},
                **limits,
                ":message": {"S": LEDGER_MARK},
                ":task": {"S": TASK_MARK},
            },
            "ConsistentRead": True,
        }
        while True:
            with translated():
                answer = self._client.query(**arguments)
            for item in answer["Items"]:
                self._delete_entry(item, limits)
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _delete_entry(self, item: "Item", limits: "Item") -> None:
        with translated():
            try:
                self._client.delete_item(
                    TableName=self._table,
                    Key={"pk": item["pk"], "sk": item["sk"]},
                    ConditionExpression=IS_OF_THEN,
                    ExpressionAttributeValues=limits,
                )
            except ClientError as error:
                if error_code(error) != CONDITION_FAILED:  # else it is gone, or another one stands there by now
                    raise

    def _put_instance(self, instance: Instance, expected: Expected) -> "PutTypeDef":
        put: PutTypeDef = {
            "TableName": self._table,
            "Item": {
                **_key(instance.key, INSTANCE),
                "rev": {"N": str(instance.revision)},
                "inc": {"S": instance.incarnation},
                "doc": {"S": encode_checked(instance)},
            },
            "ConditionExpression": IS_ABSENT,
        }
        if instance.blocked is not None:
            put["Item"] = {
                **put["Item"],
                INDEX: {"S": instance.key.machine},
                BLOCKED_SINCE: {"N": str(instance.blocked.at)},
            }
        if instance.deleted:
            put["Item"] = {**put["Item"], "expires_at": {"N": str(tombstone_expiry(instance))}}
        if not expected.absent:
            put["ConditionExpression"] = IS_EXPECTED
            put["ExpressionAttributeValues"] = {
                ":incarnation": {"S": expected.incarnation},
                ":revision": {"N": str(expected.revision)},
            }
        return put

    def _put_held(self, key: InstanceKey, event: HeldEvent, *, free: bool) -> "PutTypeDef":
        """Put a held event where there is none, or, if its number is released in the same commit, in its place."""
        item: Item = {**_key(key, _held(event.number)), "doc": {"S": encode_held(event)}}
        put: PutTypeDef = {"TableName": self._table, "Item": item}
        if not free:
            put["ConditionExpression"] = IS_ABSENT
        return put

    def _batch_get(self, key: InstanceKey, event_ids: Sequence[str]) -> "list[Item]":
        keys: Sequence[Item] = [_key(key, _event(event_id)) for event_id in event_ids]
        items: list[Item] = []
        for _ in range(BATCH_GET_ATTEMPTS):
            with translated():
                answer = self._client.batch_get_item(RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}})
            items += answer["Responses"].get(self._table, [])
            left = answer["UnprocessedKeys"].get(self._table)
            if left is None:
                return items
            keys = left["Keys"]
        raise StoreUnavailableError(f"DynamoDB left {len(keys)} keys out of {BATCH_GET_ATTEMPTS} answers")


def _key(key: InstanceKey, sort_key: str) -> "dict[str, AttributeValueTypeDef]":
    return {"pk": {"S": str(key)}, "sk": {"S": sort_key}}


def _held(number: int) -> str:
    return f"held#{number:010d}"


def _event(event_id: str) -> str:
    return f"event#{event_id}"


def _entry_item(key: InstanceKey, entry: LedgerEntry) -> "Item":
    return {
        **_key(key, _event(entry.event_id)),
        "hash": {"S": entry.body_hash},
        "expires_at": {"N": str(expiry_second(entry))},
        "doc": {"S": encode_receipt(entry.receipt)},
    }


def _decode_entry(item: "Item") -> LedgerEntry:
    event_id = item["sk"]["S"].removeprefix("event#")
    return LedgerEntry(
        event_id=event_id,
        body_hash=item["hash"]["S"],
        expires_at=float(item["expires_at"]["N"]),
        receipt=decode_receipt(event_id, item["doc"]["S"]),
    )
