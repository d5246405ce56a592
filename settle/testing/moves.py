"""Moves: what may happen to an instance next, in a path."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from settle.core.delay import format_duration
from settle.runtime.instance import ServiceOutcome
from settle.testing.samples import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """It is created.

    Attributes:
        input: what its context is made from.
        principal: who creates it.
        claims: what the API's authorizer says about them.
    """

    input: Mapping[str, Any] = field(default_factory=dict)
    principal: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "start" + _said(self.input) + (f" by {self.principal}" if self.principal else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Somebody sends it an event.

    Attributes:
        sample: the event.
    """

    sample: Sample

    def __str__(self) -> str:
        return (
            self.sample.type
            + _said(self.sample.data)
            + (f" by {self.sample.principal}" if self.sample.principal else "")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """Time passes until something is due.

    Attributes:
        seconds: until then.
    """

    seconds: float

    def __str__(self) -> str:
        return f"after {format_duration(self.seconds)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """A background service or a child ends.

    Attributes:
        invoke: its id.
        outcome: how.
    """

    invoke: str
    outcome: ServiceOutcome

    def __str__(self) -> str:
        return f"{self.invoke} fails ({self.outcome.error})" if self.outcome.error else f"{self.invoke} is done"


Move = Start | Send | Advance | Complete


def _said(data: Mapping[str, Any]) -> str:
    return f" {json.dumps(data, default=str)}" if data else ""
