"""As `test_long_work_crash_points`, over boto3: the functions die before and after every single request to AWS.

The requests are not listed here. Each scenario runs once to record those that consumer, relay, forwarder and worker
make, and then once per request and side. The table is moto's; `make referee` dies with one in DynamoDB Local too.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.property.test_long_work_crash_points import (
    GROUP,
    HOUR,
    World,
    background_retried,
    charts,
    child,
    long_timer,
    message,
)
from tests.support.aws_system import AwsSystem, Requests
from tests.support.dynamodb_local import DynamoDBLocal
from tests.support.dynamodb_local_package import is_required
from tests.support.faults import KilledError, moments
from tests.support.queues import MotoClients, moto_clients
from tests.support.system import System

Scenario = Callable[[System], None]

TABLES = ["moto"]
if is_required():  # another minute, so only for whoever asks
    TABLES.append("dynamodb-local")


def deletion(system: System) -> None:
    system.post(GROUP, "SEND", key="k")
    system.control(GROUP, "delete")


SCENARIOS: list[tuple[Scenario, float]] = [
    (message, 60),
    (long_timer, 2 * HOUR),
    (background_retried, 60),
    (child, 60),
    (deletion, 60),
]


def run(
    scenario: Scenario, seconds: float, at: int = -1, *, after: bool = False, server: DynamoDBLocal | None = None
) -> dict[str, Any]:
    """Run a scenario to its end, restarting whatever dies; return what may not depend on deaths, and what may."""
    world = World()
    with aws_clients(server) as clients:
        requests = Requests(clients, at, after=after)
        system = AwsSystem(*charts(world), clients=clients, requests=requests)
        scenario(system)
        deaths, end = 0, system.clock.now() + seconds + 200
        while system.clock.now() < end:
            try:
                system.advance(end - system.clock.now())
            except KilledError:
                deaths += 1
        instances = {key: look(system, key) for key in keys(clients)}
        calls = Counter(call.key for call in world.calls)
        return {"instances": instances, "calls": calls, "deaths": deaths, "requests": requests.names}


@contextmanager
def aws_clients(server: DynamoDBLocal | None) -> Iterator[MotoClients]:
    with moto_clients() as clients:
        if server is None:
            yield clients
            return
        with server.client() as dynamodb:
            yield replace(clients, dynamodb=dynamodb)


def keys(clients: Any) -> list[str]:
    (table,) = clients.dynamodb.list_tables()["TableNames"]
    items = clients.dynamodb.scan(TableName=table)["Items"]
    return sorted(item["pk"]["S"] for item in items if item["sk"]["S"] == "instance")


def look(system: AwsSystem, key: str) -> dict[str, Any]:
    instance = system.instance(key)
    return {
        "configuration": instance.snapshot.configuration,
        "context": instance.snapshot.context,
        "version": instance.version,
        "outbox": instance.outbox,
        "deleted": instance.deleted,
        "blocked": instance.blocked,
        "held": (instance.held, instance.urgent),
    }


_CALM: dict[str, dict[str, Any]] = {}


def calm(scenario: Scenario, seconds: float) -> dict[str, Any]:
    if scenario.__name__ not in _CALM:
        _CALM[scenario.__name__] = run(scenario, seconds)
    return _CALM[scenario.__name__]


@pytest.fixture(params=[pytest.param(table, marks=[] if table == "moto" else pytest.mark.referee) for table in TABLES])
def server(request: pytest.FixtureRequest) -> DynamoDBLocal | None:
    if request.param == "moto":
        return None
    server: DynamoDBLocal = request.getfixturevalue("dynamodb_local")
    return server


@pytest.mark.parametrize(
    ("scenario", "seconds", "at", "after"), list(moments((each, calm(*each)["requests"]) for each in SCENARIOS))
)
def test_a_death_at_any_request_loses_and_doubles_nothing(
    scenario: Scenario, seconds: float, at: int, after: bool, server: DynamoDBLocal | None
) -> None:
    expected = calm(scenario, seconds)
    found = run(scenario, seconds, at, after=after, server=server)
    assert found["deaths"] == 1
    assert found["instances"] == expected["instances"]
    assert set(found["calls"]) == set(expected["calls"])
    assert all(found["calls"][key] <= count + 1 for key, count in expected["calls"].items())


def test_every_kind_of_request_that_the_functions_make_is_among_them() -> None:
    asked = {name for scenario, seconds in SCENARIOS for name in calm(scenario, seconds)["requests"]}
    assert asked >= {
        "ChangeMessageVisibility",
        "CreateSchedule",
        "DeleteItem",
        "DeleteSchedule",
        "GetItem",
        "PutItem",
        "Query",
        "SendMessage",
    }
