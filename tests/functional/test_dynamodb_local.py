"""DynamoDB Local as a process: for this machine alone, and never longer than whoever started it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.dynamodb_local import DynamoDBLocal, RefereeError
from tests.support.dynamodb_local_package import JAR

pytestmark = pytest.mark.functional

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 30
PARENT = """
import sys, time
from pathlib import Path
from tests.support.dynamodb_local import DynamoDBLocal
with DynamoDBLocal(Path(sys.argv[1])) as server:
    print(server.port, flush=True)
    time.sleep(600)
"""


def answers(port: int, source: str = "127.0.0.1") -> bool:
    """Whether a request from an address gets an answer."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5, (source, 0)) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.recv(8).startswith(b"HTTP/1")
    except ConnectionError:
        return False


@pytest.mark.referee
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has more than one address for itself")
def test_only_the_address_of_this_machine_is_answered(dynamodb_local: DynamoDBLocal) -> None:
    assert answers(dynamodb_local.port)
    assert not answers(dynamodb_local.port, source="127.0.0.2")
    assert answers(dynamodb_local.port)


@pytest.mark.referee
def test_tables_come_empty_and_go(dynamodb_local: DynamoDBLocal) -> None:
    for _ in range(2):
        with dynamodb_local.table() as client:
            (name,) = client.list_tables()["TableNames"]
            assert client.scan(TableName=name)["Count"] == 0
            client.put_item(TableName=name, Item={"pk": {"S": "a"}, "sk": {"S": "b"}})


@pytest.mark.referee
def test_it_ends_when_it_is_closed(tmp_path: Path) -> None:
    with DynamoDBLocal(tmp_path / "log") as server:
        assert answers(server.port)
    wait_until_gone(server.port)


@pytest.mark.referee
def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        assert answers(port)
        parent.send_signal(signal.SIGKILL)
    wait_until_gone(port)


@pytest.mark.referee
def test_one_that_does_not_start_says_why(tmp_path: Path) -> None:
    (tmp_path / JAR).write_text("no archive")
    with pytest.raises(RefereeError, match=r"(?s)needs Java 17 to 23 and does not start:.*DynamoDBLocal\.jar"):
        DynamoDBLocal(tmp_path / "log", tmp_path).__enter__()


# ---- with or without it


@pytest.mark.parametrize(("required", "status", "line"), [("", 0, "2 skipped"), ("required", 4, "there is no java")])
def test_its_absence_skips_or_is_an_error(tmp_path: Path, required: str, status: int, line: str) -> None:
    """A machine without Java: the same tests are skipped there, or refused when it is required."""
    (tmp_path / "sh").symlink_to(shutil.which("sh") or "/bin/sh")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", "tables or closed"]
    environment = {**os.environ, "PATH": str(tmp_path), "REFEREE": required}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (run.returncode, line in run.stdout + run.stderr) == (status, True), run.stdout + run.stderr


def wait_until_gone(port: int) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while answers(port):
        assert time.monotonic() < deadline
        time.sleep(0.02)
