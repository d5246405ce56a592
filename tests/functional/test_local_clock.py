"""Timers, tasks and schedules reach their functions, and the clock can be advanced; on either backend."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.local_system import LocalSystem

pytestmark = [pytest.mark.functional, pytest.mark.slow]

PATIENCE = 60.0
DAY = 86_400.0
HANDLERS = "tests.support.local_handlers"
MACHINE = """
from settle import Statechart

MACHINE = Statechart(id="lamp", states=["off", "on"], transitions=[["SWITCH", "off", "on"], ["SWITCH", "on", "off"]])
"""


class Running:
    """A local system with small handlers."""

    def __init__(self, directory: Path, backend: str) -> None:
        machines = directory / "charts"
        machines.mkdir(exist_ok=True)
        (machines / "lamp.py").write_text(MACHINE)
        flags = {
            "backend": backend,
            "machines": str(machines),
            "worker-timeout": "10",
            "ingress-handler": f"{HANDLERS}.dispatch",
            "consumer-handler": f"{HANDLERS}.record",
            "worker-handler": f"{HANDLERS}.record",
        }
        self.system = LocalSystem(directory / "data", *(f"--{name}={value}" for name, value in flags.items()))
        self.system.start()
        self.client = httpx.Client(base_url=self.system.url, timeout=PATIENCE)

    def send(self, outlet: str, body: str, **query: Any) -> float:
        """Send a message; returns the time at which the function did it."""
        headers = {"content-type": "text/plain"}
        answer = self.client.post(f"/{outlet}", content=body, headers=headers, params=query)
        assert answer.status_code == 202, answer.text
        return float(answer.text)

    def lines(self, name: str) -> list[str]:
        """What the function of a queue wrote."""
        return self.client.get(f"/{name}").text.splitlines()

    def advance(self, duration: str) -> Any:
        answer = self.client.post("/dev/clock", json={"advance": duration})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def report(self) -> Any:
        return self.client.get("/dev/processes").json()

    def close(self) -> int:
        self.client.close()
        return self.system.stop()


@pytest.fixture(params=["embedded", "moto"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path, request.param)
    yield running
    running.close()


def test_each_queue_reaches_its_function(system: Running) -> None:
    for name in ("events", "timers", "tasks"):
        system.send(name, f"a message of {name}")
    assert system.advance("0s")["idle"] is True
    assert system.lines("events") == ["consumer got a message of events from ingress"]
    assert system.lines("timers") == ["consumer got a message of timers from ingress"]
    assert system.lines("tasks") == ["worker got a message of tasks from ingress"]
    report = system.report()
    assert {"ingress", "consumer", "worker"} <= {process["role"] for process in report["processes"]}
    assert report["counters"]["worker"]["invocations"] == report["counters"]["tasks_mapping"]["batches"] == 1


def test_delayed_message_and_schedule_have_been_delivered_when_an_advance_is_answered(system: Running) -> None:
    system.send("timers", "in 15 minutes", delay=900)
    system.send("schedule", "in two days", ahead=2 * DAY)
    assert system.lines("timers") == []
    assert system.advance("16m")["idle"] is True
    assert system.lines("timers") == ["consumer got in 15 minutes from ingress"]
    answer = system.advance("PT48H")
    assert answer["idle"] is True
    assert [line.split(" from ")[0] for line in system.lines("timers")] == [
        "consumer got in 15 minutes",
        "consumer got in two days",
    ]
    assert answer["ahead"] == "2896m"


def test_every_process_sees_the_advance_and_old_messages_are_kept(system: Running) -> None:
    before = system.send("timers", "in a minute", delay=60)
    system.advance("300d")
    assert system.send("events", "later") - before == pytest.approx(300 * DAY, abs=60)
    assert system.lines("timers") == ["consumer got in a minute from ingress"]
    told = system.client.get("/dev/clock").json()
    assert told["ahead"] == "300d"


def test_what_is_being_worked_on_is_finished_first_and_not_delivered_again(system: Running) -> None:
    system.send("tasks", "sleep 1.5")
    deadline = time.monotonic() + PATIENCE
    while not any(one["in_flight"] for one in system.report()["processes"]):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    system.advance("24h")
    assert system.lines("tasks") == ["worker got sleep 1.5 from ingress"]
    assert system.report()["counters"]["tasks_mapping"]["messages"] == 1


def test_wrong_advance_changes_nothing(system: Running) -> None:
    for content, status in (("24h", 400), ('{"advance": "soon"}', 422), ('{"advance": "P200Y"}', 422)):
        answer = system.client.post("/dev/clock", content=content)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert system.client.get("/dev/clock").json()["ahead"] == "0s"


def test_clock_is_still_ahead_after_a_restart_where_the_state_is_kept(system: Running, tmp_path: Path) -> None:
    system.advance("24h")
    kept = (tmp_path / "data" / "settle.clock").exists()
    assert system.close() == 0
    again = Running(tmp_path, "embedded" if kept else "moto")
    assert again.client.get("/dev/clock").json()["ahead"] == ("1d" if kept else "0s")
    again.close()
