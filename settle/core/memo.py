"""What the interpreter remembers about configurations: bounded, and only ever a shorter way to the same answer."""

from collections.abc import Callable, Hashable
from typing import Any, Final

MEMO_LIMIT: Final = 4096
"""Entries a table may hold; a wide parallel machine has more configurations than is worth remembering."""


class Memo:
    """A few tables of pure results. Threads may race to fill the same entry; they would put the same value."""

    __slots__ = ("_tables",)

    def __init__(self) -> None:
        self._tables: dict[str, dict[Hashable, Any]] = {}

    def get(self, table: str, key: Hashable, compute: Callable[[], Any]) -> Any:  # noqa: ANN401 - pure results of any type
        """Return the remembered result, or compute and remember it."""
        entries = self._tables.setdefault(table, {})
        try:
            return entries[key]
        except KeyError:
            value = compute()
            if len(entries) >= MEMO_LIMIT:
                entries.clear()
            entries[key] = value
            return value

    def clear(self) -> None:
        """Forget everything."""
        self._tables.clear()
