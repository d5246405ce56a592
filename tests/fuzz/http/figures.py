"""What a run of the fuzzers comes to, as a table."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Figures:
    """Counts.

    Attributes:
        statuses: how often each route answered with which status.
        faults: what was found, each once.
    """

    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def note(self, route: str, status: int) -> None:
        """Count one answer."""
        self.statuses.setdefault(route, Counter())[int(status)] += 1

    @property
    def total(self) -> int:
        """How many requests were answered."""
        return sum(sum(counts.values()) for counts in self.statuses.values())

    def lines(self) -> Iterator[str]:
        """Yield the table."""
        for route, counts in sorted(self.statuses.items()):
            met = "  ".join(f"{status}: {count}" for status, count in sorted(counts.items()))
            yield f"{sum(counts.values()):>8}  {route}  ({met})"
        yield f"{self.total:>8}  in all"
