"""The local system answers its own machine, and no page that a browser there happens to show."""

import asyncio
import json
from typing import Any

import pytest

from settle.local.http_front import HttpFront
from settle.local.visitors import find_stranger
from tests.unit.test_local_http_front import Ingress, make_front, request

HERE = [
    {},
    {"host": "127.0.0.1:8000"},
    {"host": "localhost"},
    {"host": "[::1]:8000"},
    {"host": "settle.localhost:8000"},
    {"host": "LOCALHOST:8000", "origin": "http://localhost:5173"},
    {"origin": "https://127.0.0.1"},
]
STRANGERS = [
    {"host": "evil.example:8000"},
    {"host": "127.0.0.1.evil.example"},
    {"host": "evil.example@127.0.0.1.example"},
    {"host": ""},
    {"host": "[::1"},
    {"host": "127.0.0.1", "origin": "https://evil.example"},
    {"host": "127.0.0.1", "origin": "http://localhost.evil.example"},
    {"host": "127.0.0.1", "origin": "null"},
    {"host": "127.0.0.1", "origin": "file://"},
    {"host": "127.0.0.1", "origin": "\u00ff"},
]


def raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


@pytest.mark.parametrize("headers", HERE, ids=str)
def test_who_is_here_is_no_stranger(headers: dict[str, str]) -> None:
    assert find_stranger(raw(headers)) == ""


@pytest.mark.parametrize("path", ["/machines", "/dev/clock", "/dev/processes"])
@pytest.mark.parametrize("headers", STRANGERS, ids=str)
def test_a_page_of_another_site_changes_and_learns_nothing(path: str, headers: dict[str, str]) -> None:
    ingress = Ingress()
    front: HttpFront = make_front(ingress)
    status, answered, body = asyncio.run(request(front, path, headers=raw(headers), body=[b'{"advance": "24h"}']))
    problem: Any = json.loads(body)
    assert (status, problem["status"], answered["connection"]) == (403, 403, "close")
    assert ingress.events == []
