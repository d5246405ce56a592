"""What the package index itself says about pinned packages: withdrawn releases, quarantined projects, other files.

The JSON form of the simple API (PEP 691), with `yanked` (PEP 592) and the status of a project (PEP 792).
"""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

CONTENT_TYPE: Final = "application/vnd.pypi.simple.v1+json"
TIMEOUT_SECONDS: Final = 15.0
LARGEST_ANSWER: Final = 50_000_000
"""Bytes of the answer about one project; the largest of ours has a tenth of that."""
REFUSED: Final = {"quarantined": "nobody can install it until the index has looked into it"}
TOLD: Final = {"archived": "nothing more will be released", "deprecated": "its authors say not to use it"}
_LINE: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\#]+)")
_HASH: Final = re.compile(r"--hash=sha256:(?P<hash>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A pinned requirement.

    Attributes:
        name: as the index normalizes it.
        version: the only one that is installed.
        hashes: SHA-256 of the files that may be; none where the list has none.
        place: the list that it stands in.
    """

    name: str
    version: str
    hashes: frozenset[str]
    place: str


class NoAnswerError(Exception):
    """The index cannot be reached, or speaks another language."""


def read_pins(path: Path) -> tuple[list[Pin], list[str]]:
    """Return the requirements of a list, and the lines that pin nothing."""
    pins, unpinned = [], []
    for line in _logical_lines(path.read_text(encoding="utf-8")):
        if line.startswith(("-r ", "--")):
            continue
        found = _LINE.match(line)
        if found is None:
            unpinned.append(line)
            continue
        hashes = frozenset(match["hash"] for match in _HASH.finditer(line))
        pins.append(Pin(name=normalize(found["name"]), version=found["version"], hashes=hashes, place=path.name))
    return pins, unpinned


def normalize(name: str) -> str:
    """Return the name of a project as the index has it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def ask_index(url: str, name: str) -> Mapping[str, Any]:
    """Return what the index says about a project.

    Raises:
        NoAnswerError: nothing that could be read.
    """
    request = urllib.request.Request(f"{url.rstrip('/')}/{name}/", headers={"Accept": CONTENT_TYPE})  # noqa: S310 - ours
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - see above
            found = json.loads(answer.read(LARGEST_ANSWER))
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.NOT_FOUND:
            return {"files": []}
        raise NoAnswerError(f"the index answered {error.code}") from error
    except (OSError, ValueError) as error:
        raise NoAnswerError(f"the index did not answer: {type(error).__name__}") from error
    if not isinstance(found, dict) or not isinstance(found.get("files"), list):
        raise NoAnswerError("the index speaks no JSON (PEP 691)")
    return found


def judge(pin: Pin, project: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    """Yield what is to be said of a pin, and whether it is a reason to fail."""
    status = (project.get("project-status") or {}).get("status", "active")
    if status in REFUSED:
        yield True, f"{pin.name} is {status}: {REFUSED[status]}"
    elif status in TOLD:
        yield False, f"{pin.name} is {status}: {TOLD[status]}"
    files = [file for file in project["files"] if _version_of(file["filename"], pin.name) == str(Version(pin.version))]
    if not files:
        yield True, f"{pin.name} {pin.version} is not there any more; choose another version"
        return
    if all(file.get("yanked") for file in files):
        reason = next((file["yanked"] for file in files if isinstance(file["yanked"], str)), "")
        yield True, f"{pin.name} {pin.version} was withdrawn{f': {reason}' if reason else ''}; choose another version"
    served = {file.get("hashes", {}).get("sha256") for file in files}
    if pin.hashes and not pin.hashes & served:
        yield True, f"{pin.name} {pin.version}: none of the files that {pin.place} names is served any more"


def _version_of(filename: str, name: str) -> str | None:
    try:
        if filename.endswith(".whl"):
            return str(parse_wheel_filename(filename)[1])
        found, version = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None
    return str(version) if normalize(found) == name else None


def _logical_lines(text: str) -> Iterator[str]:
    joined = re.sub(r"\\\n", " ", text)
    for line in joined.splitlines():
        written = re.sub(r"(^|\s)#.*$", "", line).strip()
        if written:
            yield written
