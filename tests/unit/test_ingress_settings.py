"""Settings, the composition root, and the handler on top of them."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions import wiring
from functions.consumer.settings import ConsumerSettings
from functions.ingress import handler as ingress
from functions.ingress.settings import IngressSettings
from functions.logs import LOGGER
from functions.settings import SettingsError
from settle.adapters.dynamodb_store import DynamoDBInstanceStore
from settle.adapters.sqlite_queue import SqliteDeadLetterQueue, SqliteQueue
from settle.adapters.sqlite_store import SqliteInstanceStore
from settle.adapters.sqs_queue import SqsDeadLetterQueue, SqsEventQueue
from settle.local.http_event import HttpRequest, to_event
from settle.local.lambda_context import LambdaContext
from settle.runtime.poll import Pauses

AWS = {
    "SETTLE_BACKEND": "aws",
    "SETTLE_TABLE_NAME": "table",
    "SETTLE_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/1/events.fifo",
    "SETTLE_QUEUE_ARN": "arn:aws:sqs:eu-central-1:1:events.fifo",
}
TIMERS_ARN = "arn:aws:sqs:eu-central-1:1:timers"
CONSUMER = {
    "SETTLE_TRUSTED_SENDERS": "AROA1, AROA2",
    "SETTLE_FUNCTION_TIMEOUT_SECONDS": "30",
    "SETTLE_TIMERS_QUEUE_ARN": TIMERS_ARN,
    "SETTLE_TIMER_SENDERS": "AROA2,AROA3",
}
CONSUMER_ON_AWS = {
    **CONSUMER,
    "SETTLE_TIMERS_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/1/timers",
    "SETTLE_TIMERS_DEAD_LETTER_QUEUE_ARN": "arn:aws:sqs:eu-central-1:1:timers-dead-letters",
    "SETTLE_TASKS_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/1/tasks",
    "SETTLE_TASKS_QUEUE_ARN": "arn:aws:sqs:eu-central-1:1:tasks",
    "SETTLE_SCHEDULE_GROUP": "settle",
    "SETTLE_SCHEDULER_ROLE_ARN": "arn:aws:iam::1:role/scheduler",
}
EMBEDDED = {"SETTLE_BACKEND": "embedded", "SETTLE_DATABASE": "x.sqlite", "SETTLE_SENDER": "ingress"}
DEAD_LETTERS = "https://sqs.eu-central-1.amazonaws.com/1/dead.fifo"


def test_each_backend_needs_its_own_variables() -> None:
    on_aws = IngressSettings.from_env(AWS)
    assert (on_aws.backend, on_aws.table_name, on_aws.queue_arn) == ("aws", "table", AWS["SETTLE_QUEUE_ARN"])
    embedded = IngressSettings.from_env({**EMBEDDED, "PATH": "/bin"})
    assert (embedded.backend, embedded.database, embedded.sender) == ("embedded", "x.sqlite", "ingress")


def test_the_consumer_needs_more() -> None:
    settings = ConsumerSettings.from_env({**AWS, **CONSUMER_ON_AWS, "SETTLE_DEAD_LETTER_QUEUE_URL": DEAD_LETTERS})
    assert settings.trusted_senders == {"AROA1", "AROA2"}
    assert (settings.function_timeout_seconds, settings.dead_letter_queue_url) == (30, DEAD_LETTERS)
    assert ConsumerSettings.from_env({**EMBEDDED, **CONSUMER}).dead_letter_queue_url == ""


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({}, ["SETTLE_BACKEND"]),
        ({**AWS, "SETTLE_BACKEND": "azure"}, ["SETTLE_BACKEND"]),
        ({**AWS, "SETTLE_TABLE_NAME": " "}, ["SETTLE_TABLE_NAME"]),
        ({"SETTLE_BACKEND": "aws"}, ["SETTLE_TABLE_NAME", "SETTLE_QUEUE_URL", "SETTLE_QUEUE_ARN"]),
        ({"SETTLE_BACKEND": "embedded"}, ["SETTLE_DATABASE", "SETTLE_SENDER"]),
    ],
)
def test_what_is_missing_is_named(environ: dict[str, str], names: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        IngressSettings.from_env(environ)
    assert all(name in str(caught.value) for name in names)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "SETTLE_DEAD_LETTER_QUEUE_URL"),
        ({"SETTLE_TRUSTED_SENDERS": ""}, "SETTLE_TRUSTED_SENDERS"),
        ({"SETTLE_TRUSTED_SENDERS": " , "}, "SETTLE_TRUSTED_SENDERS"),
        ({"SETTLE_FUNCTION_TIMEOUT_SECONDS": "0"}, "SETTLE_FUNCTION_TIMEOUT_SECONDS"),
    ],
)
def test_what_the_consumer_misses_is_named(changes: dict[str, str], name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        ConsumerSettings.from_env({**AWS, **CONSUMER_ON_AWS, **changes})


def test_the_embedded_backend_is_one_file(tmp_path: Path) -> None:
    path = str(tmp_path / "settle.sqlite")
    settings = ConsumerSettings.from_env({**EMBEDDED, **CONSUMER, "SETTLE_DATABASE": path})
    assert isinstance(wiring.make_store(settings), SqliteInstanceStore)
    assert isinstance(wiring.make_queue(settings), SqliteQueue)
    assert isinstance(wiring.make_dead_letter_queue(settings), SqliteDeadLetterQueue)
    assert wiring._database(path) is wiring._database(path)


def test_the_aws_backend_is_a_table_and_two_queues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    settings = ConsumerSettings.from_env({**AWS, **CONSUMER_ON_AWS, "SETTLE_DEAD_LETTER_QUEUE_URL": DEAD_LETTERS})
    assert isinstance(wiring.make_store(settings), DynamoDBInstanceStore)
    queue = wiring.make_queue(settings)
    assert isinstance(queue, SqsEventQueue)
    assert queue.arn == AWS["SETTLE_QUEUE_ARN"]
    assert isinstance(wiring.make_dead_letter_queue(settings), SqsDeadLetterQueue)


def test_who_waits_looks_more_often_where_a_look_costs_nothing() -> None:
    assert wiring.find_pauses(IngressSettings.from_env(AWS)) == Pauses(first=0.05, longest=1.0)
    assert wiring.find_pauses(IngressSettings.from_env(EMBEDDED)) == Pauses(first=0.002, longest=0.05)


def test_ids_are_new_and_the_clock_runs() -> None:
    assert len({wiring.new_id() for _ in range(100)}) == 100
    clock = wiring.SystemClock()
    before = clock.now()
    clock.sleep(0)
    assert clock.now() >= before


@pytest.fixture
def _cold_start() -> Iterator[None]:
    """Leave neither the handler nor the logger that it sets up behind."""
    logger = logging.getLogger(LOGGER)
    handlers, level = list(logger.handlers), logger.level
    ingress._api.cache_clear()
    yield
    ingress._api.cache_clear()
    logger.handlers[:] = handlers
    for mark in ("init", "powertools_handler"):  # by which Powertools knows a logger that it has set up
        vars(logger).pop(mark, None)
    logger.setLevel(level)


@pytest.mark.usefixtures("_cold_start")
def test_the_handler_wires_itself_on_the_first_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machines = tmp_path / "tiny_machines"
    machines.mkdir()
    machines.joinpath("lamp.py").write_text(
        "from settle import Statechart\n"
        "MACHINE = Statechart(id='lamp', states=['off', 'on'], initial='off',"
        " transitions=[['SWITCH', 'off', 'on'], ['SWITCH', 'on', 'off']])\n"
    )
    environ = {**EMBEDDED, "SETTLE_DATABASE": str(tmp_path / "settle.sqlite"), "SETTLE_MACHINES": str(machines)}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    answer = call("POST", "/machines/lamp/instances/l/events", b'{"type": "SWITCH"}')
    assert (answer["statusCode"], json.loads(answer["body"])["outcome"]) == (202, "queued")
    assert call("GET", "/machines/lamp/instances/l")["statusCode"] == 404


def call(method: str, path: str, body: bytes = b"") -> dict[str, Any]:
    request = HttpRequest(
        method=method, path=path, query="", headers=(), body=body, protocol="HTTP/1.1", source_ip="127.0.0.1"
    )
    context: Any = LambdaContext(function_name="ingress", request_id="r", memory_mb=512, timeout=29)
    return ingress.handler(to_event(request, request_id="r", now=0.0), context)


@pytest.mark.parametrize(("backend", "absent"), [("embedded", "botocore.session"), ("aws", "sqlite3")])
def test_a_backend_does_not_import_the_other(tmp_path: Path, backend: str, absent: str) -> None:
    environ = {**AWS, **EMBEDDED, "SETTLE_BACKEND": backend, "SETTLE_DATABASE": str(tmp_path / "settle.sqlite")}
    program = (
        "import sys, functions.ingress.handler\n"
        "from functions import wiring\n"
        "from functions.ingress.settings import IngressSettings\n"
        f"settings = IngressSettings.from_env({environ!r})\n"
        "wiring.make_store(settings), wiring.make_queue(settings)\n"
        f"sys.exit({absent!r} in sys.modules)\n"
    )
    environment = {"PATH": "/usr/bin:/bin", "AWS_DEFAULT_REGION": "eu-central-1", "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run([sys.executable, "-c", program], env=environment, check=False, cwd=Path.cwd())
    assert done.returncode == 0
