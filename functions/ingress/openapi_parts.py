"""The fixed parts of the OpenAPI description: schemas, headers and answers that every machine shares."""

from typing import Any, Final

from functions.ingress.problems import CONTENT_TYPE
from settle.core.snapshot import Status
from settle.core.spec import InvokeMode
from settle.runtime.names import MAX_IDEMPOTENCY_KEY, MAX_INSTANCE_ID, MAX_MACHINE_NAME
from settle.runtime.receipt import Outcome
from settle.runtime.tokens import MAX_TOKEN

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """Refer to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: str = "", /, **properties: Schema) -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    return {**schema, "required": required.split()} if required else schema


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_TEXT: Final = {"type": "string"}
_TEXTS: Final = _array(_TEXT)
_COUNT: Final = {"type": "integer", "minimum": 0}
_TIME: Final = {"type": "string", "format": "date-time"}
_ANY: Final[Schema] = {}
_EDIT: Final[dict[str, Any]] = {"by": _TEXT, "at": _TIME, "type": _TEXT, "digest": _TEXT, "times": _COUNT}
"""Who changed an event, when, and what it was before."""

SCHEMAS: Final[dict[str, Schema]] = {
    "Problem": _object(
        "type title status detail code",
        type={"type": "string", "format": "uri-reference"},
        title=_TEXT,
        status={"type": "integer"},
        detail=_TEXT,
        code=_TEXT,
        errors=_array(_object("path message type", path=_TEXT, message=_TEXT, type=_TEXT)),
    ),
    "Event": {**_object("type", type=_TEXT, data=_ANY), "additionalProperties": False},
    "Receipt": _object(
        "id outcome location",
        id=_TEXT,
        outcome={"enum": [*(outcome.value for outcome in Outcome), None]},
        location={"type": "string", "format": "uri-reference"},
        event_id=_TEXT,
        type=_TEXT,
        version=_COUNT,
        code=_TEXT,
        before=_TEXTS,
        after=_TEXTS,
        effects=_TEXTS,
        next_events=_TEXTS,
        note=_TEXT,
        edited=ref("Edit"),
    ),
    "Edit": _object("by at type digest times", **_EDIT),
    "EventSkip": {**_object(event_id=_TEXT), "additionalProperties": False},
    "EventEdit": {
        **_object(type=_TEXT, data=_ANY, event_id=_TEXT, digest=_TEXT),
        "anyOf": [{"required": ["type"]}, {"required": ["data"]}],
        "additionalProperties": False,
    },
    "Callback": {
        **_object(
            result=_ANY,
            error={
                **_object("code", code={"type": "string", "maxLength": 64}, message=_TEXT, data={"type": "object"}),
                "additionalProperties": False,
            },
        ),
        "additionalProperties": False,
    },
    "CallbackReceipt": _object("outcome", outcome={"enum": [*(outcome.value for outcome in Outcome), None]}),
    "Receipts": _object("receipts", receipts=_array(ref("Receipt"))),
    "Instance": _object(
        "machine instance incarnation version revision machine_version status value states tags settled next_events"
        " context output services timers parent paused held blocked edits created_at updated_at",
        machine=_TEXT,
        instance=_TEXT,
        incarnation=_TEXT,
        version=_COUNT,
        revision=_COUNT,
        machine_version={"type": "integer"},
        status={"enum": [status.value for status in Status]},
        value={"type": ["string", "object", "null"]},
        states=_TEXTS,
        tags=_TEXTS,
        settled={"type": ["boolean", "null"]},
        next_events=_TEXTS,
        problem=_TEXT,
        context=_ANY,
        output=_ANY,
        services=_array(
            _object(
                "id node src",
                id=_TEXT,
                node=_TEXT,
                src=_TEXT,
                mode={"enum": [mode.value for mode in InvokeMode]},
                instance=_TEXT,
            )
        ),
        timers=_array(_object("id due", id=_TEXT, due=_TIME, node=_TEXT, type=_TEXT, target=_TEXT)),
        parent={"type": ["string", "null"]},
        paused={"type": "boolean"},
        held=_COUNT,
        blocked={"oneOf": [ref("Blocked"), {"type": "null"}]},
        edits=_array(_object("event_id by at type digest times", event_id=_TEXT, **_EDIT)),
        created_at=_TIME,
        updated_at=_TIME,
        event_receipt=ref("Receipt"),
    ),
    "Blocked": _object(
        "receipt event_id type code at",
        receipt={"type": "string", "format": "uri-reference"},
        event_id=_TEXT,
        type=_TEXT,
        code=_TEXT,
        message=_TEXT,
        traceback=_TEXT,
        at=_TIME,
    ),
    "BlockedInstance": _object(
        "machine instance location version held blocked",
        machine=_TEXT,
        instance=_TEXT,
        location={"type": "string", "format": "uri-reference"},
        version=_COUNT,
        held=_COUNT,
        blocked=ref("Blocked"),
    ),
    "BlockedInstances": _object("instances", instances=_array(ref("BlockedInstance")), cursor=_TEXT),
    "BlockedEvent": {
        "allOf": [
            ref("BlockedInstance"),
            _object(
                "event",
                event=_object(
                    "id type data principal origin digest edited",
                    id=_TEXT,
                    type=_TEXT,
                    data=_ANY,
                    principal=_TEXT,
                    origin={"type": ["string", "null"]},
                    digest=_TEXT,
                    edited={"oneOf": [ref("Edit"), {"type": "null"}]},
                ),
            ),
        ]
    },
    "HiddenInstance": {
        **_object(
            "machine instance version", machine=_TEXT, instance=_TEXT, version=_COUNT, event_receipt=ref("Receipt")
        ),
        "additionalProperties": False,
    },
    "MachineSummary": _object(
        "machine version hash create_on_event event_types",
        machine=_TEXT,
        version={"type": "integer"},
        hash=_TEXT,
        create_on_event={"type": "boolean"},
        event_types=_TEXTS,
    ),
    "Machine": {
        "allOf": [
            ref("MachineSummary"),
            _object(
                "uses_settled events context definition warnings",
                uses_settled={"type": "boolean"},
                events={"type": "object"},
                context={"type": "object"},
                definition={"type": "object"},
                warnings=_array(_object("code message node", code=_TEXT, message=_TEXT, node=_TEXT)),
            ),
        ]
    },
    "Machines": _object("machines", machines=_array(ref("MachineSummary"))),
    "Health": _object("status", status={"const": "ok"}),
}


def _header(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "header", "description": description, "schema": schema}


def _query(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _path(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": schema}


PARAMETERS: Final[dict[str, Schema]] = {
    "machine": _path("machine", {"type": "string", "pattern": f"^[a-z0-9-]{{1,{MAX_MACHINE_NAME}}}$"}),
    "instance": _path("instance", {"type": "string", "pattern": f"^[A-Za-z0-9._:@-]{{1,{MAX_INSTANCE_ID}}}$"}),
    "receipt": _path("receipt", _TEXT),
    "token": _path("token", {"type": "string", "maxLength": MAX_TOKEN}),
    "for": _query(
        "for",
        "What is waited for: `settled` (as by default), `done`, `tag:<tag>`, `state:<path>` or `version:<number>`.",
        _TEXT,
    ),
    "timeout": _query("timeout", "Seconds, at most 25.", {"type": "number", "minimum": 0}),
    "status": {**_query("status", "Which instances are listed.", {"const": "blocked"}), "required": True},
    "limit": _query("limit", "Instances in one answer.", {"type": "integer", "minimum": 1, "maximum": 100}),
    "cursor": _query("cursor", "Where the answer before ended.", _TEXT),
    "idempotency-key": _header(
        "Idempotency-Key",
        "The same request under the same key is accepted once, for 24 hours; its first answer is given again.",
        {"type": "string", "minLength": 1, "maxLength": MAX_IDEMPOTENCY_KEY},
    ),
    "prefer": _header("Prefer", "`wait=N` waits up to N seconds, at most 25, for the final receipts.", _TEXT),
    "if-match": _header(
        "If-Match",
        "The version, or the ETag, at which a single event may be applied; not with a list of several.",
        _TEXT,
    ),
    "x-correlation-id": _header(
        "X-Correlation-Id",
        "The client's own name for what this is about, by which everything that follows is found in logs and traces.",
        {"type": "string", "pattern": "^[A-Za-z0-9._:@/+=-]{1,64}$"},
    ),
    "if-none-match": _header("If-None-Match", "An ETag; when it is still the current one, 304.", _TEXT),
}


HEADERS: Final[dict[str, Schema]] = {
    "ETag": {"description": "Of this representation, for If-None-Match and If-Match.", "schema": _TEXT},
    "Location": {"description": "Where it is found.", "schema": {"type": "string", "format": "uri-reference"}},
    "Idempotent-Replayed": {
        "description": "That this request was accepted before, and this is what became of it.",
        "schema": {"const": "true"},
    },
    "Preference-Applied": {"description": "How long the answer was waited for at most.", "schema": _TEXT},
    "X-Correlation-Id": {
        "description": "That of the request; one made for it where the request has none that fits.",
        "schema": _TEXT,
    },
    "Allow": {"description": "With 405: the methods that there are.", "schema": _TEXT},
    "Accept": {"description": "With 415: the content type of a body.", "schema": _TEXT},
    "Retry-After": {"description": "With 429 and 503: seconds to wait at least.", "schema": _COUNT},
}
"""Of answers, beside their content type."""
CORRELATION: Final = "X-Correlation-Id"
"""Every answer has it."""


def with_headers(described: Schema, *names: str) -> Schema:
    """Add headers to the description of an answer."""
    return {**described, "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in (*names, CORRELATION)}}


def answer(schema: Schema, description: str, *headers: str) -> Schema:
    """Describe an answer with JSON, and the headers that it has beside those that every one has."""
    return with_headers({"description": description, "content": {"application/json": {"schema": schema}}}, *headers)


def empty(description: str, *headers: str) -> Schema:
    """Describe an answer without a body."""
    return with_headers({"description": description}, *headers)


MERMAID: Final = with_headers(
    {
        "description": "The text of a diagram, as Mermaid draws it.",
        "content": {"text/vnd.mermaid": {"schema": {"type": "string"}}},
    }
)
PROBLEM: Final = with_headers(
    {
        "description": "A problem; `code` says which.",
        "content": {CONTENT_TYPE: {"schema": ref("Problem")}},
    },
    "Allow",
    "Accept",
    "Retry-After",
)
