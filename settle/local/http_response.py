"""What a function answered as an HTTP response, by the rules of API Gateway's HTTP API (payload format 2.0)."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

PROBLEM: Final = "application/problem+json"
_JSON: Final = "application/json"
_TEXT: Final = "text/plain;charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """One HTTP response; header names are lower case."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


class InvalidResponseError(Exception):
    """A function answered what API Gateway cannot turn into HTTP; it answers 500 in its place."""


def from_function(answer: object) -> HttpResponse:
    """Build the response. An answer without a `statusCode` is itself the JSON body of a 200.

    Raises:
        InvalidResponseError: status, headers or body are not what the format asks for.
    """
    if not isinstance(answer, Mapping) or "statusCode" not in answer:
        body = answer if isinstance(answer, str) else json.dumps(answer)
        return HttpResponse(status=HTTPStatus.OK, headers=[("content-type", _JSON)], body=body.encode())
    try:
        headers = {str(name).lower(): _header(value) for name, value in (answer.get("headers") or {}).items()}
        headers.pop("content-length", None)
        headers.setdefault("content-type", _TEXT)
        cookies = [("set-cookie", _header(cookie)) for cookie in answer.get("cookies") or ()]
        return HttpResponse(status=int(answer["statusCode"]), headers=[*headers.items(), *cookies], body=_body(answer))
    except (TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise InvalidResponseError(f"the function's answer is no HTTP response: {error}") from error


def problem(status: HTTPStatus, detail: str) -> HttpResponse:
    """Build an RFC 9457 problem: what the local front itself has to say."""
    content = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail}
    return HttpResponse(status=status, headers=[("content-type", PROBLEM)], body=json.dumps(content).encode())


def json_response(content: object) -> HttpResponse:
    """Build a 200 with JSON."""
    return HttpResponse(status=HTTPStatus.OK, headers=[("content-type", _JSON)], body=json.dumps(content).encode())


def _header(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise TypeError(f"a header or cookie is {type(value).__name__}, not text")


def _body(answer: Mapping[str, Any]) -> bytes:
    body = answer.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise TypeError(f"the body is {type(body).__name__}, not text")
    return base64.b64decode(body, validate=True) if answer.get("isBase64Encoded") else body.encode()
