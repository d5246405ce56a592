"""The documents about work that outlives an invocation do what they say, on either backend."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
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


COUNTER = """
from settle import Context, Statechart


class Counter(Context):
    count: int = 0


def count_one(ctx: Counter) -> None:
    ctx.count += 1


def count_two(ctx: Counter) -> None:
    ctx.count += 2


def chart(version, action, versions=()):
    return Statechart(
        id="counter",
        version=version,
        versions=list(versions),
        context=Counter,
        states=[{"name": "counting", "tags": ["settled"]}],
        transitions=[{"trigger": "increment", "source": "counting", "dest": None, "actions": action}],
    )


VERSION_1 = chart(1, count_one)
"""


def test_an_instance_keeps_the_version_that_it_began_with(tmp_path: Path) -> None:
    machines, data = tmp_path / "counter_machines", tmp_path / ".settle"
    machines.mkdir()
    machines.joinpath("counter.py").write_text(COUNTER + "MACHINE = VERSION_1\n")
    with start_system(data, machines=machines) as system:
        assert increment(system, "old") == 1
    machines.joinpath("counter.py").write_text(COUNTER + "MACHINE = chart(2, count_two, [VERSION_1])\n")
    with start_system(data, machines=machines) as system:
        assert increment(system, "old") == 2
        assert increment(system, "new") == 2
        assert increment(system, "new") == 4


def increment(system: Running, name: str) -> int:
    url = f"{system.url}/machines/counter/instances/{name}"
    httpx.post(f"{url}/events", json={"type": "increment"}, headers={"prefer": "wait=5"}).raise_for_status()
    count: int = httpx.get(url).json()["context"]["count"]
    return count
