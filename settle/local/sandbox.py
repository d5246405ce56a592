"""A sandbox as the supervisor sees it: one process that serves one request at a time."""

import select
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from settle.local import frames
from settle.local.channel import Channel
from settle.local.errors import CrashedError, FunctionError, TimedOutError

INIT_SECONDS: Final = 10.0
"""Lambda's limit on a function's init phase: here, importing the handler."""


@dataclass(slots=True, kw_only=True, eq=False)
class Sandbox:
    """A process that runs a handler.

    Attributes:
        pid: of the process.
        connection: to it.
        ready: whether it has imported its handler.
        busy: whether it runs an invocation, or is about to.
        computes_until: when that is taken to wait for something instead of computing (monotonic).
        idle_since: when its last one ended (monotonic).
        channel: the connection on an event loop, once it was used on one.
        in_flight: messages of its present batch.
        invocations: how many it has begun.
    """

    pid: int
    connection: socket.socket
    ready: bool = False
    busy: bool = False
    computes_until: float = 0.0
    idle_since: float = field(default_factory=time.monotonic)
    channel: Channel | None = None
    in_flight: int = 0
    invocations: int = 0

    def call(self, request: bytes, timeout: float) -> Any:  # noqa: ANN401 - any JSON value
        """Run one invocation and wait for it.

        Raises:
            FunctionError: the handler failed; the sandbox can go on unless it never became ready.
            TimedOutError: no answer in time; the sandbox must be ended.
            CrashedError: the process is gone.
        """
        self.invocations += 1
        try:
            if not self.ready:
                self._begin(frames.receive(self.connection, INIT_SECONDS))
            self.connection.settimeout(timeout)
            self.connection.sendall(request)
            return _response(frames.receive(self.connection, timeout))
        except TimeoutError as error:
            raise TimedOutError(_timed_out(timeout)) from error
        except (EOFError, ConnectionError) as error:
            raise CrashedError("the sandbox ended during the invocation") from error

    async def call_async(self, request: bytes, timeout: float) -> Any:  # noqa: ANN401, ASYNC109 - Lambda's, not ours
        """Run one invocation on the event loop; as `call`."""
        if self.channel is None:
            self.channel = Channel(self.connection)
        self.invocations += 1
        answer = None
        try:
            if not self.ready:
                self._begin(await self.channel.receive(INIT_SECONDS))
            await self.channel.send(request)
            answer = await self.channel.receive(timeout)
        except TimeoutError as error:
            raise TimedOutError(_timed_out(timeout)) from error
        except EOFError as error:
            raise CrashedError("the sandbox ended during the invocation") from error
        finally:
            if answer is None:
                # No answer will come, or nobody waits for it any more.
                self.channel.close()
        return _response(answer)

    def is_alive(self) -> bool:
        """Whether an idle sandbox still waits for requests: its connection has nothing to read, not even its end."""
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        """Close the connection, which ends the process when it is idle. On the event loop if it was used there."""
        if self.channel is not None:
            self.channel.close()
        self.connection.close()

    def _begin(self, answer: Mapping[str, Any]) -> None:
        if "error" in answer:
            raise FunctionError(_sentence(answer["error"]))
        self.ready = True


def request(event: object, *, request_id: str, timeout: float) -> bytes:
    """Encode an invocation for `Sandbox.call`."""
    return frames.pack({"id": request_id, "timeout": timeout, "event": event})


def exit_reason(status: int | None) -> str:
    """Say how a process ended, given its exit code."""
    if status is None:
        return "Runtime.ExitError"
    if status < 0:
        return f"Runtime.ExitError: signal: {signal.Signals(-status).name}"
    return f"Runtime.ExitError: exit status {status}"


def _response(answer: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
    if "error" in answer:
        raise FunctionError(_sentence(answer["error"]))
    return answer["response"]


def _sentence(error: Mapping[str, Any]) -> str:
    return f"{error['errorType']}: {error['errorMessage']}"


def _timed_out(timeout: float) -> str:
    return f"Task timed out after {timeout:.2f} seconds"
