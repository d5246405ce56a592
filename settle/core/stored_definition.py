"""A Definition as JSON data and back, so that a function need not build what was built before it was deployed.

Functions and classes cannot be stored: whoever stores says what stands for them, and whoever loads brings them again.
So that nothing but known parts comes out, each is written under the name of its class, and no other class is ever made.

Schemas and initial contexts are JSON data already and stand as they are. Sets of nodes are not stored: they follow from
the numbers of nodes, and for a thousand nodes they would be most of the text.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import Enum
from typing import Any, Final

from settle.core.codec import Codec
from settle.core.conditions import AllOf, AnyOf, Guard, InState, Not
from settle.core.definition import Definition, Invokes, Node, TimerSpec, Transition
from settle.core.delay import Delay
from settle.core.errors import Finding
from settle.core.spec import (
    MAX_NODES,
    Action,
    Delivery,
    ErrorPolicy,
    InvokeMode,
    InvokeSpec,
    NodeKind,
    Selection,
    TransitionKind,
)

_RECORDS: Final[Mapping[str, type[Any]]] = {
    kind.__name__: kind
    for kind in (Node, Transition, TimerSpec, InvokeSpec, Action, Guard, InState, Not, AllOf, AnyOf, Delay, Finding)
}
_ENUMS: Final[Mapping[str, type[Enum]]] = {
    kind.__name__: kind for kind in (NodeKind, TransitionKind, Selection, ErrorPolicy, InvokeMode, Delivery)
}
_WORKED_OUT: Final = frozenset({"bit", "up"})
"""Fields of a node that follow from the others."""
_FIELDS: Final = {
    name: tuple(field.name for field in fields(kind) if not (kind is Node and field.name in _WORKED_OUT))
    for name, kind in _RECORDS.items()
}
_AS_IT_IS: Final = (str, int, float, bool, type(None))
_JSON, _SET, _OUTSIDE = "json", "set", "outside"
_PLAIN: Final = (
    "machine",
    "version",
    "hash",
    "table",
    "initial_context",
    "create_on_event",
    "uses_settled",
    "retention",
)
_CODED: Final = ("nodes", "transitions", "selection", "errors", "warnings")

Refer = Callable[[object], Any]
"""Returns JSON data that stands for a function or a class."""
Resolve = Callable[[Any], Any]
"""Returns the function or the class that such data stands for."""


class UnstorableError(Exception):
    """Something in a definition is no data, and nothing can stand for it. The message says what."""


def store_definition(definition: Definition, refer: Refer) -> dict[str, Any]:
    """Return a definition as JSON data, without its models.

    Raises:
        UnstorableError: whatever cannot be stored.
    """
    return {
        **{name: getattr(definition, name) for name in _PLAIN},
        **{name: store_value(getattr(definition, name), refer) for name in _CODED},
    }


def load_definition(
    data: Mapping[str, Any], resolve: Resolve, *, context: Codec, events: Mapping[str, Codec]
) -> Definition:
    """Return the definition that was stored. Raises one of `MALFORMED` for data that was not.

    Args:
        data: what `store_definition` returned.
        resolve: turns back what its `refer` returned.
        context: loads and dumps the context.
        events: loads event data, for the types that declare a model.
    """
    coded = {name: load_value(data[name], resolve) for name in _CODED}
    return Definition(
        **{name: data[name] for name in _PLAIN},
        **coded,
        numbers={node.path: node.index for node in coded["nodes"]},
        invokes=Invokes({invoke.id: invoke for node in coded["nodes"] for invoke in node.invokes}),
        context=context,
        events=events,
    )


def store_value(value: object, refer: Refer) -> Any:  # noqa: ANN401, PLR0911 - JSON data, one return for each kind
    """Return one part as JSON data: tuples are lists, everything else that is no text or number names its kind."""
    if type(value) in _AS_IT_IS:
        return value
    if isinstance(value, tuple):
        return [store_value(each, refer) for each in value]
    if isinstance(value, (dict, list)):  # parameters, meta data, outputs: JSON data, as the front ends have checked
        return {_JSON: value}
    if isinstance(value, frozenset):
        return {_SET: sorted(value)}
    kind = type(value).__name__
    if type(value) is _ENUMS.get(kind):
        return {kind: value.value}
    if type(value) is _RECORDS.get(kind):
        return {kind: [_store_field(value, name, refer) for name in _FIELDS[kind]]}
    return {_OUTSIDE: refer(value)}


def load_value(data: Any, resolve: Resolve) -> Any:  # noqa: ANN401 - JSON data in, any part out
    """Return the part that `store_value` wrote."""
    if type(data) is list:
        return tuple([load_value(each, resolve) for each in data])
    if type(data) is not dict:
        return data
    ((kind, content),) = data.items()
    if kind in _RECORDS:
        parts = [part if type(part) in _AS_IT_IS else load_value(part, resolve) for part in content]
        given = dict(zip(_FIELDS[kind], parts, strict=True))
        return _RECORDS[kind](**(_with_sets(given) if kind == Node.__name__ else given))
    if kind in _ENUMS:
        return _ENUMS[kind](content)
    if kind == _SET:
        return frozenset(content)
    return content if kind == _JSON else resolve(content)


def _store_field(value: object, name: str, refer: Refer) -> Any:  # noqa: ANN401 - JSON data
    content = getattr(value, name)
    # Descendants follow their node without a gap, so the last of them says which they are.
    return content.bit_length() if name == "within" else store_value(content, refer)


def _with_sets(given: dict[str, Any]) -> dict[str, Any]:
    """Add the sets of nodes to the fields of a node."""
    index, end = given["index"], given["within"]
    if not all(0 <= bits <= MAX_NODES for bits in (index, end, *given["ancestors"])):
        raise ValueError("a node has a number that none can have")
    return {
        **given,
        "bit": 1 << index,
        "up": sum(1 << ancestor for ancestor in given["ancestors"]),
        "within": (1 << end) - (2 << index) if end else 0,
    }
