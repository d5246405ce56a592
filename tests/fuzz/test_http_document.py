"""Every operation of the document, as far as a test run has time for it; `make fuzz` goes on from there."""

from collections.abc import Iterator

import pytest

from tests.fuzz.http.audit import Audit
from tests.fuzz.http.document import plan, try_operation
from tests.fuzz.http.figures import Figures
from tests.fuzz.http.lives import try_lives
from tests.fuzz.http.world import World, open_world

EXAMPLES = 12
"""Of each operation and mode."""
SEED = 20


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("outside")) as opened:
        yield opened


@pytest.fixture(scope="module")
def audit(world: World) -> Audit:
    return Audit(world)


@pytest.mark.slow
def test_every_operation_answers_as_the_document_says(world: World, audit: Audit) -> None:
    figures = Figures()
    for operation, mode in plan(audit):
        try_operation(world, audit, operation, mode, examples=EXAMPLES, begin=SEED, figures=figures)
    labels = set(audit.contract.operations)
    assert set(figures.statuses) == labels
    assert {200, 201, 202, 400, 404, 409, 415, 422} <= {
        status for counts in figures.statuses.values() for status in counts
    }


@pytest.mark.slow
def test_every_life_of_an_instance_is_told_truly(world: World, audit: Audit) -> None:
    figures = Figures()
    try_lives(world, audit, examples=15, steps=20, begin=SEED, figures=figures)
    assert figures.total > 100
