"""`settle compile`: writes what every chart was built to, so that functions need not build it at each cold start."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from settle.authoring.compiled import COLLECTOR, BuiltChart, prove, store_chart
from settle.authoring.source import UnstableArgumentError
from settle.core.stored_definition import UnstorableError
from settle.runtime.machine_files import MachineFileError
from settle.runtime.registry import load_machines


def compile_charts(output: Path, directory: Path | None = None) -> int:
    """Write one file for each chart that a folder of machines builds; return 1 when a machine file is wrong, else 0.

    What cannot be stored is said: functions build it themselves, which costs them time and `transitions`.

    Args:
        output: folder of the files; made when it is not there.
        directory: folder of the machine files; the package `machines` when left out.
    """
    try:
        with COLLECTOR.collect() as charts:
            load_machines(directory)
    except MachineFileError as error:
        print(error)
        return 1
    files: dict[str, str] = {}
    for line in _compile(charts, files):
        print(line)
    output.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (output / name).write_text(text, encoding="utf-8")
    return 0


def _compile(charts: Sequence[BuiltChart], files: dict[str, str]) -> Iterator[str]:
    """Fill in the texts of the files by name; yield what there is to say about each chart."""
    clashing: set[str] = set()
    for chart in charts:
        title = f"{chart.definition.machine} version {chart.definition.version}"
        try:
            name, text = f"{chart.source.digest}.json", _text_of(chart)
        except (UnstableArgumentError, UnstorableError, RecursionError) as error:
            yield f"slow   {title}: functions build it themselves: {error}"
            continue
        if name in clashing or files.get(name, text) != text:
            # Which of the two a function would mean cannot be told from their arguments.
            clashing.add(name)
            files.pop(name, None)
            yield f"slow   {title}: functions build it themselves: another chart has the same arguments"
            continue
        files[name] = text
        yield f"ok     {title} ({len(text)} bytes, {chart.definition.hash})"


def _text_of(chart: BuiltChart) -> str:
    """Return a chart as text, from which the same definition was had again."""
    stored = store_chart(chart)
    text = json.dumps(stored, separators=(",", ":"))
    prove(chart, text)
    return text
