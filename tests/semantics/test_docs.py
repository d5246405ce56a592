"""The examples of docs/semantics.md are true."""

import re
from pathlib import Path
from typing import Any

import pytest

DOCUMENT = (Path(__file__).parents[2] / "docs" / "semantics.md").read_text()


def blocks(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def sections() -> list[Any]:
    """Return the code of each section that has some, under its title; blocks of one section build on each other."""
    parts = re.split(r"^## (.+)$", DOCUMENT, flags=re.MULTILINE)
    found = [(title, "\n".join(blocks(text))) for title, text in zip(parts[1::2], parts[2::2], strict=True)]
    return [pytest.param(code, id=title) for title, code in found if code]


@pytest.mark.parametrize("code", sections())
def test_the_examples_of_a_section_are_true(code: str) -> None:
    shared = blocks(DOCUMENT)[0]
    exec(compile(shared + code, "docs/semantics.md", "exec"), {})  # noqa: S102 - the document is ours


def test_every_rule_has_an_example() -> None:
    titles = re.findall(r"^## (.+)$", DOCUMENT, flags=re.MULTILINE)
    assert {section.id for section in sections()} == set(titles) - {"Words", "Differences, and why"}


def test_every_example_asserts_something() -> None:
    assert all("assert " in section.values[0] for section in sections())
