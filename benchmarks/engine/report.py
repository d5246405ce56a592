"""Tables, and where they go: the console, and the measured part of docs/performance.md."""

import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from benchmarks.tables import print_table

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "performance.md"
_BEGIN: Final = "<!-- measured: what follows is written by `python -m benchmarks.engine --write` -->"
_END: Final = "<!-- measured: end -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table.

    Attributes:
        title: what one cell is.
        head: name of each column.
        rows: cells, the first of which is text.
        notes: sentences below it.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[object]]
    notes: Sequence[str] = ()

    def print(self) -> None:
        """Write it to the console."""
        print_table(self.title, self.head, self.rows)
        if self.notes:
            print()
        for note in self.notes:
            print(note)

    def as_markdown(self) -> Iterator[str]:
        """Yield the lines of a document."""
        yield from (f"### {self.title}", "", f"| {' | '.join(self.head)} |", f"|---|{'---:|' * (len(self.head) - 1)}")
        yield from (f"| {' | '.join(str(cell) for cell in row)} |" for row in self.rows)
        for note in self.notes:
            yield from ("", note)


def describe_run(node: str, rounds: int) -> str:
    """Say when, where and with what the figures were measured."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("pydantic", "pydantic-core"))
    loads = " and ".join(f"{load:.1f}" for load in os.getloadavg()[::2])
    return (
        f"Measured on {time.strftime('%Y-%m-%d', time.gmtime())}: {platform.python_implementation()} "
        f"{platform.python_version()}, {versions}, node {node}; {_processor()}, {os.cpu_count()} processors, load "
        f"average {loads} over one and fifteen minutes. Best of {rounds} rounds."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def write_document(run: str, tables: Sequence[Table]) -> None:
    """Put the tables where those of the last run stand."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"{DOCUMENT} has no measured part; put {_BEGIN!r} and {_END!r} around it")
    measured = "\n\n".join([run, *("\n".join(table.as_markdown()) for table in tables)])
    DOCUMENT.write_text(f"{before}{begin}\n\n{measured}\n\n{end}{after}", encoding="utf-8")
