"""Fields of a context that pydantic would not write, or not as they are."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr


def find_lost_fields(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield the path of each field that would be lost when the context is stored, and why."""
    yield from _find(model, "", set())


def _find(model: type[BaseModel], prefix: str, seen: set[type[BaseModel]]) -> Iterator[tuple[str, str]]:
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        if field.exclude:
            yield path, "is declared with `exclude` and so is not stored"
        for kind in _list_types(field.annotation):
            if issubclass(kind, (SecretStr, SecretBytes)):
                yield path, f"is a {kind.__name__}, of which only asterisks are stored"
            elif issubclass(kind, BaseModel):
                yield from _find(kind, f"{path}.", seen)


def _list_types(annotation: Any) -> Iterator[type]:  # noqa: ANN401 - whatever stands in an annotation
    if get_origin(annotation) is None and isinstance(annotation, type):
        yield annotation
    for part in get_args(annotation):
        yield from _list_types(part)
