"""A definition as JSON data, names in place of functions: what the API shows, and what the hash covers."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from settle.core.conditions import describe_condition
from settle.core.spec import (
    Action,
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
    return data


def hash_table(table: Mapping[str, Any]) -> str:
    """Hash what decides where an event leads: 16 hexadecimal digits, equal for equal definitions on any machine.

    Schemas stay out: a model is checked whenever data is loaded, and the text of its schema changes with releases of
    pydantic, which must not strand live instances. So do descriptions: a better sentence is no other machine.
    """
    structure = {
        **table,
        "root": _without_descriptions(table["root"]),
        "context": None,
        "events": sorted(table["events"]),
    }
    text = json.dumps(structure, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]


def _without_descriptions(node: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in node.items() if key not in _FOR_PEOPLE}
    for key in ("children", "transitions"):
        if key in kept:
            kept[key] = [_without_descriptions(item) for item in kept[key]]
    return kept


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
    return data if spec.input is None else {**data, "input": _describe_value(spec.input)}


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
