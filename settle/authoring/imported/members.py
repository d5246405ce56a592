"""Members of a context class, as functions of the context.

The model of a machine of `transitions` holds data and methods. Its data becomes the context; its methods may stay with
that.
"""

import inspect
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

Function = Callable[..., Any]


def find_member(context: type[BaseModel], name: str) -> Function | None:
    """Return a method, a property or a field as a function whose first argument is the context; None for no such one.

    What pydantic itself brings along, such as `copy` or `json`, is none of the author's.
    """
    if name in context.model_fields or name in context.model_computed_fields:
        return _read_attribute(name)
    member = inspect.getattr_static(context, name, None)
    if member is inspect.getattr_static(BaseModel, name, None):
        return None
    if isinstance(member, property):
        return _read_attribute(name)
    if isinstance(member, staticmethod):
        function: Function = member.__func__
        return function
    return _call_method(member) if inspect.isfunction(member) else None


def count_beyond_self(context: type[BaseModel], name: str) -> int:
    """Return how many arguments a method takes besides `self`; 0 for what is no method."""
    member = inspect.getattr_static(context, name, None)
    return len(inspect.signature(member).parameters) - 1 if inspect.isfunction(member) else 0


def _read_attribute(name: str) -> Function:
    def read(ctx: object) -> Any:  # noqa: ANN401 - user data
        return getattr(ctx, name)

    read.__name__ = name
    return read


def _call_method(method: Function) -> Function:
    """Return a function that says of its first argument that it is the context, where the method says `self`."""

    def call(ctx: object, *more: object) -> Any:  # noqa: ANN401 - user data
        return method(ctx, *more)

    _, *others = inspect.signature(method).parameters.values()
    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_ONLY)
    call.__name__ = method.__name__
    call.__signature__ = inspect.Signature([context, *others])  # type: ignore[attr-defined]
    return call
