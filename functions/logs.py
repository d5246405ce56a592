"""Logs: what the runtime and the functions write becomes one line of JSON each.

A log is read by more people than an instance, and kept for longer. So an exception is told by its type and the lines it
came by, not by its text: a guard that meets a wrong password raises `KeyError: 'the password'`. Texts of our own errors
and of AWS are told. The whole text stands with the event that it blocks, for those who may see all of the instance.
"""

import logging
import traceback
from types import TracebackType
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from settle.core.errors import SettleError

LOGGER: Final = "settle"
"""Name of the logger that the runtime and the routes write to."""
CAUSED: Final = "\nThe above exception was the direct cause of the following exception:\n\n"
MEANWHILE: Final = "\nDuring handling of the above exception, another exception occurred:\n\n"

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class LogFormatter(LambdaPowertoolsFormatter):
    """Writes lines as Powertools does, and exceptions without what user code put into them."""

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802 - the name is that of `logging`
        """Return the traceback of an exception, and of those that led to it."""
        return "" if ei[1] is None else "".join(_tell(ei[1])).rstrip()

    def _extract_log_exception(self, log_record: logging.LogRecord) -> Any:  # noqa: ANN401 - as Powertools has it
        text, name, _notes = super()._extract_log_exception(log_record)
        return text, name, None

    def _serialize_stacktrace(self, log_record: logging.LogRecord) -> Any:  # noqa: ANN401 - as Powertools has it
        trace = super()._serialize_stacktrace(log_record)
        if trace is not None and isinstance(log_record.exc_info, tuple) and log_record.exc_info[1] is not None:
            trace["value"] = name_error(log_record.exc_info[1])
        return trace


def set_up_logs() -> None:
    """Give the runtime's logger the format and the level of Powertools. Repeating it changes nothing.

    Powertools sets up the logger that is called like its service. With that name it is the very one that the runtime
    writes to, and nothing has to be copied from one logger to another.
    """
    Logger(service=LOGGER, logger_formatter=LogFormatter())


def name_error(error: BaseException) -> str:
    """Return what a log says of an exception: its type, and its text where that holds nobody's data."""
    kind = type(error)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(error, SettleError):
        return f"{name}: {error.summary}"
    # What AWS answered; of a request that it never saw, the text repeats what was to be sent.
    if kind.__module__.startswith("botocore.") and kind.__name__ != "ParamValidationError":
        return f"{name}: {error}"
    return name


def _tell(error: BaseException) -> list[str]:
    """Return the lines of an exception, after those of the ones that led to it."""
    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    link = ""
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        frames = traceback.format_tb(current.__traceback__)
        parts = ["Traceback (most recent call last):\n", *frames, f"{name_error(current)}\n", link, *parts]
        if current.__cause__ is not None:
            current, link = current.__cause__, CAUSED
        else:
            current, link = (None if current.__suppress_context__ else current.__context__), MEANWHILE
    return parts
