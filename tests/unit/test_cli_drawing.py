"""`settle diagram` and `settle describe`."""

from pathlib import Path

import pytest

from settle.cli.describe import describe
from settle.cli.diagram import diagram
from tests.support.mermaid_lines import read_diagram

LIBRARY = Path(__file__).parent.parent / "machines_lib"
WORKING, BROKEN = LIBRARY / "working", LIBRARY / "broken" / "raises"


def test_a_machine_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert diagram("lamp", WORKING, ["on"]) == 0
    shown = read_diagram(capsys.readouterr().out)
    assert ([*shown.boxes()], shown.classes["active"]) == (["off_", "on_"], ["on_"])


def test_a_machine_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert describe("door", WORKING) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("door, version 2\n")
    assert "ringing: runs the service ring (at most 3 times, 5 seconds each)\n" in printed


def test_the_machines_of_this_project_need_no_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert diagram("count") == 0
    assert describe("count") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("command", [diagram, describe])
def test_an_unknown_machine_is_an_error_with_a_suggestion(command: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(command)
    assert command("lmap", WORKING) == 1
    assert capsys.readouterr().out == "there is no machine 'lmap'; did you mean 'lamp'?\n"
    assert command("zzz", WORKING) == 1
    assert capsys.readouterr().out == "there is no machine 'zzz'; known are door, lamp\n"


def test_a_file_that_cannot_be_read_is_named_when_the_machine_is_not_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert describe("door", BROKEN) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first == "there is no machine 'door'; known are none"
    assert second.startswith("this file could not be read: raises/door.py:")


def test_an_unknown_node_is_an_error_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert diagram("lamp", WORKING, ["onn"]) == 1
    assert capsys.readouterr().out == "machine 'lamp' has no node 'onn'; did you mean 'on'?\n"


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diagram("lamp", tmp_path / "nowhere") == 1
    assert "is no folder; name the one that holds the machine files" in capsys.readouterr().out
