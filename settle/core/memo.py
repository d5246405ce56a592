"""What the interpreter remembers about configurations: bounded, and only ever a shorter way to the same answer."""

from collections.abc import Callable, Hashable
from typing import Any, Final

MEMO_LIMIT: Final = 4096
"""Entries a table may hold; a wide parallel machine has more configurations than is worth remembering."""

Table = dict[Any, Any]


class Memo:
    """A few tables of pure results. Threads may race to fill the same entry; they would put the same value.

    Attributes:
        masks: configuration as bits, by its leaves.
        leaves: leaves of a configuration, by its bits.
        candidates: what may take an event, by bits and event type.
        plans: microsteps worked out, by bits, transitions, event type and history.
    """

    __slots__ = ("_tables", "candidates", "leaves", "masks", "plans")

    def __init__(self) -> None:
        # Attributes, not names to look up: each of them is asked for in every step.
        self.masks: Table = {}
        self.leaves: Table = {}
        self.candidates: Table = {}
        self.plans: Table = {}
        self._tables: dict[str, Table] = {}

    def get(self, table: str, key: Hashable, compute: Callable[[], Any]) -> Any:  # noqa: ANN401 - pure results of any type
        """Return what another table remembers, or compute and remember it."""
        entries = self._tables.setdefault(table, {})
        try:
            return entries[key]
        except KeyError:
            return remember(entries, key, compute())

    def clear(self) -> None:
        """Forget everything."""
        for table in (self.masks, self.leaves, self.candidates, self.plans, self._tables):
            table.clear()


def remember(table: Table, key: Hashable, value: Any) -> Any:  # noqa: ANN401 - pure results of any type
    """Put a value into a table, which is emptied when it is full; return the value."""
    if len(table) >= MEMO_LIMIT:
        table.clear()
    table[key] = value
    return value
