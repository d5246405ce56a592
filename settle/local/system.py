"""The supervisor: starts the parts in the order they need each other, and ends them in the other one."""

import asyncio
import os
import signal
import socket
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final

from settle.local import backends
from settle.local.admission import Admission
from settle.local.data_directory import DataDirectory
from settle.local.event_source_mapping import EventSourceMapping, MappingConfig
from settle.local.function import Function, FunctionConfig
from settle.local.http_front import HttpFront
from settle.local.http_server import HttpServer
from settle.local.options import Options
from settle.local.report import build_report
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
        mapping_config = MappingConfig(
            visibility_timeout=options.visibility_timeout,
            function_timeout=options.consumer_timeout,
            max_concurrency=options.consumer_concurrency,
        )
        self._options, self._data, self._zygote = options, data, zygote
        self.backend = backends.start(options, data)
        resources.callback(self.backend.close)
        self.machines = zygote.wait_until_ready()
        self.ingress = Function(self._config("ingress"), zygote)
        self.consumer = Function(self._config("consumer"), zygote)
        self.mapping = EventSourceMapping(self.backend.queue, self._consume, mapping_config)

    async def serve(self, listener: socket.socket, when_ready: Callable[[], None]) -> None:
        """Serve until SIGINT or SIGTERM, then let what is in flight end; a second signal does not wait for it."""
        front = HttpFront(
            Admission(self.ingress),
            max_waiting=max(1, self._options.ingress_concurrency // 2),
            report=self._report,
        )
        server = HttpServer(front, drain_seconds=self._options.consumer_timeout)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _stop, server)
        self.mapping.start()
        tending = asyncio.create_task(self._tend())
        when_ready()
        try:
            await server.serve(sockets=[listener])
        finally:
            tending.cancel()
            # The mapping goes on until here: clients who wait need it for their answer.
            drain = 0.0 if server.force_exit else self._options.consumer_timeout + 1
            await asyncio.to_thread(self.mapping.stop, drain)
            for function in (self.ingress, self.consumer):
                function.reap(0)

    def _config(self, name: str) -> FunctionConfig:
        options = self._options
        ingress = name == "ingress"
        handler = options.ingress_handler if ingress else options.consumer_handler
        timeout = options.ingress_timeout if ingress else options.consumer_timeout
        return FunctionConfig(
            name=name,
            handler=handler,
            timeout_seconds=timeout,
            max_concurrency=options.ingress_concurrency if ingress else options.consumer_concurrency,
            environment={
                **backends.common_environment(name, handler, timeout),
                **self.backend.environment(name),
                "SETTLE_LOCAL_DIR": str(self._data.path),
                "SETTLE_MACHINES": str(options.machines.resolve()),
            },
            memory_mb=backends.MEMORY_MB,
            log=None if options.verbose else self._data.log(name),
        )

    def _consume(self, event: object, *, in_flight: int) -> Any:  # noqa: ANN401 - any JSON value
        request_id = str(uuid.UUID(bytes=os.urandom(16), version=4))
        return self.consumer.invoke(event, request_id=request_id, in_flight=in_flight)

    def _report(self) -> dict[str, Any]:
        others = {"zygote": self._zygote.pid, **self.backend.processes}
        return build_report((self.ingress, self.consumer), self.mapping, others)

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(TEND_EVERY_SECONDS)
            # Its connections belong to this loop; it reaps only what nobody uses, so nobody waits for it.
            self.ingress.reap(IDLE_SECONDS)
            await asyncio.to_thread(self.consumer.reap, IDLE_SECONDS)
            await asyncio.to_thread(self._data.rotate_logs)


def _stop(server: HttpServer) -> None:
    server.force_exit = server.should_exit
    server.should_exit = True
