"""The list of blocked instances, for whoever is to mend them."""

from typing import Any

import pytest

from settle.core.permission import Principal, SnapshotView, deny
from settle.runtime.permissions import Rules
from tests.support.api_gateway import Answer, ApiGateway
from tests.support.charts import action, machine, on, settled

LIST = "/machines/door/instances?status=blocked"


def explode(*_: object) -> None:
    raise RuntimeError("the code is 1234")


DOOR = machine("door", settled("closed", on("BOOM", "open", actions=(action("explode", explode),))), settled("open"))


def owner_only(principal: Principal, _snapshot: SnapshotView) -> object:
    return {"ana": True, "bo": {"opened"}}.get(principal.name) or deny("owner_only")


@pytest.fixture
def api() -> ApiGateway:
    return ApiGateway(DOOR)


def block(api: ApiGateway, *names: str) -> None:
    for name in names:
        api.system.post(f"door/{name}", "BOOM", "BOOM")
        api.system.pump()
        api.system.clock.sleep(1)


def names(answer: Answer) -> list[str]:
    return [each["instance"] for each in answer.json["instances"]]


def test_the_list_says_what_blocks_each_the_longest_blocked_first(api: ApiGateway) -> None:
    block(api, "b", "a")
    answer = api.get(LIST)
    assert names(answer) == ["b", "a"]
    found = answer.json["instances"][0]
    assert (found["location"], found["version"], found["held"]) == ("/machines/door/instances/b", 1, 2)
    assert (found["blocked"]["type"], found["blocked"]["code"]) == ("BOOM", "user_code")
    assert "1234" in found["blocked"]["traceback"]
    assert "cursor" not in answer.json


def test_it_goes_on_from_a_cursor(api: ApiGateway) -> None:
    block(api, "a", "b", "c")
    first = api.get(f"{LIST}&limit=2")
    assert names(first) == ["a", "b"]
    assert names(api.get(f"{LIST}&limit=2&cursor={first.json['cursor']}")) == ["c"]


def test_what_was_mended_is_not_listed(api: ApiGateway) -> None:
    block(api, "a")
    for _ in range(2):
        api.system.control("door/a", "skip")
        api.system.pump()
    assert names(api.get(LIST)) == []


def test_readers_see_what_the_rules_let_them_see() -> None:
    api = ApiGateway(DOOR, rules={"door": Rules(allow_read=owner_only)})
    block(api, "a")
    seen: dict[str, Any] = {}
    for name in ("ana", "bo", "eve"):
        api.authorizer = {"jwt": {"claims": {"sub": name}}}
        seen[name] = [each["blocked"] for each in api.get(LIST).json["instances"]]
    assert "traceback" in seen["ana"][0]
    assert set(seen["bo"][0]) == {"receipt", "event_id", "type", "code", "at"}
    assert seen["eve"] == []


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "parameter_invalid"),
        ("?status=active", 400, "parameter_invalid"),
        ("?status=blocked&limit=0", 400, "parameter_invalid"),
        ("?status=blocked&limit=101", 400, "parameter_invalid"),
        ("?status=blocked&limit=x", 400, "parameter_invalid"),
        ("?status=blocked&tag=x", 400, "parameter_unknown"),
        ("?status=blocked&cursor=x", 400, "cursor_invalid"),
    ],
)
def test_what_cannot_be_listed_is_refused(api: ApiGateway, query: str, status: int, code: str) -> None:
    answer = api.get(f"/machines/door/instances{query}")
    assert (answer.status, answer.json["code"]) == (status, code)


def test_an_unknown_machine_has_no_list(api: ApiGateway) -> None:
    assert api.get("/machines/dor/instances?status=blocked").json["code"] == "unknown_machine"
