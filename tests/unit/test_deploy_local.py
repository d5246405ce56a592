"""The parts of the local deployment that can go wrong silently; `make deploy-local` is the whole of it."""

import sys
from pathlib import Path

import pytest

from tests.e2e.deploy_local import guide
from tests.e2e.deploy_local.__main__ import parse
from tests.e2e.deploy_local.assembly import CORE, BundleError, add_this_platform
from tests.e2e.deploy_local.credentials import use_emulator
from tests.e2e.deploy_local.guide import BlockFailedError, read_block, titles
from tests.e2e.deploy_local.releases import (
    DEPLOYED,
    NEW_VERSION,
    NEWER_SCHEMAS,
    Change,
    ChangeMissesError,
    copy_release,
)
from tests.e2e.deploy_local.story import CheckFailedError, Story

WALK = Path(guide.__file__).parent


def bundle(assembly: Path, *files: str) -> Path:
    folder = assembly / "asset.0123"
    for name in files:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"for another processor")
    return folder


def test_a_release_is_the_app_and_the_parcel_machine(tmp_path: Path) -> None:
    tree = copy_release(tmp_path / "tree")
    assert {path.name for path in tree.iterdir()} == set(DEPLOYED)
    assert "MACHINE = VERSION_1" in (tree / "machines" / "parcel.py").read_text()
    assert not [*tree.rglob("__pycache__")]


def test_a_release_with_a_new_version_has_it(tmp_path: Path) -> None:
    tree = copy_release(tmp_path / "tree", NEW_VERSION)
    assert "MACHINE = VERSION_2" in (tree / "machines" / "parcel.py").read_text()


def test_a_release_with_newer_schemas_writes_them(tmp_path: Path) -> None:
    tree = copy_release(tmp_path / "tree", NEWER_SCHEMAS)
    assert "ENVELOPE_SCHEMA: Final = 99" in (tree / "settle/runtime/envelope.py").read_text()
    assert "SNAPSHOT_SCHEMA: Final = 99" in (tree / "settle/core/snapshot.py").read_text()
    assert '"s": SNAPSHOT_SCHEMA' in (tree / "settle/core/snapshot_codec.py").read_text()


@pytest.mark.parametrize("found", ["^nothing of the kind$", "^from "])
def test_a_change_that_does_not_fit_once_is_refused(found: str, tmp_path: Path) -> None:
    with pytest.raises(ChangeMissesError, match=r"app\.py"):
        copy_release(tmp_path / "tree", [Change(file="app.py", found=found, by="")])


def test_a_bundle_gets_this_machines_core_beside_the_other_one(tmp_path: Path) -> None:
    other = f"{CORE}/_{CORE}.cpython-313-aarch64-linux-gnu.so"
    folder = bundle(tmp_path, other, "settle/__init__.py")
    add_this_platform(tmp_path)
    cores = {file.name: file.read_bytes() for file in (folder / CORE).iterdir()}
    assert len(cores) == 2
    assert cores.pop(Path(other).name) == b"for another processor"
    ((name, content),) = cores.items()
    assert f"{sys.version_info.major}{sys.version_info.minor}" in name or "abi3" in name
    assert len(content) > 100_000


def test_a_bundle_with_something_else_compiled_is_refused(tmp_path: Path) -> None:
    bundle(tmp_path, f"{CORE}/_{CORE}.so", "orjson/orjson.so")
    with pytest.raises(BundleError, match=r"orjson/orjson\.so"):
        add_this_platform(tmp_path)


def test_an_assembly_without_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="not 0"):
        add_this_platform(tmp_path)


def test_nothing_of_the_shell_reaches_a_client() -> None:
    environment = {"AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "real", "AWS_ACCESS_KEY_ID": "AKIA", "HOME": "/home/me"}
    use_emulator("http://127.0.0.1:1", environment)
    assert environment["HOME"] == "/home/me"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & set(environment)
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert environment["AWS_ACCESS_KEY_ID"] == environment["AWS_SECRET_ACCESS_KEY"] == "test"
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == environment["AWS_CONFIG_FILE"] == "/dev/null"


def test_each_block_that_the_guide_calls_rehearsed_is_typed_by_the_run() -> None:
    sources = "".join(path.read_text() for path in WALK.glob("*.py"))
    assert len(titles()) == len(set(titles())) > 4
    assert [title for title in titles() if f'read_block("{title}")' not in sources] == []


def test_each_rehearsed_block_is_there() -> None:
    assert all(read_block(title).strip() for title in titles())


def test_a_block_that_is_not_there_is_named() -> None:
    with pytest.raises(BlockFailedError, match="0 blocks titled 'make coffee'"):
        read_block("make coffee")


def test_a_machine_without_the_tools_of_the_guide_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit):
        parse([])
    assert "no bash and no curl and no jq" in capsys.readouterr().err


def test_a_fact_that_does_not_hold_ends_the_story(capsys: pytest.CaptureFixture[str]) -> None:
    story = Story()
    story.check("the sky is blue", holds=True)
    with pytest.raises(CheckFailedError, match=r"not so: the sea is green; seen: grey"):
        story.check("the sea is green", holds=False, seen="grey")
    assert story.checks == 1
    assert "- the sky is blue" in capsys.readouterr().out


def test_a_wait_ends_with_what_was_found_or_in_time() -> None:
    story = Story()
    assert story.wait("something comes", lambda: "it", seconds=0) == "it"
    with pytest.raises(CheckFailedError, match="not so within 0 s: nothing comes"):
        story.wait("nothing comes", lambda: None, seconds=0)
