"""Fitting functions to how their roles are called, whichever arguments they take."""

import inspect
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial, update_wrapper
from typing import Any


def count_arguments(function: Callable[..., Any], fewest: int, most: int, params: Mapping[str, Any]) -> int | None:
    """Return how many of its role's arguments a function takes, or None when no call would fit.

    Of those with a default value the third is the function's own affair.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a builtin that does not tell: it gets the first argument
        return 1
    if next(iter(signature.parameters), "") == "self":
        return None
    count = _count_needed(signature, most, params)
    count = max(min(count, most), fewest)
    try:
        signature.bind(*(None,) * count, **params)
    except TypeError:
        return None
    return count


def _count_needed(signature: inspect.Signature, most: int, params: Mapping[str, Any]) -> int:
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return most
    places = [
        parameter.default is inspect.Parameter.empty
        for name, parameter in signature.parameters.items()
        if parameter.kind in {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
        and name not in params
    ]
    return max(min(len(places), 2), sum(places))


def with_arguments(function: Callable[..., Any], taken: int, most: int) -> Callable[..., Any]:
    """Return a function that takes `most` arguments and passes on the first `taken`; one for each case, for speed."""
    fitted: Callable[..., Any]
    match taken, most:
        case 0, 1:
            fitted = lambda _call: function()  # noqa: E731 - one line for each case
        case 1, 2:
            fitted = lambda context, _event: function(context)  # noqa: E731
        case 1, 3:
            fitted = lambda context, _event, _more: function(context)  # noqa: E731
        case 2, 3:
            fitted = lambda context, event, _more: function(context, event)  # noqa: E731
        case _:
            return function
    return update_wrapper(fitted, function)


def bind_params(function: Callable[..., Any], params: Mapping[str, Any]) -> Callable[..., Any]:
    """Return a function that gets its parameters; a list or a dict anew for each call, so that none can change them."""
    if not any(isinstance(value, (list, dict)) for value in params.values()):
        return partial(function, **params) if params else function

    def call(*arguments: Any) -> Any:  # noqa: ANN401 - of the role
        return function(*arguments, **deepcopy(dict(params)))

    return update_wrapper(call, function)


def with_params(form: str, params: Mapping[str, Any]) -> str:
    """Return a signature with the parameters that a reference gives, as keywords."""
    return form[:-1] + "".join(f", {name}" for name in params) + ")" if params else form


def signature_of(function: Callable[..., Any]) -> str:
    """Return how a function is written."""
    return str(inspect.signature(function))


def hint_of_self(function: Callable[..., Any]) -> str:
    """Return what to do about a method that nobody gives its `self`; empty for any other function."""
    if next(iter(inspect.signature(function).parameters), "") != "self":
        return ""
    return ", as a `@staticmethod`; or pass an instance of the class as `implementation`"
