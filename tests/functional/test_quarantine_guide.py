"""The page about quarantine does what it says: its console is typed, its AWS commands are run against moto."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from settle.adapters.aws_resources import Resources, create_resources
from settle.adapters.shifted_clock import ShiftedClock
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_queue import SqliteDeadLetterQueue
from settle.adapters.sqs_queue import SqsDeadLetterQueue
from settle.cli import redrive as redrive_command
from settle.cli.main import main
from settle.core.errors import Disposition, SettleError
from settle.runtime.envelope import EnvelopeEvent, EventsEnvelope, TimerEnvelope, dump_envelope
from tests.support.queues import REGION, SENDER, MotoClients, moto_clients
from tests.support.running import Running, start_system
from tests.support.transcripts import PORT, matches, transcript

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "quarantine.md").read_text()
MENDED = 'RATES = {"EUR": 1.0, "CHF": 0.95}'
END = "--8<--"

pytestmark = pytest.mark.functional


def body(currency: str = "EUR") -> str:
    event = EnvelopeEvent(id="letter", type="PAY", data={"amount": 9, "currency": currency})
    return dump_envelope(EventsEnvelope(machine="till", instance="t9", events=[event]))


# ---- the console


def parts() -> list[str]:
    """Return the page in three parts: with the mistake, mended, and with a dead letter."""
    first, _, rest = GUIDE.partition(f"`{MENDED}`")
    second, _, third = rest.partition("<!-- a message was buried before this -->")
    assert all((first, second, third))
    return [first, second, third]


def check_console(system: Running, text: str) -> None:
    """Type the commands of a part in one shell, and compare what they print."""
    expected = transcript(text)
    script = f'settle() {{ {shlex.quote(sys.executable)} -m settle "$@"; }}\n'
    for command, _ in transcript(GUIDE):
        if command.startswith("pay() "):
            script += f"{typed(command, system)}\n"
    for command, _ in expected:
        script += f"{typed(command, system)}\nprintf '\\n{END}\\n'\n"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=system.data.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SETTLE_URL": system.url},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    for (command, wanted), printed in zip(expected, done.stdout.split(f"\n{END}\n"), strict=False):
        assert matches(wanted, printed), f"$ {command}\npage: {wanted}\nprinted: {printed}\n{done.stderr}"


def typed(command: str, system: Running) -> str:
    return command.replace(PORT, f"127.0.0.1:{system.port}")


@pytest.mark.skipif(shutil.which("curl") is None, reason="the console types curl")
def test_the_console_prints_what_it_says(tmp_path: Path) -> None:
    machines, data = tmp_path / "machines", tmp_path / ".settle"
    machines.mkdir()
    (source,) = re.findall(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    (machines / "till.py").write_text(source)
    broken, mended, letters = parts()
    with start_system(data, machines=machines) as system:
        check_console(system, broken)
    assert 'RATES = {"EUR": 1.0}\n' in source
    (machines / "till.py").write_text(source.replace('RATES = {"EUR": 1.0}\n', f"{MENDED}\n"))
    bury_in(data)
    with start_system(data, machines=machines) as system:
        check_console(system, mended)
        check_console(system, letters)


def bury_in(data: Path) -> None:
    database = SqliteDatabase(data / "settle.db")
    letters = SqliteDeadLetterQueue(database, ShiftedClock(data / "settle.clock"), sender="consumer")
    letters.bury(group="till/t9", deduplication_id="id", body=body(), reason="no machine 'till'", sender="ingress")
    database.close()


# ---- AWS


class Stack:
    """The queues of a stack, and what the page's shell functions say about them."""

    def __init__(self, clients: MotoClients) -> None:
        self.clients = clients
        self.made: Resources = create_resources(clients.dynamodb, clients.sqs, prefix="s", visibility_timeout=30)
        self.said = {
            "$(output DeadLetterQueueUrl)": self.made.dead_letter_queue_url,
            "$(output QueueUrl)": self.made.queue_url,
            "$(output TimersDeadLetterQueueUrl)": self.made.timers_dead_letter_queue_url,
            "$(output TimersQueueUrl)": self.made.timers_queue_url,
            "$(consumer SETTLE_TRUSTED_SENDERS)": SENDER,
            "$(consumer SETTLE_TIMER_SENDERS)": SENDER,
        }

    def run(self, command: str) -> int:
        words = shlex.split(command)
        assert words[0] == "settle"
        return main([self.said.get(word, word) for word in words[1:]])

    def count(self, url: str) -> int:
        answer = self.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(redrive_command, "LONG_POLL_SECONDS", 0)
    with moto_clients() as clients:
        yield Stack(clients)


def aws_commands() -> list[str]:
    block = re.findall(r"<!-- aws -->\n```sh\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)[0]
    return [line for line in block.replace("\\\n", " ").splitlines() if line.startswith("settle ")]


def test_the_commands_for_aws_do_what_the_page_says(stack: Stack) -> None:
    looking, sending, discarding, timers = aws_commands()
    letters = SqsDeadLetterQueue(stack.clients.sqs, queue_url=stack.made.dead_letter_queue_url)
    letters.bury(group="till/t9", deduplication_id="a", body=body(), reason="no machine 'till'", sender=SENDER)
    letters.bury(group="till/x", deduplication_id="b", body="{", reason="not an envelope: x", sender=SENDER)
    timer = dump_envelope(TimerEnvelope(machine="till", instance="t9", incarnation="i", due=1.0))
    stack.clients.sqs.send_message(QueueUrl=stack.made.timers_dead_letter_queue_url, MessageBody=timer)
    assert stack.run(looking) == 1
    assert (stack.count(stack.made.dead_letter_queue_url), stack.count(stack.made.queue_url)) == (2, 0)
    assert stack.run(sending) == 0
    assert (stack.count(stack.made.dead_letter_queue_url), stack.count(stack.made.queue_url)) == (1, 1)
    assert stack.run(discarding) == 0
    assert stack.count(stack.made.dead_letter_queue_url) == 0
    assert stack.run(timers) == 0
    dead, alive = stack.made.timers_dead_letter_queue_url, stack.made.timers_queue_url
    assert (stack.count(dead), stack.count(alive)) == (0, 1)


# ---- the words


def test_every_code_of_the_table_is_one_that_blocks() -> None:
    table = GUIDE.partition("| `code` |")[2].partition("\n\n")[0]
    first = [row.split("|")[1] for row in table.splitlines() if row.count("|") > 1]
    named = {code for cell in first for code in re.findall(r"`([a-z_]+)`", cell)}
    assert len(named) > 5
    assert named <= {kind.code for kind in every_error() if kind.disposition is Disposition.QUARANTINE}


def every_error() -> Iterator[type[SettleError]]:
    waiting: list[type[SettleError]] = [SettleError]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting += kind.__subclasses__()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(((?!https?:)[^)#]+)", GUIDE))))
def test_links_lead_somewhere(target: str) -> None:
    assert (ROOT / "docs" / target).exists()
