"""What somebody may have meant by a name that is none."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

MAX_CANDIDATES: Final = 1000
"""Names among which one is looked for: in a chart of thousands whose every target is wrong, looking would not end."""
LONGEST_NAME: Final = 200
"""Characters of a name that is looked for; what is longer is no slip of the pen."""


def find_closest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is closest to another; empty when none is close, or there are too many to look."""
    candidates = [candidate for candidate in known if candidate and len(candidate) <= LONGEST_NAME]
    if len(name) > LONGEST_NAME or len(candidates) > MAX_CANDIDATES:
        return ""
    return next(iter(get_close_matches(name, candidates, n=1)), "")
