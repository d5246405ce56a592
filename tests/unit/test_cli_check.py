"""`settle check`: what it prints, and when it fails."""

from pathlib import Path

import pytest

from settle.cli.check import check

GOOD = """
from settle import Statechart

MACHINE = Statechart(id="good", states=[{"name": "a", "tags": ["settled"]}])
"""
WARNED = """
from settle import Statechart

OLD = Statechart(id="warned", states=["a", "b"])
MACHINE = Statechart(id="warned", version=2, states=["a"], versions=[OLD])
"""
UNSETTLED = """
from settle import Statechart

STATES = [{"name": "a", "tags": ["settled"]}, "b"]
MACHINE = Statechart(id="unsettled", states=STATES, transitions=[["GO", "a", "b"], ["BACK", "b", "c"]])
"""
STUCK = UNSETTLED.replace('["BACK", "b", "c"]', '["BACK", "b", "a"]').replace('"unsettled"', '"stuck"')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"good": GOOD, "warned": WARNED}.items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def words(text: str) -> list[str]:
    """The lines, without the hashes, which are nobody's concern here."""
    return [line.partition(" (")[0] for line in text.splitlines()]


def test_each_version_is_printed_with_what_there_is_to_say(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(folder) == 0
    name = folder.name
    assert words(capsys.readouterr().out) == [
        f"ok     {name}/good.py: good version 1",
        f"ok     {name}/warned.py: warned version 1",
        "       warning: unreachable-node at 'b': nothing leads to it; give some transition this target, or remove it",
        f"ok     {name}/warned.py: warned version 2",
        "2 files, 0 wrong",
    ]


def test_strictly_a_warning_is_wrong_in_any_version(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(folder, strict=True) == 1
    name = folder.name
    assert words(capsys.readouterr().out) == [
        f"ok     {name}/good.py: good version 1",
        f"wrong  {name}/warned.py: warned version 1",
        "       warning: unreachable-node at 'b': nothing leads to it; give some transition this target, or remove it",
        f"ok     {name}/warned.py: warned version 2",
        "2 files, 1 wrong",
    ]
    (folder / "warned.py").unlink()
    assert check(folder, strict=True) == 0


def test_a_machine_that_cannot_be_built_is_printed_with_all_that_is_wrong(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "stuck.py").write_text(STUCK)
    (folder / "unsettled.py").write_text(UNSETTLED)
    assert check(folder) == 1
    printed = capsys.readouterr().out
    assert f"wrong  {folder.name}/stuck.py: machine 'stuck' cannot be built:\n  - never-settles at 'b': " in printed
    assert f"wrong  {folder.name}/unsettled.py: machine 'unsettled' cannot be built:\n  - unknown-target at " in printed
    assert printed.endswith("4 files, 2 wrong\n")


def test_two_files_have_no_id_in_common(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "other.py").write_text(GOOD)
    assert check(folder) == 1
    assert f"wrong  {folder.name}/other.py: good.py has the id 'good' too; rename one" in capsys.readouterr().out


def test_without_files_there_is_nothing_to_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path) == 1
    assert "holds no machine file" in capsys.readouterr().out


def test_the_machines_of_this_repository_pass_strictly(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(strict=True) == 0
    assert ", 0 wrong" in capsys.readouterr().out
