"""Guarded moto as a process: DynamoDB, SQS and EventBridge Scheduler on loopback, in memory.

    python -m settle.local.moto_server --port 5000

Not moto's own server, which opens a connection and starts a thread for every request, and finds the service by listing
a directory. What SQS takes for the time, a file can move forwards: delays, visibility timeouts and deduplication follow
the clock of the local system. Schedules are kept here and fired by the supervisor.
"""

import argparse
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NoReturn

from moto.core.request import Request
from moto.core.responses import BaseResponse
from moto.core.utils import unix_time
from moto.dynamodb.responses import DynamoHandler
from moto.scheduler.responses import EventBridgeSchedulerResponse
from moto.sqs.responses import SQSResponse

from settle.adapters.shifted_clock import ShiftedClock
from settle.local.moto_guard import MotoGuard

HOST: Final = "127.0.0.1"
LOOK_FOR_PARENT_SECONDS: Final = 0.5
SERVICES: Final[dict[str, type[BaseResponse]]] = {"AmazonSQS": SQSResponse, "DynamoDB_20120810": DynamoHandler}
"""By the first part of the header `X-Amz-Target`."""
SCHEDULER_PATHS: Final = ("/schedules", "/schedule-groups")
"""How the paths of EventBridge Scheduler begin, which has no such header."""


class MotoServer(ThreadingHTTPServer):
    """Listens on loopback; a thread for every connection, which stays open.

    Args:
        port: 0 takes a free one, which `server_port` tells.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int) -> None:
        super().__init__((HOST, port), _RequestHandler)


class _RequestHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    # An answer is one segment; Nagle's algorithm would hold back the next one for 40 ms.
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, headers, answer = self._answer(body)
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in {"content-length", "connection"}:
                self.send_header(name, str(value))
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _answer(self, body: bytes) -> tuple[int, dict[str, Any], bytes]:
        service = self._find_service()
        if service is None:
            return 404, {}, b"DynamoDB, SQS and EventBridge Scheduler only"
        url = f"http://{self.headers.get('Host', HOST)}{self.path}"
        request = Request.from_primitives(self.command, url, self.headers, body)
        try:
            status, headers, answer = service.dispatch(request, request.raw_url, request.headers)
        except Exception:  # noqa: BLE001 - a fault of moto is a server error, which clients repeat
            traceback.print_exc()
            return 500, {}, b'{"__type": "InternalServerError"}'
        return int(status), headers, answer if isinstance(answer, bytes) else answer.encode()

    def _find_service(self) -> type[BaseResponse] | None:
        if self.path.startswith(SCHEDULER_PATHS):
            return EventBridgeSchedulerResponse
        return SERVICES.get(self.headers.get("X-Amz-Target", "").partition(".")[0])


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Serve until SIGTERM or SIGINT, or until the parent is gone; then exit with 0."""
    parser = argparse.ArgumentParser(prog="python -m settle.local.moto_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one and prints it")
    parser.add_argument("--parent", type=int, help="process id of the parent; the server ends soon after it")
    parser.add_argument("--clock", help="file that says how far the clock of SQS is ahead of this machine")
    options = parser.parse_args(arguments)
    now = ShiftedClock(options.clock).now if options.clock else unix_time
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)
    if options.parent is not None:
        threading.Thread(target=_watch, args=(options.parent,), daemon=True).start()
    with MotoGuard(now), MotoServer(options.port) as server:
        print(f"moto on http://{HOST}:{server.server_port}, state is in memory and is lost when this stops", flush=True)
        server.serve_forever()
    sys.exit(0)


def _exit(_signal: int, _frame: Any) -> NoReturn:  # noqa: ANN401 - a frame
    sys.exit(0)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_FOR_PARENT_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    main()
