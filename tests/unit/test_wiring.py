"""The composition root on AWS: nothing is made before it is used."""

from collections.abc import Iterator

import pytest

import settle.adapters.aws_session
from functions import wiring
from functions.consumer.settings import ConsumerSettings

ENVIRONMENT = {
    "SETTLE_BACKEND": "aws",
    "SETTLE_TABLE_NAME": "table",
    "SETTLE_QUEUE_URL": "https://sqs/events.fifo",
    "SETTLE_QUEUE_ARN": "arn:events",
    "SETTLE_DEAD_LETTER_QUEUE_URL": "https://sqs/dead.fifo",
    "SETTLE_TIMERS_QUEUE_URL": "https://sqs/timers",
    "SETTLE_TIMERS_QUEUE_ARN": "arn:timers",
    "SETTLE_TIMERS_DEAD_LETTER_QUEUE_ARN": "arn:dead-timers",
    "SETTLE_TASKS_QUEUE_URL": "https://sqs/tasks",
    "SETTLE_TASKS_QUEUE_ARN": "arn:tasks",
    "SETTLE_SCHEDULE_GROUP": "group",
    "SETTLE_SCHEDULER_ROLE_ARN": "arn:role",
    "SETTLE_TRUSTED_SENDERS": "ours",
    "SETTLE_TIMER_SENDERS": "ours",
    "SETTLE_FUNCTION_TIMEOUT_SECONDS": "30",
}
CACHED = (wiring._session, wiring._sqs_client, wiring._scheduler_client)


class NoSessionError(Exception):
    pass


@pytest.fixture(autouse=True)
def no_session(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse() -> None:
        raise NoSessionError

    monkeypatch.setattr(settle.adapters.aws_session, "make_session", refuse)
    for cached in CACHED:
        cached.cache_clear()
    yield
    for cached in CACHED:
        cached.cache_clear()


def test_wiring_makes_no_session_and_no_client() -> None:
    settings = ConsumerSettings.from_env(ENVIRONMENT)
    wiring.make_store(settings)
    wiring.make_outlets(settings)
    wiring.make_dead_letter_queue(settings)


def test_the_first_call_does() -> None:
    settings = ConsumerSettings.from_env(ENVIRONMENT)
    with pytest.raises(NoSessionError):
        wiring.make_outlets(settings).timers.send(body="x")
