import sys
from dataclasses import replace
from pathlib import Path

import pytest

from infra import bundling
from infra.bundling import (
    RECIPE,
    BundlingError,
    LocalBundling,
    Target,
    bundle_hash,
    compile_bytecode,
    compile_charts,
    copy_sources,
    shipped_files,
)
from infra.wheels import LOCK, REQUIREMENTS
from tests.infra.synthesized import ROOT

TARGET = Target(python_version="3.13", platform="manylinux2014_aarch64", compiler=None)
SHIPPED = ("functions/consumer/handler.py", "machines/door.py", "machines/door.json", "settle/core/interpreter.py")
DECIDING = (*map(str, (REQUIREMENTS, LOCK)), *RECIPE)
LEFT_OUT = (
    *RECIPE,
    "app.py",
    "cdk.json",
    "functions/__pycache__/wiring.cpython-313.pyc",
    "functions/requirements.lock",
    "functions/requirements.txt",
    "infra/stack.py",
    "machines/.env",
    "settle/cli/__init__.py",
    "settle/core/stale.pyc",
    "settle/local/server.py",
    "settle/testing/__init__.py",
    "tests/unit/test_step.py",
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a repository in small, each file holding its own path."""
    root = tmp_path / "tree"
    for name in (*SHIPPED, *LEFT_OUT):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return root


def test_only_what_handlers_import_is_copied(tree: Path, tmp_path: Path) -> None:
    output = tmp_path / "output"
    copy_sources(tree, output)
    copied = {file.relative_to(output).as_posix(): file.read_text() for file in output.rglob("*") if file.is_file()}
    assert copied == {name: name for name in SHIPPED}


def test_this_repository_ships_no_tests_and_no_infra() -> None:
    shipped = {file.as_posix() for file in shipped_files(ROOT)}
    handlers = {f"functions/{name}/handler.py" for name in ("consumer", "ingress", "worker")}
    assert {*handlers, "machines/__init__.py"} <= shipped
    assert {name.split("/")[0] for name in shipped} == {"functions", "machines", "settle"}
    assert not [name for name in shipped if name.startswith(("settle/local", "settle/cli", "settle/testing"))]
    assert not [name for name in shipped if "test" in Path(name).stem or name.endswith(".pyc")]


@pytest.mark.parametrize("name", [*SHIPPED, *DECIDING])
def test_a_change_that_ships_changes_the_hash(tree: Path, name: str) -> None:
    before = bundle_hash(tree, TARGET)
    (tree / name).write_text("changed")
    assert bundle_hash(tree, TARGET) != before


def test_a_renamed_file_changes_the_hash(tree: Path) -> None:
    before = bundle_hash(tree, TARGET)
    (tree / "machines/door.py").rename(tree / "machines/gate.py")
    assert bundle_hash(tree, TARGET) != before


@pytest.mark.parametrize("name", [name for name in LEFT_OUT if name not in DECIDING])
def test_a_change_that_stays_at_home_does_not_redeploy(tree: Path, name: str) -> None:
    before = bundle_hash(tree, TARGET)
    (tree / name).write_text("changed")
    assert bundle_hash(tree, TARGET) == before


def test_another_target_is_another_bundle(tree: Path) -> None:
    targets = [
        TARGET,
        replace(TARGET, python_version="3.14"),
        replace(TARGET, platform="manylinux2014_x86_64"),
        replace(TARGET, compiler="/usr/bin/python3.13"),
    ]
    assert len({bundle_hash(tree, target) for target in targets}) == len(targets)


def test_where_the_compiler_lives_does_not_matter(tree: Path) -> None:
    hashes = {bundle_hash(tree, replace(TARGET, compiler=f"/{place}/python3.13")) for place in ("opt", "usr/bin")}
    assert len(hashes) == 1


def test_bytecode_is_valid_whatever_the_zip_does_to_times_and_names_no_path_of_this_machine(tmp_path: Path) -> None:
    source = tmp_path / "machine.py"
    source.write_text("def where():\n    raise ValueError\n")
    compile_bytecode(tmp_path, sys.executable)
    (compiled,) = tmp_path.rglob("*.pyc")
    content = compiled.read_bytes()
    # PEP 552: the flags after the magic number; 0b01 is hash-based, never checked against the source.
    assert int.from_bytes(content[4:8], "little") == 0b01
    assert b"/var/task/machine.py" in content
    assert str(tmp_path).encode() not in content


def test_a_failed_command_tells_its_output(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def")
    with pytest.raises(BundlingError, match=r"(?s)compileall.*SyntaxError"):
        compile_bytecode(tmp_path, sys.executable)


# The whole of it, its slow steps replaced: tests/infra/test_bundle.py does it in earnest ------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundling, "install_wheels", lambda *_: None)
    monkeypatch.setattr(bundling, "compile_charts", lambda *_: ["slow   door version 1: functions build it themselves"])


@pytest.mark.usefixtures("quick")
def test_cdk_is_never_told_to_use_docker_and_the_operator_is_told_what_came_of_it(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "output"
    assert LocalBundling(tree, TARGET).try_bundle(str(output)) is True
    assert {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()} == set(SHIPPED)
    size, slow, bytecode = capsys.readouterr().err.splitlines()
    assert size.startswith("bundle: 4 files, 0.0 MB, 0.0 MB as a zip")
    assert slow == "bundle: slow   door version 1: functions build it themselves"
    assert bytecode.startswith("bundle: no bytecode in it: there is no Python 3.13 on this machine")


@pytest.mark.usefixtures("quick")
def test_a_bundle_that_lambda_would_refuse_is_not_sent(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundling, "LARGEST_BYTES", 10)
    with pytest.raises(BundlingError, match="Lambda takes at most 10 bytes, and this is 4 files"):
        bundling.bundle(tree, tmp_path / "output", TARGET)


def test_a_machine_file_that_is_wrong_stops_the_bundling(tmp_path: Path) -> None:
    (tmp_path / "settle").symlink_to(ROOT / "settle")
    (tmp_path / "machines").mkdir()
    (tmp_path / "machines/__init__.py").touch()
    (tmp_path / "machines/door.py").write_text("MACHINE = 1")
    with pytest.raises(BundlingError, match=r"machines/door.py: MACHINE is 'int' and not a Statechart"):
        compile_charts(tmp_path, tmp_path / "output")
