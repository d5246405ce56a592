"""Looks for what the local system needs before anything imports it."""

import importlib.util
from typing import Final

from settle.local.errors import StartError

_EMBEDDED: Final = ("pydantic", "aws_lambda_powertools", "transitions", "uvicorn", "httptools")
_NEEDED: Final = {
    "embedded": ("settle/local/requirements.txt", _EMBEDDED),
    "moto": ("requirements.txt", (*_EMBEDDED, "boto3", "moto", "flask")),
}


def check_dependencies(backend: str) -> None:
    """Look for what a backend needs.

    Raises:
        StartError: something is not installed; the message names the command that installs it.
    """
    requirements, modules = _NEEDED[backend]
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise StartError(f"{', '.join(missing)} not installed: run `pip install -r {requirements}`")
