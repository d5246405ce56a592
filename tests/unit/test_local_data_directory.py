"""One running system per data directory."""

import os
from pathlib import Path

import pytest

from settle.local import data_directory
from settle.local.data_directory import DataDirectory
from settle.local.errors import StartError


def test_directory_is_made_and_free_again_after_use(tmp_path: Path) -> None:
    for _ in range(2):
        with DataDirectory(tmp_path / "data") as data:
            assert data.logs.is_dir()
            assert data.database.parent == tmp_path / "data"


def test_second_system_is_told_who_has_it(tmp_path: Path) -> None:
    with DataDirectory(tmp_path), pytest.raises(StartError, match=rf"in use .*\(process {os.getpid()}\)"):
        DataDirectory(tmp_path)


def test_path_that_cannot_be_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match="file/data cannot be written"):
        DataDirectory(tmp_path / "file" / "data")


def test_large_log_is_set_aside_while_others_write_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_directory, "MAX_LOG_BYTES", 10)
    with DataDirectory(tmp_path) as data, data.log("small").open("a") as small, data.log("large").open("a") as large:
        for file, text in ((small, "short"), (large, "much too long")):
            file.write(text)
            file.flush()
        data.rotate_logs()
        large.write("next")
        large.flush()
        assert data.log("small").read_text() == "short"
        assert data.log("large").read_text() == "next"
        assert (data.logs / "large.log.1").read_text() == "much too long"
