"""The packages that ship: exactly those of a locked list, without what the Lambda runtime brings."""

import re
import shutil
import sys
from pathlib import Path

from infra.bundling_error import BundlingError
from infra.commands import run
from infra.target import PYTHON_VERSION, Target

REQUIREMENTS = Path("functions/requirements.txt")
LOCK = Path("functions/requirements.lock")
"""Written by `make lock`: every package that those above need, each with the hashes of its files."""

# What boto3 is and needs, which the runtime has in the versions that belong together. The bundle comes first on the
# import path, so a second copy would also be the one that boto3 gets.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html#python-sdk-included
RUNTIME_BRINGS = frozenset({"boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"})

# Notes of installers to themselves. METADATA and licences stay: scanners look there for what a function runs.
_NOTES = (
    "RECORD",
    "INSTALLER",
    "REQUESTED",
    "WHEEL",
    "direct_url.json",
    "top_level.txt",
    "uv_cache.json",
    "uv_build.json",
)
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)", re.MULTILINE)


def install_wheels(root: Path, output: Path, target: Target) -> None:
    """Unpack the wheels of the locked list; nothing is built, so nothing of this machine gets in.

    Raises:
        BundlingError: the list is not that of the requirements, or there is no wheel for the target, or another one.
    """
    check_lock(root)
    run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--requirement", str(root / LOCK), "--target", str(output), "--require-hashes"),
        # The list is complete but for what the runtime brings.
        "--no-deps",
        *("--implementation", "cp", "--python-version", target.python_version, "--platform", target.platform),
        "--only-binary=:all:",
        # pip would compile for the Python it runs on itself.
        "--no-compile",
    )
    # Scripts name this machine's interpreter, and nobody calls them in Lambda.
    shutil.rmtree(output / "bin", ignore_errors=True)
    for name in _NOTES:
        for note in output.glob(f"*.dist-info/{name}"):
            note.unlink()


def check_lock(root: Path) -> None:
    """Check that the locked list has what the requirements ask for, and nothing that the runtime brings.

    Raises:
        BundlingError: it has not; the message says how to write it anew.
    """
    wanted, locked = (_read_pins(root / path) for path in (REQUIREMENTS, LOCK))
    differing = sorted(name for name, version in wanted.items() if locked.get(name) != version)
    if differing:
        raise BundlingError(f"{LOCK} is older than {REQUIREMENTS} ({', '.join(differing)}): run `make lock`")
    twice = sorted(locked.keys() & RUNTIME_BRINGS)
    if twice:
        raise BundlingError(f"{LOCK} has {', '.join(twice)}, which the Lambda runtime brings: run `make lock`")


def lock_options() -> list[str]:
    """Return what the command that writes the locked list has to be told."""
    return [f"--python-version={PYTHON_VERSION}", *(f"--no-emit-package={name}" for name in sorted(RUNTIME_BRINGS))]


def _read_pins(path: Path) -> dict[str, str]:
    """Return the versions in a list, by name as PyPI normalizes it."""
    return {
        re.sub(r"[-_.]+", "-", found["name"]).lower(): found["version"]
        for found in _PIN.finditer(path.read_text(encoding="utf-8"))
    }


if __name__ == "__main__":
    sys.stdout.write(" ".join(lock_options()))
