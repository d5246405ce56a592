"""`settle check`: reads every machine file and says what is wrong with it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from settle.authoring.statechart import Statechart
from settle.runtime.limits import WORKER_TIMEOUT_SECONDS
from settle.runtime.machine_files import (
    MachineFileError,
    check_calls,
    check_children,
    find_machine_files,
    find_rules,
    load_machine_file,
    place_of,
)

_INDENT: Final = " " * 7


def check(directory: Path | None = None, *, strict: bool = False) -> int:
    """Print each version of each machine with its findings; return 1 when a file is wrong, else 0.

    Args:
        directory: folder of the machine files; the package `machines` when left out.
        strict: whether a warning makes a file wrong too.
    """
    try:
        files = find_machine_files(directory)
    except MachineFileError as error:
        print(error)
        return 1
    known = _find_ids(files)
    owners: dict[str, Path] = {}
    wrong = sum(not _check_file(path, owners, known, strict=strict) for path in files)
    print(f"{len(files)} files, {wrong} wrong")
    return 1 if wrong else 0


def _find_ids(files: Sequence[Path]) -> frozenset[str]:
    """Return the names of all machines; of a file that is wrong, what it is called by its own name."""
    return frozenset(_find_id(path) for path in files)


def _find_id(path: Path) -> str:
    try:
        return load_machine_file(path).id
    except MachineFileError:
        return path.stem.replace("_", "-")


def _check_file(path: Path, owners: dict[str, Path], known: frozenset[str], *, strict: bool) -> bool:
    """Print what there is to say about a file; return whether it passes."""
    try:
        chart = load_machine_file(path)
        _check_id(chart, path, owners)
        check_children(path, chart, known)
        find_rules(path)
        for definition in chart.versions.values():
            check_calls(path, definition, WORKER_TIMEOUT_SECONDS)
    except MachineFileError as error:
        print(f"wrong  {error}")
        return False
    for line in _describe(chart, path, strict=strict):
        print(line)
    return not (strict and any(definition.warnings for definition in chart.versions.values()))


def _check_id(chart: Statechart, path: Path, owners: dict[str, Path]) -> None:
    first = owners.setdefault(chart.id, path)
    if first != path:
        raise MachineFileError(f"{place_of(path)}: {first.name} has the id {chart.id!r} too; rename one")


def _describe(chart: Statechart, path: Path, *, strict: bool) -> Iterator[str]:
    for version, definition in sorted(chart.versions.items()):
        verdict = "wrong" if strict and definition.warnings else "ok"
        size = f"{len(definition.nodes) - 1} states, {len(definition.transitions)} transitions"
        place = f"{place_of(path)}: {chart.id} version {version}"
        yield f"{verdict:<7}{place} ({size}, {definition.hash})"
        yield from (f"{_INDENT}{finding.severity}: {finding}" for finding in definition.warnings)
