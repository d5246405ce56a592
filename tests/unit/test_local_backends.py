"""What functions and users are told about a backend."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.consumer.settings import ConsumerSettings
from functions.ingress.settings import IngressSettings
from functions.settings import RuntimeSettings
from functions.worker.settings import WorkerSettings
from settle.local import dependencies
from settle.local.backends import common_environment, environment
from settle.local.banner import describe
from settle.local.data_directory import DataDirectory
from settle.local.embedded_backend import EmbeddedBackend
from settle.local.errors import StartError
from settle.local.options import parse

SETTINGS: dict[str, type[RuntimeSettings]] = {
    "ingress": IngressSettings,
    "consumer": ConsumerSettings,
    "worker": WorkerSettings,
}


@pytest.fixture
def data(tmp_path: Path) -> Iterator[DataDirectory]:
    with DataDirectory(tmp_path) as data:
        yield data


def test_functions_never_see_the_users_aws_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("MY_SERVICE_URL", "http://localhost")
    environment = common_environment(parse([], {}).consumer)
    assert not {"AWS_PROFILE", "AWS_SECRET_ACCESS_KEY"} & environment.keys()
    assert environment["MY_SERVICE_URL"] == "http://localhost"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == environment["SETTLE_SENDER"] == "consumer"
    assert environment["SETTLE_FUNCTION_TIMEOUT_SECONDS"] == "5"


def test_each_function_believes_those_who_may_send_to_it() -> None:
    believed = {one.name: common_environment(one)["SETTLE_TRUSTED_SENDERS"] for one in parse([], {}).functions}
    assert believed == {"ingress": "", "consumer": "ingress,consumer,worker,operator", "worker": "consumer"}


def test_embedded_functions_are_told_the_files_and_the_queues(data: DataDirectory) -> None:
    backend = EmbeddedBackend(data)
    assert backend.environment("ingress") == {
        "SETTLE_BACKEND": "embedded",
        "SETTLE_DATABASE": str(data.path / "settle.db"),
        "SETTLE_CLOCK": str(data.path / "settle.clock"),
        "SETTLE_QUEUE_ARN": backend.sources.events.arn,
        "SETTLE_TIMERS_QUEUE_ARN": backend.sources.timers.arn,
        "SETTLE_TASKS_QUEUE_ARN": backend.sources.tasks.arn,
        "SETTLE_TASKS_DEAD_LETTER_QUEUE_ARN": backend.sources.dead_tasks.arn,
    }
    assert len(set(backend.environment("ingress").values())) == 7
    assert str(data.path / "settle.db") in backend.description
    assert backend.processes == {}


@pytest.mark.parametrize("name", ["ingress", "consumer", "worker"])
def test_every_function_finds_its_settings_in_its_environment(data: DataDirectory, name: str) -> None:
    options = parse([], {})
    (function,) = [one for one in options.functions if one.name == name]
    backend = EmbeddedBackend(data)
    settings = SETTINGS[name].from_env(environment(function, backend, options, data))
    assert (settings.backend, settings.clock) == ("embedded", str(data.path / "settle.clock"))
    assert settings.machines == str(options.machines.resolve())
    backend.close()


def test_embedded_clock_is_still_ahead_after_a_restart(data: DataDirectory) -> None:
    EmbeddedBackend(data).clock.advance(60)
    assert EmbeddedBackend(data).clock.ahead == 60


def test_file_that_is_no_database_is_named(data: DataDirectory) -> None:
    data.database.write_text("not a database, and longer than the header of one" * 10)
    with pytest.raises(StartError, match="cannot be opened"):
        EmbeddedBackend(data)


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
def test_banner_shows_requests_to_a_machine_that_there_is(data: DataDirectory, machines: list[str], shown: str) -> None:
    text = describe(parse([], {}), machines, "SQLite", data, 8000)
    assert text.startswith("Settle is ready on http://127.0.0.1:8000 ")
    assert text.count("curl ") == 3
    assert f"http://127.0.0.1:8000/{shown}instances/demo/events" in text


def test_banner_shows_every_function_and_how_to_advance_the_clock(data: DataDirectory) -> None:
    text = describe(parse([], {}), ["count"], "SQLite", data, 8000)
    assert "functions  ingress 64, consumer 33, worker 5  (processes at most)" in text
    assert """clock      http://127.0.0.1:8000/dev/clock  (POST '{"advance": "24h"}' and a day has passed)""" in text
