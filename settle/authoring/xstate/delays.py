"""Delays: milliseconds, durations of ISO 8601 as Stately writes them, and names."""

import re
from typing import Final

from settle.authoring.xstate.reading import Reading
from settle.authoring.xstate.values import is_code, shorten
from settle.core.delay import MAX_DELAY_SECONDS, Delay, format_duration

_MILLISECONDS: Final = 1000
_NUMBER: Final = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)


def read_delay(reading: Reading, node: str, written: object) -> Delay | None:
    """Return a delay; None, with a finding, when it is none.

    A number is milliseconds, also as text, since keys of JSON are text. Anything else is what the Python API takes.
    """
    if is_code(written):
        message = f"a delay is code, {shorten(written)}; write a function in Python, and its name here"
        reading.report.error("inline-code", node, message, breaks=True)
        return None
    milliseconds = _read_number(written)
    if milliseconds is None:
        if isinstance(written, str) or callable(written):
            return reading.binder.delay(written, node)
        message = f"a delay is milliseconds, a duration, or a name, not {shorten(written)}; correct it"
        reading.report.error("bad-delay", node, message, breaks=True)
        return None
    seconds = milliseconds / _MILLISECONDS
    if not 0 <= seconds <= MAX_DELAY_SECONDS:
        message = f"a delay lies between zero and a hundred years, and {shorten(written)} ms does not; correct it"
        reading.report.error("bad-delay", node, message, breaks=True)
        return None
    return Delay(name=format_duration(seconds), seconds=seconds)


def _read_number(written: object) -> float | None:
    text = str(written) if isinstance(written, (int, float)) and not isinstance(written, bool) else written
    return float(text) if isinstance(text, str) and _NUMBER.fullmatch(text) else None
