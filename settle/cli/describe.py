"""`settle describe`: says in sentences what a machine does."""

from pathlib import Path

from settle.cli.find_machine import find_machine
from settle.drawing import describe as sentences
from settle.runtime.machine_files import MachineFileError


def describe(machine: str, directory: Path | None = None) -> int:
    """Print what a machine does; return 1 when there is no such machine."""
    try:
        text = sentences.describe(find_machine(machine, directory).definition)
    except MachineFileError as error:
        print(error)
        return 1
    print(text, end="")
    return 0
