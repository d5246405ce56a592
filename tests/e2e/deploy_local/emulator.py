"""ministack as a process: started on a free port of loopback, and ended with everything that it started."""

import contextlib
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.e2e.local_system import free_port

ACCOUNT: Final = "000000000000"
REGION: Final = "eu-west-1"
ROOT_KEY: Final = "test"
"""Access key and secret of the account's root, which may do everything."""
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 5.0
_SERVER: Final = Path(__file__).with_name("ministack_server.py")


class EmulatorError(RuntimeError):
    """The emulator does not start."""


class Emulator:
    """A ministack of its own, with nothing of the user's environment.

    Args:
        python: interpreter of ministack's environment.
        folder: for its log and for everything that it writes.
    """

    def __init__(self, python: Path, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "ministack.log"
        self._python, self._home = python, folder / "ministack"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._home.mkdir(parents=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._python, _SERVER],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=self._environment(),
                start_new_session=True,
            )
        self._wait_until_ready(self._process)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        # The functions run in processes of its group.
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.defpath,
            "HOME": str(self._home),
            "TMPDIR": str(self._home),
            # Its default is every interface, and it runs uploaded code.
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_REGION": REGION,
            "AUTH": "true",
        }

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/_ministack/health"):  # noqa: S310 - loopback
                return
            if process.poll() is not None or time.monotonic() > deadline:
                raise EmulatorError(f"ministack does not start:\n{self.log.read_text()}")
            time.sleep(0.05)
