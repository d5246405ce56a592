"""docs/findings.md names every finding, and no other."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from settle.core.validation.silences import JUDGEMENTS

ROOT = Path(__file__).parents[2]
PACKAGES = (ROOT / "settle" / "core", ROOT / "settle" / "authoring")
CODE = re.compile(r"[a-z]+(-[a-z]+)+")
MADE_WITH_A_WORD = frozenset(
    {"bad-input", "bad-output", "bad-meta", "bad-params", "bad-context", "bad-selection", "bad-errors", "bad-services"}
)
"""Codes that are put together: `bad-` and the keyword whose value is wrong."""


class Row(NamedTuple):
    code: str
    severity: str
    meaning: str
    mend: str
    silence: str


def read_table() -> list[Row]:
    text = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    rows = (re.fullmatch(r"\| `([a-z-]+)` \| (.+) \| (.+) \| (.+) \| (.+) \|", line) for line in text.splitlines())
    return [Row(*row.groups()) for row in rows if row]


ROWS = read_table()


def list_codes(package: Path) -> set[str]:
    """Every text with hyphens in the source is the code of a finding."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in package.rglob("*.py"))
    texts = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {text for text in texts if isinstance(text, str) and CODE.fullmatch(text)}


def test_every_code_has_one_row() -> None:
    codes = set().union(*map(list_codes, PACKAGES)) | MADE_WITH_A_WORD
    assert sorted(row.code for row in ROWS) == sorted(codes)


def test_codes_that_are_put_together_are_so_in_the_two_places_that_are_known() -> None:
    sources = [path.read_text(encoding="utf-8") for package in PACKAGES for path in package.rglob("*.py")]
    assert sum(source.count('f"bad-{word}"') for source in sources) == 2


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.code)
def test_what_can_be_silenced_is_what_the_table_says(row: Row) -> None:
    expected = {
        "warning": "yes",
        "error": "yes" if row.code in JUDGEMENTS else "no",
        "error or warning": "only the warning",
    }
    assert row.silence == expected[row.severity]


def test_every_judgement_is_an_error() -> None:
    assert {row.code for row in ROWS if row.severity == "error"} >= JUDGEMENTS
