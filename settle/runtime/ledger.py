"""The ledger: which event ids were accepted and which are finished, for as long as a client may repeat them."""

from dataclasses import dataclass
from typing import Final

from settle.runtime.receipt import Receipt

LEDGER_MARK: Final = "message"
"""In place of a body hash: has the ledger know a message of an instance, which has no idempotency key."""
TASK_MARK: Final = "task"
"""In place of a body hash: that a call of a background service has begun, or waits for its callback."""
LEDGER_RETENTION_SECONDS: Final = 24 * 60 * 60
"""How long an idempotency key is remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One event id.

    Attributes:
        event_id: hash of principal, message group, idempotency key and position.
        body_hash: of the request body that first came with the key; another body under the same key is a conflict.
        expires_at: seconds since the epoch; an older entry counts as absent whether or not it was deleted.
        receipt: None while the event is accepted and not finished.
    """

    event_id: str
    body_hash: str
    expires_at: float
    receipt: Receipt | None = None
