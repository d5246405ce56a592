"""Releases to deploy: copies of this repository's app, as it is or changed as a later release could be."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.e2e.deploy_local.deployment import STAGE
from tests.e2e.local_system import ROOT

DEPLOYED: Final = ("app.py", "cdk.json", "functions", "infra", "machines", "settle")
"""What the app is made of, and nothing else of the repository."""
PARCEL: Final = Path(__file__).parent / "machines" / "parcel.py"
_IGNORED: Final = shutil.ignore_patterns("__pycache__", ".*")


class ChangeMissesError(LookupError):
    """What a change should replace is not in the file, or not only once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One replacement in one file.

    Attributes:
        file: relative to the root.
        found: a regular expression that matches once, in one line.
        by: what takes its place.
    """

    file: str
    found: str
    by: str

    def apply(self, tree: Path) -> None:
        """Change the file in a copy of the repository.

        Raises:
            ChangeMissesError: it does not match exactly once.
        """
        path = tree / self.file
        text, count = re.subn(self.found, self.by, path.read_text(), flags=re.MULTILINE)
        if count != 1:
            raise ChangeMissesError(f"{self.found!r} matches {count} times in {self.file}")
        path.write_text(text)


NEW_VERSION: Final = (Change(file="machines/parcel.py", found=r"^MACHINE = VERSION_1$", by="MACHINE = VERSION_2"),)
"""Version 2 of the machine, beside version 1."""
NEWER_SCHEMAS: Final = (
    *NEW_VERSION,
    Change(
        file="settle/runtime/envelope.py", found=r"^ENVELOPE_SCHEMA: Final = \d+$", by="ENVELOPE_SCHEMA: Final = 99"
    ),
    Change(
        file="settle/runtime/envelope.py",
        found=r"schema_version: int = Field\(default=FIRST_SCHEMA",
        by="schema_version: int = Field(default=ENVELOPE_SCHEMA",
    ),
    Change(
        file="settle/runtime/envelope.py",
        found=r"^SECOND_SCHEMA: Final = \d+$",
        by="SECOND_SCHEMA: Final = ENVELOPE_SCHEMA",
    ),
    Change(file="settle/core/snapshot.py", found=r"^SNAPSHOT_SCHEMA: Final = \d+$", by="SNAPSHOT_SCHEMA: Final = 99"),
    Change(file="settle/core/snapshot_codec.py", found=r'"s": 1,', by='"s": SNAPSHOT_SCHEMA,'),
)
"""A release all of whose messages and snapshots have something that the present one does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What is synthesized once.

    Attributes:
        name: of its folder.
        changes: to the repository.
        stage: that is deployed.
    """

    name: str
    changes: Sequence[Change] = ()
    stage: str = STAGE


def copy_release(tree: Path, changes: Sequence[Change] = ()) -> Path:
    """Fill a folder that does not exist with a release that also has the parcel machine, and return it.

    Raises:
        ChangeMissesError: the repository is not what a change was written for.
    """
    tree.mkdir(parents=True)
    for name in DEPLOYED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=_IGNORED)
        else:
            shutil.copyfile(source, tree / name)
    shutil.copyfile(PARCEL, tree / "machines" / PARCEL.name)
    for change in changes:
        change.apply(tree)
    return tree
