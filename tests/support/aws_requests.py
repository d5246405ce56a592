"""Requests to AWS, caught before they leave, and held against the model of the service that botocore carries."""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.client import BaseClient
from botocore.model import ListShape, MapShape, OperationModel, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call of a client."""

    operation: OperationModel
    parameters: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.operation.name)

    def breaches(self) -> list[str]:
        """Return what botocore's own validator finds; if nothing, the breaches of rules that it does not look at."""
        shape = self.operation.input_shape
        report = ParamValidator().validate(self.parameters, shape)
        if report.has_errors():
            return [report.generate_report()]
        return [f"{self.name}{breach}" for breach in _breaches(self.parameters, shape, "")]


@dataclass(frozen=True)
class Recorder:
    """Keeps what the watched clients ask for."""

    requests: list[Request] = field(default_factory=list)

    def watch(self, client: BaseClient) -> None:
        # Last, so that what botocore adds by itself is there.
        client.meta.events.register_last("before-parameter-build", self._keep)

    def named(self, *names: str) -> list[Request]:
        return [request for request in self.requests if request.name in names]

    def _keep(self, params: dict[str, Any], model: OperationModel, **_: Any) -> None:
        self.requests.append(Request(operation=model, parameters=copy.deepcopy(params)))


def _breaches(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """Walk a value beside its shape: largest and smallest sizes, patterns, enumerations."""
    yield from (f"{path} {breach}" for breach in _own_breaches(value, shape))
    match shape:
        case StructureShape():
            for name, part in value.items():
                yield from _breaches(part, shape.members[name], f"{path}.{name}")
        case ListShape():
            for number, part in enumerate(value):
                yield from _breaches(part, shape.member, f"{path}[{number}]")
        case MapShape():
            for name, part in value.items():
                yield from _breaches(name, shape.key, f"{path}[{name}] as key")
                yield from _breaches(part, shape.value, f"{path}[{name}]")


def _own_breaches(value: Any, shape: Shape) -> Iterator[str]:
    rules = shape.metadata
    size = value if isinstance(value, int | float) else len(value)
    if not rules.get("min", size) <= size <= rules.get("max", size):
        yield f"has {size}, of {rules.get('min')} to {rules.get('max')}"
    if "pattern" in rules and not re.fullmatch(rules["pattern"], value):
        yield f"is {value!r}, not {rules['pattern']}"
    if isinstance(shape, StringShape) and shape.enum and value not in shape.enum:
        yield f"is {value!r}, none of {shape.enum}"
