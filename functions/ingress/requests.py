"""What a request says: the parts of API Gateway's event that the routes ask for, checked and typed."""

import base64
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote

from pydantic_core import from_json

from functions.ingress.bodies import CALLBACK, CREATION, EDIT, EVENT, EVENTS, SKIP, invalid, validate
from functions.ingress.problems import RequestError
from settle.core.errors import FieldError
from settle.core.permission import Principal
from settle.core.short_text import shorten
from settle.runtime.check_events import ClientEvent
from settle.runtime.complete_callback import CallbackOutcome
from settle.runtime.envelope import MAX_EVENTS_PER_REQUEST, TraceContext
from settle.runtime.instance import InstanceKey
from settle.runtime.limits import MAX_MESSAGE_BYTES
from settle.runtime.names import check_idempotency_key, check_instance_id, check_machine_name
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
_WHOLE_SECONDS: Final = re.compile(r"[0-9]{1,6}")
_SECONDS: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")
_ENTITY_TAG: Final = re.compile(r'"?([0-9]{1,15})(?:\.[0-9]{1,15})?"?')
_ESCAPE: Final = re.compile(r"%(?:40|3[Aa])")
"""Of the characters of an instance id that a client may take for special, `@` and `:`."""
_HALF_A_CHARACTER: Final = re.compile("[\ud800-\udfff]")
_JSON_TYPE: Final = re.compile(
    r"\s*((application|text)/([a-z0-9.+-]+\+)?json|application/x-www-form-urlencoded)\s*(;|$)", re.IGNORECASE
)
"""Content types under which a body is read as JSON. The last is what curl says of any body unless it is told better."""


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

    def idempotency_key(self) -> str:
        """Return the client's name for this request; empty when there is none.

        Raises:
            NameInvalidError: it breaks the rule. An empty one would be no promise at all, and nobody would notice.
        """
        given = self._headers.get("idempotency-key")
        return "" if given is None else check_idempotency_key(given)

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
        if not _is_text(name) or not all(map(_is_text, _texts_in(claims))):
            # API Gateway makes text of all that a token says; what is something else names nobody.
            detail = "who calls is not told as text"
            raise RequestError(HTTPStatus.BAD_REQUEST, "principal_invalid", detail)
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
            event = validate(EVENT, body)
            return [ClientEvent(type=event.type, data=event.data)], False
        if not 1 <= len(body) <= MAX_EVENTS_PER_REQUEST:
            message = f"a list holds 1 to {MAX_EVENTS_PER_REQUEST} events, not {len(body)}"
            raise invalid(FieldError("body", message, "list_length"))
        events = validate(EVENTS, body)
        return [ClientEvent(type=each.type, data=each.data, path=str(at)) for at, each in enumerate(events)], True

    def creation(self) -> tuple[Mapping[str, Any], ClientEvent | None]:
        """Return input and event of a creation; a request without a body has neither."""
        if not self._event.get("body"):
            return {}, None
        body = validate(CREATION, self._json())
        event = body.event
        return body.input, ClientEvent(type=event.type, data=event.data, path="event") if event else None

    def callback(self) -> CallbackOutcome:
        """Return what a callback says."""
        body = validate(CALLBACK, self._json())
        if not body.model_fields_set:
            raise invalid(FieldError("body", "a callback has a `result` or an `error`", "callback"))
        if body.error is None:
            return CallbackOutcome(data={} if body.result is None else body.result)
        if body.result is not None:
            raise invalid(FieldError("body", "a callback has a result or an error, not both", "callback"))
        return CallbackOutcome(data=body.error.model_dump(), error=body.error.code)

    def edit(self) -> EditRequest:
        """Return what is to change in a quarantined event."""
        body = validate(EDIT, self._json())
        changes = body.model_dump(include={"type", "data"}, exclude_unset=True)
        if not changes:
            raise invalid(FieldError("body", "an edit has a `type`, `data` or both", "edit"))
        return EditRequest(changes=changes, event_id=body.event_id, digest=body.digest)

    def skipped_event(self) -> str:
        """Return the id of the event that is to be given up; empty for whichever blocks the instance."""
        return validate(SKIP, self._json()).event_id if self._event.get("body") else ""

    def _json(self) -> Any:  # noqa: ANN401 - any JSON data
        content_type = self.header("content-type")
        if content_type and not _JSON_TYPE.match(content_type):
            raise RequestError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                f"the body is {shorten(content_type)!r}; send it as application/json",
                headers={"Accept": "application/json"},
            )
        body: str = self._event.get("body") or ""
        if not body:
            raise RequestError(HTTPStatus.BAD_REQUEST, "malformed_body", "the request has no body")
        encoded = bool(self._event.get("isBase64Encoded"))
        # Neither decoded nor read before it is known to be small.
        _check_size(len(body) // 4 * 3 - 2 if encoded else len(body))
        try:
            data = base64.b64decode(body) if encoded else body.encode()
        except ValueError as error:
            detail = "the body is not the text that its encoding promises"
            raise RequestError(HTTPStatus.BAD_REQUEST, "malformed_body", detail) from error
        _check_size(len(data))
        try:
            return from_json(data, allow_inf_nan=False)
        except ValueError as error:
            raise RequestError(HTTPStatus.BAD_REQUEST, "malformed_body", f"the body is not JSON: {error}") from error

    # Query -----------------------------------------------------------------------------------------------------------

    def page(self) -> tuple[int, str]:
        """Return how many instances a list is to show, and the cursor to go on from."""
        query = self._query("a list", "status", "limit", "cursor")
        if query.get("status") != BLOCKED:
            detail = f"only blocked instances are listed: ?status={BLOCKED}"
            raise RequestError(HTTPStatus.BAD_REQUEST, "parameter_invalid", detail)
        limit = query.get("limit", str(DEFAULT_PAGE))
        if not _LIMIT.fullmatch(limit) or not 1 <= int(limit) <= MAX_PAGE:
            detail = f"`limit` is a number from 1 to {MAX_PAGE}; not {shorten(limit)!r}"
            raise RequestError(HTTPStatus.BAD_REQUEST, "parameter_invalid", detail)
        return int(limit), query.get("cursor", "")

    def goal(self) -> Goal:
        """Return what a wait is for."""
        return parse_goal(self._wait_query().get("for", SETTLED))

    def timeout_seconds(self) -> float:
        """Return how long a wait lasts at most."""
        text = self._wait_query().get("timeout", str(DEFAULT_WAIT_SECONDS))
        if not _SECONDS.fullmatch(text):
            detail = f"`timeout` is a number of seconds, at most {MAX_WAIT_SECONDS}; not {shorten(text)!r}"
            raise RequestError(HTTPStatus.BAD_REQUEST, "timeout_invalid", detail)
        return min(float(text), MAX_WAIT_SECONDS)

    def _wait_query(self) -> Mapping[str, str]:
        return self._query("a wait", "for", "timeout")

    def _query(self, what: str, *known: str) -> Mapping[str, str]:
        query: Mapping[str, str] = self._event.get("queryStringParameters") or {}
        unknown = shorten(", ".join(sorted(set(query) - set(known))))
        if unknown:
            names = f"{', '.join(f'`{name}`' for name in known[:-1])} and `{known[-1]}`"
            detail = f"{what} takes {names}, not {unknown}"
            raise RequestError(HTTPStatus.BAD_REQUEST, "parameter_unknown", detail)
        return query

    # Headers ---------------------------------------------------------------------------------------------------------

    def wait_seconds(self) -> int:
        """Return how long the client prefers to wait, at most `MAX_WAIT_SECONDS`; 0 for not at all."""
        for preference in self.header("prefer").split(","):
            name, equals, value = preference.partition(";")[0].partition("=")
            if name.strip().lower() != "wait":
                continue
            if not equals:
                return DEFAULT_WAIT_SECONDS
            # Split, not matched by one expression: that would look again and again at a long row of blanks.
            if _WHOLE_SECONDS.fullmatch(value := value.strip().removeprefix('"').removesuffix('"')):
                return min(int(value), MAX_WAIT_SECONDS)
        return 0

    def if_match(self, event_count: int) -> int | None:
        """Return the version that the instance must have; None for any."""
        if "if-match" not in self._headers:
            return None
        header = self.header("if-match").strip()
        if event_count > 1:
            detail = "If-Match goes with a single event: the version after the first event of a list cannot be foreseen"
            raise RequestError(HTTPStatus.BAD_REQUEST, "if_match_invalid", detail)
        found = _ENTITY_TAG.fullmatch(header)
        if found is None:
            detail = f'If-Match takes one version, as in "12", or one ETag, as in "12.40"; not {shorten(header)!r}'
            raise RequestError(HTTPStatus.BAD_REQUEST, "if_match_invalid", detail)
        return int(found[1])

    def refuse_if_match(self) -> None:
        """Refuse a condition that this request would not heed."""
        if "if-match" in self._headers:
            detail = "If-Match goes with events only; what this asks for would be done at any version"
            raise RequestError(HTTPStatus.BAD_REQUEST, "if_match_invalid", detail)

    def has_current(self, etag: str) -> bool:
        """Whether the client says that it has this representation already."""
        tags = [tag.strip().removeprefix("W/") for tag in self.header("if-none-match").split(",")]
        return etag in tags or "*" in tags


def parse_key(machine: str, instance: str) -> InstanceKey:
    """Read an instance's key from two path segments. Raises `NameInvalidError`.

    API Gateway has decoded them already. Decoding them again would let one instance be asked for under names that no
    policy about paths knows; only what clients like to escape is taken either way.
    """
    return InstanceKey(check_machine_name(machine), check_instance_id(_ESCAPE.sub(lambda at: unquote(at[0]), instance)))


def _is_text(value: object) -> bool:
    """Whether something is text that can be written down, as half of a surrogate pair cannot."""
    return isinstance(value, str) and not _HALF_A_CHARACTER.search(value)


def _texts_in(claims: Mapping[str, Any]) -> Iterator[str]:
    return (text for pair in claims.items() for text in pair if isinstance(text, str))


def _check_size(size: int) -> None:
    """Refuse a body of more bytes than a message may have."""
    if size > MAX_MESSAGE_BYTES:
        detail = f"the body has {size} bytes or more; {MAX_MESSAGE_BYTES} are allowed"
        raise RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "message_too_large", detail)
