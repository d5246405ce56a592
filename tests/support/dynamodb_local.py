"""DynamoDB Local as a process: the referee of what the store asks of DynamoDB.

What it does not do as DynamoDB does, of what the store relies on: it never answers that another transaction holds an
item, never throttles, and reads what was just written even where it need not
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DynamoDBLocal.UsageNotes.html). Version 1.25.1 keeps
expired items, too. Tests of these stub the answer, or look at what is stored.

What moto 5.2.5 does otherwise, seen in the same tests: it applies a transaction again that comes with the same token,
refuses items from 405,000 bytes on, and takes transactions of more than 4 MB and numbers that DynamoDB cannot hold.
"""

import contextlib
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from botocore.session import Session

from settle.adapters.aws_resources import TABLE
from settle.adapters.dynamodb_store import make_dynamodb_client
from tests.support.dynamodb import TABLE_NAME
from tests.support.dynamodb_local_package import FOLDER, JAR
from tests.support.running import free_port

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

REGION: Final = "eu-central-1"
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 10.0
POLICY: Final = Path(__file__).with_name("dynamodb_local.policy")
JAVA_OPTIONS: Final = (
    # Quick to start, and small: the tests are over before the second compiler would pay.
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Xmx256m",
    # The policy names an address of version 4.
    "-Djava.net.preferIPv4Stack=true",
    "-Djava.security.manager",
    f"-Djava.security.policy=={POLICY}",
)
# It ends when its standard input does, so it never outlives whoever started it; and the shell ends when it does.
_TIED: Final = '{ "$@"; kill $$; } & read -r _; kill 0'


class RefereeError(RuntimeError):
    """DynamoDB Local does not start."""


class DynamoDBLocal:
    """DynamoDB Local on a free port of loopback, in memory.

    Args:
        log: for what it says.
        folder: that holds it.
    """

    def __init__(self, log: Path, folder: Path = FOLDER) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log, self._folder = log, folder
        self._session = Session()
        self._session.set_credentials("testing", "testing")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        options = ("-inMemory", "-disableTelemetry", "-port", str(self.port))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", _TIED, "sh", "java", *JAVA_OPTIONS, "-jar", JAR, *options],
                cwd=self._folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"]},
                start_new_session=True,
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        self._process.wait(STOP_SECONDS)

    @contextmanager
    def client(self) -> "Iterator[DynamoDBClient]":
        """Yield a client of its own; at the end every table goes."""
        client = make_dynamodb_client(session=self._session, region=REGION, endpoint_url=self.url)
        try:
            yield client
        finally:
            for name in client.list_tables()["TableNames"]:
                client.delete_table(TableName=name)
            client.close()

    @contextmanager
    def table(self) -> "Iterator[DynamoDBClient]":
        """Yield a client of its own, with the empty table there until the end."""
        with self.client() as client:
            client.create_table(TableName=TABLE_NAME, **TABLE)
            yield client

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RefereeError(f"DynamoDB Local needs Java 17 to 23 and does not start:\n{self._log.read_text()}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with contextlib.closing(urllib.request.urlopen(self.url)):  # noqa: S310 - loopback
                return True
        except urllib.error.HTTPError:
            return True  # that the request has no signature
        except OSError:
            return False
