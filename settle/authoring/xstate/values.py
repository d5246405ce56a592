"""Values of the file: what is plain JSON data, and what is code in disguise."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn

from settle.authoring.xstate.report import Config, Report
from settle.core.codec import CodecError, PlainCodec
from settle.core.json_text import LONGEST_NUMBER

MAX_DOCUMENT_CHARACTERS: Final = 1_000_000
"""Of a file; `MAX_NODES` states with a transition each have room in it."""
_FUNCTION: Final = re.compile(r"\s*(?:async\s+)?(?:function\b.*\{|(?:\([^()]*\)|[A-Za-z_$][\w$]*)\s*=>)", re.DOTALL)
_EXPRESSION: Final = re.compile(r"\{\{.*\}\}", re.DOTALL)
_MARKS: Final = frozenset({"@code", "@expr", "$unserializable"})
"""Keys by which tools mark a function that they wrote out as text, or could not write out."""
_MARKED_TYPES: Final = frozenset({"code", "expr", "expression", "function"})
"""What such a mark says where its key is `@type`, which data may have too."""
_ARRAY_INDEX: Final = re.compile(r"0|[1-9]\d{0,9}")
_LAST_ARRAY_INDEX: Final = 2**32 - 2


class JSONTextError(Exception):
    """The text is no JSON; says where."""


def is_code(value: object) -> bool:
    """Tell whether a value stands for a function or an expression: text that looks like one, or a marked object."""
    if isinstance(value, str):
        return bool(_FUNCTION.match(value) or _EXPRESSION.fullmatch(value.strip()))
    if not isinstance(value, Mapping):
        return False
    return not _MARKS.isdisjoint(value) or str(value.get("@type")) in _MARKED_TYPES


def read_static(report: Report, node: str, what: str, value: object) -> Any:  # noqa: ANN401 - JSON data
    """Return a value of the file as JSON data; None, with a finding, when it is computed."""
    code = find_code(value)
    if code is not None:
        report.error("inline-code", node, f"{what} holds code, {shorten(code)}; {_mend(what)}")
        return None
    try:
        return PlainCodec().dump(value)
    except CodecError as error:
        report.error("bad-data", node, f"{what} is not JSON data: {error}; write plain values")
        return None


def find_code(value: object) -> object:
    """Return the first piece of code in a value, or None."""
    if is_code(value):
        return value
    inner: Iterable[object] = ()
    if isinstance(value, Mapping):
        inner = value.values()
    elif isinstance(value, (list, tuple)):
        inner = value
    return next((code for item in inner if (code := find_code(item)) is not None), None)


def shorten(value: object) -> str:
    """Return a value as it may stand in a sentence."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    text = " ".join(text.split())
    return repr(f"{text[:57]}..." if len(text) > 60 else text)  # noqa: PLR2004 - two sizes that fit a line


def in_js_order(config: Mapping[Any, object]) -> list[tuple[str, object]]:
    """Return the entries in the order in which JavaScript has them: numbers first, rising, then as written."""
    entries = [(str(key), value) for key, value in config.items()]
    return sorted(entries, key=lambda entry: (0, int(entry[0])) if _is_array_index(entry[0]) else (1, 0))


def parse_json(text: str) -> object:
    """Parse a file.

    Raises:
        JSONTextError: it is no JSON, or an object has a key twice, of which XState would see only the last; or it is
            larger than anybody draws.
    """
    if len(text) > MAX_DOCUMENT_CHARACTERS:
        raise JSONTextError(f"it has {len(text)} characters, and {MAX_DOCUMENT_CHARACTERS} are allowed; split it")
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise JSONTextError(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise JSONTextError("it is nested too deeply; flatten it") from error
    except ValueError as error:  # Python refuses whole numbers that take it too long to read
        raise JSONTextError(f"it has a number of more than {LONGEST_NUMBER} digits; write a shorter one") from error


def _unique(pairs: list[tuple[str, object]]) -> Config:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key in counts if counts[key] > 1)
        raise JSONTextError(f"an object has the key {twice!r} twice; rename one")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise JSONTextError(f"{name} is not part of JSON; write a number")


def _is_array_index(key: str) -> bool:
    return bool(_ARRAY_INDEX.fullmatch(key)) and int(key) <= _LAST_ARRAY_INDEX


def _mend(what: str) -> str:
    if "input" in what:
        return "write plain data, or let the service read the context"
    if "output" in what:
        return "write plain data, or let an entry action put it into the context"
    return "write plain data, or compute it in Python"
