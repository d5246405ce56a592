"""A system that runs for real: `python -m settle.local` as a process, on a free port of loopback."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
READY_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Running:
    """A running system."""

    port: int
    data: Path
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def start_system(data: Path, *, backend: str = "embedded", machines: Path | None = None) -> Iterator[Running]:
    """Start a system, yield it once it is ready, and end it as Ctrl-C would."""
    port = free_port()
    command = [sys.executable, "-m", "settle.local"]
    if machines is not None:
        command += ["--machines", str(machines)]
    environment = {**os.environ, "PORT": str(port), "DATA": str(data), "BACKEND": backend}
    data.mkdir(parents=True, exist_ok=True)
    log = data / "console.log"
    with log.open("w") as console:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=console, stderr=subprocess.STDOUT, text=True
        )
    try:
        _wait_until_ready(process, log)
        yield Running(port=port, data=data, process=process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


def _wait_until_ready(process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while "is ready on" not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the system did not start: {log.read_text()}")
        time.sleep(0.02)
