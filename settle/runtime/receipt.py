"""Receipts: what became of an accepted event."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

RING_BYTES: Final = 256
"""How much of the instance item the ring of recent receipts may take, as stored JSON."""


class Outcome(StrEnum):
    """What became of an event."""

    APPLIED = "applied"
    """At least one transition was taken; the version grew by one."""
    IGNORED = "ignored"
    """No transition of the current configuration takes this event type."""
    REFUSED = "refused"
    """A guard said no, or the run would have reached a node tagged `rejected`; `code` names it."""
    DENIED = "denied"
    """The sender may not do this."""
    PRECONDITION_FAILED = "precondition_failed"
    """The instance was no longer at the version that `If-Match` named."""
    GONE = "gone"
    """The instance was deleted."""
    QUEUED = "queued"
    """Accepted, not yet taken from the queue."""
    HELD = "held"
    """Taken from the queue and kept in order, because the instance is busy, paused or blocked."""
    DUPLICATE = "duplicate"
    """The same event was accepted before; that one counts."""
    QUARANTINED = "quarantined"
    """Cannot be applied; kept at the head of the held events until an operator retries or skips it."""
    SKIPPED = "skipped"
    """An operator gave it up."""

    @property
    def final(self) -> bool:
        """Whether nothing will change this outcome any more."""
        return self not in {Outcome.QUEUED, Outcome.HELD, Outcome.QUARANTINED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """How an operator changed an event that could not be applied as it was sent.

    Attributes:
        by: principal of who did; the latest one, should it have been changed more than once.
        at: when, in seconds since the epoch.
        type: event type, as it was sent.
        digest: of type and data, as they were sent.
        times: how often it was changed.
    """

    by: str
    at: float
    type: str
    digest: str
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Everything known about a finished event; kept for events with an idempotency key.

    Attributes:
        event_id: of the event.
        type: event type; `settle.create` and `settle.pause` and so on for control messages.
        outcome: what became of it.
        version: of the instance after it.
        code: which guard (`guard:has_items`), which node (`node:closed`) or which error (`user_code`) decided.
        before: active leaf nodes before the event.
        after: active leaf nodes after it.
        effects: ids of the effects it caused, `incarnation:version:index`.
        next_events: event types that the configuration after it knows.
        incarnation: of the instance that it was finished for; empty when that does not matter.
        edited: how an operator changed it; None when nobody did.
    """

    event_id: str
    type: str
    outcome: Outcome
    version: int
    code: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    next_events: tuple[str, ...] = ()
    incarnation: str = ""
    edited: Edit | None = None


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where an event stood in the queue: the sequence number of its message, and its place in the message's list."""

    sequence: int
    index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortReceipt:
    """What the instance remembers of a recent event."""

    position: Position
    outcome: Outcome
    version: int
    code: str = ""
