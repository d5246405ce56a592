"""The local system as a process from outside: started, watched, killed and started again on the same data."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

START_SECONDS: Final = 60.0
READY: Final = "Settle is ready on"
ROOT: Final = Path(__file__).parents[2]
_PARENT_FIELD: Final = 1
_CPU_FIELDS: Final = slice(11, 15)
"""In `/proc/<pid>/stat` after the name: user, system, and both of the children that were waited for."""


class LocalSystem:
    """`python -m settle.local` on a free port of loopback.

    Args:
        data: its data directory.
        arguments: more flags for it.
    """

    def __init__(self, data: Path, *arguments: str) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def output(self) -> Path:
        """What it says on its console."""
        return self.data.with_name(f"{self.data.name}.out")

    def start(self) -> None:
        """Start it and wait until it serves."""
        with self.output.open("ab") as output:
            begin = output.tell()
            self._process = self._launch(output)
        deadline = time.monotonic() + START_SECONDS
        while READY not in self.output.read_text()[begin:]:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the local system does not start:\n{self.output.read_text()[begin:]}")
            time.sleep(0.02)

    def _launch(self, output: IO[bytes]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "settle.local", "--port", str(self.port), "--data", str(self.data)]
        return subprocess.Popen(
            [*command, *self._arguments], stdout=output, stderr=output, cwd=ROOT, start_new_session=True
        )

    def stop(self) -> int:
        """End it as Ctrl-C does; return its exit status."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL

    def kill(self) -> None:
        """Kill every process of it at once, the supervisor first, so that it can react to nothing."""
        if self._process is None:
            return
        for pid in self.pids():
            kill(pid)
        self._process.wait()

    def pids(self) -> list[int]:
        """Return all its processes, parents before children."""
        return process_tree(self._process.pid) if self._process is not None else []

    def cpu_seconds(self) -> float:
        """Return the processor time of all its processes, ended ones that their parent waited for included."""
        return sum(cpu_seconds(pid) for pid in self.pids())

    def report(self) -> Any:
        """Return what `GET /dev/processes` says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/dev/processes")
            return json.load(connection.getresponse())
        finally:
            connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def kill(pid: int) -> bool:
    """Kill a process; False when it was gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def process_tree(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[_PARENT_FIELD]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu_seconds(pid: int) -> float:
    fields = _stat(pid)
    return sum(map(int, fields[_CPU_FIELDS])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def _stat(pid: int) -> Sequence[str]:
    """Return the fields of a process's status after its name; none when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ()
