"""What a request says: the parts of API Gateway's event that the routes ask for, checked and typed."""

import base64
import binascii
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError
from pydantic_core import from_json

from functions.ingress.problems import RequestError
from settle.core.errors import FieldError
from settle.core.permission import Principal
from settle.runtime.check_events import ClientEvent
from settle.runtime.complete_callback import CallbackOutcome
from settle.runtime.envelope import MAX_EVENTS_PER_REQUEST, TraceContext
from settle.runtime.instance import InstanceKey
from settle.runtime.limits import MAX_MESSAGE_BYTES
from settle.runtime.names import check_instance_id, check_machine_name
from settle.runtime.outgoing import Caller
from settle.runtime.send_edit import EditRequest
from settle.runtime.wait_instance import SETTLED, Goal, parse_goal

MAX_WAIT_SECONDS: Final = 25
"""API Gateway gives up after 30 s."""
DEFAULT_WAIT_SECONDS: Final = 10
"""For `Prefer: wait` without a number."""

CORRELATION_HEADER: Final = "x-correlation-id"
"""By which clients name what a request is about, and find it again in logs and traces."""

BLOCKED: Final = "blocked"
"""Which instances are listed."""
DEFAULT_PAGE: Final = 20
MAX_PAGE: Final = 100
"""Instances in one answer; each is read."""

_LIMIT: Final = re.compile(r"[0-9]{1,3}")
_CORRELATION_ID: Final = re.compile(r"[A-Za-z0-9._:@/+=-]{1,64}")
_WAIT: Final = re.compile(r'(?:^|,)\s*wait\s*(?:=\s*"?([0-9]{1,6})"?)?\s*(?=[,;]|$)', re.IGNORECASE)
_SECONDS: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")
_ENTITY_TAG: Final = re.compile(r'"?([0-9]{1,15})(?:\.[0-9]{1,15})?"?')
_JSON_TYPE: Final = re.compile(
    r"\s*((application|text)/([a-z0-9.+-]+\+)?json|application/x-www-form-urlencoded)\s*(;|$)", re.IGNORECASE
)
"""Content types under which a body is read as JSON. The last is what curl says of any body unless it is told better."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class EventBody(_Body):
    """An event as a client writes it.

    Attributes:
        type: event type.
        data: what it carries.
    """

    type: str = Field(min_length=1, max_length=128)
    data: JsonValue = Field(default_factory=dict)


class CreationBody(_Body):
    """A creation as a client writes it.

    Attributes:
        input: what the first context is made from.
        event: applied in the same commit.
    """

    input: dict[str, JsonValue] = Field(default_factory=dict)
    event: EventBody | None = None


class SkipBody(_Body):
    """Which event is to be given up, as an operator writes it.

    Attributes:
        event_id: of the event that was looked at.
    """

    event_id: str = Field(default="", max_length=128)


class EditBody(_Body):
    """What is to change in a quarantined event, as an operator writes it.

    Attributes:
        type: event type; what is left out stays as it is.
        data: what it carries.
        event_id: of the event that was looked at.
        digest: of what was looked at.
    """

    type: str = Field(default="", min_length=1, max_length=128)
    data: JsonValue = None
    event_id: str = Field(default="", max_length=128)
    digest: str = Field(default="", max_length=64)


class CallbackError(_Body):
    """An error as a caller writes it.

    Attributes:
        code: stable identifier.
        message: for people.
        data: for programs.
    """

    code: str = Field(min_length=1, max_length=64)
    message: str = ""
    data: dict[str, JsonValue] = Field(default_factory=dict)


class CallbackBody(_Body):
    """How a background service ended, as a caller writes it: with a result or with an error.

    Attributes:
        result: any JSON value.
        error: why there is none.
    """

    result: JsonValue = None
    error: CallbackError | None = None


Body = TypeVar("Body")

_EVENT: Final = TypeAdapter(EventBody)
_EVENTS: Final = TypeAdapter(list[EventBody])
_CREATION: Final = TypeAdapter(CreationBody)
_CALLBACK: Final = TypeAdapter(CallbackBody)
_EDIT: Final = TypeAdapter(EditBody)
_SKIP: Final = TypeAdapter(SkipBody)


class Request:
    """One request.

    Args:
        event: that API Gateway gave, payload format 2.0; header names are lower case.
        trace_parent: X-Ray's header for what follows from it; None where it is not traced.
    """

    def __init__(self, event: Mapping[str, Any], trace_parent: str | None = None) -> None:
        self._event, self._trace_parent = event, trace_parent
        self._headers: Mapping[str, str] = event.get("headers") or {}

    def header(self, name: str) -> str:
        """Return a header by its name in lower case; empty when absent."""
        return self._headers.get(name, "")

    # Who -------------------------------------------------------------------------------------------------------------

    def caller(self) -> Caller:
        """Return who asks, and how what follows from it is found again."""
        return Caller(principal=self.principal(), trace=self.trace())

    def trace(self) -> TraceContext:
        """Return what goes along with everything that follows from it."""
        return TraceContext(correlation_id=self.correlation_id(), parent=self._trace_parent)

    def principal(self) -> Principal:
        """Return who the API's authorizer says is calling; nobody where there is none."""
        authorizer = self._context().get("authorizer") or {}
        claims = (authorizer.get("jwt") or {}).get("claims") or {}
        name = (authorizer.get("iam") or {}).get("userArn") or claims.get("sub") or ""
        return Principal(name=name, claims=claims)

    def correlation_id(self) -> str:
        """Return the client's own name for what it is about; the id of the request where it has none that fits."""
        given = self.header(CORRELATION_HEADER)
        return given if _CORRELATION_ID.fullmatch(given) else str(self._context().get("requestId", ""))[:64]

    def _context(self) -> Mapping[str, Any]:
        context: Mapping[str, Any] = self._event.get("requestContext") or {}
        return context

    # Body ------------------------------------------------------------------------------------------------------------

    def events(self) -> tuple[list[ClientEvent], bool]:
        """Return the events in the body, and whether they came as a list."""
        body = self._json()
        if not isinstance(body, list):
            event = _validate(_EVENT, body)
            return [ClientEvent(type=event.type, data=event.data)], False
        if not 1 <= len(body) <= MAX_EVENTS_PER_REQUEST:
            message = f"a list holds 1 to {MAX_EVENTS_PER_REQUEST} events, not {len(body)}"
            raise _invalid(FieldError("body", message, "list_length"))
        events = _validate(_EVENTS, body)
        return [ClientEvent(type=each.type, data=each.data, path=str(at)) for at, each in enumerate(events)], True

    def creation(self) -> tuple[Mapping[str, Any], ClientEvent | None]:
        """Return input and event of a creation; a request without a body has neither."""
        if not self._event.get("body"):
            return {}, None
        body = _validate(_CREATION, self._json())
        event = body.event
        return body.input, ClientEvent(type=event.type, data=event.data, path="event") if event else None

    def callback(self) -> CallbackOutcome:
        """Return what a callback says."""
        body = _validate(_CALLBACK, self._json())
        if not body.model_fields_set:
            raise _invalid(FieldError("body", "a callback has a `result` or an `error`", "callback"))
        if body.error is None:
            return CallbackOutcome(data={} if body.result is None else body.result)
        if body.result is not None:
            raise _invalid(FieldError("body", "a callback has a result or an error, not both", "callback"))
        return CallbackOutcome(data=body.error.model_dump(), error=body.error.code)

    def edit(self) -> EditRequest:
        """Return what is to change in a quarantined event."""
        body = _validate(_EDIT, self._json())
        changes = body.model_dump(include={"type", "data"}, exclude_unset=True)
        if not changes:
            raise _invalid(FieldError("body", "an edit has a `type`, `data` or both", "edit"))
        return EditRequest(changes=changes, event_id=body.event_id, digest=body.digest)

    def skipped_event(self) -> str:
        """Return the id of the event that is to be given up; empty for whichever blocks the instance."""
        return _validate(_SKIP, self._json()).event_id if self._event.get("body") else ""

    def _json(self) -> Any:  # noqa: ANN401 - any JSON data
        content_type = self.header("content-type")
        if content_type and not _JSON_TYPE.match(content_type):
            raise RequestError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                f"the body is {content_type!r}; send it as application/json",
                headers={"Accept": "application/json"},
            )
        body = self._event.get("body") or ""
        try:
            data = base64.b64decode(body) if self._event.get("isBase64Encoded") else body.encode()
            if len(data) > MAX_MESSAGE_BYTES:
                raise RequestError(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    "message_too_large",
                    f"the body has {len(data)} bytes; {MAX_MESSAGE_BYTES} are allowed",
                )
            return from_json(data, allow_inf_nan=False)
        except (binascii.Error, ValueError) as error:
            reason = f"the body is not JSON: {error}" if body else "the request has no body"
            raise RequestError(HTTPStatus.BAD_REQUEST, "malformed_body", reason) from error

    # Query -----------------------------------------------------------------------------------------------------------

    def page(self) -> tuple[int, str]:
        """Return how many instances a list is to show, and the cursor to go on from."""
        query = self._query("a list", "status", "limit", "cursor")
        if query.get("status") != BLOCKED:
            detail = f"only blocked instances are listed: ?status={BLOCKED}"
            raise RequestError(HTTPStatus.BAD_REQUEST, "parameter_invalid", detail)
        limit = query.get("limit", str(DEFAULT_PAGE))
        if not _LIMIT.fullmatch(limit) or not 1 <= int(limit) <= MAX_PAGE:
            detail = f"`limit` is a number from 1 to {MAX_PAGE}; not {limit!r}"
            raise RequestError(HTTPStatus.BAD_REQUEST, "parameter_invalid", detail)
        return int(limit), query.get("cursor", "")

    def goal(self) -> Goal:
        """Return what a wait is for."""
        return parse_goal(self._wait_query().get("for", SETTLED))

    def timeout_seconds(self) -> float:
        """Return how long a wait lasts at most."""
        text = self._wait_query().get("timeout", str(DEFAULT_WAIT_SECONDS))
        if not _SECONDS.fullmatch(text):
            detail = f"`timeout` is a number of seconds, at most {MAX_WAIT_SECONDS}; not {text!r}"
            raise RequestError(HTTPStatus.BAD_REQUEST, "timeout_invalid", detail)
        return min(float(text), MAX_WAIT_SECONDS)

    def _wait_query(self) -> Mapping[str, str]:
        return self._query("a wait", "for", "timeout")

    def _query(self, what: str, *known: str) -> Mapping[str, str]:
        query: Mapping[str, str] = self._event.get("queryStringParameters") or {}
        unknown = ", ".join(sorted(set(query) - set(known)))
        if unknown:
            names = f"{', '.join(f'`{name}`' for name in known[:-1])} and `{known[-1]}`"
            detail = f"{what} takes {names}, not {unknown}"
            raise RequestError(HTTPStatus.BAD_REQUEST, "parameter_unknown", detail)
        return query

    # Headers ---------------------------------------------------------------------------------------------------------

    def wait_seconds(self) -> int:
        """Return how long the client prefers to wait, at most `MAX_WAIT_SECONDS`; 0 for not at all."""
        found = _WAIT.search(self.header("prefer"))
        if found is None:
            return 0
        return min(int(found[1]), MAX_WAIT_SECONDS) if found[1] else DEFAULT_WAIT_SECONDS

    def if_match(self, event_count: int) -> int | None:
        """Return the version that the instance must have; None for any."""
        header = self.header("if-match").strip()
        if not header:
            return None
        if event_count > 1:
            detail = "If-Match goes with a single event: the version after the first event of a list cannot be foreseen"
            raise RequestError(HTTPStatus.BAD_REQUEST, "if_match_invalid", detail)
        found = _ENTITY_TAG.fullmatch(header)
        if found is None:
            detail = f'If-Match takes one version, as in "12", or one ETag, as in "12.40"; not {header!r}'
            raise RequestError(HTTPStatus.BAD_REQUEST, "if_match_invalid", detail)
        return int(found[1])

    def refuse_if_match(self) -> None:
        """Refuse a condition that this request would not heed."""
        if self.header("if-match"):
            detail = "If-Match goes with events only; what this asks for would be done at any version"
            raise RequestError(HTTPStatus.BAD_REQUEST, "if_match_invalid", detail)

    def has_current(self, etag: str) -> bool:
        """Whether the client says that it has this representation already."""
        tags = [tag.strip().removeprefix("W/") for tag in self.header("if-none-match").split(",")]
        return etag in tags or "*" in tags


def parse_key(machine: str, instance: str) -> InstanceKey:
    """Read an instance's key from two path segments. Raises `NameInvalidError`."""
    return InstanceKey(check_machine(machine), check_instance_id(unquote(instance)))


def check_machine(machine: str) -> str:
    """Read a machine's name from a path segment. Raises `NameInvalidError`."""
    return check_machine_name(unquote(machine))


def _validate(adapter: TypeAdapter[Body], data: Any) -> Body:  # noqa: ANN401 - any JSON data
    try:
        return adapter.validate_python(data)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        raise _invalid(*(FieldError(_place(each["loc"]), each["msg"], each["type"]) for each in details)) from error


def _place(location: tuple[int | str, ...]) -> str:
    """Write where in the body an error is; what lies inside arbitrary JSON data is not told further."""
    parts = [str(part) for part in location]
    end = next((at + 1 for at, part in enumerate(parts) if part in {"data", "input"}), len(parts))
    return ".".join(parts[:end]) or "body"


def _invalid(*fields: FieldError) -> RequestError:
    detail = "; ".join(f"{field.path}: {field.message}" for field in fields)
    return RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, "request_invalid", detail, fields=fields)
