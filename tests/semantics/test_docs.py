"""The examples of docs/semantics.md are true."""

import re
from pathlib import Path
from typing import Any

import pytest

DOCUMENT = (Path(__file__).parents[2] / "docs" / "semantics.md").read_text()


def examples() -> list[Any]:
    """Return each example under the title of its section."""
    parts = re.split(r"^## (.+)$", DOCUMENT, flags=re.MULTILINE)
    found = []
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        found += [pytest.param(block, id=title) for block in blocks]
    return found


@pytest.mark.parametrize("example", examples())
def test_an_example_is_true(example: str) -> None:
    shared = re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)[0]
    exec(compile(shared + example, "docs/semantics.md", "exec"), {})  # noqa: S102 - the document is ours


def test_most_rules_have_an_example() -> None:
    assert len(examples()) >= 11
