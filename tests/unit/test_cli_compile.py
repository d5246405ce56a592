"""`settle compile`: what it writes, what it says, and when it fails."""

import json
from pathlib import Path

import pytest

from settle.cli.main import main

GOOD = """
from settle import Statechart

def note(ctx): ...

MACHINE = Statechart(id="good", states=[{"name": "a", "tags": ["settled"], "on_enter": note}])
"""
FOREIGN = """
from transitions import Machine
from settle import Statechart

machine = Machine(model=None, states=["a", "b"], initial="a", auto_transitions=False)
machine.add_transition("GO", "a", "b")
MACHINE = Statechart.from_transitions(machine, id="foreign")
"""
TWINS = """
from settle import Statechart

def make(note):
    note.__qualname__ = "note"
    return Statechart(id="twins", states=[{"name": "a", "tags": ["settled"], "on_enter": note}])

def one(ctx): ...

def two(ctx): ...

MACHINE = make(one)
OTHER = make(two)
"""


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "some" / "where"


def compile_in(folder: Path, output: Path, **files: str) -> int:
    machines = folder / "files"
    machines.mkdir()
    for name, text in files.items():
        (machines / f"{name}.py").write_text(text)
    return main(["compile", str(output), "--machines", str(machines)])


def test_each_chart_gets_a_file(tmp_path: Path, output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compile_in(tmp_path, output, good=GOOD) == 0
    (file,) = output.iterdir()
    stored = json.loads(file.read_text())
    assert (stored["definition"]["machine"], len(file.stem), file.suffix) == ("good", 32, ".json")
    assert capsys.readouterr().out.startswith("ok     good version 1 (")


def test_what_cannot_be_stored_is_said_with_the_reason(
    tmp_path: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compile_in(tmp_path, output, foreign=FOREIGN, good=GOOD) == 0
    slow, fine = sorted(capsys.readouterr().out.splitlines(), reverse=True)
    assert slow.startswith("slow   foreign version 1: functions build it themselves: an argument holds 'Machine'")
    assert fine.startswith("ok     good version 1")
    assert len(list(output.iterdir())) == 1


def test_two_charts_that_look_alike_are_both_left_to_the_functions(
    tmp_path: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compile_in(tmp_path, output, twins=TWINS) == 0
    assert "another chart has the same arguments" in capsys.readouterr().out
    assert not list(output.iterdir())


def test_a_machine_file_that_is_wrong_fails(tmp_path: Path, output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compile_in(tmp_path, output, bad="MACHINE = 1") == 1
    assert "and not a Statechart" in capsys.readouterr().out
    assert not output.exists()
