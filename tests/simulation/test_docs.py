"""What the documents say about the search is what it does."""

import re
from pathlib import Path
from typing import Final

from tests.simulation.acts import FAULTS
from tests.simulation.all_mutants import all_mutants

DOCS: Final = Path(__file__).parents[2] / "docs"
SOURCES: Final = Path(__file__).parent


def guarantees() -> str:
    return (DOCS / "guarantees.md").read_text().partition("## How each promise is searched for")[2]


def test_every_mutant_stands_beside_one_promise() -> None:
    told = re.findall(r"`(\w+_\w+)`", guarantees())
    assert sorted(told) == sorted(mutant.name for mutant in all_mutants())


def test_every_promise_that_is_named_is_checked_somewhere() -> None:
    code = "\n".join(path.read_text() for path in SOURCES.glob("*.py") if "mutants" not in path.name)
    rows = [row.split("|") for row in guarantees().splitlines() if row.startswith("| ") and "`" in row]
    names = {name for row in rows for name in re.findall(r"`([a-z ]+)`", row[2])}
    assert {name for name in names if f'"{name}"' not in code} == set()
    assert {name for mutant in all_mutants() for name in mutant.notices} <= names | {"messages of two lives"}


def test_every_fault_of_a_request_is_explained() -> None:
    told = (DOCS / "simulation.md").read_text()
    assert [fault for fault in FAULTS if f"`{fault}`" not in told] == []
