"""Texts that are repeated to whoever sent them: only their beginning, so that no answer is as large as a request."""

from typing import Final

SHORT: Final = 100
"""Characters of a name, or of any text that somebody got wrong."""
SENTENCE: Final = 300
"""Characters of what is said about it."""


def shorten(text: str, limit: int = SHORT) -> str:
    """Return a text, or its beginning and how long it is."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
