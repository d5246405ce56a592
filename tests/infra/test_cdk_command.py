"""The CDK command line, which only deploying needs, and what cdk.json tells it and the library."""

import json
import tarfile
from pathlib import Path
from typing import Any

import aws_cdk
import pytest

from tests.infra.synthesized import ROOT, Synthesized, cdk_context

# What the library does not recommend to everybody: warnings of the validation end the synth, like errors.
OWN_FLAGS = {"@aws-cdk/core:strictCfnValidateErrors": True}


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / name).read_text())
    return content


def recommended_flags() -> dict[str, object]:
    """Return the list that the library ships for new projects."""
    (archive,) = Path(aws_cdk.__file__).parent.glob("_jsii/*.jsii.tgz")
    with tarfile.open(archive) as tar:
        file = tar.extractfile("package/recommended-feature-flags.json")
        assert file is not None
        flags: dict[str, object] = json.load(file)
    return flags


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


@pytest.mark.slow
def test_every_flag_is_set_as_the_library_recommends_it() -> None:
    flags = {name: value for name, value in cdk_context().items() if name.startswith("@aws-cdk")}
    assert flags == {**recommended_flags(), **OWN_FLAGS}


def test_the_command_line_is_locked_with_its_hash() -> None:
    wanted = read("package.json")["devDependencies"]
    packages = read("package-lock.json")["packages"]
    locked = packages.pop("")["devDependencies"]
    assert wanted == locked == {name.removeprefix("node_modules/"): each["version"] for name, each in packages.items()}
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())


def test_the_command_line_reads_what_the_library_writes(dev: Synthesized) -> None:
    manifest = json.loads((dev.output / "manifest.json").read_text())
    assert version(read("package.json")["devDependencies"]["aws-cdk"]) >= version(manifest["minimumCliVersion"])
