"""The process that every sandbox is forked from: it has imported everything, runs one thread and does nothing else.

So a sandbox begins in a few milliseconds and shares the memory of all imported code, and the supervisor, which has
threads, never forks itself. Started as `python -m settle.local.zygote <file descriptor>`.

Its parent is its only client. When the parent is gone, however it ended, the zygote kills what it forked and ends.
"""

import contextlib
import gc
import importlib
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from settle.core.errors import SettleError
from settle.local import frames
from settle.local.runtime import SandboxSpec, run

_POLL_SECONDS: Final = 0.002
"""Between looks at a sandbox that is about to end; there is no portable wait with a timeout."""
_CRASHED: Final = 1


def main(control: socket.socket) -> None:
    """Answer the supervisor until it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    children: set[int] = set()
    try:
        _prepare(control, frames.receive(control))
        gc.collect()
        # The collector leaves frozen objects alone, so their pages stay shared with the sandboxes.
        gc.freeze()
        while True:
            _answer(control, children)
    except (EOFError, ConnectionError):
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _prepare(control: socket.socket, wanted: dict[str, Any]) -> None:
    """Import the modules; say in one line what is wrong, or which machines there are."""
    try:
        machines = _check_machines(**wanted["machines"]) if wanted["machines"] else []
        for name in wanted["modules"]:
            importlib.import_module(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - user files may raise anything; the user gets one line
        control.sendall(frames.pack({"failed": _sentence(error)}))
    else:
        control.sendall(frames.pack({"machines": machines}))


def _check_machines(directory: str, consumer_timeout: float, worker_timeout: float) -> Sequence[str]:
    # Imported here, so that what a user's file breaks is reported and not a traceback of this module.
    from settle.runtime.registry import load_machines  # noqa: PLC0415

    registry = load_machines(directory)
    registry.check_timeouts(consumer_timeout)
    registry.check_background(worker_timeout)
    return registry.names()


def _sentence(error: BaseException) -> str:
    text = "; ".join(line.strip(" -") for line in str(error).splitlines() if line.strip())
    return text if isinstance(error, SettleError) else f"{type(error).__name__}: {text}"


def _answer(control: socket.socket, children: set[int]) -> None:
    request, descriptors = _receive(control)
    if "spawn" in request:
        with socket.socket(fileno=descriptors[0]) as connection:
            pid = os.fork()
            if pid == 0:
                _be_sandbox(control, connection, SandboxSpec(**request["spawn"]))
        children.add(pid)
        control.sendall(frames.pack({"pid": pid}))
    else:
        # A child of an earlier zygote is not ours to wait for.
        status = _end(request["end"], request["grace"]) if request["end"] in children else None
        children.discard(request["end"])
        control.sendall(frames.pack({"status": status}))


def _receive(control: socket.socket) -> tuple[Any, list[int]]:
    # The descriptor rides on the first byte of its message.
    first, descriptors, _, _ = socket.recv_fds(control, 1, 1)
    if not first:
        raise EOFError
    return frames.receive(control), descriptors


def _be_sandbox(control: socket.socket, connection: socket.socket, spec: SandboxSpec) -> NoReturn:
    status = _CRASHED
    try:
        control.close()
        gc.enable()
        run(spec, connection)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else _CRASHED
    except ConnectionError:
        status = 0
    except BaseException:  # noqa: BLE001 - nothing may return into the zygote's own loop
        traceback.print_exc()
    finally:
        # Without the interpreter's own ending: what it would clean up belongs to the zygote.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _end(pid: int, grace: float) -> int:
    """Wait for a child, kill it when the grace is over, and return its exit code, negative for a signal."""
    deadline = time.monotonic() + grace
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= deadline:
            os.kill(pid, signal.SIGKILL)
            deadline = float("inf")
        time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    main(socket.socket(fileno=int(sys.argv[1])))
