"""The real functions keep nothing for an event, in small; `make memory` sends a hundred thousand."""

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.functional, pytest.mark.slow]


@pytest.mark.parametrize(("backend", "events"), [("embedded", 3000), ("moto", 1000)])
def test_functions_keep_nothing_for_an_event(backend: str, events: int) -> None:
    command = [sys.executable, "-m", "tests.load.memory", "--backend", backend, "--events", str(events)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
