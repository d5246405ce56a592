"""Charts that come from files instead of being built, as in a function."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import settle.authoring.building
import settle.authoring.compiled
from settle import Statechart
from settle.authoring.compiled import COLLECTOR, BuiltChart, prove, store_chart

Make = Callable[[], Statechart]


def collect(make: Callable[[], object]) -> list[BuiltChart]:
    """Return every chart that is built meanwhile."""
    with COLLECTOR.collect() as charts:
        make()
    return charts


def write(charts: list[BuiltChart], folder: Path) -> None:
    for chart in charts:
        text = json.dumps(store_chart(chart))
        prove(chart, text)
        (folder / f"{chart.source.digest}.json").write_text(text)


def recall(make: Make, folder: Path, patch: pytest.MonkeyPatch) -> tuple[Statechart, Statechart]:
    """Return a chart as it is built, and as it comes from a file, where building it would fail."""
    built: list[Statechart] = []
    write(collect(lambda: built.append(make())), folder)
    with patch.context() as inside:
        inside.setattr(settle.authoring.compiled, "_PLACE", folder)
        for name in ("parse", "build"):
            inside.setattr(settle.authoring.building, name, _refuse)
        return built[0], make()


def _refuse(*_: object) -> None:
    raise AssertionError("it was built, though it was stored")
