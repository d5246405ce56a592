"""Who may ask the local system: programs of this machine, and pages that this machine serves itself.

It listens on loopback and asks nobody who they are. A browser on this machine lets a page of any site send it a form,
and, once that site's name has been pointed here, read the answers. Neither comes without a header that says so.
"""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
SUFFIX: Final = ".localhost"
"""Names that lead nowhere else (https://www.rfc-editor.org/rfc/rfc6761#section-6.3)."""


def find_stranger(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the header that shows that a request comes from, or is meant for, somewhere else; empty for none.

    Args:
        headers: of the request, with names in lower case.
    """
    for name, value in headers:
        text = value.decode("latin-1")
        if name == b"host" and not _is_here(f"//{text}"):
            return f"Host: {text}"
        if name == b"origin" and not _is_here(text):
            return f"Origin: {text}"
    return ""


def _is_here(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host in LOOPBACK or host.endswith(SUFFIX)
