"""A machine file that cannot be loaded, and one whose code fails: what becomes of the others."""

import json
import shutil
from pathlib import Path

import pytest

from functions.consumer import handler as consumer
from settle.runtime.registry import MachineFileError
from tests.fuzz.loaders.world import CONTEXT, MACHINES, World, make_world

MARK = "hunter2-7f3a9c"
HELLO = '{"kind":"events","machine":"other","instance":"1","events":[{"type":"HELLO"}]}'


def test_a_file_that_cannot_be_loaded_stops_the_function_and_loses_nothing(tmp_path: Path) -> None:
    """Without its file, events of the machine would look like nobody's, and be buried: the function must not go on."""
    folder = tmp_path / "machines_of_mine"
    shutil.copytree(MACHINES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "third.py").write_text("import no_such_module\n")
    with make_world() as world, pytest.MonkeyPatch.context() as patch:  # undone before the world puts back its own
        consumer._consumer.cache_clear()
        patch.setenv("SETTLE_MACHINES", str(folder))
        record = world.record(HELLO, group="other/1")
        with pytest.raises(MachineFileError, match=r"third.py:1: No module named 'no_such_module'"):
            consumer.handler({"Records": [record]}, CONTEXT)
        assert world.instance("other/1") is None
        assert world.buried() == 0
        (folder / "third.py").unlink()
        assert world.consume([record]) == []
        assert world.instance("other/1") is not None


def test_an_error_of_one_machine_shows_nothing_to_another(capsys: pytest.CaptureFixture[str]) -> None:
    with make_world() as world:
        world.log.keep = True
        bad = {"kind": "events", "machine": "witness", "instance": "1"}
        records = [
            world.record(json.dumps(bad | {"events": [{"type": "FAIL", "data": {"text": MARK}}]}), group="witness/1"),
            world.record(HELLO, group="other/1"),
        ]
        assert world.consume(records) == []
        witness, other = world.instance(), world.instance("other/1")
        assert witness is not None
        assert witness.blocked is not None
        assert MARK in witness.blocked.message
        assert other is not None
        assert (other.blocked, other.version) == (None, 2), "created, and the event applied"
        assert MARK not in repr(other)
        assert MARK not in _answers(world)
        assert MARK not in "".join(world.log.text)
    assert MARK not in capsys.readouterr().out


def _answers(world: World) -> str:
    """Return everything that the API says about the other machine and its instance."""
    paths = ("/machines", "/machines/other", "/machines/other/instances/1", "/machines/other/instances/1/blocked")
    return "".join(world.read(path) for path in (*paths, "/openapi.json"))
