"""Running the programs that bundling is made of."""

import os
import subprocess
from pathlib import Path

from infra.bundling_error import BundlingError


def run(*command: str, folder: Path | None = None) -> str:
    """Run a command to its end and return what it printed.

    The order of sets is fixed, so that whatever a program writes down in that order is the same every time.

    Args:
        command: the program and its arguments.
        folder: where it runs; here when left out.

    Raises:
        BundlingError: it failed; its output is the message.
    """
    done = subprocess.run(  # noqa: S603 - no input from outside
        command, check=False, capture_output=True, text=True, cwd=folder, env={**os.environ, "PYTHONHASHSEED": "0"}
    )
    if done.returncode != 0:
        raise BundlingError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout
