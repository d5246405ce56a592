"""`settle diagram`: draws a machine."""

from collections.abc import Sequence
from pathlib import Path

from settle.cli.find_machine import find_machine
from settle.drawing.active_nodes import UnknownNodeError
from settle.drawing.mermaid import mermaid
from settle.runtime.machine_files import MachineFileError


def diagram(machine: str, directory: Path | None = None, configuration: Sequence[str] = ()) -> int:
    """Print a machine as a Mermaid diagram, its active nodes marked; return 1 when there is no such machine or node."""
    try:
        text = mermaid(find_machine(machine, directory).definition, configuration)
    except (MachineFileError, UnknownNodeError) as error:
        print(error)
        return 1
    print(text, end="")
    return 0
