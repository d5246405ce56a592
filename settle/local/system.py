"""The supervisor: starts the parts in the order they need each other, and ends them in the other one."""

import asyncio
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final

from settle.local import backends
from settle.local.admission import Admission
from settle.local.clock_control import ClockControl
from settle.local.data_directory import DataDirectory
from settle.local.dev_routes import DevRoutes
from settle.local.function import Function, FunctionConfig
from settle.local.gate import Gate
from settle.local.http_front import HttpFront
from settle.local.http_server import HttpServer
from settle.local.mappings import make_mappings
from settle.local.options import FunctionOptions, Options
from settle.local.report import build_report
from settle.local.sandbox import INIT_SECONDS
from settle.local.schedule_thread import ScheduleThread
from settle.local.zygote_process import ZygoteProcess

IDLE_SECONDS: Final = 120.0
"""After which an idle sandbox is ended."""
TEND_EVERY_SECONDS: Final = 1.0
"""Between looks for idle or dead sandboxes, and large logs."""


class System:
    """Everything of one local system.

    Args:
        options: settings.
        data: open data directory.
        zygote: already launched; it imports while the rest is set up.
        resources: closed, last first, when the system has ended.

    Raises:
        StartError: a part cannot start.
    """

    def __init__(self, options: Options, data: DataDirectory, zygote: ZygoteProcess, resources: ExitStack) -> None:
        self._options, self._data, self._zygote = options, data, zygote
        self.backend = backends.start(options, data)
        resources.callback(self.backend.close)
        self._gate = Gate()
        self.ingress, self.consumer, self.worker = map(self._function, options.functions)
        self.mappings = make_mappings(self.backend.sources, self.consumer, self.worker, options, self._gate)
        self.schedules = ScheduleThread(self.backend.schedules, self.backend.clock, self._gate)
        self.machines = zygote.wait_until_ready()

    async def serve(self, listener: socket.socket, when_ready: Callable[[], None]) -> None:
        """Serve until SIGINT or SIGTERM, then let what is in flight end; a second signal does not wait for it."""
        server = HttpServer(self._front(), drain_seconds=self._options.consumer_timeout)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _stop, server)
        for mapping in self.mappings.values():
            mapping.start()
        self.schedules.start()
        tending = asyncio.create_task(self._tend())
        when_ready()
        try:
            await server.serve(sockets=[listener])
        finally:
            tending.cancel()
            # The mappings go on until here: clients who wait need them for their answer.
            await asyncio.to_thread(self._end, 0.0 if server.force_exit else self._options.consumer_timeout + 1)

    def _end(self, seconds: float) -> None:
        """Let what is in flight end. A background service that takes longer is called again after the next start."""
        self._gate.end()
        deadline = time.monotonic() + seconds
        for mapping in self.mappings.values():
            mapping.stop(0)
        for mapping in self.mappings.values():
            mapping.stop(max(0.0, deadline - time.monotonic()))
        self.schedules.stop(max(0.0, deadline - time.monotonic()))
        for function in (self.ingress, self.consumer, self.worker):
            function.reap(0)

    def _front(self) -> HttpFront:
        control = ClockControl(
            self.backend.clock,
            self._gate,
            wake=self.schedules.wake,
            drain_seconds=self._options.worker_timeout + self._options.consumer_timeout + INIT_SECONDS,
        )
        return HttpFront(
            Admission(self.ingress),
            max_waiting=max(1, self._options.ingress_concurrency // 2),
            dev=DevRoutes(self._report, control),
            clock=self.backend.clock,
            identities=self._options.dev_identities,
        )

    def _function(self, function: FunctionOptions) -> Function:
        config = FunctionConfig(
            name=function.name,
            handler=function.handler,
            timeout_seconds=function.timeout,
            max_concurrency=function.concurrency,
            environment=backends.environment(function, self.backend, self._options, self._data),
            memory_mb=backends.MEMORY_MB,
            log=None if self._options.verbose else self._data.log(function.name),
        )
        return Function(config, self._zygote)

    def _report(self) -> dict[str, Any]:
        others = {"zygote": self._zygote.pid, **self.backend.processes}
        return build_report((self.ingress, self.consumer, self.worker), self.mappings, others)

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(TEND_EVERY_SECONDS)
            # Its connections belong to this loop; it reaps only what nobody uses, so nobody waits for it.
            self.ingress.reap(IDLE_SECONDS)
            for function in (self.consumer, self.worker):
                await asyncio.to_thread(function.reap, IDLE_SECONDS)
            await asyncio.to_thread(self._data.rotate_logs)


def _stop(server: HttpServer) -> None:
    server.force_exit = server.should_exit
    server.should_exit = True
