"""The documents about work that outlives an invocation do what they say, on either backend."""

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
DOCS = ROOT / "docs"
DOCUMENTS = ("long-work.md", "restate-xstate.md", "machines.md")

pytestmark = [
    pytest.mark.functional,
    pytest.mark.skipif(shutil.which("curl") is None, reason="the transcripts type curl"),
]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with start_system(tmp_path_factory.mktemp("long-work") / ".settle") as running:
        yield running


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_transcript_prints_what_it_says(system: Running, document: str) -> None:
    text = (DOCS / document).read_text()
    assert len(transcript(text)) >= 4
    check_transcript(system, text)


def pictures() -> list[tuple[str, str]]:
    """Return each diagram of the document with the machine that it says it shows."""
    blocks = re.findall(r"^```mermaid\n(.*?)^```", (DOCS / "machines.md").read_text(), re.MULTILINE | re.DOTALL)
    return [(re.findall(r'title: "([a-z-]+),', block)[0], block) for block in blocks]


@pytest.mark.parametrize(("machine", "picture"), pictures(), ids=lambda value: value[:12])
def test_the_picture_is_what_the_machine_draws(machine: str, picture: str) -> None:
    command = [sys.executable, "-m", "settle", "diagram", machine]
    drawn = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    assert picture.strip() == drawn.strip()
