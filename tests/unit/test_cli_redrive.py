"""`settle redrive`, on the database of a local system and on queues of AWS."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from settle.adapters.aws_resources import Resources, create_resources
from settle.adapters.embedded_senders import OPERATOR
from settle.adapters.shifted_clock import ShiftedClock
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_queue import SqliteDeadLetterQueue, SqliteQueue
from settle.adapters.sqs_queue import SqsDeadLetterQueue
from settle.cli import redrive as command
from settle.cli.main import main
from settle.runtime.envelope import EnvelopeEvent, EventsEnvelope, TimerEnvelope, dump_envelope
from tests.support.queues import REGION, SENDER, MotoClients, moto_clients

Printed = pytest.CaptureFixture[str]
REASON = "no machine 'lamp'"


def body(instance: str, number: int = 1) -> str:
    events = [EnvelopeEvent(id=f"e{number}", type="NOTE", data={"n": number})]
    return dump_envelope(EventsEnvelope(machine="lamp", instance=instance, events=events))


# ---- the local system


@dataclass
class Local:
    """The database of a local system that does not run."""

    path: Path

    def __post_init__(self) -> None:
        self.database = SqliteDatabase(self.path)
        self.clock = ShiftedClock(self.path.with_suffix(".clock"))
        self.events = SqliteQueue(self.database, self.clock, sender="consumer")
        self.letters = SqliteDeadLetterQueue(self.database, self.clock, sender="consumer")

    def bury(self, instance: str, number: int = 1, text: str = "") -> None:
        self.letters.bury(
            group=f"lamp/{instance}",
            deduplication_id=f"d{instance}{number}",
            body=text or body(instance, number),
            reason=REASON,
            sender="ingress",
        )

    def waiting(self) -> list[Any]:
        return self.events.receive(max_messages=10, visibility_timeout=0)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    made = Local(tmp_path / "settle.db")
    yield made
    made.database.close()


def test_letters_of_a_local_system_are_sent_by_an_operator(local: Local, capsys: Printed) -> None:
    local.clock.advance(1000)
    local.bury("1", 1)
    local.bury("1", 2)
    assert main(["redrive", "events", "--database", str(local.path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"lamp/1  sent  {REASON}",
        f"lamp/1  sent  {REASON}",
        "2 sent, 0 deleted, 0 stay",
    ]
    sent = local.waiting()
    assert [each.attributes["SenderId"] for each in sent] == [OPERATOR] * 2
    assert ["e1" in sent[0].body, "e2" in sent[1].body] == [True, True]
    assert int(sent[0].attributes["SentTimestamp"]) / 1000 == pytest.approx(local.clock.now(), abs=100)


def test_a_dry_run_prints_and_does_nothing(local: Local, capsys: Printed) -> None:
    local.bury("1")
    local.bury("2", text="garbage")
    assert main(["redrive", "events", "--database", str(local.path), "--dry-run"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"lamp/1  would be sent  {REASON}"
    assert lines[1].startswith("lamp/2  stays  not an envelope")
    assert lines[1].endswith(f"(here because: {REASON})")
    assert lines[2] == "1 would be sent, 0 would be deleted, 1 stay"
    assert local.waiting() == []


def test_options_say_which_letters_are_meant(local: Local, capsys: Printed) -> None:
    for instance in ("1", "2", "3"):
        local.bury(instance)
    options = ["--machine", "lamp", "--instance", "2", "--reason", "no machine", "--limit", "5", "--perhaps-applied"]
    assert main(["redrive", "events", "--database", str(local.path), *options]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 sent, 0 deleted, 0 stay"
    assert [each.attributes["MessageGroupId"] for each in local.waiting()] == ["lamp/2"]


def test_letters_may_be_discarded(local: Local, capsys: Printed) -> None:
    local.bury("1", text="garbage")
    assert main(["redrive", "events", "--database", str(local.path), "--discard"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "0 sent, 1 deleted, 0 stay"
    assert local.letters.queue.receive(max_messages=10, visibility_timeout=0) == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["events"], "say which queues"),
        (["timers", "--database", "x"], "say which queues"),
        (["events", "--from", "a", "--to", "b"], "say which queues"),
        (["events", "--from", "a", "--to", "b", "--ours", " , "], "say which queues"),
        (["events", "--from", "a", "--to", "b", "--ours", "c", "--database", "x"], "say which queues"),
        (["events", "--database", "/nowhere/settle.db"], "there is no database at /nowhere/settle.db"),
    ],
)
def test_a_command_that_cannot_be_run_says_why(capsys: Printed, arguments: list[str], error: str) -> None:
    assert main(["redrive", *arguments]) == 2
    assert error in capsys.readouterr().err


def test_what_is_no_database_is_said(tmp_path: Path, capsys: Printed) -> None:
    path = tmp_path / "settle.db"
    path.write_text("no database, but long enough to be looked at as one " * 40)
    assert main(["redrive", "events", "--database", str(path)]) == 2
    assert "not a database" in capsys.readouterr().err


# ---- AWS


def test_without_a_region_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, capsys: Printed) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    assert main(["redrive", "events", "--from", "https://a", "--to", "https://b", "--ours", "AROA1"]) == 2
    assert "region" in capsys.readouterr().err


@dataclass
class Aws:
    """The queues of a stack."""

    clients: MotoClients
    made: Resources

    def bury(self, instance: str, number: int = 1) -> None:
        SqsDeadLetterQueue(self.clients.sqs, queue_url=self.made.dead_letter_queue_url).bury(
            group=f"lamp/{instance}",
            deduplication_id=f"d{instance}{number}",
            body=body(instance, number),
            reason=REASON,
            sender=f"{SENDER}:session",
        )

    def messages(self, url: str) -> list[str]:
        answer = self.clients.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [message["Body"] for message in answer.get("Messages", ())]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(command, "LONG_POLL_SECONDS", 0)
    with moto_clients() as clients:
        made = create_resources(clients.dynamodb, clients.sqs, prefix="s", visibility_timeout=30)
        yield Aws(clients, made)


def test_letters_on_aws_are_sent_in_order_and_deleted(aws: Aws, capsys: Printed) -> None:
    aws.bury("1", 1)
    aws.bury("1", 2)
    queues = ["--from", aws.made.dead_letter_queue_url, "--to", aws.made.queue_url, "--ours", f"AROA0,{SENDER}"]
    assert main(["redrive", "events", *queues]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 sent, 0 deleted, 0 stay"
    first, second = aws.messages(aws.made.queue_url)
    assert ("e1" in first, "e2" in second) == (True, True)
    assert '"redriven":true' in first
    assert aws.messages(aws.made.dead_letter_queue_url) == []


def test_timers_on_aws_go_back_into_their_queue(aws: Aws, capsys: Printed) -> None:
    timer = dump_envelope(TimerEnvelope(machine="lamp", instance="1", incarnation="i", due=1.0))
    reasons: Any = {
        "ERROR_CODE": {"DataType": "String", "StringValue": "AccessDenied"},
        "ERROR_MESSAGE": {"DataType": "String", "StringValue": "no role"},
    }
    dead = aws.made.timers_dead_letter_queue_url
    aws.clients.sqs.send_message(QueueUrl=dead, MessageBody=timer, MessageAttributes=reasons)
    aws.clients.sqs.send_message(QueueUrl=dead, MessageBody="garbage")
    queues = ["--from", dead, "--to", aws.made.timers_queue_url, "--ours", SENDER]
    assert main(["redrive", "timers", *queues]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "lamp/1  sent  AccessDenied: no role" in lines
    assert lines[-1] == "1 sent, 0 deleted, 1 stay"
    assert aws.messages(aws.made.timers_queue_url) == [timer]
    assert aws.messages(dead) == ["garbage"]


def test_a_run_that_is_throttled_says_that_it_can_be_run_again(
    aws: Aws, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.bury("1")

    def throttle(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "RequestThrottled"}}, "SendMessage")

    client = aws.clients.sqs
    monkeypatch.setattr(command, "_client", lambda: client)
    with monkeypatch.context() as throttled:
        throttled.setattr(client, "send_message", throttle)
        queues = ["--from", aws.made.dead_letter_queue_url, "--to", aws.made.queue_url, "--ours", SENDER]
        assert main(["redrive", "events", *queues]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("stopped: ")
    assert lines[1] == "0 sent, 0 deleted, 0 stay"
    assert main(["redrive", "events", *queues]) == 0
    assert len(aws.messages(aws.made.queue_url)) == 1
