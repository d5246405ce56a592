"""The HTTP front: what API Gateway is on AWS, as an ASGI application in front of the ingress function."""

import os
import uuid
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http import HTTPStatus
from typing import Any, Final, Protocol

from settle.core.short_text import shorten
from settle.local import dev_routes, http_event, http_response
from settle.local.dev_identity import IdentityError, read_identity
from settle.local.dev_routes import DevRoutes
from settle.local.errors import InvocationError, ThrottledError, TimedOutError
from settle.local.http_response import HttpResponse, InvalidResponseError
from settle.local.visitors import find_stranger
from settle.runtime.ports import Clock

MAX_BODY_BYTES: Final = 10 * 1024 * 1024
"""API Gateway's payload limit (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html)."""
MAX_HEAD_BYTES: Final = 10_240
"""Of the request line and all headers; the same page."""

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
RawHeaders = Iterable[tuple[bytes, bytes]]


class Ingress(Protocol):
    """Runs the ingress function."""

    async def invoke(self, event: object, *, request_id: str, waits: bool) -> Any:  # noqa: ANN401 - any JSON value
        """Run one invocation. Raises `InvocationError`."""


class _BodyTooLargeError(Exception):
    """More than the limit."""


class _DisconnectedError(Exception):
    """The client went away before the body was complete."""


class HttpFront:
    """The ASGI application.

    Args:
        ingress: runs the ingress function.
        max_waiting: requests in flight that ask to wait, by `Prefer: wait` or by `GET .../wait`, beyond which others
            get their answer at once, so that clients who wait leave room for those who do not.
        dev: answers what the local system answers itself.
        clock: says when a request came.
        identities: whether headers say who asks (see `settle.local.dev_identity`).
    """

    def __init__(
        self, ingress: Ingress, *, max_waiting: int, dev: DevRoutes, clock: Clock, identities: bool = False
    ) -> None:
        self._ingress, self._identities = ingress, identities
        self._max_waiting = max_waiting
        self._dev, self._clock = dev, clock
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if _head_bytes(scope) > MAX_HEAD_BYTES:
            detail = f"the request line and the headers may have {MAX_HEAD_BYTES} bytes together"
            response = http_response.problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)
            response.headers.append(("connection", "close"))
            await _send(response, send)
            return
        stranger = find_stranger(scope["headers"])
        if stranger:
            detail = (
                f"this system answers programs and pages of its own machine; this request has {shorten(stranger)!r}"
            )
            response = http_response.problem(HTTPStatus.FORBIDDEN, detail)
            response.headers.append(("connection", "close"))
            await _send(response, send)
            return
        try:
            body = await _read(scope["headers"], receive)
        except _BodyTooLargeError:
            response = http_response.problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request body may have {MAX_BODY_BYTES} bytes"
            )
            # What is left of the body is not read, so the connection cannot serve another request.
            response.headers.append(("connection", "close"))
        except _DisconnectedError:
            return
        else:
            if scope["path"].startswith(dev_routes.PREFIX):
                response = await self._dev.answer(scope["method"], scope["path"], body)
            else:
                response = await self._invoke(scope, body)
        await _send(response, send)

    async def _invoke(self, scope: Scope, body: bytes) -> HttpResponse:
        asks = _asks_to_wait(scope)
        if asks and self._waiting >= self._max_waiting:
            asks, scope = False, _at_once(scope)
        # A PUT waits for the instance to be created.
        waits = asks or scope["method"] == "PUT"
        request_id = str(uuid.UUID(bytes=os.urandom(16), version=4))
        event = http_event.to_event(_request(scope, body), request_id=request_id, now=self._clock.now())
        if self._identities:
            try:
                identity = read_identity(event["headers"])
            except IdentityError as error:
                return http_response.problem(HTTPStatus.BAD_REQUEST, str(error))
            if identity is not None:
                event["requestContext"]["authorizer"] = identity
        self._waiting += asks
        try:
            return http_response.from_function(await self._ingress.invoke(event, request_id=request_id, waits=waits))
        except (InvocationError, InvalidResponseError) as error:
            return _failure(error)
        finally:
            self._waiting -= asks


def _head_bytes(scope: Scope) -> int:
    """Return about how long the request line and the headers were."""
    line = len(scope["path"]) + len(scope["query_string"])
    return line + sum(len(name) + len(value) for name, value in scope["headers"])


def _request(scope: Scope, body: bytes) -> http_event.HttpRequest:
    client = scope["client"]
    return http_event.HttpRequest(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=scope["headers"],
        body=body,
        protocol=f"HTTP/{scope['http_version']}",
        source_ip=client[0] if client else "127.0.0.1",
    )


def _asks_to_wait(scope: Scope) -> bool:
    return _is_long_poll(scope) or any(name == b"prefer" and b"wait" in value for name, value in scope["headers"])


def _is_long_poll(scope: Scope) -> bool:
    path: str = scope["path"]
    return scope["method"] == "GET" and path.endswith("/wait")


def _at_once(scope: Scope) -> Scope:
    """Return the request as one that asks to be answered without a wait."""
    changed = {**scope, "headers": [header for header in scope["headers"] if header[0] != b"prefer"]}
    if _is_long_poll(scope):
        kept = [part for part in scope["query_string"].split(b"&") if part and not part.startswith(b"timeout=")]
        changed["query_string"] = b"&".join([*kept, b"timeout=0"])
    return changed


async def _read(headers: RawHeaders, receive: Receive) -> bytes:
    length = next((value for name, value in headers if name == b"content-length"), b"0")
    if int(length) > MAX_BODY_BYTES:
        raise _BodyTooLargeError
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _DisconnectedError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY_BYTES:
            raise _BodyTooLargeError
        more = message.get("more_body", False)
    return b"".join(parts)


async def _send(response: HttpResponse, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    headers.append((b"content-length", str(len(response.body)).encode("ascii")))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def _failure(error: Exception) -> HttpResponse:
    match error:
        case ThrottledError():
            response = http_response.problem(HTTPStatus.SERVICE_UNAVAILABLE, f"the ingress has no room: {error}")
            response.headers.append(("retry-after", "1"))
        case TimedOutError():
            response = http_response.problem(HTTPStatus.SERVICE_UNAVAILABLE, f"the ingress failed: {error}")
        case _:
            # What went wrong is the developer's to see, and this system has no other users.
            response = http_response.problem(HTTPStatus.INTERNAL_SERVER_ERROR, f"the ingress failed: {error}")
    return response
