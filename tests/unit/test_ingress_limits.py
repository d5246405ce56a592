"""What is over its limit is refused before anything is done with it, and no answer grows with what was asked."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import from_json

from functions.ingress import requests
from functions.ingress.problems import MAX_DETAIL
from settle.core.codec import MAX_COMPLAINTS
from settle.runtime.limits import MAX_MESSAGE_BYTES
from tests.fuzz.http.machines import make_desk
from tests.support.api_gateway import ApiGateway
from tests.support.charts import machine, on, settled

EVENTS = "/machines/desk/instances/d1/events"
JSON = {"content-type": "application/json"}


class Numbers(BaseModel):
    numbers: list[int]


DESK = machine("desk", settled("open", on("GO", "open")), events={"GO": Numbers})


@pytest.fixture
def api() -> ApiGateway:
    return ApiGateway(DESK)


class Counter:
    """Counts calls of a function, and passes them on."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function, self.calls = function, 0

    def __call__(self, *args: Any, **named: Any) -> Any:
        self.calls += 1
        return self._function(*args, **named)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Counter:
    counter = Counter(from_json)
    monkeypatch.setattr(requests, "from_json", counter)
    return counter


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter:
    counter = Counter(base64.b64decode)
    monkeypatch.setattr(base64, "b64decode", counter)
    return counter


@pytest.mark.parametrize("headers", [JSON, {}], ids=["as text", "as base64"])
def test_a_body_over_the_limit_is_neither_decoded_nor_read(
    api: ApiGateway, parsed: Counter, decoded: Counter, headers: dict[str, str]
) -> None:
    answer = api.request("POST", EVENTS, headers=headers, content=b" " * (MAX_MESSAGE_BYTES + 3))
    assert (answer.status, parsed.calls, decoded.calls) == (413, 0, 0)


@pytest.mark.parametrize("headers", [JSON, {}], ids=["as text", "as base64"])
def test_a_body_at_the_limit_is_read(api: ApiGateway, parsed: Counter, headers: dict[str, str]) -> None:
    content = b'{"type": "GO", "data": {"numbers": []}}'.ljust(MAX_MESSAGE_BYTES)
    assert api.request("POST", EVENTS, headers=headers, content=content).status == 202
    assert parsed.calls == 1


@pytest.mark.parametrize("size", [MAX_MESSAGE_BYTES + 1, MAX_MESSAGE_BYTES + 2])
def test_base64_that_is_hardly_too_large_is_refused_once_it_is_decoded(
    api: ApiGateway, parsed: Counter, size: int
) -> None:
    assert api.request("POST", EVENTS, content=b" " * size).status == 413
    assert parsed.calls == 0


@pytest.mark.parametrize(
    "body",
    [
        {"type": "GO", "data": {"numbers": ["x"] * 20_000}},
        [{"type": "GO", "data": {"numbers": ["x"] * 5_000}}] * 4,
        {str(at): 0 for at in range(20_000)},
    ],
    ids=["of a model", "of several events", "of the request"],
)
def test_complaints_are_counted_and_not_all_told(api: ApiGateway, body: Any) -> None:
    answer = api.post(EVENTS, body)
    assert answer.status == 422
    *told, last = answer.json["errors"]
    assert len(told) == MAX_COMPLAINTS
    assert last["type"] == "more"
    assert last["message"].split()[0].isdigit()
    assert len(answer.json["detail"]) < MAX_DETAIL + 40


@pytest.mark.parametrize(
    "name", ["k" * 200_000, "\u0001" * 30_000, "\U0001f355" * 20_000], ids=["k", "control", "pizza"]
)
def test_what_somebody_sent_is_not_sent_back(api: ApiGateway, name: str) -> None:
    answer = api.post(EVENTS, {name: 0})
    assert answer.status == 422
    assert len(answer.text) < 10_000


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/machines/desk/instances/d1/receipts/" + "s" * 9_000, {}),
        ("GET", "/machines/desk/instances/d1/wait?for=state:" + "s" * 9_000, {}),
        ("GET", "/machines/desk/instances/d1/wait?for=version:" + "9" * 9_000, {}),
        ("GET", "/machines/desk/instances/d1/wait?timeout=" + "9" * 9_000, {}),
        ("GET", "/machines/desk/instances?status=blocked&limit=" + "9" * 9_000, {}),
        ("GET", "/machines/desk/instances?" + "x" * 9_000 + "=1", {}),
        ("GET", "/" + "x/" * 4_500, {}),
        ("POST", EVENTS, {"content-type": "x" * 9_000}),
        ("POST", EVENTS, {"content-type": "application/json", "if-match": "9" * 9_000}),
    ],
)
def test_no_answer_repeats_a_long_text(api: ApiGateway, method: str, path: str, headers: dict[str, str]) -> None:
    content = json.dumps({"type": "GO", "data": {"numbers": []}}).encode()
    answer = api.request(method, path, headers=headers, content=content if method == "POST" else b"")
    assert 400 <= answer.status < 500
    assert len(answer.text) < 1_000


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait", 10),
        ("wait=5", 5),
        ('WAIT="5"', 5),
        ("respond-async, wait = 7 ; x=1", 7),
        ("wait=x, wait=3", 3),
        ("wait=999999", 25),
        ("wait=9999999", 0),
        ("wait=-1", 0),
        ("wait=\u0663", 0),
        ("awaits=5", 0),
        ("wait" + " " * 9_000 + "x", 0),
        ("," * 9_000, 0),
    ],
)
def test_a_preference_is_read_in_one_go(prefer: str, seconds: int) -> None:
    assert requests.Request({"headers": {"prefer": prefer}}).wait_seconds() == seconds


def test_a_model_whose_own_code_fails_is_not_described() -> None:
    answer = ApiGateway(make_desk()).post(EVENTS, {"type": "ODD", "data": {"value": "unknown"}})
    assert (answer.status, "KeyError" in answer.text) == (422, False)
    assert answer.json["errors"] == [
        {"path": "data", "message": "the machine's own model fails on it", "type": "broken_model"}
    ]
