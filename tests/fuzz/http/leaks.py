"""What no answer may tell: how the inside looks."""

import base64
import builtins
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote

from functions.ingress import problems
from settle.core import errors as core_errors
from settle.runtime import errors as runtime_errors

_NAMES: Final = frozenset(
    name
    for module in (builtins, core_errors, runtime_errors, problems)
    for name, value in vars(module).items()
    if inspect.isclass(value) and issubclass(value, BaseException) and len(name) > 4
) | {"ValidationError", "PydanticSerializationError", "JSONDecodeError", "CodecError"}
LEAKS: Final = re.compile(
    "|".join(
        (
            r"Traceback \(most recent",
            r"File \"[^\"]*\", line",
            r"site-packages|/functions/|/settle/|/tmp/|/var/task|\w{0,40}\.py\b",
            r"<[\w.]{1,80} (?:object|at) |<class '|<function |<built-in|object at 0x",
            r"(?:input_type|input_value)=|errors\.pydantic\.dev",
            r"codec can't|mappingproxy\(|\bPosixPath\(",
            rf"\b(?:{'|'.join(sorted(_NAMES))})\b",
        )
    )
)
LOOKED_AT: Final = 200_000
"""Characters of an answer; none that may be is longer."""
TOLD: Final = frozenset({"message", "traceback"})
"""Of what blocks an instance; they are for operators who may see all of it, and described as that."""


def find_leaks(document_text: str, event: Mapping[str, Any]) -> Iterator[str]:
    """Yield what an answer tells of the inside, unless the request itself said so."""
    text = _without_reasons(document_text)[:LOOKED_AT]
    asked = None
    for found in LEAKS.finditer(text):
        if asked is None:
            asked = _said(event)
        if found[0] not in asked:
            yield f"the answer tells {found[0]!r}"


def _without_reasons(text: str) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        return text
    return json.dumps(_cut(document), ensure_ascii=False)


def _cut(document: Any, within: str = "") -> Any:
    if isinstance(document, dict):
        cut = within == "blocked"
        return {key: _cut(value, key) for key, value in document.items() if not (cut and key in TOLD)}
    if isinstance(document, list):
        return [_cut(each, within) for each in document]
    return document


def _said(event: Mapping[str, Any]) -> str:
    """Return all that a request says, also as it reads once it is decoded."""
    parts = [str(event.get("rawPath")), str(event.get("rawQueryString")), str(event.get("headers"))]
    parts += [unquote(parts[0]), str(event.get("queryStringParameters")), _body(event)]
    return "\n".join(parts)


def _body(event: Mapping[str, Any]) -> str:
    text = str(event.get("body") or "")
    if event.get("isBase64Encoded"):
        with suppress(ValueError):
            text = base64.b64decode(text).decode("utf-8", "replace")
    try:
        return f"{text}\n{json.dumps(json.loads(text), ensure_ascii=False)}"
    except (ValueError, RecursionError):
        return text
