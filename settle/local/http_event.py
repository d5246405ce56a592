"""An HTTP request as the event that API Gateway's HTTP API gives to Lambda, payload format 2.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
What that page leaves out is taken from what people recorded on AWS: `rawPath` arrives decoded, cookies are not among
the headers, and a body is base64 unless its content type is `text/*` or JSON, XML or JavaScript; form data and a body
without a content type are base64 too.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

from settle.local.lambda_context import ACCOUNT

API_ID: Final = "local"
ROUTE: Final = "$default"
STAGE: Final = "$default"
_TEXT: Final = re.compile(r"\s*(text/|application/(json|xml|javascript)\s*(;|$))", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One HTTP request.

    Attributes:
        method: upper case.
        path: percent-decoded.
        query: as sent, without the question mark.
        headers: names and values as sent, in order.
        body: all of it.
        protocol: `HTTP/1.1`.
        source_ip: of the client.
    """

    method: str
    path: str
    query: str
    headers: Iterable[tuple[bytes, bytes]]
    body: bytes
    protocol: str
    source_ip: str


def to_event(request: HttpRequest, *, request_id: str, now: float) -> dict[str, Any]:
    """Build the event.

    Args:
        request: what came in.
        request_id: new for every request.
        now: seconds since the epoch.
    """
    headers, cookies = _split_headers(request.headers)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": ROUTE,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": _request_context(request, headers, request_id, now),
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if request.query:
        event["queryStringParameters"] = _join(parse_qsl(request.query, keep_blank_values=True))
    if request.body:
        event["body"], event["isBase64Encoded"] = _encode(request.body, headers.get("content-type", ""))
    return event


def _request_context(request: HttpRequest, headers: Mapping[str, str], request_id: str, now: float) -> dict[str, Any]:
    domain = headers.get("host", "localhost")
    return {
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": ROUTE,
        "stage": STAGE,
        "time": _time_text(int(now)),
        "timeEpoch": int(now * 1000),
    }


@lru_cache(maxsize=1)
def _time_text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def _split_headers(raw: Iterable[tuple[bytes, bytes]]) -> tuple[dict[str, str], list[str]]:
    pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw]
    cookies = [
        cookie.strip() for name, value in pairs if name == "cookie" for cookie in value.split(";") if cookie.strip()
    ]
    return _join(pair for pair in pairs if pair[0] != "cookie"), cookies


def _join(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _encode(body: bytes, content_type: str) -> tuple[str, bool]:
    if _TEXT.match(content_type):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode("ascii"), True
