"""A Lambda function on this machine: its settings, its sandboxes, and how an invocation is run in one of them."""

import json
import logging
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from settle.local.errors import CrashedError, FunctionError, InvocationError, StartError, TimedOutError
from settle.local.runtime import SandboxSpec
from settle.local.sandbox import Sandbox, exit_reason, request
from settle.local.zygote_process import ZygoteProcess

CRASH_GRACE_SECONDS: Final = 0.2
"""A sandbox whose connection broke is on its way out; it is killed when it is not gone by then."""
_LOG: Final = logging.getLogger("settle.local")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionConfig:
    """Settings of a function, under Lambda's names.

    Attributes:
        name: of the function.
        handler: handler string.
        timeout_seconds: after which an invocation is ended.
        max_concurrency: sandboxes it may have.
        environment: its environment variables, all of them.
        memory_mb: what its context says.
        log: file for its output; None for the console.
    """

    name: str
    handler: str
    timeout_seconds: float
    max_concurrency: int
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_mb: int = 512
    log: Path | None = None


@dataclass(slots=True)
class Counters:
    """What happened since the start."""

    invocations: int = 0
    errors: int = 0
    timeouts: int = 0
    crashed_in_flight: int = 0
    throttled: int = 0


class Function:
    """Runs invocations in sandboxes, one at a time in each. Thread-safe.

    Args:
        config: settings.
        zygote: makes the sandboxes.
    """

    def __init__(self, config: FunctionConfig, zygote: ZygoteProcess) -> None:
        self.config = config
        self.counters = Counters()
        self._zygote = zygote
        self._lock = threading.Lock()
        self._sandboxes: set[Sandbox] = set()
        self._idle: list[Sandbox] = []

    def sandboxes(self) -> list[Sandbox]:
        """Return all sandboxes, oldest first."""
        with self._lock:
            return sorted(self._sandboxes, key=lambda sandbox: sandbox.pid)

    def load(self) -> tuple[int, int]:
        """Return how many sandboxes there are, and how many of them compute."""
        now = time.monotonic()
        with self._lock:
            return len(self._sandboxes), sum(one.busy and one.computes_until > now for one in self._sandboxes)

    def take_idle(self, in_flight: int = 0) -> Sandbox | None:
        """Return an idle sandbox, now busy: the one used last, so that the others grow old and are reaped."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                sandbox = self._idle.pop()
            if sandbox.is_alive():
                _make_busy(sandbox, in_flight)
                return sandbox
            self._end(sandbox, CRASH_GRACE_SECONDS)

    def spawn(self, in_flight: int = 0) -> Sandbox:
        """Return a new sandbox, busy.

        Raises:
            CrashedError: none can be made.
        """
        config = self.config
        spec = SandboxSpec(
            function=config.name,
            handler=config.handler,
            environment=config.environment,
            memory_mb=config.memory_mb,
            log=None if config.log is None else str(config.log),
        )
        try:
            pid, connection = self._zygote.spawn(spec)
        except (StartError, OSError, EOFError) as error:
            raise CrashedError(f"no sandbox could be started: {error}") from error
        sandbox = Sandbox(pid=pid, connection=connection)
        _make_busy(sandbox, in_flight)
        with self._lock:
            self._sandboxes.add(sandbox)
        return sandbox

    def give_back(self, sandbox: Sandbox) -> None:
        """Make a sandbox idle."""
        sandbox.busy, sandbox.in_flight, sandbox.idle_since = False, 0, time.monotonic()
        with self._lock:
            self._idle.append(sandbox)

    def invoke(self, event: object, *, request_id: str, in_flight: int = 0) -> Any:  # noqa: ANN401 - any JSON value
        """Run one invocation and wait for it. The caller keeps to the function's concurrency.

        Raises:
            InvocationError: it failed.
        """
        sandbox = self.take_idle(in_flight) or self.spawn(in_flight)
        timeout = self.config.timeout_seconds
        self.counters.invocations += 1
        try:
            response = sandbox.call(request(event, request_id=request_id, timeout=timeout), timeout)
        except InvocationError as error:
            raise self.settle_failure(sandbox, error, request_id) from error
        self.give_back(sandbox)
        return response

    def settle_failure(self, sandbox: Sandbox, error: InvocationError, request_id: str) -> InvocationError:
        """Count a failed invocation, and end its sandbox unless that can go on; return the error with its reason."""
        match error:
            case TimedOutError():
                self.counters.timeouts += 1
                self._end(sandbox, 0)
            case CrashedError():
                self.counters.crashed_in_flight += 1
                error = CrashedError(exit_reason(self._end(sandbox, CRASH_GRACE_SECONDS)))
            case FunctionError() if sandbox.ready:
                self.counters.errors += 1
                self.give_back(sandbox)
            case _:
                self.counters.errors += 1
                self._end(sandbox, CRASH_GRACE_SECONDS)
        self._log(request_id, error)
        return error

    def abandon(self, sandbox: Sandbox) -> None:
        """Kill a sandbox whose invocation nobody waits for any more."""
        self._end(sandbox, 0)

    def reap(self, idle_seconds: float) -> None:
        """End the sandboxes that have been idle for so long, or have died while idle."""
        oldest = time.monotonic() - idle_seconds
        with self._lock:
            expired = [one for one in self._idle if one.idle_since <= oldest or not one.is_alive()]
            self._idle = [one for one in self._idle if one not in expired]
        for sandbox in expired:
            self._end(sandbox, CRASH_GRACE_SECONDS)

    def _end(self, sandbox: Sandbox, grace: float) -> int | None:
        sandbox.close()
        status = self._zygote.end(sandbox.pid, grace)
        with self._lock:
            self._sandboxes.discard(sandbox)
        return status

    def _log(self, request_id: str, error: InvocationError) -> None:
        _LOG.warning("%s failed: %s", self.config.name, error)
        if self.config.log is not None:
            with self.config.log.open("a") as log:
                log.write(
                    json.dumps({"function": self.config.name, "request_id": request_id, "failed": str(error)}) + "\n"
                )


def _make_busy(sandbox: Sandbox, in_flight: int) -> None:
    sandbox.busy, sandbox.in_flight, sandbox.computes_until = True, in_flight, math.inf
