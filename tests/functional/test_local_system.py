"""`python -m settle.local`, as `make start` runs it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.functional

PATIENCE = 30.0
"""Seconds until a test gives up."""
HANDLERS = "tests.support.local_handlers"
MACHINE = """
from settle import Statechart

MACHINE = Statechart(id="lamp", states=["off", "on"], transitions=[["SWITCH", "off", "on"], ["SWITCH", "on", "off"]])
"""


class Running:
    """A local system in a process of its own, on a free port."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.data = directory / "data"
        self._output = (directory / "output.txt").open("w+")
        command = [sys.executable, "-m", "settle.local", "--port", "0", "--data", str(self.data), *arguments]
        self.process = subprocess.Popen(command, stdout=self._output, stderr=subprocess.STDOUT, text=True)
        self.url = self._wait_until_ready()
        self.client = httpx.Client(base_url=self.url, timeout=PATIENCE)

    @property
    def output(self) -> str:
        return Path(self._output.name).read_text()

    def report(self) -> Any:
        return self.client.get("/dev/processes").json()

    def pids(self) -> list[int]:
        return [process["pid"] for process in self.report()["processes"]]

    def signal(self, number: int) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait()
        self._output.close()

    def _wait_until_ready(self) -> str:
        deadline = time.monotonic() + PATIENCE
        while "curl" not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.01)
        return next(word for word in self.output.split() if word.startswith("http://"))


Start = Callable[..., Running]


@pytest.fixture
def machines(tmp_path: Path) -> Path:
    directory = tmp_path / "charts"
    directory.mkdir()
    (directory / "lamp.py").write_text(MACHINE)
    return directory


@pytest.fixture
def start(tmp_path: Path, machines: Path) -> Iterator[Start]:
    """Start a system; by default with small handlers in the place of the real ones."""
    systems: list[Running] = []

    def start(*arguments: str, ingress: str = "enqueue", consumer: str = "consume") -> Running:
        handlers = ("--ingress-handler", f"{HANDLERS}.{ingress}", "--consumer-handler", f"{HANDLERS}.{consumer}")
        systems.append(Running(tmp_path, "--machines", str(machines), *handlers, *arguments))
        return systems[-1]

    yield start
    for system in systems:
        system.close()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a system that is not meant to start."""
    command = [sys.executable, "-m", "settle.local", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def wait_for(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked about does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return state.stdout.strip() not in ("", "Z", "Z+")


class TestServing:
    """Requests reach the ingress, its messages the consumer."""

    def test_message_goes_all_the_way(self, start: Start) -> None:
        system = start()
        answer = system.client.post("/lamp", content="SWITCH", headers={"content-type": "text/plain"})
        assert answer.status_code == 202
        wait_for(lambda: system.client.get("/lamp").text == "SWITCH\n")
        report = system.report()
        assert [process["role"] for process in report["processes"]] == ["supervisor", "zygote", "ingress", "consumer"]
        assert report["counters"]["mapping"]["messages"] == 1
        assert report["counters"]["consumer"]["invocations"] == 1

    def test_banner_says_what_runs_and_what_to_try(self, start: Start) -> None:
        system = start()
        assert f"Settle is ready on {system.url}" in system.output
        assert f"SQLite, state is kept in {system.data / 'settle.db'}" in system.output
        assert "machines   lamp" in system.output
        assert system.output.count("curl ") == 3

    def test_it_listens_on_loopback_only(self, start: Start) -> None:
        assert start().url.startswith("http://127.0.0.1:")

    def test_failing_consumer_takes_nothing_else_down(self, start: Start) -> None:
        system = start(consumer="crash")
        system.client.post("/lamp", content="SWITCH", headers={"content-type": "text/plain"})
        wait_for(lambda: system.report()["counters"]["consumer"]["crashed_in_flight"] == 1)
        wait_for(lambda: system.report()["counters"]["mapping"]["failed_batches"] == 1)
        assert system.client.get("/lamp").status_code == 200
        assert "exit status 3" in system.output

    def test_killed_consumer_is_reported_and_its_message_comes_again(self, start: Start) -> None:
        system = start("--visibility-timeout", "2", "--consumer-timeout", "2")
        system.client.post("/lamp", content="sleep 0.5", headers={"content-type": "text/plain"})

        def in_flight() -> list[int]:
            return [process["pid"] for process in system.report()["processes"] if process["in_flight"]]

        wait_for(lambda: len(in_flight()) == 1)
        os.kill(in_flight()[0], signal.SIGKILL)
        wait_for(lambda: system.client.get("/lamp").text == "sleep 0.5\n")
        assert system.report()["counters"]["consumer"]["crashed_in_flight"] == 1
        assert "signal: SIGKILL" in system.output

    def test_waiting_clients_leave_room(self, start: Start) -> None:
        system = start("--ingress-concurrency", "4", ingress="sleep")
        with httpx.Client(base_url=system.url, timeout=PATIENCE) as client:
            waiting = subprocess.Popen(
                [sys.executable, "-c", f"import urllib.request as u; u.urlopen('{system.url}/?seconds=2').read()"]
            )
            wait_for(lambda: any(process["busy"] for process in system.report()["processes"]))
            before = time.monotonic()
            client.get("/?seconds=0")
            assert time.monotonic() - before < 1
            waiting.wait(PATIENCE)


class TestEnding:
    """Whatever ends the system leaves nothing behind but its state."""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_signal_ends_it_with_status_0_and_all_its_processes(self, start: Start, number: int) -> None:
        system = start()
        system.client.post("/lamp", content="SWITCH", headers={"content-type": "text/plain"})
        pids = system.pids()
        assert system.signal(number) == 0
        wait_for(lambda: not any(map(is_running, pids)), 2)
        assert "Traceback" not in system.output

    def test_invocation_in_flight_is_finished_first(self, start: Start) -> None:
        system = start()
        system.client.post("/lamp", content="sleep 1", headers={"content-type": "text/plain"})
        wait_for(lambda: any(process["in_flight"] for process in system.report()["processes"]))
        assert system.signal(signal.SIGINT) == 0
        assert (system.data / "lamp.txt").read_text() == "sleep 1\n"

    def test_kill_leaves_no_orphans_and_the_state_is_there_after_a_restart(self, start: Start) -> None:
        # What is in flight when it is killed comes again after the visibility timeout.
        short = ("--consumer-timeout", "3", "--visibility-timeout", "3")
        system = start(*short)
        system.client.post("/lamp", content="sleep 60", headers={"content-type": "text/plain"})
        wait_for(lambda: any(process["in_flight"] for process in system.report()["processes"]))
        sent = system.client.post("/other", content="SWITCH", headers={"content-type": "text/plain"}).text
        pids = system.pids()
        system.signal(signal.SIGKILL)
        wait_for(lambda: not any(map(is_running, pids)), 2)
        again = start(*short)
        wait_for(lambda: again.client.get("/other").text == "SWITCH\n")
        assert int(again.client.post("/x", content="x", headers={"content-type": "text/plain"}).text) > int(sent)


class TestNotStarting:
    """What the user has to mend first is one line, and status 2."""

    @pytest.fixture
    def arguments(self, tmp_path: Path, machines: Path) -> list[str]:
        return ["--port", "0", "--data", str(tmp_path / "data"), "--machines", str(machines)]

    @staticmethod
    def check(finished: subprocess.CompletedProcess[str], *words: str) -> None:
        assert finished.returncode == 2
        (line,) = finished.stderr.splitlines()
        assert all(word in line for word in words), line
        assert finished.stdout == ""

    def test_taken_port(self, arguments: list[str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.check(run(*arguments, "--port", str(port)), f"port {port}", f"make start PORT={port + 1}")

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("1 / 0\n", "broken.py:1"),
            ("def\n", "broken.py:1"),
            ("", "MACHINE"),
            ("import nothing_like_it\n", "nothing_like_it"),
        ],
    )
    def test_broken_machine_file(self, arguments: list[str], machines: Path, text: str, words: str) -> None:
        (machines / "broken.py").write_text(text)
        self.check(run(*arguments), "broken.py", words)

    def test_machine_that_cannot_be_built(self, arguments: list[str], machines: Path) -> None:
        chart = MACHINE.replace('"lamp"', '"broken"').replace('"off"]]', '"gone"], ["GO", "nowhere", "on"]]')
        (machines / "broken.py").write_text(chart)
        self.check(run(*arguments), "broken.py", "gone", "nowhere")

    def test_data_in_use(self, start: Start, machines: Path) -> None:
        system = start()
        finished = run("--port", "0", "--data", str(system.data), "--machines", str(machines))
        self.check(finished, "in use", str(system.process.pid))

    def test_data_that_cannot_be_written(self, arguments: list[str], tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        self.check(run(*arguments, "--data", str(tmp_path / "file" / "data")), "cannot be written")

    def test_function_timeout_over_the_visibility_timeout(self, arguments: list[str]) -> None:
        finished = run(*arguments, "--visibility-timeout", "4")
        self.check(finished, "Queue visibility timeout: 4 seconds is less than Function timeout: 5 seconds")

    def test_missing_dependency(self, arguments: list[str], tmp_path: Path) -> None:
        code = (
            "import importlib.util, runpy, sys\n"
            "find = importlib.util.find_spec\n"
            "importlib.util.find_spec = lambda name, *rest: None if name == 'uvicorn' else find(name, *rest)\n"
            f"sys.argv = ['settle.local', *{json.dumps(arguments)}]\n"
            "runpy.run_module('settle.local', run_name='__main__')\n"
        )
        finished = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        self.check(finished, "uvicorn", "pip install -r settle/local/requirements.txt")
        assert not (tmp_path / "data").exists()
