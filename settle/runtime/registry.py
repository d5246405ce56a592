"""The registry: every machine that is deployed here, in every version that an instance may still be on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from settle.authoring.findings import did_you_mean
from settle.authoring.statechart import Statechart
from settle.core.definition import Definition
from settle.core.errors import UnknownVersionError
from settle.core.snapshot import Snapshot
from settle.runtime.errors import UnknownMachineError
from settle.runtime.journal import RESERVE_SECONDS
from settle.runtime.machine_files import (
    MachineFileError,
    check_calls,
    check_children,
    check_inline_calls,
    find_machine_files,
    find_rules,
    load_machine_file,
    place_of,
)
from settle.runtime.permissions import NO_RULES, Rules

__all__ = ["MachineFileError", "Registry", "load_machines"]

OPENING_SECONDS: Final = 1.0
"""What an invocation may take before its first service can begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Registered machines.

    Attributes:
        machines: the current definition of each, by name.
        versions: every definition of each, by name and version.
        files: the file of each, by name.
        rules: the permission rules of each file that has some, by the name of its machine.
    """

    machines: Mapping[str, Definition]
    versions: Mapping[str, Mapping[int, Definition]]
    files: Mapping[str, Path]
    rules: Mapping[str, Rules] = field(default_factory=dict)

    def names(self) -> tuple[str, ...]:
        """Return the names of the machines, sorted."""
        return tuple(sorted(self.machines))

    def get(self, machine: str) -> Definition:
        """Return the current version of a machine.

        Raises:
            UnknownMachineError: there is none of that name.
        """
        definition = self.machines.get(machine)
        if definition is None:
            hint = did_you_mean(machine, self.machines) or f"; registered are {', '.join(self.names())}"
            raise UnknownMachineError(f"there is no machine {machine!r}{hint}")
        return definition

    def definition_for(self, snapshot: Snapshot) -> Definition:
        """Return the definition that an instance runs on.

        Raises:
            UnknownVersionError: its version is not registered, or is no longer what it was.
        """
        name, version = snapshot.machine, snapshot.machine_version
        known = self.versions.get(name)
        if known is None:
            raise UnknownVersionError(f"there is no machine {name!r} any more; bring its file back")
        definition = known.get(version)
        if definition is None:
            registered = ", ".join(map(str, sorted(known)))
            message = f"version {version} of {name!r} is not registered (there is {registered})"
            raise UnknownVersionError(f"{message}; add it to `versions` in {self._file(name).name}")
        if definition.hash != snapshot.definition:
            message = (
                f"version {version} of {name!r} was changed: it was {snapshot.definition}, it is {definition.hash}"
            )
            raise UnknownVersionError(
                f"{message}; restore it under its number, and give what you changed a number of its own"
            )
        return definition

    def rules_of(self, machine: str) -> Rules:
        """Return the permission rules of a machine; none for one that is not registered."""
        return self.rules.get(machine, NO_RULES)

    def check_timeouts(self, function_timeout: float) -> None:
        """Check that each inline service can end within one invocation.

        Args:
            function_timeout: seconds that one invocation of the consumer may take.

        Raises:
            MachineFileError: a service could never be started.
        """
        longest = function_timeout - RESERVE_SECONDS - OPENING_SECONDS
        for path, definition in self._definitions():
            check_inline_calls(path, definition, longest)

    def check_background(self, function_timeout: float) -> None:
        """Check that each call of a service in the background can end within one invocation.

        Args:
            function_timeout: seconds that one invocation of the worker may take.

        Raises:
            MachineFileError: a call could never end.
        """
        for path, definition in self._definitions():
            check_calls(path, definition, function_timeout)

    def _definitions(self) -> Iterator[tuple[Path, Definition]]:
        """Yield every version of every machine, with its file."""
        for name, versions in self.versions.items():
            yield from ((self._file(name), definition) for definition in versions.values())

    def _file(self, name: str) -> Path:
        """Return the file of a machine; for one that came from no file, the one where it would be looked for."""
        return self.files.get(name, Path("machines", f"{name}.py"))


def load_machines(directory: Path | str | None = None) -> Registry:
    """Read every machine file of a folder.

    Args:
        directory: the folder; the package `machines` when left out.

    Raises:
        MachineFileError: about the first file that is wrong.
    """
    charts: dict[str, Statechart] = {}
    files: dict[str, Path] = {}
    for path in find_machine_files(directory):
        chart = load_machine_file(path)
        if chart.id in files:
            message = f"{place_of(path)}: the id {chart.id!r} is that of {place_of(files[chart.id])} too"
            raise MachineFileError(f"{message}; rename one, or make the older one a version of the newer")
        charts[chart.id], files[chart.id] = chart, path
    for name, chart in charts.items():
        check_children(files[name], chart, charts)
    return Registry(
        machines={name: chart.definition for name, chart in charts.items()},
        versions={name: chart.versions for name, chart in charts.items()},
        files=files,
        rules={name: find_rules(files[name]) for name in charts},
    )
