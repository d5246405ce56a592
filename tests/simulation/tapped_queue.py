"""The event queue, heard from behind: whatever it accepts, from whomever, is told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_queue import SqliteQueue
from settle.runtime.ports import Clock, SentMessage


@dataclass(frozen=True, kw_only=True)
class Entered:
    """A message that a queue accepted, once however often it was sent.

    Attributes:
        queue: how many queues there were before this one.
    """

    queue: int
    group: str
    sequence: int
    sender: str
    body: str


Tap = Callable[[Entered], None]


class TappedQueue(SqliteQueue):
    """A queue that tells of everything it accepts."""

    def __init__(
        self, database: SqliteDatabase, clock: Clock, *, sender: str, name: str, number: int, tap: Tap
    ) -> None:
        super().__init__(database, clock, sender=sender, name=name)
        self._number, self._by, self._tap = number, sender, tap
        self._last = 0

    def send(
        self,
        *,
        group: str,
        deduplication_id: str,
        body: str,
        attributes: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> SentMessage:
        sent = super().send(group=group, deduplication_id=deduplication_id, body=body, attributes=attributes)
        sequence = int(sent.sequence_number)
        if sequence > self._last:
            self._last = sequence
            self._tap(Entered(queue=self._number, group=group, sequence=sequence, sender=self._by, body=body))
        return sent
