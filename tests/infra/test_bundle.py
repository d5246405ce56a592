"""The real bundle: what is in it, and that every handler works from it alone."""

import json
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.bundle_size import measure
from infra.bundling import CHARTS, bundle
from infra.bundling_error import BundlingError
from infra.target import Target, find_python, lambda_target
from infra.wheels import RUNTIME_BRINGS
from settle.adapters.polled_queue import PolledQueue
from settle.local.backends import common_environment
from settle.local.data_directory import DataDirectory
from settle.local.embedded_backend import EmbeddedBackend
from settle.local.http_event import HttpRequest
from settle.local.http_event import to_event as to_http_event
from settle.local.options import parse
from settle.local.sqs_event import to_event as to_sqs_event
from tests.infra.bundled_function import Call, call, link_runtime
from tests.infra.synthesized import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.system() != "Linux", reason="wheels for Lambda are Linux wheels"),
]

HERE = Target(
    python_version=f"{sys.version_info.major}.{sys.version_info.minor}",
    platform=f"manylinux2014_{platform.machine()}",
    compiler=sys.executable,
)
NEVER_NEEDED = ("transitions", "settle.authoring.walk", "settle.core.compile", "settle.core.validation")
SUBMITTED = {"restaurant": "Luigi", "kind": "partner", "food": "pizza", "address": "here", "amount": 900}


def contents(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def make(folder: Path, target: Target) -> list[str]:
    try:
        return bundle(ROOT, folder, target)
    except BundlingError as error:
        if "after connection broken by" in str(error):
            pytest.skip("pip reaches no index")
        raise


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle for this machine and this Python, unpacked."""
    folder = tmp_path_factory.mktemp("task")
    make(folder, HERE)
    return folder


@pytest.fixture(scope="module")
def lambda_task(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The bundle for Lambda, and what was said of it."""
    folder = tmp_path_factory.mktemp("lambda")
    return folder, make(folder, lambda_target())


class System:
    """The three handlers, each call of one in a fresh process, and the queues between them."""

    def __init__(self, task: Path, runtime: Path, data: DataDirectory) -> None:
        self.task, self._runtime, self._data = task, runtime, data
        self._backend = EmbeddedBackend(data)
        self._functions = {function.name: function for function in parse([], {}).functions}

    def post(self, machine: str, event: dict[str, Any]) -> Call:
        request = HttpRequest(
            method="POST",
            path=f"/machines/{machine}/instances/1/events",
            query="",
            headers=[(b"content-type", b"application/json"), (b"host", b"localhost")],
            body=json.dumps(event).encode(),
            protocol="HTTP/1.1",
            source_ip="127.0.0.1",
        )
        return self._call("ingress", to_http_event(request, request_id="1", now=1.0))

    def consume(self) -> Call:
        return self._process("consumer", self._backend.sources.events)

    def work(self) -> Call:
        return self._process("worker", self._backend.sources.tasks)

    def _process(self, name: str, queue: PolledQueue) -> Call:
        messages = queue.receive(max_messages=10, visibility_timeout=60)
        assert messages
        called = self._call(name, to_sqs_event(messages, arn=queue.arn))
        queue.delete([message.receipt_handle for message in messages])
        return called

    def _call(self, name: str, event: dict[str, Any]) -> Call:
        environment = {
            **common_environment(self._functions[name]),
            **self._backend.environment(name),
            "SETTLE_LOCAL_DIR": str(self._data.path),
        }
        return call(self.task, self._runtime, name, event, environment)


@pytest.fixture
def system(task: Path, tmp_path: Path) -> Iterator[System]:
    link_runtime(tmp_path / "runtime")
    with DataDirectory(tmp_path / "data") as data:
        yield System(task, tmp_path / "runtime", data)


def check(called: Call, task: Path) -> None:
    """Check that a handler came from the bundle and that no chart was built."""
    assert Path(called.file).is_relative_to(task)
    for names in (called.imported, called.used):
        assert not [name for name in names if name in NEVER_NEEDED]


def test_each_handler_takes_its_first_event_from_the_bundle_alone(system: System, task: Path, tmp_path: Path) -> None:
    posted = system.post("order", {"type": "SUBMIT", "data": SUBMITTED})
    check(posted, task)
    assert posted.answer["statusCode"] == 202
    for _ in range(2):  # the order begins a payment, and the payment is begun
        consumed = system.consume()
        check(consumed, task)
        assert consumed.answer == {"batchItemFailures": []}
    worked = system.work()
    check(worked, task)
    assert worked.answer == {"batchItemFailures": []}
    (bill,) = (tmp_path / "data/outbox").glob("*.txt")
    assert "900 for pizza of Luigi" in bill.read_text()


def test_a_function_imports_nothing_of_what_it_was_not_asked_for(system: System) -> None:
    posted = system.post("count", {"type": "COUNT"})
    assert {"functions.ingress.openapi", "settle.drawing", "boto3", "sqlite3"} & {*posted.imported} == set()
    assert {"functions.ingress.openapi", "settle.drawing", "boto3"} & {*posted.used} == set()
    consumed = system.consume()
    unwanted = ("functions.ingress", "settle.drawing", "aws_lambda_powertools.event_handler", "aws_xray_sdk", "boto3")
    assert not [name for name in consumed.used if name.startswith(unwanted)]


def test_a_chart_that_is_not_stored_is_built_from_the_bundle_and_operators_are_told(
    system: System, task: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(task, tmp_path / "copy")
    for file in (copy / CHARTS).iterdir():
        file.unlink()
    system.task = copy
    posted = system.post("count", {"type": "COUNT"})
    assert posted.answer["statusCode"] == 202
    assert "transitions" in posted.used
    assert "a chart has to be built, which makes this a slow start" in posted.log


def test_two_bundles_of_the_same_sources_are_equal_byte_for_byte(task: Path, tmp_path: Path) -> None:
    make(tmp_path, HERE)
    assert contents(tmp_path) == contents(task)


def test_the_bundle_for_lambda_holds_what_handlers_import_and_nothing_else(lambda_task: tuple[Path, list[str]]) -> None:
    folder, _ = lambda_task
    names = {path.name for path in folder.iterdir() if not path.name.endswith(".dist-info")}
    assert {"functions", "machines", "settle", "aws_lambda_powertools", "pydantic", "pydantic_core"} <= names
    assert not names & {*RUNTIME_BRINGS, "dateutil", "tests", "infra", "bin", "moto", "pip"}
    assert [library.name for library in folder.rglob("*.so")] == ["_pydantic_core.cpython-313-aarch64-linux-gnu.so"]
    notes = {path.name for path in folder.glob("*.dist-info/*")}
    assert notes <= {"METADATA", "licenses", "sboms", "LICENSE", "entry_points.txt"}


def test_the_bundle_for_lambda_has_every_chart_and_no_word_of_one_that_is_slow(
    lambda_task: tuple[Path, list[str]], task: Path
) -> None:
    folder, told = lambda_task
    assert not [line for line in told if line.startswith("slow")]
    stored = {file.name: file.read_bytes() for file in (folder / CHARTS).iterdir()}
    assert len(stored) >= len(list((ROOT / "machines").glob("[!_]*.py")))
    assert stored == {file.name: file.read_bytes() for file in (task / CHARTS).iterdir()}, "whichever Python built it"


def test_the_bundle_for_lambda_is_small(lambda_task: tuple[Path, list[str]]) -> None:
    folder, (told, *_) = lambda_task
    size = measure(folder)
    assert told == str(size)
    assert size.packed < 8_000_000
    assert size.unpacked < 25_000_000


@pytest.mark.skipif(find_python("3.13") is None, reason="there is no Python 3.13 on this machine")
def test_every_module_for_lambda_comes_compiled_for_its_python(lambda_task: tuple[Path, list[str]]) -> None:
    folder, _ = lambda_task
    sources = {file for file in folder.rglob("*.py") if file.parent.name != "__pycache__"}
    missing = [file for file in sources if not (file.parent / "__pycache__" / f"{file.stem}.cpython-313.pyc").is_file()]
    assert sources
    assert not missing


def test_without_its_python_the_bundle_has_no_bytecode_and_says_so(tmp_path: Path) -> None:
    *_, told = make(tmp_path, replace(lambda_target(), compiler=None))
    assert not list(tmp_path.rglob("*.pyc"))
    assert told.startswith("no bytecode in it: there is no Python 3.13 on this machine")
