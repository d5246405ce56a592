"""Where the bundle is to run."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

PYTHON_VERSION = "3.13"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the bundle is to run.

    Attributes:
        python_version: of the Lambda runtime.
        platform: pip's name of the oldest platform that wheels may ask for.
        compiler: a Python of that version on this machine, or None. Bytecode of another version is of no use.
    """

    python_version: str
    platform: str
    compiler: str | None


def lambda_target() -> Target:
    """Return the target of all functions."""
    return Target(python_version=PYTHON_VERSION, platform="manylinux2014_aarch64", compiler=find_python(PYTHON_VERSION))


def find_python(version: str) -> str | None:
    """Return an interpreter of this minor version, or None.

    It is asked who it is, not only looked for: a version manager leaves a command on the path for versions that are not
    selected, and runs them when they are named (https://github.com/pyenv/pyenv#pyenv_version).
    """
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{version}")
    if found is None:
        return None
    answer = subprocess.run(  # noqa: S603 - no input from outside
        [found, "-c", "import sys; print(sys.executable)"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYENV_VERSION": version},
    )
    return answer.stdout.strip() or None if answer.returncode == 0 else None
