"""What an import has to say: mistakes, and what is understood but not carried over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from settle.authoring.findings import Findings
from settle.core.errors import Finding

NOT_CARRIED_OVER: Final = "not-carried-over"
"""Code of a note: the word is known, what it does in XState does not happen here."""
_MISSPELT: Final = 0.8
"""How alike a key and a word are (1 is the same) when the word was meant."""

Config = Mapping[str, object]
"""A JSON object of the file."""


class Report:
    """Collects findings of an import.

    Attributes:
        findings: those of the whole build, where errors go.
        notes: warnings about what is not carried over, in the order they were found.
        states: how many were read so far.
    """

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.notes: list[Finding] = []
        self.states = 0

    def error(self, code: str, node: str, message: str, *, breaks: bool = False) -> None:
        """Add an error; `breaks` when the piece it is about is left out of the machine."""
        self.findings.error(code, node, message, breaks=breaks)

    def note(self, code: str, node: str, message: str) -> None:
        """Add a warning, once."""
        finding = Finding(code=code, node=node, message=message, severity="warning")
        if finding not in self.notes:
            self.notes.append(finding)


@dataclass(frozen=True, slots=True)
class Words:
    """The keys that one kind of object may have.

    Attributes:
        what: the kind, as the beginning of a sentence.
        known: keys that are read.
        refused: what to write instead, for keys that would change what the machine does.
        ignored: why nothing is lost, or what to do, for keys that are understood and left out.
    """

    what: str
    known: frozenset[str]
    refused: Mapping[str, str] = field(default_factory=dict)
    ignored: Mapping[str, str] = field(default_factory=dict)

    def check(self, report: Report, node: str, given: Config) -> None:
        """Report every key that is not read. A key without a value is none.

        XState ignores keys that it does not know, so they only deserve a warning; one that looks like a word that was
        meant is an error.
        """
        for key, value in given.items():
            if key in self.known or value is None:
                continue
            if key in self.refused:
                report.error("refused-keyword", node, f"{self.what} has `{key}`: {self.refused[key]}")
            elif key in self.ignored:
                report.note(NOT_CARRIED_OVER, node, f"{self.what} has `{key}`: {self.ignored[key]}")
            else:
                self._check_unknown(report, node, key)

    def _check_unknown(self, report: Report, node: str, key: str) -> None:
        meant = get_close_matches(str(key), self.known, n=1, cutoff=_MISSPELT)
        if meant:
            message = f"{self.what} has the unknown key `{key}`; did you mean {meant[0]!r}?"
            report.error("unknown-keyword", node, message)
        else:
            message = f"{self.what} has the unknown key `{key}`, which is ignored; take it out, or put it into `meta`"
            report.note("unknown-keyword", node, message)
