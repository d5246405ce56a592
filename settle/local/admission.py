"""Which sandbox an HTTP request gets, when a new one is made, and when the request is turned away.

Lambda starts a sandbox whenever none is idle. On two cores that would turn a burst of 32 clients into 32 processes that
fight for the cores and for the one writer's place of SQLite. So a request gets a sandbox, an idle one or a new one,
only while few others are computing. A sandbox whose request asks to wait, or has taken long, is waiting and not
computing: however many clients wait, others find room up to the function's concurrency.
"""

import asyncio
import os
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from settle.local.errors import CrashedError, InvocationError, ThrottledError
from settle.local.function import Function
from settle.local.sandbox import Sandbox, request

COMPUTING_SECONDS: Final = 0.25
"""A sandbox busy for longer than this is waiting for something, whatever its request says."""
OPENING_SECONDS: Final = 0.02
"""What a request that asks to wait computes before it begins to wait."""
QUEUE_SECONDS: Final = 10.0
"""How long a request waits for a sandbox before it is turned away."""


class Admission:
    """Runs the invocations of one function from an event loop, all of them on the same loop.

    Args:
        function: the function; nobody else takes its sandboxes.
        computing: sandboxes that may compute before requests queue; the number of cores and one by default.
        queue_seconds: how long a request waits for a sandbox.
    """

    def __init__(
        self, function: Function, *, computing: int | None = None, queue_seconds: float = QUEUE_SECONDS
    ) -> None:
        self._function = function
        self._computing = computing or (os.cpu_count() or 1) + 1
        self._queue_seconds = queue_seconds
        self._queue: deque[_Ticket] = deque()
        self._spawning: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def invoke(self, event: object, *, request_id: str, waits: bool = False) -> Any:  # noqa: ANN401 - any JSON
        """Run one invocation.

        Args:
            event: for the function.
            request_id: new for every invocation.
            waits: whether it will spend its time waiting.

        Raises:
            ThrottledError: no sandbox became free in time.
            InvocationError: the invocation failed.
        """
        function = self._function
        sandbox = await self._acquire()
        sandbox.computes_until = time.monotonic() + (OPENING_SECONDS if waits else COMPUTING_SECONDS)
        timeout = function.config.timeout_seconds
        function.counters.invocations += 1
        try:
            response = await sandbox.call_async(request(event, request_id=request_id, timeout=timeout), timeout)
        except InvocationError as error:
            failure = await asyncio.to_thread(function.settle_failure, sandbox, error, request_id)
            self._serve_queue()
            raise failure from error
        except BaseException:
            function.abandon(sandbox)
            raise
        function.give_back(sandbox)
        self._serve_queue()
        return response

    async def _acquire(self) -> Sandbox:
        sandbox = self._take_idle()
        if sandbox is not None:
            return sandbox
        ticket = _Ticket(
            sandbox=asyncio.get_running_loop().create_future(), until=time.monotonic() + self._queue_seconds
        )
        self._queue.append(ticket)
        self._look_after_queue()
        try:
            return await ticket.sandbox
        except asyncio.CancelledError:
            if ticket.sandbox.done() and not ticket.sandbox.cancelled():
                self._function.give_back(ticket.sandbox.result())
            raise

    def _take_idle(self) -> Sandbox | None:
        """Return an idle sandbox, unless enough are computing: clients that waited may have left many idle ones."""
        return self._function.take_idle() if self._function.load()[1] < self._computing else None

    def _serve_queue(self) -> None:
        """Hand idle sandboxes to those who wait, first come first served."""
        while self._queue and (sandbox := self._take_idle()) is not None:
            while self._queue:
                waiting = self._queue.popleft().sandbox
                if not waiting.done():
                    waiting.set_result(sandbox)
                    break
            else:
                self._function.give_back(sandbox)

    def _look_after_queue(self) -> None:
        """Hand out sandboxes, make new ones when that may help, turn away who waited for too long, look again later."""
        self._serve_queue()
        while self._queue and self._queue[0].until <= time.monotonic():
            self._turn_away(self._queue.popleft())
        if len(self._spawning) < len(self._queue) and self._may_spawn():
            spawning = asyncio.create_task(self._spawn())
            self._spawning.add(spawning)
            spawning.add_done_callback(self._spawning.discard)
        if self._queue and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(OPENING_SECONDS, self._look_again)

    def _look_again(self) -> None:
        self._timer = None
        self._look_after_queue()

    def _turn_away(self, ticket: "_Ticket") -> None:
        if not ticket.sandbox.done():
            self._function.counters.throttled += 1
            number = self._function.config.max_concurrency
            ticket.sandbox.set_exception(ThrottledError(f"all {number} sandboxes are busy"))

    async def _spawn(self) -> None:
        # It is not tied to the request that caused it: whoever waits longest gets whatever is free first.
        try:
            sandbox = await asyncio.to_thread(self._function.spawn)
        except CrashedError as error:
            if self._queue and not (first := self._queue.popleft().sandbox).done():
                first.set_exception(error)
            return
        self._function.give_back(sandbox)
        self._serve_queue()

    def _may_spawn(self) -> bool:
        total, computing = self._function.load()
        spawning = len(self._spawning)
        return total + spawning < self._function.config.max_concurrency and computing + spawning < self._computing


@dataclass(slots=True, kw_only=True)
class _Ticket:
    """A request in the queue.

    Attributes:
        sandbox: that it gets.
        until: when it is turned away (monotonic).
    """

    sandbox: "asyncio.Future[Sandbox]"
    until: float
