"""What actions of another module call."""

from typing import Any


def emit(do: Any) -> None:
    do.raise_("NEXT")
