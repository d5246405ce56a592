"""Guarded moto as a process."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import boto3
import pytest

from settle.adapters.aws_resources import create_resources
from settle.adapters.eventbridge_scheduler import EventBridgeScheduler
from settle.adapters.shifted_clock import ShiftedClock
from settle.adapters.sqs_queue import SqsEventQueue, SqsPolledQueue
from settle.adapters.sqs_standard_queue import SqsStandardQueue
from settle.local import moto_server
from settle.local.moto_server import MotoServer

pytestmark = pytest.mark.functional

ROOT = Path(__file__).parents[2]
ROLE_ARN = "arn:aws:iam::000000000000:role/scheduler"
QUEUE_ARN = "arn:aws:sqs:eu-central-1:000000000000:timers"
PARENT = """
import os, subprocess, sys
subprocess.run([sys.executable, "-m", "settle.local.moto_server", "--parent", str(os.getpid())])
"""


@contextmanager
def started(*command: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        yield process
        process.kill()


def endpoint(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.endswith("state is in memory and is lost when this stops\n")
    return line.split()[2].rstrip(",")


def clients(url: str, name: str) -> tuple[Any, Any]:
    session = boto3.session.Session(
        region_name="eu-central-1",
        aws_access_key_id=name,
        aws_secret_access_key="none",  # noqa: S106 - moto asks for none
    )
    return session.client("dynamodb", endpoint_url=url), session.client("sqs", endpoint_url=url)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_both_services_on_loopback_and_ends_when_told(number: signal.Signals) -> None:
    with started("-m", "settle.local.moto_server", "--port", "0") as process:
        url = endpoint(process)
        assert url.startswith("http://127.0.0.1:")
        dynamodb, sqs = clients(url, "supervisor")
        made = create_resources(dynamodb, sqs, prefix="test", visibility_timeout=30)
        assert made.queue_url.startswith(url)
        queue = SqsEventQueue(clients(url, "ingress")[1], queue_url=made.queue_url, arn=made.queue_arn)
        sent = queue.send(group="g", deduplication_id="id", body="p0")
        polled = SqsPolledQueue(sqs, queue_url=made.queue_url, arn=made.queue_arn)
        (message,) = polled.receive(max_messages=10, visibility_timeout=30)
        assert (message.message_id, message.attributes["SenderId"]) == (sent.message_id, "ingress")
        polled.delete([message.receipt_handle])
        item = {"pk": {"S": "a"}, "sk": {"S": "b"}}
        dynamodb.put_item(TableName=made.table_name, Item=item)
        assert dynamodb.get_item(TableName=made.table_name, Key=item)["Item"] == item
        process.send_signal(number)
        assert process.wait(10) == 0


def test_its_sqs_goes_by_a_clock_that_can_be_advanced(tmp_path: Path) -> None:
    clock = ShiftedClock(tmp_path / "clock")
    with started("-m", "settle.local.moto_server", "--clock", str(tmp_path / "clock")) as process:
        dynamodb, sqs = clients(endpoint(process), "supervisor")
        made = create_resources(dynamodb, sqs, prefix="test", visibility_timeout=30)
        SqsStandardQueue(sqs, queue_url=made.timers_queue_url, arn=made.timers_queue_arn).send(body="late", delay=900)
        timers = SqsPolledQueue(sqs, queue_url=made.timers_queue_url, arn=made.timers_queue_arn, long_poll_seconds=0)
        assert timers.receive(max_messages=10, visibility_timeout=30) == []
        clock.advance(901)
        (message,) = timers.receive(max_messages=10, visibility_timeout=30)
        assert message.body == "late"


def test_it_keeps_schedules() -> None:
    with started("-m", "settle.local.moto_server") as process:
        session = boto3.session.Session(
            region_name="eu-central-1",
            aws_access_key_id="consumer",
            aws_secret_access_key="none",  # noqa: S106 - moto asks for none
        )
        client = session.client("scheduler", endpoint_url=endpoint(process))
        client.create_schedule_group(Name="group")
        scheduler = EventBridgeScheduler(client, group="group", role_arn=ROLE_ARN, target_arn=QUEUE_ARN)
        for name in ("kept", "cancelled", "kept"):
            scheduler.schedule(name=name, at=2_000_000_000.5, body="body")
        scheduler.cancel("cancelled")
        scheduler.cancel("cancelled")
        (schedule,) = client.list_schedules(GroupName="group")["Schedules"]
        kept = client.get_schedule(GroupName="group", Name=schedule["Name"])
        assert (kept["ScheduleExpression"], kept["Target"]["Input"]) == ("at(2033-05-18T03:33:21)", "body")


def test_it_answers_what_it_does_not_serve_with_404() -> None:
    with started("-m", "settle.local.moto_server") as process:
        request = Request(endpoint(process), data=b"{}", headers={"X-Amz-Target": "AWSEvents.PutEvents"})  # noqa: S310
        with pytest.raises(HTTPError, match="404") as refused:
            urlopen(request, timeout=10)  # noqa: S310 - loopback
        refused.value.close()


def test_a_fault_of_moto_is_a_server_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_request: object, _url: str, _headers: object) -> None:
        raise KeyError("inside moto")

    monkeypatch.setattr(moto_server, "SERVICES", {"DynamoDB_20120810": SimpleNamespace(dispatch=broken)})
    with MotoServer(0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        request = Request(
            f"http://127.0.0.1:{server.server_port}", data=b"{}", headers={"X-Amz-Target": "DynamoDB_20120810.GetItem"}
        )
        with pytest.raises(HTTPError, match="500") as refused:
            urlopen(request, timeout=10)  # noqa: S310 - loopback
        refused.value.close()
        server.shutdown()
    assert "inside moto" in capsys.readouterr().err


def test_it_ends_with_its_parent() -> None:
    with started("-c", PARENT) as parent:
        url = endpoint(parent)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert parent.stdout is not None
        # The server holds the other end of the pipe as long as it lives.
        assert parent.stdout.read() == ""
    with pytest.raises(URLError, match="refused"):
        urlopen(url, timeout=10)  # noqa: S310 - loopback
