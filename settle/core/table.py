"""A definition as JSON data, names in place of functions: what the API shows, and what the hash covers."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from settle.core.conditions import describe_condition
from settle.core.spec import (
    Action,
    Delivery,
    ErrorPolicy,
    InvokeSpec,
    MachineSpec,
    NodeSpec,
    Selection,
    TransitionKind,
    TransitionSpec,
)

HASH_DIGITS: Final = 16
_FOR_PEOPLE: Final = frozenset({"description"})
_FOR_OPERATORS: Final = frozenset({"retention", "backoff", "max_backoff", "final_errors"})
_FOR_OPERATORS_IN_BACKGROUND: Final = _FOR_OPERATORS | {"timeout", "attempts"}
"""What operators turn while instances live. Of an inline service `timeout` and `attempts` are in the hash: they were in
the first release, and no hash changes afterwards."""


def make_table(spec: MachineSpec) -> dict[str, Any]:
    """Return the definition as JSON data. What has its default value is left out."""
    data: dict[str, Any] = {
        "id": spec.id,
        "version": spec.version,
        "root": _describe_node(spec.root),
        "context": spec.context.schema,
        "events": {name: codec.schema for name, codec in sorted(spec.events.items())},
    }
    if spec.initial_context:
        data["initial_context"] = dict(spec.initial_context)
    if spec.selection is not Selection.SCXML:
        data["selection"] = spec.selection.value
    if spec.errors is not ErrorPolicy.RAISE:
        data["errors"] = spec.errors.value
    if spec.retention is not None:
        data["retention"] = spec.retention
    return data


def hash_table(table: Mapping[str, Any]) -> str:
    """Hash what decides where an event leads: 16 hexadecimal digits, equal for equal definitions on any machine.

    Schemas stay out: a model is checked whenever data is loaded, and the text of its schema changes with releases of
    pydantic, which must not strand live instances. So do descriptions: a better sentence is no other machine. And so
    does what operators turn: how long an ended instance is kept, and how a background service is tried again.
    """
    structure = {
        **_without(_FOR_OPERATORS, table),
        "root": _structure_of(table["root"]),
        "context": None,
        "events": sorted(table["events"]),
    }
    text = json.dumps(structure, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]


def _structure_of(node: Mapping[str, Any]) -> dict[str, Any]:
    kept = _without(_FOR_PEOPLE, node)
    for key in ("children", "transitions"):
        if key in kept:
            kept[key] = [_structure_of(item) for item in kept[key]]
    if "invoke" in kept:
        kept["invoke"] = [
            _without(_FOR_OPERATORS_IN_BACKGROUND if "mode" in invoke else _FOR_OPERATORS, invoke)
            for invoke in kept["invoke"]
        ]
    return kept


def _without(keys: Collection[str], data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in keys}


def _describe_node(spec: NodeSpec) -> dict[str, Any]:
    return _present(
        {
            "name": spec.name,
            "kind": spec.kind.value,
            "description": spec.description,
            "initial": list(spec.initial),
            "initial_actions": _actions(spec.initial_actions),
            "tags": sorted(spec.tags),
            "entry": _actions(spec.entry),
            "exit": _actions(spec.exit),
            "invoke": [_describe_invoke(invoke) for invoke in spec.invokes],
            "transitions": [_describe_transition(item) for item in spec.transitions],
            "children": [_describe_node(child) for child in spec.children],
            "output": _describe_value(spec.output),
            "history_default": list(spec.history_default),
            "history_actions": _actions(spec.history_actions),
            "meta": dict(spec.meta),
        },
        keep=("name", "kind"),
    )


def _describe_invoke(spec: InvokeSpec) -> dict[str, Any]:
    data: dict[str, Any] = {"id": spec.id, "machine": spec.src}
    if not spec.machine:
        data = {"id": spec.id, "src": spec.src, "timeout": spec.timeout, "attempts": spec.attempts}
        data |= _describe_background(spec) if spec.background else {}
        data |= {"final_errors": [error.__name__ for error in spec.final_errors]} if spec.final_errors else {}
    return data if spec.input is None else {**data, "input": _describe_value(spec.input)}


def _describe_background(spec: InvokeSpec) -> dict[str, Any]:
    data = {
        "mode": spec.mode.value,
        "backoff": spec.backoff,
        "max_backoff": spec.max_backoff,
        "deadline": spec.deadline,
    }
    return data if spec.delivery is Delivery.AT_LEAST_ONCE else {**data, "delivery": spec.delivery.value}


def _describe_transition(item: TransitionSpec) -> dict[str, Any]:
    data = {
        "event": item.event,
        "delay": "" if item.delay is None else item.delay.name,
        "description": item.description,
        "targets": list(item.targets),
        "guards": [describe_condition(condition) for condition in item.guards],
        "before": _actions(item.before),
        "actions": _actions(item.actions),
        "after": _actions(item.after),
        "kind": item.kind.value if item.targets else TransitionKind.EXTERNAL.value,
        "meta": dict(item.meta),
    }
    return _present(data, keep=("event", "kind"))


def _actions(actions: Iterable[Action]) -> list[Any]:
    return [{"type": each.name, "params": dict(each.params)} if each.params else each.name for each in actions]


def _describe_value(value: Any) -> Any:  # noqa: ANN401 - JSON data or a function
    return getattr(value, "__name__", "function") if callable(value) else value


def _present(data: Mapping[str, Any], *, keep: tuple[str, ...]) -> dict[str, Any]:
    return {
        key: value
        for key, value in data.items()
        if key in keep or (value is not None if key == "output" else value not in ("", [], {}, None))
    }
