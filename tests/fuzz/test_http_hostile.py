"""The hostile requests that somebody wrote: what each is answered, and that it leaves nothing behind."""

from collections.abc import Iterator

import pytest

from tests.fuzz.http.audit import Audit
from tests.fuzz.http.hostile import BLOCKED, EVENTS, Hostile, hostile_requests, show
from tests.fuzz.http.world import World, open_world

REQUESTS = list(hostile_requests())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("outside")) as opened:
        yield opened


@pytest.fixture(scope="module")
def audit(world: World) -> Audit:
    return Audit(world)


@pytest.mark.parametrize("hostile", REQUESTS, ids=[each.name for each in REQUESTS])
def test_hostile_request(world: World, audit: Audit, hostile: Hostile) -> None:
    world.put_back()
    event = world.event(hostile.method, hostile.path, query=hostile.query, headers=hostile.headers, body=hostile.body)
    if hostile.change is not None:
        hostile.change(event)
    exchange = world.resolve(event)
    if hostile.status:
        assert exchange.answer.status == hostile.status, exchange.answer.text[:500]
    audit.check(exchange)


def test_a_cursor_that_was_changed_leads_nowhere_else(world: World, audit: Audit) -> None:
    world.put_back()
    (cursor,) = world.known.cursors
    for at in range(len(cursor)):
        for other in "Aa0_":
            changed = f"{cursor[:at]}{other}{cursor[at + 1 :]}"
            exchange = world.ask("GET", "/machines/desk/instances", query=f"status=blocked&cursor={changed}")
            audit.check(exchange)
            if exchange.answer.status == 200:
                assert {each["machine"] for each in exchange.answer.json["instances"]} <= {"desk"}


def test_a_cursor_is_of_its_machine_alone(world: World) -> None:
    world.put_back()
    (cursor,) = world.known.cursors
    exchange = world.ask("GET", "/machines/expense/instances", query=f"status=blocked&cursor={cursor}")
    assert (exchange.answer.status, exchange.answer.json["code"]) == (400, "cursor_invalid")


def test_a_world_can_be_put_back(world: World) -> None:
    world.put_back()
    before = world.ask("GET", BLOCKED).answer.text
    world.ask("POST", EVENTS, body=show({"type": "note.x"}))
    world.ask("DELETE", BLOCKED)
    world.system.run_all()
    assert world.ask("GET", BLOCKED).answer.status == 410
    world.put_back()
    assert world.ask("GET", BLOCKED).answer.text == before
