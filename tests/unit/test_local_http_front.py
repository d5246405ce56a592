"""The HTTP front stands between ASGI and the ingress function."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from settle.local.dev_routes import DevRoutes
from settle.local.errors import CrashedError, InvocationError, ThrottledError, TimedOutError
from settle.local.http_front import MAX_BODY_BYTES, MAX_HEAD_BYTES, HttpFront
from tests.support.queues import START, MovableClock


class Ingress:
    """Answers with its event, or fails."""

    def __init__(self, error: InvocationError | None = None) -> None:
        self.error = error
        self.events: list[Any] = []
        self.waits: list[bool] = []
        self.gate: asyncio.Event | None = None

    async def invoke(self, event: Any, *, request_id: str, waits: bool) -> Any:
        self.waits.append(waits)
        assert event["requestContext"]["requestId"] == request_id
        self.events.append(event)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return {"statusCode": 202, "headers": {"location": "/there"}, "body": event.get("body", "")}


class Clock:
    """Only told, never advanced."""

    def tell(self) -> dict[str, Any]:
        return {"ahead": "0s"}

    def advance(self, seconds: float) -> dict[str, Any]:
        return {"ahead": f"{seconds:g}s"}


def make_front(ingress: Ingress, max_waiting: int = 1) -> HttpFront:
    dev = DevRoutes(lambda: {"processes": []}, Clock())
    return HttpFront(ingress, max_waiting=max_waiting, dev=dev, clock=MovableClock())


async def request(
    front: HttpFront,
    path: str = "/machines",
    *,
    method: str = "POST",
    query: bytes = b"a=1",
    headers: Sequence[tuple[bytes, bytes]] = (),
    body: Sequence[bytes] = (b"",),
    disconnect: bool = False,
) -> tuple[int, dict[str, str], bytes]:
    """Send one request; the body comes in the given pieces."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": list(headers),
        "client": ("127.0.0.1", 5000),
    }
    pieces = list(body)
    sent: list[Any] = []

    async def receive() -> Any:
        if pieces:
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces) or disconnect}
        assert disconnect, "the front read on after the body had ended"
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await front(scope, receive, send)
    if not sent:
        return 0, {}, b""
    start, end = sent
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, end["body"]


def test_request_reaches_the_ingress_and_its_answer_the_client() -> None:
    ingress = Ingress()
    status, headers, body = asyncio.run(
        request(make_front(ingress), headers=[(b"content-type", b"application/json")], body=[b'{"a"', b":1}"])
    )
    assert (status, body) == (202, b'{"a":1}')
    assert (headers["location"], headers["content-length"]) == ("/there", "7")
    (event,) = ingress.events
    assert (event["rawPath"], event["queryStringParameters"], event["body"]) == ("/machines", {"a": "1"}, '{"a":1}')


def test_request_comes_at_the_time_of_the_system() -> None:
    ingress = Ingress()
    asyncio.run(request(make_front(ingress)))
    assert ingress.events[0]["requestContext"]["timeEpoch"] == START * 1000


def test_processes_and_clock_are_answered_without_the_ingress() -> None:
    ingress = Ingress()
    front = make_front(ingress)
    status, _, body = asyncio.run(request(front, "/dev/processes", method="GET"))
    assert (status, json.loads(body)) == (200, {"processes": []})
    status, _, body = asyncio.run(request(front, "/dev/clock", body=[b'{"advance"', b': "24h"}']))
    assert (status, json.loads(body), ingress.events) == (200, {"ahead": "86400s"}, [])


@pytest.mark.parametrize(("path", "method", "status"), [("/dev/x", "GET", 404), ("/dev/processes", "POST", 405)])
def test_other_local_requests_are_problems(path: str, method: str, status: int) -> None:
    answer, headers, _ = asyncio.run(request(make_front(Ingress()), path, method=method))
    assert (answer, headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([(b"content-length", str(MAX_BODY_BYTES + 1).encode())], []),
        ([(b"transfer-encoding", b"chunked")], [b"x" * MAX_BODY_BYTES, b"x", b"never read"]),
    ],
    ids=["announced", "found out"],
)
def test_body_over_the_limit_is_refused_before_all_of_it_is_read(
    headers: list[tuple[bytes, bytes]], body: list[bytes]
) -> None:
    ingress = Ingress()
    status, answered, _ = asyncio.run(request(make_front(ingress), headers=headers, body=body))
    assert (status, answered["connection"], ingress.events) == (413, "close", [])


def test_largest_body_is_accepted() -> None:
    status, _, _ = asyncio.run(request(make_front(Ingress()), body=[b"x" * MAX_BODY_BYTES]))
    assert status == 202


def test_client_that_leaves_in_the_middle_of_its_body_causes_nothing() -> None:
    ingress = Ingress()
    status, _, _ = asyncio.run(request(make_front(ingress), body=[b'{"type":'], disconnect=True))
    assert (status, ingress.events) == (0, [])


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (ThrottledError("all 40 sandboxes are busy"), 503, "all 40 sandboxes are busy"),
        (TimedOutError("Task timed out after 29.00 seconds"), 503, "timed out"),
        (CrashedError("Runtime.ExitError: exit status 3"), 500, "exit status 3"),
    ],
)
def test_failed_invocation_is_a_problem(error: InvocationError, status: int, detail: str) -> None:
    answer, headers, body = asyncio.run(request(make_front(Ingress(error))))
    assert (answer, headers["content-type"]) == (status, "application/problem+json")
    assert detail in json.loads(body)["detail"]
    assert ("retry-after" in headers) is isinstance(error, ThrottledError)


def test_answer_that_is_no_http_response_is_a_problem() -> None:
    class Odd(Ingress):
        async def invoke(self, event: Any, *, request_id: str, waits: bool) -> Any:
            await super().invoke(event, request_id=request_id, waits=waits)
            return {"statusCode": "many"}

    status, _, _ = asyncio.run(request(make_front(Odd())))
    assert status == 500


def test_waiting_requests_beyond_the_limit_lose_the_header_until_others_are_done() -> None:
    async def scenario() -> list[bool]:
        ingress = Ingress()
        front = make_front(ingress, max_waiting=2)
        prefer = [(b"prefer", b"respond-async, wait=10"), (b"x-other", b"1")]
        ingress.gate = asyncio.Event()
        running = [asyncio.create_task(request(front, headers=prefer)) for _ in range(3)]
        await asyncio.sleep(0)
        ingress.gate.set()
        await asyncio.gather(*running)
        await request(front, headers=prefer)
        assert all(event["headers"]["x-other"] == "1" for event in ingress.events)
        assert ingress.waits == ["prefer" in event["headers"] for event in ingress.events]
        return ingress.waits

    assert asyncio.run(scenario()) == [True, True, False, True]


@pytest.mark.parametrize(
    ("method", "path", "waits"),
    [
        ("GET", "/machines/m/instances/i", False),
        ("POST", "/machines/m/instances/i/events", False),
        ("PUT", "/machines/m/instances/i", True),
        ("GET", "/machines/m/instances/i/wait", True),
        ("POST", "/machines/m/instances/i/wait", False),
    ],
)
def test_creating_an_instance_and_a_long_poll_are_waiting(method: str, path: str, waits: bool) -> None:
    ingress = Ingress()
    asyncio.run(request(make_front(ingress), path, method=method))
    assert ingress.waits == [waits]


@pytest.mark.parametrize(
    ("query", "changed"),
    [(b"for=done&timeout=20", "for=done&timeout=0"), (b"timeout=20", "timeout=0"), (b"", "timeout=0")],
)
def test_long_poll_beyond_the_limit_is_answered_at_once(query: bytes, changed: str) -> None:
    ingress = Ingress()
    path = "/machines/m/instances/i/wait"
    asyncio.run(request(make_front(ingress, max_waiting=0), path, method="GET", query=query))
    assert (ingress.events[0]["rawQueryString"], ingress.waits) == (changed, [False])


def test_preference_for_something_else_is_left_alone() -> None:
    ingress = Ingress()
    asyncio.run(request(make_front(ingress, max_waiting=0), headers=[(b"prefer", b"return=minimal")]))
    assert ingress.events[0]["headers"]["prefer"] == "return=minimal"


def test_head_over_the_limit_is_refused_before_the_body_is_read() -> None:
    ingress = Ingress()
    headers = [(b"x", b"a" * (MAX_HEAD_BYTES - len("/machines") - len("a=1") - 1))]
    assert asyncio.run(request(make_front(ingress), headers=headers))[0] == 202
    status, answered, _ = asyncio.run(request(make_front(ingress), headers=[*headers, (b"y", b"")], body=[]))
    assert (status, answered["connection"], len(ingress.events)) == (431, "close", 1)


def test_claims_that_are_nested_too_deeply_are_the_callers_mistake() -> None:
    front = HttpFront(Ingress(), max_waiting=1, dev=DevRoutes(dict, Clock()), clock=MovableClock(), identities=True)
    headers = [(b"x-dev-principal", b"ana"), (b"x-dev-claims", b"[" * 5_000)]
    assert asyncio.run(request(front, headers=headers))[0] == 400
