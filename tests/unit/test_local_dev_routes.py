"""What the local system answers itself."""

import asyncio
import json
from typing import Any

import pytest

from settle.local.dev_routes import DevRoutes
from settle.local.errors import BusyError
from settle.local.http_response import HttpResponse


class Clock:
    """Remembers by how much it was advanced, or refuses."""

    def __init__(self, error: Exception | None = None) -> None:
        self.advances: list[float] = []
        self.error = error

    def tell(self) -> dict[str, Any]:
        return {"ahead": f"{sum(self.advances):g}s"}

    def advance(self, seconds: float) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        self.advances.append(seconds)
        return {**self.tell(), "idle": True}


def answer(method: str, path: str, body: bytes = b"", *, clock: Clock | None = None) -> HttpResponse:
    routes = DevRoutes(lambda: {"processes": []}, clock or Clock())
    return asyncio.run(routes.answer(method, path, body))


def advance(content: object, clock: Clock | None = None) -> HttpResponse:
    return answer("POST", "/dev/clock", json.dumps(content).encode(), clock=clock)


def test_processes_are_reported() -> None:
    response = answer("GET", "/dev/processes")
    assert (response.status, json.loads(response.body)) == (200, {"processes": []})


def test_clock_is_told() -> None:
    response = answer("GET", "/dev/clock")
    assert (response.status, json.loads(response.body)) == (200, {"ahead": "0s"})


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("24h", 86_400), ("1h30m", 5_400), ("PT36H", 129_600), ("P1DT1S", 86_401), (90, 90), (0.5, 0.5), ("0s", 0)],
)
def test_clock_is_advanced_by_any_duration_of_a_machine(duration: str | float, seconds: float) -> None:
    clock = Clock()
    response = advance({"advance": duration}, clock)
    assert (response.status, clock.advances) == (200, [seconds])
    assert json.loads(response.body) == {"ahead": f"{seconds:g}s", "idle": True}


@pytest.mark.parametrize("body", [b"", b"24h", b'{"advance": "24h"', b'{"advance": NaN}', b"\xff", b"[" * 100_000])
def test_body_that_is_no_json_is_malformed(body: bytes) -> None:
    response = answer("POST", "/dev/clock", body)
    problem = json.loads(response.body)
    assert (response.status, problem["title"]) == (400, "Bad Request")
    assert '{"advance": "24h"}' in problem["detail"]


@pytest.mark.parametrize(
    "content",
    [
        "24h",
        [],
        None,
        {},
        {"advance": "24h", "more": 1},
        {"advance": None},
        {"advance": True},
        {"advance": "tomorrow"},
        {"advance": "-24h"},
        {"advance": -1},
        {"advance": 10**400},
        {"advance": "P200Y"},
        {"advance": "99999999999999h"},
        {"advance": {"hours": 24}},
    ],
    ids=str,
)
def test_what_is_no_duration_is_refused_with_an_example(content: object) -> None:
    clock = Clock()
    response = advance(content, clock)
    assert (response.status, clock.advances) == (422, [])
    assert '{"advance": "24h"}' in json.loads(response.body)["detail"]


def test_advance_that_the_clock_refuses_is_the_callers_mistake() -> None:
    response = advance({"advance": "24h"}, Clock(ValueError("a clock is at most a hundred years ahead")))
    assert response.status == 422
    assert "a hundred years ahead" in json.loads(response.body)["detail"]


def test_busy_system_asks_for_patience() -> None:
    response = advance({"advance": "24h"}, Clock(BusyError("what is being worked on did not end within 70 seconds")))
    assert response.status == 503
    assert ("retry-after", "1") in response.headers
    assert "the clock stands as it was" in json.loads(response.body)["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("POST", "/dev/processes", "GET"), ("DELETE", "/dev/clock", "GET, POST")],
)
def test_other_method_is_told_which_are_allowed(method: str, path: str, allowed: str) -> None:
    response = answer(method, path)
    assert response.status == 405
    assert ("allow", allowed) in response.headers


def test_other_path_is_a_problem() -> None:
    assert answer("GET", "/dev/x").status == 404


def test_what_was_sent_is_not_sent_back() -> None:
    assert len(advance({"advance": "x" * 1_000_000}).body) < 1_000
    assert len(answer("GET", "/dev/" + "x" * 100_000).body) < 1_000
