"""What a cold start costs: imports and the first call of each function, from the bundle that is deployed.

    python -m benchmarks.cold_start

Every figure is processor time of a fresh process, from its first instruction on, beside the floor: Python, boto3 with a
client of each of its two services, and pydantic with a model of one field. No request leaves the floor, while the first
call of a function sends what it always sends; so that it can be seen what that takes, a second floor sends one request
with each client.

The bundle is made for this machine, for the Python of the Lambda runtime where there is one. Moto answers the requests,
in a process of its own.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from platform import machine
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.aws_stage import VISIBILITY_SECONDS, Stage, open_stage
from benchmarks.tables import print_table
from infra.bundle_size import measure
from infra.bundling import PYTHON_VERSION, ROOT, Target, bundle
from infra.target import find_python
from settle.adapters.sqs_queue import SqsPolledQueue, make_sqs_client
from settle.local.http_event import HttpRequest
from settle.local.http_event import to_event as to_http_event
from settle.local.sqs_event import to_event as to_sqs_event
from settle.runtime.limits import WORKER_TIMEOUT_SECONDS

ROUNDS: Final = 15
FLOOR, FLOOR_SENDING = "floor", "floor, sending"
TARGETS: Final = {"consumer": 1.25, "ingress": 1.4}
"""At most so many times the floor."""
RUNTIME_MODULES: Final = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
"""What the Lambda runtime brings."""
SUBMITTED: Final = {"restaurant": "Luigi", "kind": "partner", "food": "pizza", "address": "here", "amount": 900}

_CHILD: Final = """
import json, sys, time
given = json.load(sys.stdin)
sys.path[:0] = given["path"]
class Context:
    function_name = given["name"]; function_version = "$LATEST"; memory_limit_in_mb = 512; aws_request_id = "1"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:x"
    def get_remaining_time_in_millis(self): return 25000
started = time.process_time()
{body}
print(json.dumps([started, imported, time.process_time(), answer, sorted(sys.modules)]))
"""
_FUNCTION: Final = """
from importlib import import_module
handler = import_module("functions." + given["name"] + ".handler").handler
imported = time.process_time()
answer = handler(given["event"], Context())
"""
_FLOOR: Final = """
import boto3
from pydantic import BaseModel
imported = time.process_time()
class Model(BaseModel):
    number: int
clients = [boto3.client("dynamodb"), boto3.client("sqs")]
answer = Model.model_validate({"number": 1}).number
"""
_FLOOR_SENDING: Final = (
    _FLOOR
    + """
import os
clients[0].get_item(TableName=os.environ["SETTLE_TABLE_NAME"], Key={"pk": {"S": "none"}, "sk": {"S": "none"}})
clients[1].send_message(QueueUrl=os.environ["SETTLE_TIMERS_QUEUE_URL"], MessageBody="x")
"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One fresh process, in milliseconds of its processor time from its beginning.

    Attributes:
        imported: when everything was imported.
        total: when the first call had returned.
    """

    imported: float
    total: float


class Processes:
    """Fresh processes on an unpacked bundle.

    Args:
        python: the interpreter.
        path: folders that come before the standard library, as in Lambda.
    """

    def __init__(self, python: str, path: Sequence[Path]) -> None:
        self._python, self._path = python, [str(folder) for folder in path]

    def start(self, body: str, name: str, event: Mapping[str, Any]) -> tuple[Start, Any]:
        """Run one; return what it took and what the call answered."""
        done = subprocess.run(  # noqa: S603 - our own script
            # Bytecode is there where it is there in Lambda, and none is added.
            [self._python, "-I", "-S", "-B", "-c", _CHILD.replace("{body}", body)],
            input=json.dumps({"path": self._path, "name": name, "event": event}),
            env=_environment(name),
            cwd=os.sep,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        _, imported, total, answer, modules = json.loads(done.stdout.splitlines()[-1])
        assert "transitions" not in modules
        return Start(imported=imported * 1000, total=total * 1000), answer


class Round:
    """Makes the first event of each function; every round is about instances of its own."""

    def __init__(self, stage: Stage, processes: Processes) -> None:
        self._stage, self._processes = stage, processes
        self._tasks = SqsPolledQueue(
            make_sqs_client(), queue_url=os.environ["SETTLE_TASKS_QUEUE_URL"], arn=os.environ["SETTLE_TASKS_QUEUE_ARN"]
        )

    def floor(self) -> Start:
        """Start what every function stands on."""
        return self._processes.start(_FLOOR, "floor", {})[0]

    def floor_sending(self) -> Start:
        """Start the same, with one request of each client."""
        return self._processes.start(_FLOOR_SENDING, "floor", {})[0]

    def ingress(self) -> Start:
        """Start the ingress with an event that is accepted."""
        start, answer = self._processes.start(_FUNCTION, "ingress", _request(f"counter/{uuid.uuid1()}", "increment"))
        assert answer["statusCode"] == 202, answer
        self._stage.receive(1)
        return start

    def consumer(self) -> Start:
        """Start the consumer with the first event of an instance: one read and one write."""
        self._stage.post(f"counter/{uuid.uuid1()}", {"type": "increment"}, {}).result()
        event = to_sqs_event(self._stage.receive(1), arn=os.environ["SETTLE_QUEUE_ARN"])
        return self._batch("consumer", event)

    def worker(self) -> Start:
        """Start the worker with a call of a service."""
        self._stage.post(f"order/{uuid.uuid1()}", {"type": "SUBMIT", "data": SUBMITTED}, {}).result()
        for _ in range(2):  # the order begins a payment, and the payment a service
            self._stage.consume(self._stage.receive(1))
        tasks = self._tasks.receive(max_messages=1, visibility_timeout=VISIBILITY_SECONDS)
        start = self._batch("worker", to_sqs_event(tasks, arn=self._tasks.arn))
        self._tasks.delete([task.receipt_handle for task in tasks])
        return start

    def _batch(self, name: str, event: Mapping[str, Any]) -> Start:
        start, answer = self._processes.start(_FUNCTION, name, event)
        assert answer == {"batchItemFailures": []}, answer
        return start


def _request(group: str, event_type: str) -> dict[str, Any]:
    instance_machine, instance = group.split("/")
    request = HttpRequest(
        method="POST",
        path=f"/machines/{instance_machine}/instances/{instance}/events",
        query="",
        headers=[(b"content-type", b"application/json"), (b"host", b"localhost")],
        body=json.dumps({"type": event_type}).encode(),
        protocol="HTTP/1.1",
        source_ip="127.0.0.1",
    )
    return to_http_event(request, request_id=str(uuid.uuid1()), now=0.0)


def _environment(name: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key.startswith(("AWS_", "SETTLE_"))}
    del kept["SETTLE_MACHINES"]  # they run those of the bundle
    kept |= {"SETTLE_STAGE": "benchmark", "POWERTOOLS_LOG_LEVEL": "INFO"}  # so that logs and metrics are made as in one
    if name == "worker":
        kept["SETTLE_FUNCTION_TIMEOUT_SECONDS"] = f"{WORKER_TIMEOUT_SECONDS:g}"
    return {**kept, "AWS_LAMBDA_FUNCTION_NAME": name, "AWS_REGION": kept["AWS_DEFAULT_REGION"]}


@contextmanager
def _unpacked() -> Iterator[tuple[str, list[Path]]]:
    """Yield an interpreter, and the folders of a bundle and of what the runtime brings, compiled for it."""
    found = find_python(PYTHON_VERSION)
    version = PYTHON_VERSION if found else f"{sys.version_info.major}.{sys.version_info.minor}"
    python = found or sys.executable
    with TemporaryDirectory() as folder:
        task, runtime = Path(folder, "task"), Path(folder, "runtime")
        target = Target(python_version=version, platform=f"manylinux2014_{machine()}", compiler=python)
        task.mkdir()
        bundle(ROOT, task, target)
        _copy_runtime(runtime)
        subprocess.run([python, "-m", "compileall", "-q", str(runtime)], check=True)  # noqa: S603 - our own
        print(f"Python {version}, bundle of {measure(task)}.")
        yield python, [task, runtime]


def _copy_runtime(folder: Path) -> None:
    folder.mkdir()
    for name in RUNTIME_MODULES:
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        if origin.name == "__init__.py":
            shutil.copytree(origin.parent, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin, folder)


def main() -> None:
    """Print the tables."""
    with _unpacked() as (python, path), open_stage() as stage:
        os.environ["SETTLE_MACHINES"] = str(ROOT / "machines")
        turn = Round(stage, Processes(python, path))
        kinds: dict[str, Callable[[], Start]] = {
            FLOOR: turn.floor,
            FLOOR_SENDING: turn.floor_sending,
            "ingress": turn.ingress,
            "consumer": turn.consumer,
            "worker": turn.worker,
        }
        starts: dict[str, list[Start]] = {name: [] for name in kinds}
        for number in range(ROUNDS + 1):
            for name, start in kinds.items():
                taken = start()
                if number:  # the first one fills the caches of the disk
                    starts[name].append(taken)
    _print(starts)


def _print(starts: Mapping[str, Sequence[Start]]) -> None:
    floor, sending = (min(start.total for start in starts[name]) for name in (FLOOR, FLOOR_SENDING))
    rows = []
    for name, taken in starts.items():
        total, imported = min(start.total for start in taken), min(start.imported for start in taken)
        median = statistics.median(start.total for start in taken)
        target = TARGETS.get(name, "")
        rows.append(
            (
                *(name, f"{imported:.0f}", f"{total:.0f}", f"{median:.0f}"),
                *(f"{total / floor:.2f}", target, f"{total / sending:.2f}"),
            )
        )
    head = ("", "imports", "and first call", "median", "times the floor", "at most", "times the floor, sending")
    print_table(f"Cold start, milliseconds of processor time, the smallest of {ROUNDS}", head, rows)


if __name__ == "__main__":
    main()
