from pathlib import Path

import pytest

from infra.bundling_error import BundlingError
from infra.target import Target
from infra.wheels import LOCK, REQUIREMENTS, RUNTIME_BRINGS, check_lock, install_wheels
from tests.infra.synthesized import ROOT

TARGET = Target(python_version="3.13", platform="manylinux2014_aarch64", compiler=None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, wanted="some.thing[extra]==1.0", locked="some-thing==1.0 \\\n    --hash=sha256:00\nother==2")
    return tmp_path


def write(root: Path, *, wanted: str, locked: str) -> None:
    (root / REQUIREMENTS).parent.mkdir(exist_ok=True)
    (root / REQUIREMENTS).write_text(f"# what ships\n{wanted}\n")
    (root / LOCK).write_text(f"# written by a tool\n{locked}\n")


def test_a_list_that_has_what_is_asked_for_passes(root: Path) -> None:
    check_lock(root)


@pytest.mark.parametrize("wanted", ["some.thing==1.1", "some.thing==1.0\nnew==3"])
def test_a_list_that_is_older_than_the_requirements_is_refused(root: Path, wanted: str) -> None:
    write(root, wanted=wanted, locked="some-thing==1.0")
    with pytest.raises(BundlingError, match=r"requirements.lock is older than .* run `make lock`"):
        check_lock(root)


@pytest.mark.parametrize("name", sorted(RUNTIME_BRINGS))
def test_what_the_runtime_brings_is_refused(root: Path, name: str) -> None:
    write(root, wanted="some.thing==1.0", locked=f"some-thing==1.0\n{name.replace('-', '_')}==1.44.5")
    with pytest.raises(BundlingError, match=f"has {name}, which the Lambda runtime brings"):
        check_lock(root)


def test_this_repository_has_a_list_of_today_with_a_hash_for_every_package() -> None:
    check_lock(ROOT)
    lines = (ROOT / LOCK).read_text().splitlines()
    pins = [place for place, line in enumerate(lines) if "==" in line]
    assert pins
    assert all(lines[place + 1].strip().startswith("--hash=sha256:") for place in pins)


def test_a_package_that_is_not_the_locked_one_is_refused(root: Path, tmp_path: Path) -> None:
    name, version = next(line.split("==") for line in (ROOT / REQUIREMENTS).read_text().splitlines() if "==" in line)
    write(root, wanted=f"{name}=={version}", locked=f"{name}=={version} --hash=sha256:{'0' * 64}")
    with pytest.raises(BundlingError, match=r"(?s)-m pip install .*--require-hashes"):
        install_wheels(root, tmp_path / "output", TARGET)
