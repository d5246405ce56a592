"""A real deployment to this machine: the CDK command line, the stack as AWS would get it, and an emulator for AWS.

    make deploy-local

It bootstraps, deploys, calls the API, sees each part of the stack at work, deploys a new version of a machine in place,
goes back to an older release with messages in flight and forward again, restores the table, and destroys the stack;
prod is deployed too, and taken down. What docs/deploy.md has an operator type is typed as it stands there.

All this is in a folder that is removed, and on loopback alone; nothing here reads an account, or could reach one. The
exit status says whether all is well.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.e2e.deploy_local import first_deploy
from tests.e2e.deploy_local.assembly import add_this_platform
from tests.e2e.deploy_local.cdk_cli import CdkCli, CommandFailedError
from tests.e2e.deploy_local.credentials import use_emulator
from tests.e2e.deploy_local.deployment import Deployment
from tests.e2e.deploy_local.emulator import Emulator, EmulatorError
from tests.e2e.deploy_local.guide import BlockFailedError, OperatorShell, find_missing_tools, read_block
from tests.e2e.deploy_local.parcels import Parcels
from tests.e2e.deploy_local.pollers import Pollers
from tests.e2e.deploy_local.releases import NEW_VERSION, NEWER_SCHEMAS, Release, copy_release
from tests.e2e.deploy_local.restore import restore
from tests.e2e.deploy_local.rollback import roll_back
from tests.e2e.deploy_local.story import CheckFailedError, Story
from tests.e2e.deploy_local.teardown import tear_down, tear_down_protected
from tests.e2e.local_system import ROOT

LIMIT_SECONDS: Final = 10 * 60
"""Of all of it; it takes less than two minutes."""
PYTHON: Final = ROOT / ".venv" / "ministack" / "bin" / "python"
RELEASES: Final = (
    Release(name="first"),
    Release(name="second", changes=NEW_VERSION),
    Release(name="third", changes=NEWER_SCHEMAS),
    Release(name="prod", stage="prod"),
)
FAILURES: Final = (CheckFailedError, BlockFailedError, CommandFailedError, EmulatorError)
"""What the run finds out; anything else is a fault of its own, and has a traceback."""
CDK: Final = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to run it with.

    Attributes:
        python: of ministack's environment.
        cdk: script of the CDK command line.
        keep: folder for logs and assemblies; None for one that is removed afterwards.
    """

    python: Path = PYTHON
    cdk: Path = CDK
    keep: Path | None = None


def run(options: Options, folder: Path, story: Story) -> None:
    """Run it once, in an empty folder."""
    with Emulator(options.python, folder) as emulator:
        story.say(f"ministack serves on {emulator.url}, with policies enforced")
        use_emulator(emulator.url)
        cdk = CdkCli(options.cdk, emulator.url, folder)
        try:
            _walk(story, cdk, folder, options.python.parent)
        except BaseException:
            _tell_logs(story)
            raise


def _walk(story: Story, cdk: CdkCli, folder: Path, tools: Path) -> None:
    with ExitStack() as ended:
        # While the first release is at work, the others are built.
        builder = ThreadPoolExecutor(1)
        ended.callback(builder.shutdown, cancel_futures=True)
        first, second, third, prod = (builder.submit(_synthesize, cdk, folder, release) for release in RELEASES)
        with story.step("cdk bootstrap"):
            cdk.bootstrap()
        with story.step("cdk synth, bundling included"):
            first.result()
        with story.step("cdk deploy"):
            deployment = Deployment(outputs=cdk.deploy(first.result()))
        shell = ended.enter_context(OperatorShell(tools))
        with Pollers() as pollers:
            parcels = _use(story, deployment, shell)
            with story.step("upgrade in place"):
                first_deploy.upgrade(story, cdk, first.result(), second.result(), parcels)
            roll_back(
                story,
                cdk,
                older=second.result(),
                newer=third.result(),
                deployment=deployment,
                parcels=parcels,
                pollers=pollers,
            )
            with story.step("the restore of docs/deploy.md"):
                restore(story, shell, parcels, pollers)
            with story.step("dead letters"):
                first_deploy.check_dead_letters(story, deployment, shell)
        with story.step("cdk destroy"):
            tear_down(story, cdk, third.result())
        with story.step("prod: deployed, and taken down as docs/deploy.md tells"):
            tear_down_protected(story, cdk, prod.result(), shell)


def _use(story: Story, deployment: Deployment, shell: OperatorShell) -> Parcels:
    with story.step("who may call"):
        parcels = Parcels(first_deploy.check_callers(story, deployment), story)
    with story.step("the smoke test of docs/deploy.md"):
        shell.type(read_block("smoke test"))
    with story.step("every part of the stack at work"):
        first_deploy.check_everything_once(story, deployment, parcels)
    return parcels


def _synthesize(cdk: CdkCli, folder: Path, release: Release) -> Path:
    assembly = folder / release.name / "cdk.out"
    cdk.synth(copy_release(folder / release.name / "tree", release.changes), assembly, release.stage)
    add_this_platform(assembly)
    return assembly


def _tell_logs(story: Story) -> None:
    story.say("what the functions logged last:")
    for line in Deployment(outputs={}).log_lines():
        story.say(f"    {line}")


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the flags."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.deploy_local", description=__doc__)
    parser.add_argument("--python", type=Path, default=PYTHON, help="interpreter of ministack's environment")
    parser.add_argument("--cdk", type=Path, default=CDK, help="script of the CDK command line")
    parser.add_argument("--keep", type=Path, help="folder for logs and assemblies, which are left there")
    given = parser.parse_args(arguments)
    if missing := find_missing_tools():
        parser.error(f"this machine has no {' and no '.join(missing)}, which the operator's guide needs")
    return Options(python=given.python, cdk=given.cdk, keep=given.keep)


def main() -> int:
    """Run, and say by the exit status whether all is well."""
    options, story = parse(), Story()
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGALRM, _end)
    signal.alarm(LIMIT_SECONDS)
    with tempfile.TemporaryDirectory(prefix="settle-deploy-") as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            run(options, folder.resolve(), story)
        except FAILURES as error:
            story.say(f"it failed: {error}")
            return 1
    story.say(f"all is well: {story.checks} checks")
    return 0


def _end(number: int, _: object) -> None:
    """End as an error does, so that everything that was started is ended too."""
    raise SystemExit(f"ended by {signal.Signals(number).name}")


if __name__ == "__main__":
    sys.exit(main())
