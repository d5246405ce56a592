"""The registry of machine files, and what it says about a file that is wrong."""

import runpy
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import machines
from settle.cli.main import main
from settle.core.errors import Disposition, UnknownVersionError
from settle.core.interpreter import start
from settle.runtime.errors import UnknownMachineError
from settle.runtime.machine_files import find_machine_files
from settle.runtime.registry import MachineFileError, Registry, load_machines

LIBRARY = Path(__file__).parent.parent / "machines_lib"
WORKING = LIBRARY / "working"
FAMILY = LIBRARY / "family"
BROKEN = LIBRARY / "broken"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_machines(WORKING)


def test_every_file_of_the_folder_is_a_machine_but_helpers(registry: Registry) -> None:
    assert registry.names() == ("door", "lamp")
    assert registry.files == {"door": WORKING / "door.py", "lamp": WORKING / "lamp.py"}
    assert registry.machines["door"] is registry.get("door")
    assert registry.get("door").version == 2
    assert set(registry.versions["door"]) == {1, 2}


def test_the_folder_may_be_named_as_text() -> None:
    assert load_machines(str(WORKING)).names() == ("door", "lamp")


def test_the_default_is_the_package_machines() -> None:
    files = find_machine_files()
    assert [path.parent for path in files] == [Path(next(iter(machines.__path__)))] * len(files)
    assert set(load_machines().files.values()) == set(files)


def test_the_folder_of_the_package_by_its_path_gives_the_same_modules() -> None:
    folder = Path(next(iter(machines.__path__)))
    assert load_machines(folder).get("count") is load_machines().get("count")


def test_an_unknown_machine_is_the_mistake_of_the_caller(registry: Registry) -> None:
    with pytest.raises(UnknownMachineError, match="there is no machine 'dor'; did you mean 'door'"):
        registry.get("dor")
    with pytest.raises(UnknownMachineError, match="there is no machine 'x'; registered are door, lamp"):
        registry.get("x")


def test_an_instance_stays_on_its_version(registry: Registry) -> None:
    for version, definition in registry.versions["door"].items():
        snapshot = start(definition).snapshot
        assert snapshot.machine_version == version
        assert registry.definition_for(snapshot) is definition


def test_a_version_that_is_not_registered_is_named_with_its_mend(registry: Registry) -> None:
    snapshot = start(registry.get("door")).snapshot
    with pytest.raises(UnknownVersionError) as caught:
        registry.definition_for(snapshot._replace(machine_version=7))
    message = "version 7 of 'door' is not registered (there is 1, 2); add it to `versions` in door.py"
    assert str(caught.value) == message


def test_a_machine_without_a_file_is_told_where_one_would_be(registry: Registry) -> None:
    snapshot = start(registry.get("door")).snapshot._replace(machine_version=7)
    with pytest.raises(UnknownVersionError, match=r"add it to `versions` in door\.py$"):
        replace(registry, files={}).definition_for(snapshot)


def test_a_changed_version_is_named_with_its_mend(registry: Registry) -> None:
    door = registry.get("door")
    snapshot = start(door).snapshot
    with pytest.raises(UnknownVersionError) as caught:
        registry.definition_for(snapshot._replace(definition="0123456789abcdef"))
    assert str(caught.value) == (
        f"version 2 of 'door' was changed: it was 0123456789abcdef, it is {door.hash}; restore it under its number, and"
        " give what you changed a number of its own"
    )


def test_a_machine_whose_file_is_gone_keeps_its_events(registry: Registry) -> None:
    snapshot = start(registry.get("door")).snapshot._replace(machine="window")
    with pytest.raises(
        UnknownVersionError, match="there is no machine 'window' any more; bring its file back"
    ) as caught:
        registry.definition_for(snapshot)
    assert caught.value.disposition is Disposition.QUARANTINE


def test_services_have_to_end_within_one_invocation(registry: Registry) -> None:
    registry.check_timeouts(30)
    with pytest.raises(MachineFileError) as caught:
        registry.check_timeouts(6.5)
    assert str(caught.value) == (
        "working/door.py: the invoke 'ringing' may take 5.0 s, and one invocation has 4.5 s for it; lower its"
        " `timeout`, or raise the function's"
    )


def test_calls_in_the_background_have_to_end_within_one_invocation_of_the_worker() -> None:
    registry = load_machines(FAMILY)
    registry.check_background(250)
    with pytest.raises(MachineFileError) as caught:
        registry.check_background(240)
    assert str(caught.value) == (
        "family/door.py: the invoke 'drying' may take 240.0 s, and one invocation of the worker has 230.0 s for it;"
        " lower its `timeout`, or raise the worker's"
    )


def test_each_function_answers_for_its_own_services(registry: Registry) -> None:
    load_machines(FAMILY).check_timeouts(2.5)
    registry.check_background(0)


def test_timers_children_and_services_in_the_background_are_carried_out() -> None:
    registry = load_machines(FAMILY)
    assert registry.names() == ("door", "lock")
    assert [invoke.machine for invoke in registry.get("door").invokes.values()] == [True, False]


def test_an_older_version_needs_its_children_too(tmp_path: Path) -> None:
    (tmp_path / "door.py").write_text(
        "from settle import Statechart\n"
        "OLD = Statechart(id='door', states=[{'name': 'a', 'invoke': {'machine': 'chain', 'on_error': 'a'}}])\n"
        "MACHINE = Statechart(id='door', version=2, states=['a'], versions=[OLD])\n"
    )
    with pytest.raises(MachineFileError) as caught:
        load_machines(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path.name}/door.py: the invoke 'a' begins the machine 'chain', which no file here exports; add its file,"
        " or correct the name"
    )


# Files that are wrong ------------------------------------------------------------------------------------------------

MESSAGES = {
    "wrong_rule": (
        "wrong_rule/door.py: `allow_send` takes (principal, snapshot); "
        "write `def allow_send(principal, event, snapshot)`"
    ),
    "syntax_error": "syntax_error/door.py:3: this is not Python: '(' was never closed; mend that line",
    "helper_syntax_error": "helper_syntax_error/_helper.py:1: this is not Python: invalid syntax; mend that line",
    "import_error": (
        "import_error/door.py:3: No module named 'not_installed_here'; correct the import, or install what it names"
    ),
    "raises": "raises/door.py:3: importing it raised ZeroDivisionError: division by zero; mend that line",
    "no_machine": "no_machine/door.py: it exports no MACHINE; end it with MACHINE = Statechart(...)",
    "other_name": "other_name/door.py: it exports no MACHINE; rename 'machine' to MACHINE",
    "wrong_type": (
        "wrong_type/door.py: MACHINE is 'dict' and not a Statechart; export a Statechart(...) under that name"
    ),
    "definition_error": (
        "definition_error/door.py: machine 'door' cannot be built:\n"
        "  - unknown-keyword at 'closed': a state has the unknown keyword `on_entry`; did you mean 'on_enter'?\n"
        "  - unknown-target at 'open': there is no state 'close'; did you mean 'closed'?"
    ),
    "bad_id": (
        "bad_id/door.py: a machine's name has 1 to 31 characters of a-z, 0-9 and -; this is 'Front_Door'; rename it"
    ),
    "bad_event_name": (
        "bad_event_name/door.py: an event type has 1 to 128 characters of A-Z, a-z, 0-9 and . _ : -; this is"
        " 'CLOSE IT'; rename it"
    ),
    "internal_event": (
        "internal_event/door.py: 'settle.close' is for the runtime alone, as is every type that begins with `done.`,"
        " `error.`, `settle.`; rename it"
    ),
    "same_id": (
        "same_id/front.py: the id 'door' is that of same_id/back.py too; rename one, or make the older one a version of"
        " the newer"
    ),
    "exits": "exits/door.py:1: importing it raised SystemExit: 0; mend that line",
    "unknown_child": (
        "unknown_child/door.py: the invoke 'open' begins the machine 'lok', which no file here exports; did you mean"
        " 'lock'?"
    ),
    "duplicate_version": (
        "duplicate_version/door.py: machine 'door' cannot be built:\n"
        "  - duplicate-version: version 1 is there twice; raise the number of the newer one\n"
        "  - unreachable-node at 'closed': nothing leads to it; give some transition this target, or remove it"
    ),
}


def test_every_broken_folder_has_its_message() -> None:
    assert {path.parent.name for path in BROKEN.glob("[!._]*/*.py")} == set(MESSAGES)


@pytest.mark.parametrize("folder", MESSAGES)
def test_a_file_that_is_wrong_is_one_error_that_names_it(folder: str) -> None:
    with pytest.raises(MachineFileError) as caught:
        load_machines(BROKEN / folder)
    assert str(caught.value) == MESSAGES[folder]
    assert caught.value.disposition is Disposition.CALLER


@pytest.mark.parametrize("name", ["my.machines", "__main__", "json", "with space"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "lamp.py").write_text((WORKING / "lamp.py").read_text())
    assert load_machines(folder).names() == ("lamp",)


def test_a_mended_file_is_read_anew(tmp_path: Path) -> None:
    (tmp_path / "door.py").write_text("1 / 0")
    with pytest.raises(MachineFileError):
        load_machines(tmp_path)
    (tmp_path / "door.py").write_text((WORKING / "lamp.py").read_text())
    assert load_machines(tmp_path).names() == ("lamp",)


def test_a_folder_without_machines_and_no_folder_at_all(tmp_path: Path) -> None:
    (tmp_path / "_helper.py").touch()
    with pytest.raises(MachineFileError) as caught:
        load_machines(tmp_path)
    assert str(caught.value) == f"{tmp_path} holds no machine file; add one that ends with MACHINE = Statechart(...)"
    with pytest.raises(MachineFileError, match="nowhere is no folder; name the one that holds the machine files"):
        load_machines(tmp_path / "nowhere")


def test_without_a_package_of_machines_one_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "machines")
    with pytest.raises(MachineFileError, match="there is no folder `machines` here; make one, or name another folder"):
        find_machine_files()


# The command ---------------------------------------------------------------------------------------------------------


def test_check_prints_every_machine_and_its_findings(capsys: pytest.CaptureFixture[str], registry: Registry) -> None:
    assert main(["check", "--machines", str(WORKING)]) == 0
    first, second, lamp = (registry.versions["door"][1], registry.get("door"), registry.get("lamp"))
    assert capsys.readouterr().out == (
        f"ok     working/door.py: door version 1 (2 states, 1 transitions, {first.hash})\n"
        f"ok     working/door.py: door version 2 (3 states, 3 transitions, {second.hash})\n"
        "       warning: unhandled-service-error at 'ringing': nothing takes 'error.invoke.ringing' when its service"
        " fails for good; add `on_error` to the invoke\n"
        f"ok     working/lamp.py: lamp version 1 (2 states, 2 transitions, {lamp.hash})\n"
        "2 files, 0 wrong\n"
    )


def test_check_goes_on_after_a_wrong_file_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--machines", str(BROKEN / "same_id")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok     same_id/back.py: door version 1")
    assert lines[-2:] == ["wrong  same_id/front.py: back.py has the id 'door' too; rename one", "2 files, 1 wrong"]
    assert main(["check", "--machines", str(BROKEN / "wrong_rule")]) == 1
    assert capsys.readouterr().out == f"wrong  {MESSAGES['wrong_rule']}\n1 files, 1 wrong\n"
    assert main(["check", "--machines", str(BROKEN / "raises")]) == 1
    assert capsys.readouterr().out == f"wrong  {MESSAGES['raises']}\n1 files, 1 wrong\n"


def test_check_misses_a_child_as_the_system_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--machines", str(BROKEN / "unknown_child")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"wrong  {MESSAGES['unknown_child']}"
    assert lines[1].startswith("ok     unknown_child/lock.py: lock version 1")
    assert main(["check", "--machines", str(FAMILY)]) == 0


def test_check_misses_no_child_whose_own_file_is_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "door.py").write_text((FAMILY / "door.py").read_text())
    (tmp_path / "lock.py").write_text("1 / 0")
    assert main(["check", "--machines", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "wrong" not in out.splitlines()[0]
    assert out.endswith("2 files, 1 wrong\n")


def test_check_of_no_folder_fails(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["check", "--machines", str(tmp_path)]) == 1
    assert "holds no machine file" in capsys.readouterr().out


def test_check_passes_for_the_machines_of_this_repository(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert "machines/count.py: count version 1" in capsys.readouterr().out


def test_python_m_settle_is_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["settle", "check", "--machines", str(WORKING)])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("settle", run_name="__main__")
    assert caught.value.code == 0
    assert capsys.readouterr().out.endswith("2 files, 0 wrong\n")
