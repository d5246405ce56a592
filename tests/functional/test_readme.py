"""The README does what it says: its transcript is typed into a running system, its machine file is checked."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running import Running, start_system
from tests.support.transcripts import check_transcript, transcript

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()

pytestmark = [
    pytest.mark.functional,
    pytest.mark.skipif(shutil.which("curl") is None, reason="the transcript types curl"),
]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with start_system(tmp_path_factory.mktemp("readme") / ".settle") as running:
        yield running


def test_the_transcript_prints_what_it_says(system: Running) -> None:
    assert len(transcript(README)) >= 9
    check_transcript(system, README)


def test_the_machine_file_is_right(tmp_path: Path) -> None:
    source, _ = blocks("python")
    (tmp_path / "door.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-m", "settle", "check", "--machines", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "door version 1" in done.stdout


def test_the_test_of_the_machine_passes(tmp_path: Path) -> None:
    machine, test = blocks("python")
    (tmp_path / "machines").mkdir()
    (tmp_path / "machines" / "__init__.py").touch()
    (tmp_path / "machines" / "door.py").write_text(machine)
    (tmp_path / "test_door.py").write_text(test)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_door.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(((?!https?:)[^)#]+)", README))))
def test_links_lead_somewhere(target: str) -> None:
    assert (ROOT / target).exists()
