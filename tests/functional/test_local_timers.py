"""What outlives an invocation, with the real handlers: timers, background services, callbacks; on either backend."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.e2e.local_system import LocalSystem

pytestmark = [pytest.mark.functional, pytest.mark.slow]

PATIENCE = 60.0
NO_CONTENT = 204
MACHINE = """
import os
import time
from pathlib import Path

from settle import WAIT_FOR_CALLBACK, Statechart


def note(name, text):
    with (Path(os.environ["SETTLE_LOCAL_DIR"]) / name).open("a") as file:
        file.write(f"{text}\\n")


def work(call):
    note("begun.txt", call.attempt)
    time.sleep(1.5)
    note("ended.txt", call.attempt)


def ask(call):
    note("tokens.txt", call.token)
    return WAIT_FOR_CALLBACK


def invoke(src, **more):
    return {"src": src, "mode": "background", "on_done": "over", "on_error": "failed", **more}


MACHINE = Statechart(
    id="parcel",
    states=[
        "idle",
        {"name": "soon", "timeout": "10m", "on_timeout": "over"},
        {"name": "late", "timeout": "48h", "on_timeout": "over"},
        {"name": "working", "invoke": invoke(work)},
        {"name": "once", "invoke": invoke(work, delivery="at_most_once")},
        {"name": "asking", "invoke": invoke(ask, deadline="2h")},
        {"name": "over", "final": True},
        {"name": "failed", "final": True},
    ],
    transitions=[
        *[[name.upper(), "idle", name] for name in ("soon", "late", "working", "once", "asking")],
        ["BACK", ["soon", "late"], "idle"],
    ],
)
"""


class Running:
    """A local system with one machine."""

    def __init__(self, directory: Path, backend: str) -> None:
        machines = directory / "charts"
        machines.mkdir(exist_ok=True)
        (machines / "parcel.py").write_text(MACHINE)
        self.system = LocalSystem(directory / "data", f"--backend={backend}", f"--machines={machines}")
        self.system.start()
        self.client = httpx.Client(base_url=self.system.url, timeout=PATIENCE)

    def post(self, instance: str, event: str) -> str:
        """Send an event; returns the state in which it leaves the instance."""
        answer = self.client.post(
            f"/machines/parcel/instances/{instance}/events", json={"type": event}, headers={"prefer": "wait=20"}
        )
        assert answer.status_code == 200, answer.text
        return self.state(instance)

    def state(self, instance: str) -> str:
        value: str = self.client.get(f"/machines/parcel/instances/{instance}").json()["value"]
        return value

    def wait(self, instance: str, goal: str) -> int:
        return self.client.get(f"/machines/parcel/instances/{instance}/wait?for={goal}&timeout=20").status_code

    def advance(self, duration: str) -> None:
        answer = self.client.post("/dev/clock", json={"advance": duration})
        assert (answer.status_code, answer.json()["idle"]) == (200, True), answer.text

    def lines(self, name: str) -> list[str]:
        path = self.system.data / name
        return path.read_text().splitlines() if path.exists() else []

    def kill_worker(self) -> None:
        """Kill the process that runs a service."""
        (pid,) = [one["pid"] for one in self.system.report()["processes"] if one["role"] == "worker" and one["busy"]]
        os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        self.client.close()
        self.system.stop()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module", params=["embedded", "moto"])
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp(request.param), request.param)
    yield running
    running.close()


@pytest.mark.parametrize(("event", "early", "rest"), [("SOON", "9m", "1m"), ("LATE", "47h", "1h")])
def test_timer_fires_when_its_time_has_come_and_not_before(system: Running, event: str, early: str, rest: str) -> None:
    name = event.lower()
    assert system.post(name, event) == name
    system.advance(early)
    assert system.state(name) == name
    system.advance(rest)
    assert system.state(name) == "over"


@pytest.mark.parametrize("event", ["SOON", "LATE"])
def test_timer_of_a_state_that_was_left_does_nothing(system: Running, event: str) -> None:
    instance = f"left-{event.lower()}"
    system.post(instance, event)
    assert system.post(instance, "BACK") == "idle"
    system.advance("50h")
    assert system.state(instance) == "idle"


def test_who_waits_for_a_timer_is_answered_after_an_advance(system: Running) -> None:
    system.post("waited", "LATE")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(system.wait, "waited", "done")
        system.advance("48h")
        assert waiting.result(PATIENCE) == 200


def test_service_in_the_background_is_finished_before_the_clock_moves(system: Running) -> None:
    before = len(system.lines("ended.txt"))
    assert system.post("busy", "WORKING") == "working"
    wait_for(lambda: len(system.lines("begun.txt")) > before)
    system.advance("24h")
    assert (len(system.lines("begun.txt")), len(system.lines("ended.txt"))) == (before + 1, before + 1)
    assert system.state("busy") == "over"


@pytest.mark.parametrize(("event", "calls", "state"), [("WORKING", 2, "over"), ("ONCE", 1, "failed")])
def test_service_whose_process_was_killed_is_called_again_unless_it_must_not_be(
    system: Running, event: str, calls: int, state: str
) -> None:
    before = len(system.lines("begun.txt"))
    system.post(f"killed-{event}", event)
    wait_for(lambda: len(system.lines("begun.txt")) > before)
    system.kill_worker()
    # Its message stays hidden for as long as the call might have taken.
    system.advance("5m")
    assert system.wait(f"killed-{event}", "done") == 200
    assert system.state(f"killed-{event}") == state
    assert len(system.lines("begun.txt")) == before + calls


def test_callback_ends_a_service_and_its_token_is_then_spent(system: Running) -> None:
    before = len(system.lines("tokens.txt"))
    system.post("asked", "ASKING")
    wait_for(lambda: len(system.lines("tokens.txt")) > before)
    token = system.lines("tokens.txt")[-1]
    answer = system.client.post(f"/callbacks/{token}", json={"result": 1}, headers={"prefer": "wait=20"})
    assert answer.status_code == 200, answer.text
    assert system.state("asked") == "over"
    assert system.client.post(f"/callbacks/{token}", json={"result": 2}).status_code == 409


def test_callback_that_nobody_makes_ends_by_its_deadline(system: Running) -> None:
    before = len(system.lines("tokens.txt"))
    assert system.post("forgotten", "ASKING") == "asking"
    wait_for(lambda: len(system.lines("tokens.txt")) > before)
    system.advance("2h")
    assert system.state("forgotten") == "failed"


def test_timers_of_the_embedded_system_survive_a_kill(tmp_path: Path) -> None:
    running = Running(tmp_path, "embedded")
    for event in ("SOON", "LATE"):
        running.post(event, event)
    running.advance("5m")
    running.client.close()
    running.system.kill()
    running = Running(tmp_path, "embedded")
    assert running.client.get("/dev/clock").json()["ahead"] == "5m"
    running.advance("5m")
    assert [running.state(event) for event in ("SOON", "LATE")] == ["over", "late"]
    running.advance("48h")
    assert running.state("LATE") == "over"
    running.close()
