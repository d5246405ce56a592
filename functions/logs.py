"""Logs: what the runtime and the functions write becomes one line of JSON each."""

from typing import Final

from aws_lambda_powertools import Logger

LOGGER: Final = "settle"
"""Name of the logger that the runtime and the routes write to."""


def set_up_logs() -> None:
    """Give the runtime's logger the format and the level of Powertools. Repeating it changes nothing.

    Powertools sets up the logger that is called like its service. With that name it is the very one that the runtime
    writes to, and nothing has to be copied from one logger to another.
    """
    Logger(service=LOGGER)
