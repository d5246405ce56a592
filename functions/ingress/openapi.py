"""The OpenAPI 3.1 description of the API: the routes, and for each machine what it takes.

Built by hand: the resolver's own generator would describe Python signatures, and what matters here is each machine's
events and context, which it knows nothing of.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from functions.ingress.documents import public_event_types
from functions.ingress.openapi_parts import (
    HEADERS,
    MERMAID,
    PARAMETERS,
    PROBLEM,
    SCHEMAS,
    Schema,
    answer,
    empty,
    ref,
)
from settle.core.definition import Definition
from settle.core.spec import ANY_EVENT
from settle.runtime.envelope import MAX_EVENTS_PER_REQUEST
from settle.runtime.registry import Registry

OPENAPI: Final = "3.1.0"
API_VERSION: Final = "0.1.0"

_DEFINITIONS: Final = "#/$defs/"
_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9._-]")
_WAITED: Final = ("prefer", "x-correlation-id")
_SHOWN: Final = {"oneOf": [ref("Instance"), ref("HiddenInstance")]}
"""An instance, as far as its maker may see it."""


def build_openapi(registry: Registry) -> dict[str, Any]:
    """Describe the API of these machines."""
    schemas: dict[str, Schema] = dict(SCHEMAS)
    paths = _shared_paths()
    for name in registry.names():
        definition = registry.get(name)
        schemas.update(_machine_schemas(definition))
        paths |= _machine_paths(definition)
    return {
        "openapi": OPENAPI,
        "info": {"title": "Settle", "version": API_VERSION, "description": "Durable statecharts over HTTP."},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "responses": {"Problem": PROBLEM},
        },
    }


# Paths ---------------------------------------------------------------------------------------------------------------


def _shared_paths() -> dict[str, Any]:
    instance = "/machines/{machine}/instances/{instance}"
    named = ("machine", "instance")
    paths = {
        "/machines": {"get": _operation("listMachines", "List the machines.", {200: answer(ref("Machines"), "All.")})},
        "/machines/{machine}": {
            "get": _operation("getMachine", "A definition as data.", {200: answer(ref("Machine"), "It.")}, ("machine",))
        },
        "/machines/{machine}/diagram": {
            "get": _operation("getDiagram", "The machine as a Mermaid diagram.", {200: MERMAID}, ("machine",))
        },
        f"{instance}/diagram": {
            "get": _operation(
                "getInstanceDiagram", "The machine of an instance, its active states marked.", {200: MERMAID}, named
            )
        },
        instance: {
            "get": _operation(
                "getInstance",
                "The snapshot of an instance.",
                {200: answer(ref("Instance"), "It.", "ETag"), 304: empty("As the ETag says.", "ETag")},
                (*named, "if-none-match"),
            ),
            "put": _put("", {}, named),
            "delete": _operation(
                "deleteInstance",
                "End an instance, and remove everything that is kept of it.",
                _receipts(ref("Receipt")),
                (*named, *_WAITED),
            ),
        },
        "/machines/{machine}/instances": {
            "get": _operation(
                "listInstances",
                "The blocked instances of a machine, the longest blocked first. The list may lag a moment behind.",
                {200: answer(ref("BlockedInstances"), "Some of them.")},
                ("machine", "status", "limit", "cursor"),
            )
        },
        f"{instance}/blocked": {
            "get": _operation(
                "getBlocked",
                "The event that blocks an instance: what it is, and why it cannot be applied.",
                {200: answer(ref("BlockedEvent"), "It.")},
                named,
            )
        },
        f"{instance}/edit": {
            "post": {
                **_operation(
                    "editInstance",
                    "Put another type or other data into the event that blocks an instance, and try it again.",
                    _receipts(ref("Receipt")),
                    (*named, *_WAITED),
                ),
                "requestBody": {"required": True, "content": {"application/json": {"schema": ref("EventEdit")}}},
            }
        },
        f"{instance}/wait": {
            "get": _operation(
                "waitInstance",
                "Wait until an instance is somewhere: 204 when time runs out, 412 when it cannot get there any more.",
                {200: answer(ref("Instance"), "It is there.", "ETag"), 204: empty("Not yet.")},
                (*named, "for", "timeout"),
            )
        },
        "/callbacks/{token}": {
            "post": {
                **_operation(
                    "postCallback",
                    "Say how a background service ended, by the token that it handed out. No other right is needed.",
                    _outcomes(ref("CallbackReceipt"), "Idempotent-Replayed"),
                    ("token", *_WAITED),
                ),
                "requestBody": {"required": True, "content": {"application/json": {"schema": ref("Callback")}}},
            }
        },
        f"{instance}/events": {"post": _post("", _event_body(ref("Event")), named)},
        f"{instance}/receipts/{{receipt}}": {
            "get": _operation(
                "getReceipt",
                "What became of an event.",
                {200: answer(ref("Receipt"), "What is known now.")},
                (*named, "receipt"),
            )
        },
        "/openapi.json": {"get": _operation("getOpenApi", "This document.", {200: answer({}, "It.")})},
        "/health": {"get": _operation("getHealth", "Whether it runs.", {200: answer(ref("Health"), "It does.")})},
    }
    for action in ("pause", "resume", "retry", "skip"):
        answers = _receipts(ref("Receipt"))
        operation = _operation(f"{action}Instance", f"Ask to {action}.", answers, (*named, *_WAITED))
        paths[f"{instance}/{action}"] = {"post": operation}
    paths[f"{instance}/skip"]["post"]["requestBody"] = {"content": {"application/json": {"schema": ref("EventSkip")}}}
    return paths


def _machine_paths(definition: Definition) -> dict[str, Any]:
    name = definition.machine
    instance = f"/machines/{name}/instances/{{instance}}"
    operation = "".join(part.capitalize() for part in name.split("-"))
    return {
        instance: {"put": _put(operation, ref(f"{name}.Context"), ("instance",), ref(f"{name}.Event"))},
        f"{instance}/events": {"post": _post(operation, _event_body(ref(f"{name}.Event")), ("instance",))},
    }


def _post(suffix: str, body: Schema, parameters: Iterable[str]) -> dict[str, Any]:
    return {
        **_operation(
            f"postEvents{suffix}",
            "Send one event, or a list that is taken whole or not at all.",
            _receipts({"oneOf": [ref("Receipt"), ref("Receipts")]}, "Idempotent-Replayed"),
            (*parameters, "idempotency-key", *_WAITED, "if-match"),
        ),
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
    }


def _put(suffix: str, context: Schema, parameters: Iterable[str], event: Schema | None = None) -> dict[str, Any]:
    body = {
        "type": "object",
        "properties": {"input": {"type": "object"} | context, "event": event or ref("Event")},
        "additionalProperties": False,
    }
    return {
        **_operation(
            f"putInstance{suffix}",
            "Create an instance unless it is there.",
            {
                200: answer(_SHOWN, "It was there.", "Location", "ETag"),
                201: answer(_SHOWN, "It was created.", "Location", "ETag"),
                202: answer(ref("Receipt"), "It will be.", "Location"),
            },
            (*parameters, "x-correlation-id"),
        ),
        "requestBody": {"content": {"application/json": {"schema": body}}},
    }


def _operation(
    operation_id: str, summary: str, answers: Mapping[int, Schema], parameters: Iterable[str] = ()
) -> dict[str, Any]:
    return {
        "operationId": operation_id,
        "summary": summary,
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in parameters],
        "responses": {
            **{str(status): described for status, described in answers.items()},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }


def _receipts(schema: Schema, *headers: str) -> dict[int, Schema]:
    return _outcomes(schema, "Location", "Preference-Applied", *headers)


def _outcomes(schema: Schema, *headers: str) -> dict[int, Schema]:
    accepted = "Accepted; the location tells more." if "Location" in headers else "Accepted."
    return {200: answer(schema, "What became of it.", *headers), 202: answer(schema, accepted, *headers)}


def _event_body(event: Schema) -> Schema:
    events = {"type": "array", "items": event, "minItems": 1, "maxItems": MAX_EVENTS_PER_REQUEST}
    return {"oneOf": [event, events]}


# Machines ------------------------------------------------------------------------------------------------------------


def _machine_schemas(definition: Definition) -> dict[str, Schema]:
    """Describe the context of a machine, its events, and all of them as one choice."""
    name = definition.machine
    schemas = _hoist(definition.context.schema, f"{name}.Context")
    choices = []
    exact = [each for each in public_event_types(definition) if not each.endswith(ANY_EVENT)]
    for event_type in exact:
        component = f"{name}.events.{_NOT_IN_A_NAME.sub('-', event_type)}"
        codec = definition.events.get(event_type)
        if codec is not None:
            schemas |= _hoist(codec.schema, f"{component}.Data")
        schemas[component] = {
            "type": "object",
            "properties": {"type": {"const": event_type}, "data": ref(f"{component}.Data") if codec else {}},
            "required": ["type"],
            "additionalProperties": False,
        }
        choices.append(ref(component))
    schemas[f"{name}.Event"] = {"oneOf": [*choices, *_wildcards(definition, exact)] or [ref("Event")]}
    return schemas


def _wildcards(definition: Definition, exact: Iterable[str]) -> list[Schema]:
    """Describe the events that are only known by `*` and `name.*`, so that no event fits two choices."""
    families = sorted(each[:-1] for each in definition.event_types if each.endswith(ANY_EVENT))
    if not families:
        return []
    pattern = "" if "" in families else f"^({'|'.join(map(re.escape, families))})"
    named: Schema = {"type": "string", "not": {"enum": list(exact)}}
    return [
        {
            "type": "object",
            "properties": {"type": named | ({"pattern": pattern} if pattern else {}), "data": {}},
            "required": ["type"],
            "additionalProperties": False,
        }
    ]


def _hoist(schema: Mapping[str, Any], name: str) -> dict[str, Schema]:
    """Return a JSON schema and its definitions as schemas of the document, with references that hold there."""
    own = {key: value for key, value in schema.items() if key != "$defs"}
    found = {name: own, **{f"{name}.{inner}": value for inner, value in schema.get("$defs", {}).items()}}
    return {each: _moved(value, name) for each, value in found.items()}


def _moved(value: Any, name: str) -> Any:  # noqa: ANN401 - any JSON data
    if isinstance(value, dict):
        return {key: _moved(inner, name) for key, inner in value.items()}
    if isinstance(value, list):
        return [_moved(inner, name) for inner in value]
    if isinstance(value, str) and value.startswith(_DEFINITIONS):
        return f"#/components/schemas/{name}.{value.removeprefix(_DEFINITIONS)}"
    return value
