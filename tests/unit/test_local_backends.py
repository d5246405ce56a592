"""What functions and users are told about a backend."""

import importlib.util
from pathlib import Path

import pytest

from settle.local import dependencies
from settle.local.backends import common_environment
from settle.local.banner import describe
from settle.local.data_directory import DataDirectory
from settle.local.embedded_backend import EmbeddedBackend
from settle.local.errors import StartError
from settle.local.options import parse


def test_functions_never_see_the_users_aws_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("MY_SERVICE_URL", "http://localhost")
    environment = common_environment("consumer", "functions.consumer.handler.handler", 5.0)
    assert not {"AWS_PROFILE", "AWS_SECRET_ACCESS_KEY"} & environment.keys()
    assert environment["MY_SERVICE_URL"] == "http://localhost"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == environment["SETTLE_SENDER"] == "consumer"
    assert environment["SETTLE_TRUSTED_SENDERS"] == "ingress,consumer"
    assert environment["SETTLE_FUNCTION_TIMEOUT_SECONDS"] == "5"


def test_embedded_functions_are_told_the_file(tmp_path: Path) -> None:
    backend = EmbeddedBackend(tmp_path / "settle.db")
    assert backend.environment("ingress") == {
        "SETTLE_BACKEND": "embedded",
        "SETTLE_DATABASE": str(tmp_path / "settle.db"),
        "SETTLE_QUEUE_ARN": backend.queue.arn,
    }
    assert str(tmp_path / "settle.db") in backend.description
    assert backend.processes == {}


def test_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "settle.db").write_text("not a database, and longer than the header of one" * 10)
    with pytest.raises(StartError, match="cannot be opened"):
        EmbeddedBackend(tmp_path / "settle.db")


@pytest.mark.parametrize(
    ("backend", "missing", "command"),
    [
        ("embedded", "httptools", "pip install -r settle/local/requirements.txt"),
        ("moto", "moto", "pip install -r requirements.txt"),
    ],
)
def test_missing_dependency_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, backend: str, missing: str, command: str
) -> None:
    dependencies.check_dependencies(backend)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find(name))
    with pytest.raises(StartError, match=f"^{missing} not installed: run `{command}`$"):
        dependencies.check_dependencies(backend)


@pytest.mark.parametrize(("machines", "shown"), [(["count", "order"], "machines/count/"), (["lamp"], "machines/lamp/")])
def test_banner_shows_requests_to_a_machine_that_there_is(tmp_path: Path, machines: list[str], shown: str) -> None:
    with DataDirectory(tmp_path) as data:
        text = describe(parse([], {}), machines, "SQLite", data, 8000)
    assert text.startswith("Settle is ready on http://127.0.0.1:8000 ")
    assert text.count("curl ") == 3
    assert f"http://127.0.0.1:8000/{shown}instances/demo/events" in text
