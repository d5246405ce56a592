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

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()

pytestmark = [
    pytest.mark.functional,
    pytest.mark.skipif(shutil.which("curl") is None, reason="the transcript types curl"),
]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def transcript() -> list[tuple[str, str]]:
    """Return the commands of the console blocks with what each is said to print."""
    lines = "\n".join(blocks("console"))
    parts = re.split(r"^\$ (.*)\n", lines, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def matches(expected: str, printed: str) -> bool:
    """Compare as doctest's ELLIPSIS does."""
    pattern = ".*?".join(re.escape(part) for part in expected.strip().split("..."))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with start_system(tmp_path_factory.mktemp("readme") / ".settle") as running:
        yield running


def test_the_transcript_prints_what_it_says(system: Running) -> None:
    script = "TOKEN=\n"
    expected = transcript()
    assert len(expected) >= 9
    for command, _ in expected:
        script += f"{command.replace('localhost:8000', f'127.0.0.1:{system.port}')}\nprintf '\\n--8<--\\n'\n"
    done = subprocess.run(
        ["bash", "-c", script], cwd=system.data.parent, capture_output=True, text=True, timeout=60, check=True
    )
    outputs = done.stdout.split("\n--8<--\n")
    for (command, wanted), printed in zip(expected, outputs, strict=False):
        assert matches(wanted, printed), f"$ {command}\nREADME: {wanted}\nprinted: {printed}"


def test_the_machine_file_is_right(tmp_path: Path) -> None:
    (source,) = blocks("python")
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


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(((?!https?:)[^)#]+)", README))))
def test_links_lead_somewhere(target: str) -> None:
    assert (ROOT / target).exists()
