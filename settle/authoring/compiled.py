"""Charts that were built before they were deployed: what bundling writes, and how a function finds it.

Building a chart reads it with `transitions`, compiles it and checks it; in a function all of that was done before, and
importing `transitions` alone takes as long as everything else here. So bundling writes one file for each chart, and a
chart that finds its own takes the definition from there. On a developer's machine there is no such folder.

A file is found by the arguments of the chart (`settle.authoring.source`), so one that was made from others is never
taken. The functions are not in it: they are bound again, by the same code, from what stands in the machine's own file;
when one of them has another name now, or no longer fits, the file is not taken either. What is not taken is built.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from settle.authoring.binding import Binder, Binding
from settle.authoring.findings import Findings
from settle.authoring.source import Source, UnstableArgumentError
from settle.core.codec import Codec
from settle.core.definition import Definition
from settle.core.json_text import MALFORMED
from settle.core.stored_definition import UnstorableError, load_definition, load_value, store_definition, store_value

FOLDER: Final = "compiled"
"""Beside the package, in a bundle only."""
_PLACE: Final = Path(__file__).parent.parent / FOLDER
_BOUND, _GIVEN = "bound", "given"
_logger = logging.getLogger("settle")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltChart:
    """A chart that was built, as far as it is stored.

    Attributes:
        source: what it was made from.
        definition: what it was built to.
        bindings: how the functions in it came about.
        implementations: where they were looked up.
    """

    source: Source
    definition: Definition
    bindings: Sequence[Binding]
    implementations: Sequence[object]


class Collector:
    """Remembers charts while they are built; outside of bundling it does not."""

    def __init__(self) -> None:
        self._charts: list[BuiltChart] | None = None

    def note(self, chart: BuiltChart) -> None:
        """Take a chart that was built."""
        if self._charts is not None:
            self._charts.append(chart)

    @contextmanager
    def collect(self) -> Iterator[list[BuiltChart]]:
        """Yield a list that every chart is added to which is built meanwhile, one inside another too."""
        charts: list[BuiltChart] = []
        self._charts = charts
        try:
            yield charts
        finally:
            self._charts = None


COLLECTOR: Final = Collector()


def find_stored(source: Source) -> Mapping[str, Any] | None:
    """Return what was stored for a chart; None when nothing was, here or at all."""
    if not _PLACE.is_dir():
        return None
    try:
        return parse_stored((_PLACE / f"{source.digest}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        reason = "its arguments are others than they were at bundling"
    except ValueError:
        reason = "its file holds no JSON"
    except (UnstableArgumentError, RecursionError) as error:
        reason = str(error)
    say_slow(reason)
    return None


def say_slow(reason: str) -> None:
    """Tell operators that a function builds what bundling should have built."""
    _logger.warning("a chart has to be built, which makes this a slow start: %s", reason)


def parse_stored(text: str) -> Mapping[str, Any]:
    """Return what a file holds. Raises `ValueError` or `RecursionError` when that is no JSON."""
    stored: Mapping[str, Any] = json.loads(text)
    return stored


def store_chart(chart: BuiltChart) -> dict[str, Any]:
    """Return a built chart as JSON data.

    Raises:
        UnstableArgumentError: its arguments have no text by which it could be found.
        UnstorableError: its definition holds a function that cannot be bound again.
    """
    if list(map(id, chart.source.implementations)) != list(map(id, chart.implementations)):
        raise UnstorableError("the charts inside it are found in another order than they were read")
    referrer = _Referrer(chart)
    return {
        "definition": store_definition(chart.definition, referrer.refer),
        "bindings": [_store_binding(binding, referrer) for binding in chart.bindings],
    }


def load_chart(
    stored: Mapping[str, Any], source: Source, binder: Binder, *, context: Codec, events: Mapping[str, Codec]
) -> Definition | None:
    """Return the definition of a chart with its functions in place.

    None when they are not what they were, or when what was stored is no table: whoever writes into a bundle may write
    code there too, so nothing is gained by more than that a damaged file is built anew.
    """
    try:
        return _load_chart(stored, source, binder, context=context, events=events)
    except (*MALFORMED, OverflowError):
        return None


def _load_chart(
    stored: Mapping[str, Any], source: Source, binder: Binder, *, context: Codec, events: Mapping[str, Codec]
) -> Definition | None:
    bound: list[Any] = []

    def resolve(reference: Any) -> Any:  # noqa: ANN401 - what `refer` wrote, and a function or a class
        kind, place = reference
        return bound[place] if kind == _BOUND else source.outsiders[place]

    for role, reference, node, params, name in stored["bindings"]:
        written = reference if isinstance(reference, str) else resolve(reference)
        found, fn = binder.bind(role, written, node, {key: load_value(value, resolve) for key, value in params.items()})
        if found != name:
            return None
        bound.append(fn)
    return load_definition(stored["definition"], resolve, context=context, events=events)


def prove(chart: BuiltChart, text: str) -> None:
    """Check that a chart comes back from its file as it went in.

    Raises:
        UnstorableError: it does not.
    """
    findings, built = Findings(), chart.definition
    binder = Binder(chart.source.implementations, findings)
    loaded = load_chart(json.loads(text), chart.source, binder, context=built.context, events=built.events)
    again = None if loaded is None else store_chart(replace(chart, definition=loaded, bindings=binder.bindings))
    if findings.errors or again != json.loads(text):
        raise UnstorableError("what was stored is not what was built")


class _Referrer:
    """Says what stands for the functions and classes of a chart."""

    def __init__(self, chart: BuiltChart) -> None:
        self._bound = {id(binding.fn): place for place, binding in reversed(list(enumerate(chart.bindings)))}
        self._given = {id(value): place for place, value in reversed(list(enumerate(chart.source.outsiders)))}

    def refer(self, value: object) -> list[Any]:
        """Return a kind and a place."""
        return [_BOUND, self._bound[id(value)]] if id(value) in self._bound else self.refer_to_given(value)

    def refer_to_given(self, value: object) -> list[Any]:
        """Return the same for what stands in the arguments."""
        if id(value) in self._given:
            return [_GIVEN, self._given[id(value)]]
        name = getattr(value, "__qualname__", type(value).__name__)
        raise UnstorableError(f"{name!r} does not stand in the arguments of the chart, nor in its implementation")


def _store_binding(binding: Binding, referrer: _Referrer) -> list[Any]:
    written = binding.reference
    reference = written if isinstance(written, str) else referrer.refer_to_given(written)
    params = {key: store_value(value, referrer.refer) for key, value in binding.params.items()}
    return [binding.role, reference, binding.node, params, binding.name]
