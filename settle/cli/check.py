"""`settle check`: reads every machine file and says what is wrong with it."""

from collections.abc import Iterator
from pathlib import Path

from settle.authoring.statechart import Statechart
from settle.core.definition import Definition
from settle.runtime.machine_files import MachineFileError, find_machine_files, load_machine_file


def check(directory: Path | None = None) -> int:
    """Print each machine with its findings; return 1 when a file is wrong, else 0. Warnings are printed and allowed."""
    failures = 0
    try:
        files = find_machine_files(directory)
    except MachineFileError as error:
        print(error)
        return 1
    owners: dict[str, Path] = {}
    for path in files:
        try:
            chart = load_machine_file(path)
            _check_id(chart, path, owners)
        except MachineFileError as error:
            failures += 1
            print(f"wrong  {error}")
            continue
        for line in _describe(chart, path):
            print(line)
    print(f"{len(files)} files, {failures} wrong")
    return 1 if failures else 0


def _check_id(chart: Statechart, path: Path, owners: dict[str, Path]) -> None:
    first = owners.setdefault(chart.id, path)
    if first != path:
        raise MachineFileError(f"{path.parent.name}/{path.name}: {first.name} has the id {chart.id!r} too; rename one")


def _describe(chart: Statechart, path: Path) -> Iterator[str]:
    for version in sorted(chart.versions):
        definition: Definition = chart.versions[version]
        size = f"{len(definition.nodes) - 1} states, {len(definition.transitions)} transitions"
        yield f"ok     {path.parent.name}/{path.name}: {chart.id} version {version} ({size}, {definition.hash})"
        for finding in definition.warnings:
            yield f"       {finding.severity}: {finding}"
