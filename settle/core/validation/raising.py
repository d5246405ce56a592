"""Which machines may put events on their own queue: those with actions that raise or send.

What an action does is known only when it runs. That it neither raises nor sends can often be seen before: it does not
take `do`, or the words stand neither in its code nor in that of what it calls. An object in its hands whose methods it
might call cannot be seen through, so it may do anything.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType, NoneType
from typing import Any, Final

from settle.core.definition import Definition

_ARGUMENTS: Final = 3
_WORDS: Final = frozenset({"raise_", "send"})
_HARMLESS: Final = (
    str,
    bytes,
    int,
    float,
    bool,
    NoneType,
    list,
    tuple,
    set,
    frozenset,
    dict,
    type,
    ModuleType,
    BuiltinFunctionType,
)
"""What an action may hold without anybody being able to raise events through it."""
_CALLS_FOLLOWED: Final = 3
"""How deep calls are followed; helpers of actions are near, and the rest of the world is large."""


def may_raise(definition: Definition) -> bool:
    """Tell whether some action of a machine may raise an event, or send one to the machine itself."""
    seen: set[int] = set()
    return any(
        _takes_do(function) and _mentions_words(function, seen, _CALLS_FOLLOWED)
        for function in _list_actions(definition)
    )


def _takes_do(function: Callable[..., Any]) -> bool:
    """Tell whether a function gets what it would need to raise: the last of three arguments."""
    try:
        parameters = inspect.signature(inspect.unwrap(function)).parameters.values()
    except (TypeError, ValueError):  # a builtin that does not tell
        return True
    if any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters):
        return True
    places = [
        p for p in parameters if p.kind in {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    ]
    return len(places) >= _ARGUMENTS


def _list_actions(definition: Definition) -> Iterator[Callable[..., Any]]:
    for node in definition.nodes:
        yield from (action.fn for action in chain(node.entry, node.exit, node.initial_actions, node.history_actions))
    for transition in definition.transitions:
        yield from (action.fn for action in chain(transition.before, transition.actions, transition.after))


def _mentions_words(candidate: object, seen: set[int], calls: int) -> bool:
    function = _find_function(candidate)
    if function is None:
        return not isinstance(candidate, _HARMLESS)
    if id(function) in seen:
        return False
    seen.add(id(function))
    names = frozenset(_list_names(function.__code__))
    if names & _WORDS:
        return True
    return calls > 0 and any(_mentions_words(each, seen, calls - 1) for each in _list_near(candidate, function, names))


def _find_function(candidate: object) -> FunctionType | None:
    """Return what is written in Python inside of something that can be called."""
    while isinstance(candidate, (partial, MethodType, staticmethod, classmethod)):
        candidate = candidate.func if isinstance(candidate, partial) else candidate.__func__
    if isinstance(candidate, FunctionType):
        return candidate
    call = getattr(type(candidate), "__call__", None)  # noqa: B004 - the function is wanted
    return call if isinstance(call, FunctionType) else None


def _list_names(code: CodeType) -> Iterator[str]:
    """Yield the globals and attributes that code names, that of inner functions included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _list_names(constant)


def _list_near(candidate: object, function: FunctionType, names: frozenset[str]) -> Iterator[object]:
    """Yield what a function holds, and what it may call by one of the names that it mentions."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # of a variable that was never set
            continue
    found = [function.__globals__[name] for name in names if name in function.__globals__]
    yield from found
    owner = type(getattr(candidate, "__self__", candidate))
    for holder in (owner, *(each for each in found if isinstance(each, (type, ModuleType)))):
        yield from (vars(holder)[name] for name in names if name in vars(holder))
