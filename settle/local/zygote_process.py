"""The supervisor's end of the zygote: starts it, asks it for sandboxes, and starts another one should it die."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from settle.local import frames
from settle.local.errors import StartError
from settle.local.runtime import SandboxSpec

_PREPARE_SECONDS: Final = 60.0
"""For importing everything, also on a loaded machine."""
_ANSWER_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFiles:
    """Machine files to load and check.

    Attributes:
        directory: that holds them.
        consumer_timeout: of the function that runs their inline services, in seconds.
        worker_timeout: of the function that runs their background services, in seconds.
    """

    directory: str
    consumer_timeout: float
    worker_timeout: float


class ZygoteProcess:
    """A running zygote. Thread-safe.

    Args:
        modules: to import before the first fork.
        machines: machine files to load and check; None for none.
        log: file for its output and, unless they have their own, its sandboxes'; None for the console.
    """

    def __init__(
        self, *, modules: Sequence[str], machines: MachineFiles | None = None, log: Path | None = None
    ) -> None:
        self._wanted = {"modules": list(modules), "machines": machines and asdict(machines)}
        self._log = log
        self._lock = threading.Lock()
        self._control, self._process = self._launch()

    @property
    def pid(self) -> int:
        """Process id of the zygote."""
        return self._process.pid

    def wait_until_ready(self) -> list[str]:
        """Return the names of the machines once everything is imported.

        Raises:
            StartError: a machine file or a handler cannot be imported; the message is for the user.
        """
        with self._lock:
            return self._wait_until_ready()

    def spawn(self, spec: SandboxSpec) -> tuple[int, socket.socket]:
        """Fork a sandbox; returns its process id and the connection to it."""
        ours, theirs = socket.socketpair()
        with theirs:
            answer = self._ask({"spawn": asdict(spec)}, theirs)
        return answer["pid"], ours

    def end(self, pid: int, grace: float = 0.0) -> int | None:
        """See to it that a sandbox has ended.

        Args:
            pid: of the sandbox.
            grace: seconds before it is killed.

        Returns:
            Its exit code, negative for a signal; None when that is not known.
        """
        status: int | None = self._ask({"end": pid, "grace": grace})["status"]
        if status is None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return status

    def close(self) -> None:
        """End the zygote, and with it every sandbox that is left."""
        with self._lock:
            self._discard()

    def _ask(self, question: dict[str, Any], attached: socket.socket | None = None) -> Any:  # noqa: ANN401 - JSON
        with self._lock:
            try:
                return self._exchange(question, attached)
            except (OSError, EOFError):
                self._discard()
                self._control, self._process = self._launch()
                self._wait_until_ready()
                return self._exchange(question, attached)

    def _exchange(self, question: dict[str, Any], attached: socket.socket | None) -> Any:  # noqa: ANN401 - JSON
        self._control.settimeout(_ANSWER_SECONDS)
        descriptors = [] if attached is None else [attached.fileno()]
        socket.send_fds(self._control, [b"\0"], descriptors)
        self._control.sendall(frames.pack(question))
        return frames.receive(self._control, _ANSWER_SECONDS)

    def _launch(self) -> tuple[socket.socket, "subprocess.Popen[bytes]"]:
        ours, theirs = socket.socketpair()
        with theirs:
            output = None if self._log is None else self._log.open("ab")
            try:
                # A process group of its own: Ctrl-C in a terminal is for the supervisor, which then ends the others.
                process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    [sys.executable, "-m", "settle.local.zygote", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    process_group=0,
                    env=_environment(),
                )
            finally:
                if output is not None:
                    output.close()
        ours.sendall(frames.pack(self._wanted))
        return ours, process

    def _wait_until_ready(self) -> list[str]:
        try:
            answer = frames.receive(self._control, _PREPARE_SECONDS)
        except (EOFError, TimeoutError) as error:
            raise StartError(f"the zygote process did not start; see {self._log or 'above'}") from error
        if "failed" in answer:
            raise StartError(answer["failed"])
        names: list[str] = answer["machines"]
        return names

    def _discard(self) -> None:
        self._control.close()
        try:
            self._process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    # What this process can import, its sandboxes can.
    environment["PYTHONPATH"] = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    # Without it macOS ends forked processes that touch some system libraries (multiprocessing does the same).
    environment["OBJC_DISABLE_INITIALIZE_FORK_SAFETY"] = "YES"
    return environment
