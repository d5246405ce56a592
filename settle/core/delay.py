"""Delays: how long something waits, as an author writes it and as a timer needs it."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter, ValidationError

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_TEXT: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+")
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_ISO: Final = TypeAdapter(timedelta, config=ConfigDict(defer_build=True))  # few delays are written that way

MAX_DELAY_SECONDS: Final = 100 * 366 * 86400.0
"""Longest delay; far beyond what anybody waits for, and well inside what dates can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """How long a transition waits after its source was entered.

    Attributes:
        name: as the author wrote it (`24h`), or the name of the function.
        seconds: when it is the same for every entry.
        fn: else `fn(context, event)`: seconds, text, a `timedelta`, or an aware `datetime` at which it is over.
    """

    name: str
    seconds: float | None = None
    fn: Callable[[Any, Any], Any] | None = None


def parse_duration(value: object) -> float:
    """Return a duration in seconds.

    Args:
        value: a number of seconds, a `timedelta`, text such as `500ms`, `24h` or `1h30m`, or text of ISO 8601 such as
            `PT24H`.

    Raises:
        ValueError: it is none of these, is below zero, or is longer than `MAX_DELAY_SECONDS`.
    """
    seconds = _seconds_of(value)
    if seconds is None:
        raise ValueError(f"a delay is seconds, a timedelta, text like '24h' or 'PT24H', or a datetime, not {value!r}")
    if not 0 <= seconds <= MAX_DELAY_SECONDS:
        raise ValueError(f"a delay lies between zero and a hundred years, and {value!r} does not")
    return seconds


def format_duration(seconds: float) -> str:
    """Return a duration as text that `parse_duration` takes, in the largest unit that says it exactly."""
    for unit in ("d", "h", "m", "s"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds / _UNITS[unit]:.0f}{unit}"
    if seconds >= 1:
        return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
    return f"{seconds * 1000:g}ms" if seconds else "0s"


def find_due(value: object, now: float) -> float:
    """Return when a delay that begins now is over, in seconds since the epoch; an absolute time in the past is now.

    Raises:
        ValueError: it is no delay; a `datetime` without a time zone is none either.
    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"an absolute time has a time zone, and {value!r} has none")
        return now + parse_duration(max(value.timestamp() - now, 0.0))
    return now + parse_duration(value)


def _seconds_of(value: object) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str):
        return _seconds_of_text(value.strip())
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) else None
    return None


def _seconds_of_text(text: str) -> float | None:
    if _TEXT.fullmatch(text):
        return sum(float(count) * _UNITS[unit] for count, unit in _PART.findall(text))
    if not text.startswith("P"):
        return None
    try:
        return _ISO.validate_python(text).total_seconds()
    except ValidationError:
        return None
