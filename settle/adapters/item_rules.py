"""What every instance store accepts: the limits of DynamoDB, checked by our own code before anything is written.

The SQLite store could take more; it refuses the same, so that a machine that runs embedded also runs on AWS.
"""

import math
from collections.abc import Sequence
from typing import Final

from settle.runtime.errors import InstanceTooLargeError
from settle.runtime.instance import TOMBSTONE_SECONDS, HeldEvent, Instance
from settle.runtime.instance_codec import encode_instance
from settle.runtime.ledger import LedgerEntry
from settle.runtime.limits import MAX_ITEM_BYTES, MAX_TRANSACTION_ITEMS
from settle.runtime.names import MAX_MACHINE_NAME

MAX_HELD_CHANGES: Final = MAX_TRANSACTION_ITEMS - 1
"""Held events to add and to remove in one commit; the instance itself is one more item of the transaction."""
INSTANCE_OVERHEAD_BYTES: Final = len("pkskinstancerevincdocexpires_atblockedsince") + MAX_MACHINE_NAME + 3 * 21
"""Names of the attributes, the sort key, the machine, and the most that DynamoDB takes for a number
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html)."""


def encode_checked(instance: Instance) -> str:
    """Encode an instance for its item.

    Raises:
        ContextInvalidError: it is not JSON data.
        InstanceTooLargeError: its item would exceed `MAX_ITEM_BYTES`.
    """
    document = encode_instance(instance)
    size = INSTANCE_OVERHEAD_BYTES + _utf8_bytes(str(instance.key), instance.incarnation, document)
    if size > MAX_ITEM_BYTES:
        raise InstanceTooLargeError(f"{instance.key} would take {size} bytes; an item has at most {MAX_ITEM_BYTES}")
    return document


def check_changes(hold: Sequence[HeldEvent], release: Sequence[int]) -> None:
    """Refuse a commit that no transaction could hold.

    Raises:
        ValueError: more than `MAX_HELD_CHANGES`, or a number that is held or released twice.
    """
    if len(hold) + len(release) > MAX_HELD_CHANGES:
        raise ValueError(f"{len(hold)} held and {len(release)} released in one commit; at most {MAX_HELD_CHANGES}")
    if len({event.number for event in hold}) < len(hold) or len(set(release)) < len(release):
        raise ValueError("a number is held or released twice in one commit")


def expiry_second(entry: LedgerEntry) -> int:
    """Return the expiry in whole seconds, as DynamoDB's TTL wants it; rounded up, so that nothing expires early."""
    return math.ceil(entry.expires_at)


def tombstone_expiry(instance: Instance) -> int:
    """Return when a deleted instance need not be remembered any more, in whole seconds."""
    return math.ceil(instance.deleted_at + TOMBSTONE_SECONDS)


def _utf8_bytes(*values: str) -> int:
    return sum(len(value) if value.isascii() else len(value.encode()) for value in values)
