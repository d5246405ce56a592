import sys
from pathlib import Path

import pytest

from infra.target import PYTHON_VERSION, find_python, lambda_target

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def shim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "python3.99"
    path.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return path


def test_a_python_of_this_version_is_this_one() -> None:
    assert find_python(HERE) == sys.executable


def test_functions_run_on_arm_under_one_version() -> None:
    target = lambda_target()
    assert (target.python_version, target.platform) == (PYTHON_VERSION, "manylinux2014_aarch64")


def test_a_command_that_only_pretends_to_be_a_python_is_passed_over(shim: Path) -> None:
    shim.write_text("#!/bin/sh\nexit 127\n")
    assert find_python("3.99") is None


def test_a_python_says_itself_where_it_is(shim: Path) -> None:
    shim.write_text("#!/bin/sh\necho /opt/versions/3.99/bin/python\n")
    assert find_python("3.99") == "/opt/versions/3.99/bin/python"


def test_a_version_manager_is_asked_by_name_for_what_is_not_selected(shim: Path) -> None:
    shim.write_text('#!/bin/sh\n[ "$PYENV_VERSION" = 3.99 ] && echo /opt/pyenv/3.99\n')
    assert find_python("3.99") == "/opt/pyenv/3.99"


def test_a_version_that_is_not_installed_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert find_python("3.99") is None
