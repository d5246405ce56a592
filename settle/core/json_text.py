"""JSON text, as everything that is stored is written and read: compact, strict, and fast.

The work is done by pydantic's own JSON parser and writer; what they do not carry, such as half of a surrogate
pair, the standard library does.
"""

import json
import re
from typing import Any, Final, NoReturn

from pydantic_core import PydanticSerializationError
from pydantic_core import from_json as _parse
from pydantic_core import to_json as _write

from settle.core.errors import ContextInvalidError

MALFORMED: Final = (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)
"""What reading a document raises when it is not what we wrote."""


LONGEST_NUMBER: Final = 4300
"""Digits of a number that Python reads from text, unless it is told otherwise (sys.set_int_max_str_digits)."""
LARGEST_COUNT: Final = 2**62
"""Of versions, revisions and whatever else grows by one at a time; SQLite keeps twice that, so it can still grow."""
LAST_MOMENT: Final = 253_402_300_799
"""Seconds since the epoch: the end of the year 9999, after which Python has no dates."""
_LONG_NUMBER: Final = re.compile(rb"[0-9]{%d}" % (LONGEST_NUMBER + 1))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def to_json(document: Any) -> str:  # noqa: ANN401 - any JSON data
    """Write a document, always as text that UTF-8 can carry.

    Raises:
        ContextInvalidError: it holds something that is not JSON data, or is nested too deeply to be read again.
    """
    try:
        written = _write(document)
    except (PydanticSerializationError, UnicodeEncodeError, ValueError):
        return _to_json_slowly(document)
    if len(written) > LONGEST_NUMBER and _LONG_NUMBER.search(written):
        return _to_json_slowly(document)  # which refuses such numbers, and takes texts of digits
    if b"NaN" in written or b"Infinity" in written:  # as a text, or as what is no JSON
        return _to_json_slowly(document)
    return written.decode()


def _to_json_slowly(document: Any) -> str:  # noqa: ANN401 - any JSON data
    """Write what the fast writer could not, or say why it cannot be written."""
    try:
        return _ENCODER.encode(document)
    except (RecursionError, TypeError, ValueError) as error:
        raise ContextInvalidError(f"cannot be stored as JSON: {error}") from error


def from_json(text: str) -> Any:  # noqa: ANN401 - any JSON data
    """Read a document. Raises one of `MALFORMED`."""
    try:
        return _parse(text, allow_inf_nan=False)
    except ValueError:
        return _DECODER.decode(text)


# What is wrong is told by its type alone: a document holds what users put into it, and these errors reach the log.


def integer(value: Any) -> int:  # noqa: ANN401 - any JSON data
    """Pass an integer on. Raises `TypeError` for anything else, a boolean too."""
    if type(value) is int:
        return value
    raise TypeError(f"{type(value).__name__} is not an integer")


def count(value: Any) -> int:  # noqa: ANN401 - any JSON data
    """Pass on what counts something. Raises `TypeError` or `ValueError` for anything else."""
    if type(value) is int and 0 <= value <= LARGEST_COUNT:
        return value
    raise ValueError(f"{'less than nothing' if integer(value) < 0 else 'more than can be'} was counted")


def moment(value: Any) -> float:  # noqa: ANN401 - any JSON data
    """Pass on seconds since the epoch. Raises `TypeError` or `ValueError` for anything else."""
    if type(value) is not float:
        integer(value)
    if 0 <= value <= LAST_MOMENT:  # which NaN is not
        found: float = value
        return found
    raise ValueError("that is no moment before the year 10000")


def text(value: Any) -> str:  # noqa: ANN401 - any JSON data
    """Pass a text on. Raises `TypeError` for anything else."""
    if type(value) is str:
        return value
    raise TypeError(f"{type(value).__name__} is not text")


def texts(values: Any) -> tuple[str, ...]:  # noqa: ANN401 - any JSON data
    """Turn a list of texts into a tuple. Raises `TypeError` for anything else."""
    if type(values) is list:
        "".join(values)  # raises for anything else in it, much faster than a look at each
        return tuple(values)
    raise TypeError(f"{type(values).__name__} is not a list")
