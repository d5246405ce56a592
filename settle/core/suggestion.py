"""What somebody may have meant by a name that is none."""

from collections.abc import Iterable
from difflib import get_close_matches


def find_closest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is closest to another; empty when none is close."""
    return next(iter(get_close_matches(name, [candidate for candidate in known if candidate], n=1)), "")
