"""Bytes that are no HTTP, or hardly: the local front answers or hangs up, and goes on."""

import itertools
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.local_system import LocalSystem
from tests.fuzz.http.figures import Figures
from tests.fuzz.http.wire import WIRE, Wire, check_wire, mutants, open_wire
from tests.fuzz.http.world import World, open_world

pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("outside")) as opened:
        yield opened


@pytest.fixture(scope="module")
def wire(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with open_wire(world, tmp_path_factory.mktemp("clock") / "clock") as opened:
        yield opened


@pytest.mark.parametrize("name", WIRE)
def test_hostile_bytes(wire: Wire, name: str) -> None:
    check_wire(wire, WIRE[name], Figures(), name)


def test_damaged_bytes(wire: Wire) -> None:
    figures = Figures()
    for data in itertools.islice(mutants(1), 200):
        check_wire(wire, data, figures, "damaged")
    assert figures.statuses["damaged"][400] > 50


@pytest.mark.parametrize("size", [1_000, 70_000])
def test_a_head_without_an_end_is_given_up(wire: Wire, size: int) -> None:
    with wire.open() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: ")
        with pytest.raises(ConnectionError):
            _send_on(connection, b"a" * size)
    assert wire.goes_on()


def _send_on(connection: socket.socket, piece: bytes) -> None:
    for _ in range(10_000):
        connection.sendall(piece)


def test_slow_bodies_keep_nobody_waiting(wire: Wire) -> None:
    slow = [wire.open() for _ in range(50)]
    try:
        for connection in slow:
            connection.sendall(b"POST /callbacks/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        begun = time.monotonic()
        assert wire.goes_on()
        assert time.monotonic() - begun < 5
    finally:
        for connection in slow:
            connection.close()
    assert wire.goes_on()


def test_the_local_system_survives_all_of_them(tmp_path: Path) -> None:
    with LocalSystem(tmp_path / "data") as system:
        wire = Wire(system.port, patience=0.3)
        for name, data in WIRE.items():
            check_wire(wire, data, Figures(), name)
        assert "Traceback" not in system.output.read_text()
