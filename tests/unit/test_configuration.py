"""Configurations as bits and as leaves."""

import pytest

from settle.core.bits import iterate
from settle.core.configuration import dump_configuration, load_configuration
from settle.core.errors import SnapshotInvalidError
from tests.support.charts import machine, node, parallel

CHART = machine("m", node("a", node("b"), node("c")), parallel("p", node("r", node("r1"), node("r2")), node("s")))


def mask_of(*paths: str) -> int:
    return sum(1 << CHART.numbers[path] for path in paths)


@pytest.mark.parametrize(
    ("leaves", "active"),
    [
        (("a.b",), ("", "a", "a.b")),
        (("a.c",), ("", "a", "a.c")),
        (("p.r.r2", "p.s"), ("", "p", "p.r", "p.r.r2", "p.s")),
        ((), ()),
    ],
)
def test_leaves_stand_for_themselves_and_all_their_ancestors(leaves: tuple[str, ...], active: tuple[str, ...]) -> None:
    mask = load_configuration(CHART, leaves)
    assert mask == mask_of(*active)
    assert dump_configuration(CHART, mask) == leaves
    assert [each.path for each in iterate(CHART.nodes, mask)] == list(active)


def test_leaves_are_dumped_in_document_order() -> None:
    assert dump_configuration(CHART, load_configuration(CHART, ("p.s", "p.r.r1"))) == ("p.r.r1", "p.s")


def test_an_illegal_configuration_is_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(SnapshotInvalidError, match=r"\['a'\] is not a legal configuration of m"):
            load_configuration(CHART, ("a",))
