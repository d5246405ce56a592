"""Clients of AWS: from one session, and not before they are used."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import UnknownServiceError

import settle.adapters.aws_session
from settle.adapters.aws_session import SERVICES, LazySession, make_session


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []

    def make() -> str:
        made.append(f"session {len(made)}")
        return made[-1]

    monkeypatch.setattr(settle.adapters.aws_session, "make_session", make)
    return made


def test_nothing_is_made_before_something_is_asked(sessions: list[str]) -> None:
    client = LazySession().client(lambda session: SimpleNamespace(session=session))
    assert sessions == []
    assert client.session == "session 0"


def test_all_clients_come_from_one_session_and_are_made_once(sessions: list[str]) -> None:
    made: list[object] = []

    def make(session: object) -> SimpleNamespace:
        made.append(session)
        return SimpleNamespace(answer=len(made))

    lazy = LazySession()
    first, second = lazy.client(make), lazy.client(make)
    assert [first.answer, second.answer, first.answer, second.answer] == [1, 2, 1, 2]
    assert (made, len(sessions)) == (["session 0", "session 0"], 1)


def test_what_a_client_does_not_have_is_missing_as_ever(sessions: list[str]) -> None:
    client = LazySession().client(lambda session: SimpleNamespace(session=session))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = client.nothing
    assert len(sessions) == 1


def test_a_client_that_could_not_be_made_is_made_by_the_next_who_asks(sessions: list[str]) -> None:
    attempts: list[object] = []

    def make(session: object) -> SimpleNamespace:
        attempts.append(session)
        if len(attempts) == 1:
            raise ValueError("no region")
        return SimpleNamespace(session=session)

    client = LazySession().client(make)
    with pytest.raises(ValueError, match="no region"):
        _ = client.session
    assert client.session == "session 0"
    assert len(sessions) == 1


def test_threads_never_make_clients_of_one_session_at_the_same_time(sessions: list[str]) -> None:
    inside, most = [0], [0]
    ready = threading.Barrier(8)

    def make(_: object) -> SimpleNamespace:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        threading.Event().wait(0.001)  # let another thread try
        inside[0] -= 1
        return SimpleNamespace(ok=True)

    lazy = LazySession()
    clients = [lazy.client(make) for _ in range(4)]

    def ask(number: int) -> bool:
        ready.wait()
        return bool(clients[number % 4].ok)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(8)))
    assert (most, len(sessions)) == ([1], 1)


def test_a_session_makes_the_clients_that_there_are_for() -> None:
    session = make_session()
    for service in SERVICES:
        client = session.create_client(service, region_name="eu-central-1")
        assert client.meta.service_model.service_name == service
    with pytest.raises(UnknownServiceError):
        session.create_client("s3", region_name="eu-central-1")


def test_models_of_ones_own_are_found_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert str(tmp_path) in make_session().get_component("data_loader").search_paths
