"""A folder for what services write."""

from pathlib import Path

import pytest


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the services of this test write."""
    monkeypatch.setenv("SETTLE_LOCAL_DIR", str(tmp_path))
    return tmp_path
