"""Texts and ids that Mermaid takes as they are meant.

It reads a state diagram line by line, with rules that look into labels: a semicolon ends one, `direction LR` turns the
picture, and the rest is taken as Markdown. So every sign that could mean something is written as an entity, which
Mermaid turns back into the sign when it draws.
"""

import re
import textwrap
import unicodedata
from typing import Final

from settle.core.definition import Definition

LINE_BREAK: Final = "<br/>"
BULLET: Final = "•"
LABEL_WIDTH: Final = 24
"""Letters in a line of a label; Mermaid breaks lines of its own a little later, and worse."""
BOX_WIDTH: Final = 32
"""Letters in a line inside a box."""
ROOT_ID: Final = "machine"

_PLAIN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ,/()?='")
_PLAIN_INSIDE_WORDS: Final = frozenset("_-.")
_PLAIN_ALONE: Final = frozenset("[]")
_READ_ANYWHERE: Final = re.compile(r"direction(?=\s)|www(?=\.)", re.IGNORECASE)
_REPLACED: Final = str.maketrans({"\ufb02": "fl", "\u00b6": "P"})
"""Signs that Mermaid itself puts in place of entities while it works."""


def escape(text: str) -> str:
    """Return a text in one line, with entities for what Mermaid would not leave as it is."""
    text = " ".join("".join(" " if _is_invisible(sign) else sign for sign in text.translate(_REPLACED)).split())
    broken = {match.start() for match in _READ_ANYWHERE.finditer(text)}
    return "".join(
        f"#{ord(sign)};" if place in broken or not _is_plain(text, place) else sign for place, sign in enumerate(text)
    )


def _is_invisible(sign: str) -> bool:
    return unicodedata.category(sign)[0] in "CZ"


def _is_plain(text: str, place: int) -> bool:
    sign = text[place]
    if sign in _PLAIN:
        return True
    before, after = text[max(place - 1, 0) : place], text[place + 1 : place + 2]
    if sign in _PLAIN_INSIDE_WORDS:
        return all(beside.isascii() and beside.isalnum() for beside in (before, after))
    if sign in _PLAIN_ALONE:
        return before not in _PLAIN_ALONE and after not in {*_PLAIN_ALONE, "("}
    return not sign.isascii()


def wrap(text: str, width: int = LABEL_WIDTH) -> str:
    """Return a text escaped, in lines of about so many letters."""
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return LINE_BREAK.join(map(escape, lines))


def make_ids(definition: Definition) -> list[str]:
    """Return an id for each node: its path in letters, digits and `_`.

    Each ends with `_`: so none is a word of Mermaid's language, and none is one of the ids that Mermaid makes itself,
    which end with `_start` and `_end`.
    """
    ids: list[str] = []
    taken: set[str] = set()
    for node in definition.nodes:
        name = re.sub(r"[^A-Za-z0-9]", "_", node.path) if node.index else ROOT_ID
        found = f"{name}_"
        while found in taken:
            found = f"{found}{node.index}_"
        taken.add(found)
        ids.append(found)
    return ids
