"""Answers of a function become HTTP responses by the rules of API Gateway's HTTP API."""

import json
from http import HTTPStatus
from typing import Any

import pytest

from settle.local.http_response import InvalidResponseError, from_function, problem


def test_status_headers_cookies_and_body_are_passed_on() -> None:
    response = from_function(
        {"statusCode": 202, "headers": {"Location": "/x", "X-Count": 3}, "cookies": ["a=1", "b=2"], "body": "grün"}
    )
    assert response.status == 202
    assert response.body == "grün".encode()
    assert response.headers == [
        ("location", "/x"),
        ("x-count", "3"),
        ("content-type", "text/plain;charset=utf-8"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ]


def test_base64_body_is_decoded() -> None:
    response = from_function({"statusCode": 200, "body": "aGVsbG8=", "isBase64Encoded": True})
    assert response.body == b"hello"


def test_length_is_not_taken_from_the_function() -> None:
    response = from_function({"statusCode": 200, "headers": {"Content-Length": "999"}, "body": "x"})
    assert "content-length" not in dict(response.headers)


@pytest.mark.parametrize(("answer", "body"), [({"a": 1}, '{"a": 1}'), ("text", "text"), ([1], "[1]"), (None, "null")])
def test_answer_without_a_status_is_the_body_of_a_200(answer: Any, body: str) -> None:
    response = from_function(answer)
    assert (response.status, response.body.decode()) == (200, body)
    assert response.headers == [("content-type", "application/json")]


@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": "many"},
        {"statusCode": None},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"a": ["b"]}},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": "no base64!", "isBase64Encoded": True},
        {"statusCode": 200, "cookies": [1, None]},
    ],
)
def test_malformed_answer_is_an_error(answer: Any) -> None:
    with pytest.raises(InvalidResponseError, match="no HTTP response"):
        from_function(answer)


def test_problem_is_rfc_9457() -> None:
    response = problem(HTTPStatus.SERVICE_UNAVAILABLE, "no room")
    assert response.headers == [("content-type", "application/problem+json")]
    assert json.loads(response.body) == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "no room",
    }
