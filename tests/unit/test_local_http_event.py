"""HTTP requests become the events that API Gateway's HTTP API gives to Lambda."""

import base64
import json
from typing import Any

import pytest

from settle.local.http_event import HttpRequest, to_event

NOW = 1_584_039_838.625


def make_event(
    *headers: tuple[str, str], method: str = "GET", path: str = "/", query: str = "", body: bytes = b""
) -> dict[str, Any]:
    request = HttpRequest(
        method=method,
        path=path,
        query=query,
        headers=[(name.encode(), value.encode("latin-1")) for name, value in headers],
        body=body,
        protocol="HTTP/1.1",
        source_ip="127.0.0.1",
    )
    return to_event(request, request_id="request-1", now=NOW)


def test_event_names_the_request_where_payload_format_2_does() -> None:
    event = make_event(("host", "localhost:8000"), ("user-agent", "curl/8"), method="POST", path="/machines")
    assert event["version"] == "2.0"
    assert event["routeKey"] == "$default"
    assert event["rawPath"] == "/machines"
    assert event["requestContext"]["http"] == {
        "method": "POST",
        "path": "/machines",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "curl/8",
    }
    assert event["requestContext"]["requestId"] == "request-1"
    assert event["requestContext"]["stage"] == "$default"
    assert event["requestContext"]["time"] == "12/Mar/2020:19:03:58 +0000"
    assert event["requestContext"]["timeEpoch"] == 1_584_039_838_625


def test_header_names_are_lower_case_and_repeated_values_are_joined() -> None:
    event = make_event(("X-One", "a"), ("x-one", "b"), ("X-Two", "c, d"))
    assert event["headers"] == {"x-one": "a,b", "x-two": "c, d"}


def test_cookies_are_a_list_and_not_a_header() -> None:
    event = make_event(("cookie", "a=1; b=2"), ("Cookie", "c=3"))
    assert event["cookies"] == ["a=1", "b=2", "c=3"]
    assert event["headers"] == {}


def test_without_cookies_query_and_body_their_fields_are_absent() -> None:
    event = make_event()
    assert not {"cookies", "queryStringParameters", "body"} & event.keys()
    assert event["rawQueryString"] == ""
    assert event["isBase64Encoded"] is False


def test_query_is_kept_raw_and_decoded_with_repeated_names_joined() -> None:
    event = make_event(query="a=1&b=x%20y+z&a=2&empty=")
    assert event["rawQueryString"] == "a=1&b=x%20y+z&a=2&empty="
    assert event["queryStringParameters"] == {"a": "1,2", "b": "x y z", "empty": ""}


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "Application/JSON", "text/plain", "application/xml"],
)
def test_textual_body_is_text(content_type: str) -> None:
    event = make_event(("content-type", content_type), body="grün".encode())
    assert (event["body"], event["isBase64Encoded"]) == ("grün", False)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/x-www-form-urlencoded",
        "application/octet-stream",
        "application/jsonish",
        "multipart/form-data",
    ],
)
def test_any_other_body_is_base64(content_type: str | None) -> None:
    headers = [("content-type", content_type)] if content_type else []
    event = make_event(*headers, body=b'{"type":"COUNT"}')
    assert base64.b64decode(event["body"]) == b'{"type":"COUNT"}'
    assert event["isBase64Encoded"] is True


def test_body_that_is_not_what_its_content_type_says_is_base64() -> None:
    event = make_event(("content-type", "application/json"), body=b"\xff\xfe")
    assert base64.b64decode(event["body"]) == b"\xff\xfe"
    assert event["isBase64Encoded"] is True


def test_event_is_json_whatever_the_headers_hold() -> None:
    event = make_event(("x-odd", "\xff\xe9"), path="/grün/ä")
    assert json.loads(json.dumps(event)) == event
