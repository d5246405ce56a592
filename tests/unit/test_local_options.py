"""Flags win over variables, variables over defaults."""

from pathlib import Path

import pytest

from settle.local.options import parse


def test_defaults() -> None:
    options = parse([], {})
    assert (options.port, options.data, options.backend) == (8000, Path(".settle"), "embedded")
    assert options.visibility_timeout == 6 * options.consumer_timeout
    assert (options.worker_timeout, options.worker_concurrency) == (300, 4)


def test_functions_have_a_sandbox_for_each_queue_at_least() -> None:
    arguments = ["--consumer-concurrency", "2", "--worker-concurrency", "3", "--worker-timeout", "7"]
    ingress, consumer, worker = parse(arguments, {}).functions
    assert [function.name for function in (ingress, consumer, worker)] == ["ingress", "consumer", "worker"]
    assert (consumer.concurrency, worker.concurrency) == (3, 4)
    assert worker.timeout == 7
    assert worker.handler == "functions.worker.handler.handler"


def test_variables_of_make_start_are_defaults_of_the_flags() -> None:
    environment = {"PORT": "9000", "DATA": "elsewhere", "BACKEND": "moto"}
    options = parse([], environment)
    assert (options.port, options.data, options.backend) == (9000, Path("elsewhere"), "moto")
    assert parse(["--port", "1"], environment).port == 1


def test_empty_variable_counts_as_absent() -> None:
    assert parse([], {"PORT": "", "DATA": "", "BACKEND": ""}).port == 8000


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        ([], {"BACKEND": "mongo"}),
        ([], {"PORT": "http"}),
        (["--consumer-concurrency", "0"], {}),
        (["--worker-concurrency", "0"], {}),
    ],
)
def test_wrong_value_ends_with_status_2_and_names_it(
    arguments: list[str], environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        parse(arguments, environment)
    assert end.value.code == 2
    assert any(value in capsys.readouterr().err for value in [*environment.values(), *arguments[1:]])
