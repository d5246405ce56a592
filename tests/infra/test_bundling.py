import importlib.util
import json
import os
import platform
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from infra import bundling
from infra.bundling import BundlingError, LocalBundling, Target, bundle_hash, copy_sources, shipped_files
from tests.infra.synthesized import ROOT

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
TARGET = Target(python_version="3.13", platform="manylinux2014_aarch64", compiler=None)
SHIPPED = ("functions/consumer/handler.py", "machines/door.py", "machines/door.json", "settle/core/interpreter.py")
LEFT_OUT = (
    "app.py",
    "cdk.json",
    "functions/__pycache__/wiring.cpython-313.pyc",
    "functions/requirements.txt",
    "infra/stack.py",
    "machines/.env",
    "settle/cli/__init__.py",
    "settle/core/stale.pyc",
    "settle/local/server.py",
    "settle/testing.py",
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
    assert not [name for name in shipped if name.startswith(("settle/local", "settle/cli"))]
    assert not [name for name in shipped if "test" in Path(name).stem or name.endswith(".pyc")]


@pytest.mark.parametrize("name", [*SHIPPED, "functions/requirements.txt"])
def test_a_change_that_ships_changes_the_hash(tree: Path, name: str) -> None:
    before = bundle_hash(tree, TARGET)
    (tree / name).write_text("changed")
    assert bundle_hash(tree, TARGET) != before


def test_a_renamed_file_changes_the_hash(tree: Path) -> None:
    before = bundle_hash(tree, TARGET)
    (tree / "machines/door.py").rename(tree / "machines/gate.py")
    assert bundle_hash(tree, TARGET) != before


@pytest.mark.parametrize("name", [name for name in LEFT_OUT if name != "functions/requirements.txt"])
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
    bundling.compile_bytecode(tmp_path, sys.executable)
    (compiled,) = tmp_path.rglob("*.pyc")
    content = compiled.read_bytes()
    # PEP 552: the flags after the magic number; 0b01 is hash-based, never checked against the source.
    assert int.from_bytes(content[4:8], "little") == 0b01
    assert b"/var/task/machine.py" in content
    assert str(tmp_path).encode() not in content


def test_a_python_of_this_version_is_this_one() -> None:
    assert bundling.find_python(HERE) == sys.executable


def test_a_command_that_only_pretends_to_be_a_python_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bundling.find_python("3.99") is None
    shim.write_text("#!/bin/sh\nexit 0\n")
    assert bundling.find_python("3.99") == str(shim)


def test_a_version_that_is_not_installed_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert bundling.find_python("3.99") is None


def test_a_failed_command_tells_its_output(tmp_path: Path) -> None:
    with pytest.raises(BundlingError, match=r"(?s)-m pip install .*no_such_file"):
        bundling.install_wheels(tmp_path / "no_such_file.txt", tmp_path / "output", TARGET)


def test_cdk_is_never_told_to_use_docker(tree: Path, tmp_path: Path) -> None:
    (tree / "functions/requirements.txt").write_text("")
    output = tmp_path / "output"
    output.mkdir()
    target = Target(python_version=HERE, platform="manylinux2014_aarch64", compiler=sys.executable)
    for name in SHIPPED:
        (tree / name).write_text("")
    assert LocalBundling(tree, target).try_bundle(str(output)) is True
    assert (output / "functions/consumer/handler.py").is_file()
    assert list(output.glob("functions/consumer/__pycache__/handler.*.pyc"))


@pytest.mark.slow
def test_the_bundle_for_lambda_is_small_and_lacks_what_the_runtime_brings(tmp_path: Path) -> None:
    target = replace(bundling.lambda_target(), compiler=None)
    bundling.bundle(ROOT, tmp_path, target)
    names = {entry.name for entry in tmp_path.iterdir()}
    assert {"functions", "machines", "settle", "aws_lambda_powertools", "pydantic", "pydantic_core"} <= names
    assert not names & {"boto3", "botocore", "urllib3", "tests", "infra", "bin"}
    assert not list(tmp_path.rglob("*.pyc"))
    assert [library.name for library in tmp_path.rglob("*.so")] == ["_pydantic_core.cpython-313-aarch64-linux-gnu.so"]
    packed = tmp_path.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in tmp_path.rglob("*"):
            archive.write(file, file.relative_to(tmp_path))
    assert packed.stat().st_size < 8_000_000


@pytest.mark.slow
@pytest.mark.skipif(platform.system() != "Linux", reason="wheels for Lambda are Linux wheels")
def test_handlers_import_from_the_bundle_and_what_the_runtime_brings(tmp_path: Path) -> None:
    here = Target(python_version=HERE, platform=f"manylinux2014_{platform.machine()}", compiler=sys.executable)
    task, runtime = tmp_path / "task", tmp_path / "runtime"
    bundling.bundle(ROOT, task, here)
    runtime.mkdir()
    for module in ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six"):
        spec = importlib.util.find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (runtime / source.name).symlink_to(source)
    script = (
        f"import sys; sys.path[:0] = {json.dumps([str(task), str(runtime)])}\n"
        "import functions.consumer.handler, functions.ingress.handler, functions.worker.handler\n"
        "print(functions.consumer.handler.__file__)\n"
    )
    # No site packages and no environment: only the two folders and the standard library.
    command = [sys.executable, "-I", "-S", "-c", script]
    done = subprocess.run(command, cwd=os.sep, env={}, check=False, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == (str(task / "functions/consumer/handler.py"), "")
