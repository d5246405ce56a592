"""The real handlers, on either backend."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.functional, pytest.mark.slow]

PATIENCE = 60.0
MACHINE = """
from settle import Statechart

MACHINE = Statechart(id="lamp", states=["off", "on"], transitions=[["SWITCH", "off", "on"], ["SWITCH", "on", "off"]])
"""


class Running:
    """A local system with the real handlers."""

    def __init__(self, directory: Path, backend: str, *more: str) -> None:
        machines = directory / "charts"
        machines.mkdir(exist_ok=True)
        (machines / "lamp.py").write_text(MACHINE)
        arguments = [
            "--port",
            "0",
            "--backend",
            backend,
            "--data",
            str(directory / "data"),
            "--machines",
            str(machines),
        ]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "settle.local", *arguments, *more], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert first, "it did not start"
        self.client = httpx.Client(base_url=next(word for word in first.split() if "://" in word), timeout=PATIENCE)

    def switch(self, instance: str, **headers: str) -> httpx.Response:
        return self.client.post(f"/machines/lamp/instances/{instance}/events", json={"type": "SWITCH"}, headers=headers)

    def show(self, instance: str) -> Any:
        return self.client.get(f"/machines/lamp/instances/{instance}").json()

    def close(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.communicate()


@pytest.fixture(params=["embedded", "moto"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path, request.param)
    yield running
    running.close()


def test_events_are_applied_and_shown(system: Running) -> None:
    assert [machine["machine"] for machine in system.client.get("/machines").json()["machines"]] == ["lamp"]
    assert system.switch("one").status_code == 202
    answer = system.switch("one", prefer="wait=20")
    assert answer.status_code == 200, answer.text
    assert answer.json()["outcome"] == "applied"
    assert system.show("one")["value"] == "off"
    assert system.show("one")["version"] >= 2


def test_instances_of_many_clients_lose_nothing(system: Running) -> None:
    for number in range(60):
        assert system.switch(f"i{number % 6}").status_code == 202
    deadline = time.monotonic() + PATIENCE
    for number in range(6):
        assert system.switch(f"i{number}", prefer="wait=20").status_code == 200
        assert system.show(f"i{number}")["value"] == "on"
    assert time.monotonic() < deadline
    counters = system.client.get("/dev/processes").json()["counters"]
    assert counters["mapping"]["messages"] == 66
    assert counters["mapping"]["failed_messages"] == 0


def test_signal_ends_all_of_it(system: Running) -> None:
    system.switch("one")
    system.process.send_signal(signal.SIGTERM)
    assert system.process.wait(PATIENCE) == 0


def test_embedded_state_survives_a_kill(tmp_path: Path) -> None:
    # What is in flight when it is killed comes again after the visibility timeout.
    short = ("--consumer-timeout", "5", "--visibility-timeout", "5")
    running = Running(tmp_path, "embedded", *short)
    assert running.switch("one", prefer="wait=20").status_code == 200
    accepted = [running.switch("two").status_code for _ in range(5)]
    running.close()
    running = Running(tmp_path, "embedded", *short)
    assert accepted == [202] * 5
    assert running.show("one")["value"] == "on"
    assert running.switch("two", prefer="wait=20").status_code == 200
    assert running.show("two")["value"] == "off"
    running.close()
