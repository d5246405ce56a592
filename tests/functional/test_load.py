"""`make load` in small: a system of its own, everything exact, and nothing left behind, however it ends."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.local_system import LocalSystem, process_tree
from tests.load.target import MACHINES

pytestmark = [pytest.mark.functional, pytest.mark.slow]

COMMAND = [sys.executable, "-m", "tests.load", "--seconds", "2", "--instances", "40", "--clients", "8"]
PATIENCE = 60.0


def load(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False)


def begin(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_system(runner: int) -> list[int]:
    """Wait until the load has a system with sandboxes; return all its processes."""
    deadline = time.monotonic() + PATIENCE
    while len(found := process_tree(runner)) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found[1:]


def wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + PATIENCE
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline, pids
        time.sleep(0.05)


@pytest.mark.parametrize("arguments", [(), ("--rate", "40"), ("--backend", "moto")], ids=["closed", "open", "moto"])
def test_everything_is_exact_after_a_load(arguments: tuple[str, ...]) -> None:
    done = load(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "everything is exact" in done.stdout
    accepted = re.search(r"events accepted +(\d+)", done.stdout)
    assert accepted is not None
    assert int(accepted[1]) > 0


def test_a_rate_is_kept() -> None:
    done = load("--rate", "40")
    assert re.search(r"events accepted +80 ", done.stdout), done.stdout + done.stderr


def test_a_system_that_runs_is_driven_and_goes_on(tmp_path: Path) -> None:
    with LocalSystem(tmp_path / "data", "--machines", str(MACHINES)) as system:
        done = load("--url", system.url)
        assert done.returncode == 0, done.stdout + done.stderr
        assert system.report()["counters"]["ingress"]["invocations"] > 0


def test_a_system_with_other_machines_is_told_what_it_lacks(tmp_path: Path) -> None:
    with LocalSystem(tmp_path / "data") as system:
        done = load("--url", system.url)
    assert done.returncode == 2
    assert "--machines benchmarks/machines" in done.stderr


@pytest.mark.parametrize("url", ["http://example.com:80", "https://127.0.0.1:8000", "http://127.0.0.1"])
def test_load_goes_to_this_machine_only(url: str) -> None:
    done = load("--url", url)
    assert done.returncode == 2
    assert "on this machine only" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_everything_that_it_started(number: signal.Signals) -> None:
    with begin("--seconds", "60") as running:
        pids = wait_for_system(running.pid)
        running.send_signal(number)
        assert running.wait(PATIENCE) == 2
    wait_until_gone(pids)


def test_it_gives_up_when_the_system_is_dead() -> None:
    with begin("--seconds", "60") as running:
        pids = wait_for_system(running.pid)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        assert running.wait(PATIENCE) == 2
        assert running.stderr is not None
        assert "load: " in running.stderr.read()
    wait_until_gone(pids)
