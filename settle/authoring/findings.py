"""Collecting mistakes, so that an author sees all of them at once."""

from collections.abc import Iterable
from typing import Any

from settle.core.codec import CodecError, PlainCodec
from settle.core.errors import Finding
from settle.core.suggestion import find_closest


class Findings:
    """The findings of one build.

    Attributes:
        broken: whether a piece of the machine had to be left out, so that what later checks say about it is noise.
    """

    def __init__(self) -> None:
        self._items: dict[Finding, None] = {}
        self.broken = False

    @property
    def items(self) -> list[Finding]:
        """The findings, each once, in the order they were found."""
        return list(self._items)

    def error(self, code: str, node: str, message: str, *, breaks: bool = False) -> None:
        """Add an error; `breaks` when the piece it is about is left out of the machine."""
        self._items.setdefault(Finding(code=code, node=node, message=message))
        self.broken = self.broken or breaks

    def warn(self, code: str, node: str, message: str) -> None:
        """Add a warning."""
        self._items.setdefault(Finding(code=code, node=node, message=message, severity="warning"))

    def json(self, node: str, word: str, value: object) -> Any:  # noqa: ANN401 - JSON data
        """Return a copy of a value that the definition's hash can cover; None when it is no JSON data."""
        try:
            return PlainCodec().dump(value)
        except CodecError as error:
            self.error(f"bad-{word}", node, f"`{word}` is JSON data; {error}")
            return None

    @property
    def errors(self) -> list[Finding]:
        """Those that stop the build."""
        return [finding for finding in self.items if finding.severity == "error"]

    @property
    def warnings(self) -> list[Finding]:
        """Those that do not."""
        return [finding for finding in self.items if finding.severity != "error"]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` when something known is close, else nothing."""
    closest = find_closest(name, known)
    return f"; did you mean {closest!r}?" if closest else ""
