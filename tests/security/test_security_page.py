"""docs/security.md names tests and constants: they are there, and the values are those of today."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
LIMITS = re.findall(r"^\| [^|]+ \| `([\w.]+)\.([A-Z_]+)` \| ([0-9]+) \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("path", "name"), TESTS, ids=[name for _, name in TESTS])
def test_a_test_that_the_page_names_is_there(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("module", "name", "value"), LIMITS, ids=[name for _, name, _ in LIMITS])
def test_a_limit_has_the_value_that_the_page_says(module: str, name: str, value: str) -> None:
    assert getattr(import_module(module), name) == int(value)


def test_the_page_names_tests_and_limits() -> None:
    assert len(TESTS) > 20
    assert len(LIMITS) > 20
    assert PAGE.count("::") == len(re.findall(r"`tests/[\w/]+\.py::\w+`", PAGE)), "one is written in another way"
