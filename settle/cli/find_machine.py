"""Finding the machine that a command names."""

from pathlib import Path

from settle.authoring.statechart import Statechart
from settle.core.suggestion import find_closest
from settle.runtime.machine_files import MachineFileError, find_machine_files, load_machine_file


def find_machine(name: str, directory: Path | None = None) -> Statechart:
    """Return a machine by its id. Files that are wrong stand in the way only when the machine is in none of the others.

    Raises:
        MachineFileError: no such folder, or no such machine in it.
    """
    known: list[str] = []
    wrong: list[MachineFileError] = []
    for path in find_machine_files(directory):
        try:
            chart = load_machine_file(path)
        except MachineFileError as error:
            wrong.append(error)
            continue
        if chart.id == name:
            return chart
        known.append(chart.id)
    closest = find_closest(name, known)
    hint = f"did you mean {closest!r}?" if closest else f"known are {', '.join(known) or 'none'}"
    lines = [f"there is no machine {name!r}; {hint}", *(f"this file could not be read: {error}" for error in wrong)]
    raise MachineFileError("\n".join(lines))
