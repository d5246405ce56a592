"""Counts the requests that botocore sends, and the units that AWS would bill for them.

The rules: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html and
https://aws.amazon.com/sqs/pricing/.
"""

import math
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.handlers import BUILTIN_HANDLERS
from botocore.model import OperationModel

CHUNK_BYTES: Final = 64 * 1024
"""SQS bills a request for each started chunk."""
READ_UNIT_BYTES: Final = 4096
WRITE_UNIT_BYTES: Final = 1024
_NUMBER_OVERHEAD_BYTES: Final = 1
_DIGITS_PER_BYTE: Final = 2

Item = Mapping[str, Mapping[str, Any]]


@dataclass(slots=True)
class Tally:
    """What one role has used.

    Attributes:
        requests: by service and operation.
        units: by price, see `prices.json`.
        reported: capacity units that DynamoDB itself reported.
        largest_item: bytes.
        largest_message: bytes.
    """

    requests: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)
    reported: float = 0.0
    largest_item: int = 0
    largest_message: int = 0


class Meter:
    """Listens to every client made after `install`.

    Who sends is told by the name of the thread: `ingress...` is the ingress, `consumer...` and `group...` the consumer,
    `worker...` the worker; requests of all other threads are not counted.
    """

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}
        self.active = False
        self._sizes: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def install(self) -> None:
        """Begin to listen; there is no way back, and none is needed."""
        BUILTIN_HANDLERS.append(("provide-client-params.dynamodb.*", self._ask_for_capacity))
        BUILTIN_HANDLERS.append(("before-parameter-build.*.*", self._remember))
        BUILTIN_HANDLERS.append(("after-call.*.*", self._count))

    def reset(self) -> None:
        """Begin anew."""
        self.tallies = {role: Tally() for role in ("ingress", "consumer", "worker")}

    def _ask_for_capacity(self, params: dict[str, Any], **_: object) -> None:
        if self.active:
            params["ReturnConsumedCapacity"] = "TOTAL"

    def _remember(self, params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
        context["settle.params"] = params

    def _count(self, parsed: Mapping[str, Any], model: OperationModel, context: Mapping[str, Any], **_: object) -> None:
        params = context["settle.params"]
        service = model.service_model.service_name
        with self._lock:
            tally = self.tallies.get(_role()) if self.active else None
            if service == "dynamodb":
                self._count_dynamodb(tally or Tally(), model.name, params, parsed)
            elif service == "sqs":
                _count_sqs(tally or Tally(), model.name, params)
            if tally is not None:
                tally.requests[f"{service}:{model.name}"] += 1

    # DynamoDB --------------------------------------------------------------------------------------------------------

    def _count_dynamodb(
        self, tally: Tally, operation: str, params: Mapping[str, Any], parsed: Mapping[str, Any]
    ) -> None:
        match operation:
            case "GetItem":
                tally.units["dynamodb_read_unit"] += _read_units([parsed.get("Item", {})])
            case "Query":
                size = sum(item_bytes(item) for item in parsed["Items"])
                tally.units["dynamodb_read_unit"] += max(1, math.ceil(size / READ_UNIT_BYTES))
            case "BatchGetItem":
                keys = sum(len(request["Keys"]) for request in params["RequestItems"].values())
                found = [item for items in parsed["Responses"].values() for item in items]
                tally.units["dynamodb_read_unit"] += _read_units([*found, *({} for _ in range(keys - len(found)))])
            case "PutItem":
                tally.units["dynamodb_write_unit"] += self._write_units(tally, params["Item"])
            case "DeleteItem":
                tally.units["dynamodb_write_unit"] += self._write_units(tally, params["Key"])
            case "TransactWriteItems":
                for write in params["TransactItems"]:
                    item = write["Put"]["Item"] if "Put" in write else write["Delete"]["Key"]
                    tally.units["dynamodb_write_unit"] += 2 * self._write_units(tally, item)
        consumed = parsed.get("ConsumedCapacity", {})
        for capacity in consumed if isinstance(consumed, list) else [consumed]:
            tally.reported += capacity.get("CapacityUnits", 0.0)

    def _write_units(self, tally: Tally, item: Item) -> int:
        """Return what writing an item costs: by the larger one of the old and the new."""
        key = (item["pk"]["S"], item["sk"]["S"])
        size = item_bytes(item)
        billed = max(size, self._sizes.get(key, 0))
        self._sizes[key] = size
        tally.largest_item = max(tally.largest_item, size)
        return math.ceil(billed / WRITE_UNIT_BYTES)


def _read_units(items: Iterable[Item]) -> int:
    """Return what strongly consistent reads cost; one that finds nothing costs one unit."""
    return sum(max(1, math.ceil(item_bytes(item) / READ_UNIT_BYTES)) for item in items)


def item_bytes(item: Item) -> int:
    """Return the size of an item as DynamoDB counts it: names and values, numbers at two digits a byte."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        digits = len(content.strip("-").replace(".", "").strip("0")) or 1
        return math.ceil(digits / _DIGITS_PER_BYTE) + _NUMBER_OVERHEAD_BYTES
    raise ValueError(f"no item of ours has an attribute of type {kind}")


# SQS -----------------------------------------------------------------------------------------------------------------


def sqs_requests(total_bytes: int) -> int:
    """Return how many requests SQS bills for one call."""
    return max(1, math.ceil(total_bytes / CHUNK_BYTES))


def _count_sqs(tally: Tally, operation: str, params: Mapping[str, Any]) -> None:
    entries = [params] if operation == "SendMessage" else params.get("Entries", ())
    size = sum(_message_bytes(entry) for entry in entries)
    kind = "fifo" if params.get("QueueUrl", "").endswith(".fifo") else "standard"
    tally.units[f"sqs_{kind}_request"] += sqs_requests(size)
    tally.largest_message = max(tally.largest_message, size)


def _message_bytes(entry: Mapping[str, Any]) -> int:
    attributes = entry.get("MessageAttributes", {})
    return len(entry.get("MessageBody", "").encode()) + sum(
        len(name) + len(value["DataType"]) + len(value["StringValue"].encode()) for name, value in attributes.items()
    )


def _role() -> str:
    name = threading.current_thread().name
    for role in ("ingress", "worker"):
        if name.startswith(role):
            return role
    return "consumer" if name.startswith(("consumer", "group")) else ""
