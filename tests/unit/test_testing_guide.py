"""The guide to testing is a test file that passes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    text = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    file = tmp_path / "test_guide.py"
    file.write_text("\n".join(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)), encoding="utf-8")
    return file


def run(guide: Path, *arguments: str) -> str:
    options = ["-q", "-W", "error", "-p", "no:cacheprovider", "--rootdir", str(guide.parent)]
    command = [sys.executable, "-m", "pytest", *options, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def test_every_example_of_the_guide_passes(guide: Path) -> None:
    told = run(guide, str(guide))
    (passed,) = re.findall(r"(\d+) passed in", told)
    assert int(passed) > 20, told


def test_coverage_is_asked_of_whole_files_whose_tests_pass(guide: Path) -> None:
    one = "test_the_third_wrong_token_locks_it"
    for some in ([f"{guide}::{one}"], [str(guide), "-k", one]):
        assert "1 passed" in run(guide, *some).splitlines()[-1]
    whole = guide.read_text(encoding="utf-8")
    begin, end = whole.index('@pytest.mark.parametrize("path"'), whole.index("def test_no_transition_is_out_of_reach")
    partial = whole[:begin] + whole[end:]
    guide.write_text(partial, encoding="utf-8")
    assert "no test of signup took or reached" in run(guide, str(guide))
    guide.write_text(partial.replace("PATHS.blocked == ()", "PATHS.blocked"), encoding="utf-8")
    told = run(guide, str(guide)).splitlines()[-1]
    assert "1 failed" in told
    assert "error" not in told
