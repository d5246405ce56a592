"""What many runs came to, in numbers."""

from collections import Counter
from dataclasses import dataclass, field

from tests.simulation.run import Result


@dataclass(kw_only=True)
class Figures:
    """Sums over runs.

    Attributes:
        seeds: runs.
        steps: moments at which one process went on to its next request.
        checks: of promises.
        seconds: of processor time.
        faults: what went wrong, and how often.
        met: how often things happened that the simulation is for.
    """

    seeds: int = 0
    steps: int = 0
    checks: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)

    def add(self, result: Result) -> None:
        """Count a run."""
        self._add(1, result)

    def merge(self, other: "Figures") -> None:
        """Count all runs of another one."""
        self._add(other.seeds, other)

    def _add(self, seeds: int, other: "Result | Figures") -> None:
        self.seeds += seeds
        self.steps += other.steps
        self.checks += other.checks
        self.seconds += other.seconds
        self.faults += other.faults
        self.met += other.met

    def lines(self) -> list[str]:
        """Return them as text."""
        rate = self.seeds / self.seconds if self.seconds else 0.0
        head = (
            f"{self.seeds:,} seeds, {self.steps:,} steps, {self.checks:,} checks of promises in {self.seconds:,.0f} s"
            f" of processor time: {rate:.1f} schedules per second"
        )
        return [head, f"faults: {_list(self.faults)}", f"met: {_list(self.met)}"]


def _list(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda each: -each[1]))
