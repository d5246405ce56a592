"""What a chart was made from: its arguments, in an order that is the same wherever the same file is read.

Data counts by its value, functions and classes by their place: the third one met here is the third one met there.
So the text of the data finds what was compiled from it, and the places find the functions that belong into it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, EnumMeta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from settle.core.codec import Codec

if TYPE_CHECKING:
    from settle.authoring.transitions_front_end import StatechartParser

STATECHART, XSTATE, TRANSITIONS = "statechart", "xstate", "transitions"
"""The ways to make a chart."""
STORED_FORMAT: Final = 1
"""Raised when the same arguments begin to mean another definition, or one that is written in another way."""
_ATOMS: Final = frozenset({str, int, float, bool, type(None)})


class UnstableArgumentError(Exception):
    """An argument that is neither data nor a function, so nothing tells whether it is the same elsewhere."""


class Reusable:
    """A chart that can stand as `children` in another.

    Attributes:
        source: what it was made from.
        implementations: where the names of its functions are looked up.
        events: how the data of its events is loaded.
    """

    source: "Source"
    implementations: Sequence[object]
    events: Mapping[str, Codec]

    @property
    def parser(self) -> "StatechartParser | None":
        """What `transitions` made of it; None for a chart that it did not read."""
        raise NotImplementedError


class Source:
    """The arguments of one chart.

    Args:
        door: which of the ways to make a chart they were given to.
        parts: the arguments that say what the chart does, by name.
        options: the others. Older versions are none of them: they are charts of their own.
        implementation: where names are looked up.
    """

    def __init__(self, door: str, parts: Mapping[str, Any], options: Mapping[str, Any], implementation: object) -> None:
        self.door, self.parts, self.options, self.implementation = door, parts, options, implementation
        self._read: _Reading | None = None

    @property
    def digest(self) -> str:
        """Name of what is compiled from them. Raises `UnstableArgumentError`."""
        return self._reading().digest

    @property
    def outsiders(self) -> Sequence[Callable[..., Any]]:
        """The functions and classes among them, in order. Raises `UnstableArgumentError`."""
        return self._reading().outsiders

    @property
    def implementations(self) -> tuple[object, ...]:
        """Where names are looked up: the chart's own, then those of the charts inside it, in order."""
        return (self.implementation, *(found for chart in self._reading().reused for found in chart.implementations))

    @property
    def reused_events(self) -> dict[str, Codec]:
        """How the data of events is loaded that the charts inside it declare."""
        return {name: codec for chart in self._reading().reused for name, codec in chart.events.items()}

    def _reading(self) -> "_Reading":
        if self._read is None:
            self._read = _Reading(self)
        return self._read


class _Reading:
    """One pass over the arguments."""

    def __init__(self, source: Source) -> None:
        self.outsiders: list[Callable[..., Any]] = []
        self.reused: list[Reusable] = []
        self._depth = 0
        text = json.dumps([STORED_FORMAT, self._describe_source(source)], separators=(",", ":"))
        self.digest = sha256(text.encode()).hexdigest()[:32]

    def _describe_source(self, source: Source) -> list[Any]:
        given = {**source.parts, **source.options}
        return [source.door, *([name, self._describe(value)] for name, value in given.items())]

    def _describe(self, value: object) -> Any:  # noqa: ANN401 - JSON data
        """Return JSON data that only an equal value has."""
        kind = type(value)
        if kind in _ATOMS:
            return value
        if kind is dict:
            return ["dict", *([self._describe(key), self._describe(item)] for key, item in value.items())]  # type: ignore[attr-defined]
        if kind is list or kind is tuple:
            return ["list", *map(self._describe, value)]  # type: ignore[call-overload]
        if callable(value) and not isinstance(value, EnumMeta):
            self.outsiders.append(value)
            return ["outside", getattr(value, "__qualname__", kind.__qualname__)]
        return self._describe_rare(value)

    def _describe_rare(self, value: object) -> list[Any]:  # noqa: PLR0911 - one for each kind
        match value:
            case Reusable():
                return ["chart", *self._describe_reused(value)]
            case EnumMeta():
                return ["enum", value.__qualname__, *map(self._describe, value)]
            case Enum():
                return ["member", type(value).__qualname__, value.name, self._describe(value.value)]
            case Mapping():
                return ["dict", *([self._describe(key), self._describe(item)] for key, item in value.items())]
            case list() | tuple():
                return ["list", *map(self._describe, value)]
            case str() | int() | float():
                return [type(value).__qualname__, str(value)]
            case set() | frozenset():
                return ["set", *sorted(json.dumps(self._describe(item)) for item in value)]
            case timedelta():
                return ["timedelta", value.days, value.seconds, value.microseconds]
            case datetime():
                return ["datetime", value.isoformat()]
        raise UnstableArgumentError(f"an argument holds {type(value).__name__!r}, which is neither data nor a function")

    def _describe_reused(self, chart: Reusable) -> list[Any]:
        if not self._depth:
            self.reused.append(chart)
        self._depth += 1
        described = self._describe_source(chart.source)
        self._depth -= 1
        return described
