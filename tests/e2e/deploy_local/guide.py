"""The operator's guide, typed into a shell as it stands: the blocks of docs/deploy.md that say so.

The shell is the one that docs/operations.md sets up, with the real AWS command line, and credentials as an operator has
them: temporary, of a role that may do everything. So their signatures and their session token are checked too.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import boto3

from tests.e2e.deploy_local.deployment import STAGE
from tests.e2e.deploy_local.emulator import ACCOUNT, REGION
from tests.e2e.local_system import ROOT

GUIDE: Final = ROOT / "docs" / "deploy.md"
SHELL_GUIDE: Final = ROOT / "docs" / "operations.md"
NEEDED: Final = ("bash", "curl", "jq")
LIMIT_SECONDS: Final = 120
TOLD_LINES: Final = 40
OPERATOR: Final = "operator"
_DONE: Final = "-- the block is done --"
_TO_EMULATOR: Final = 'aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }'
"""Version 1 of the command line, the one on PyPI, has an address of its own for SQS that no variable changes."""
_SETUP: Final = re.compile(r"^## Your shell\n.*?^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


class BlockFailedError(AssertionError):
    """A block of the guide does not work, or is not there."""


def read_block(title: str) -> str:
    """Return a block of the guide.

    Raises:
        BlockFailedError: there is none of that title.
    """
    pattern = rf"^<!-- rehearsed: {re.escape(title)} -->\n```sh\n(.*?)^```"
    found = re.findall(pattern, GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    if len(found) != 1:
        raise BlockFailedError(f"{GUIDE.name} has {len(found)} blocks titled {title!r}")
    return str(found[0])


def titles() -> list[str]:
    """Return the titles of all blocks to be rehearsed, in order."""
    return re.findall(r"^<!-- rehearsed: (.*) -->$", GUIDE.read_text(), re.MULTILINE)


def find_missing_tools() -> list[str]:
    """Return what the blocks need and this machine has not."""
    return [name for name in NEEDED if shutil.which(name) is None]


class OperatorShell:
    """A bash in which an operator follows the guide; what one block defines is there for the next.

    Args:
        tools: folder of the `aws` command.
    """

    def __init__(self, tools: Path) -> None:
        environment = {
            **os.environ,
            **_assume_operator(),
            "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        }
        self._seen: deque[str] = deque(maxlen=TOLD_LINES)
        self._bash = subprocess.Popen(
            ["bash", "-eo", "pipefail"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        setup = _SETUP.search(SHELL_GUIDE.read_text())
        if setup is None:
            raise BlockFailedError(f"{SHELL_GUIDE.name} has no shell to set up")
        self.type(f"{setup[1]}\nSTAGE={STAGE}\n{_TO_EMULATOR}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kill()
        self._bash.communicate()

    def type(self, block: str) -> str:
        """Type a block, and return what was printed.

        Raises:
            BlockFailedError: it failed, or took too long.
        """
        # In braces, not in parentheses: definitions last. Without input of its own, a command would eat the next block.
        self._write(f"{{\n{block}\n}} < /dev/null\necho {_DONE}\n")
        watchdog = threading.Timer(LIMIT_SECONDS, self._kill)
        watchdog.start()
        try:
            printed = list(iter(self._read, f"{_DONE}\n"))
        except EOFError as end:
            raise BlockFailedError(f"{block}\nfailed:\n{end}") from None
        finally:
            watchdog.cancel()
        return "".join(printed)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGKILL)

    def _write(self, text: str) -> None:
        if self._bash.stdin is not None:
            self._bash.stdin.write(text)
            self._bash.stdin.flush()

    def _read(self) -> str:
        line = self._bash.stdout.readline() if self._bash.stdout is not None else ""
        if not line:
            raise EOFError("".join(self._seen))
        self._seen.append(line)
        return line


def _assume_operator() -> dict[str, str]:
    """Make the role, and return its temporary credentials as variables."""
    iam, sts = boto3.client("iam"), boto3.client("sts")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam.create_role(RoleName=OPERATOR, AssumeRolePolicyDocument=_policy(trust))
    iam.put_role_policy(RoleName=OPERATOR, PolicyName="everything", PolicyDocument=_policy(everything))
    role = f"arn:aws:iam::{ACCOUNT}:role/{OPERATOR}"
    given = sts.assume_role(RoleArn=role, RoleSessionName="rehearsal")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
        "AWS_REGION": REGION,
    }


def _policy(statement: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
