"""A template as a person reads it in review: texts in one piece, JSON within texts as JSON, no hashes of assets."""

import json
import re
from typing import Any

ASSET = re.compile(r"\b[0-9a-f]{64}\b")


def readable(value: Any) -> Any:  # noqa: PLR0911 - one answer for each form of a value
    """Return a template, or a part of it, in which what can be written more plainly is.

    References are written as in Fn::Sub, so that a text that is put together becomes one. The hash of an asset changes
    with every line of code that ships, and says nothing about the template.
    """
    match value:
        case {"Ref": str(name)}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Join": [str(separator), list(parts)]}:
            return _as_json(separator.join(readable(part) for part in parts))
        case dict():
            return {key: readable(part) for key, part in value.items()}
        case list():
            return [readable(part) for part in value]
        case str():
            return _as_json(ASSET.sub("<asset>", value))
    return value


def _as_json(text: str) -> Any:
    """Return what a text holds when it is that of an object, like the body of a dashboard, else the text."""
    if not text.startswith("{"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
