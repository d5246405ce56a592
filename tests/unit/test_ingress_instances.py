"""PUT and GET of instances, receipts, and what operators may ask for."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from settle.core.service import ServiceCall
from settle.core.snapshot import LiveInvoke, Snapshot
from settle.runtime.instance import Instance, InstanceKey
from settle.runtime.ports import ABSENT, Expected
from tests.support.api_gateway import Answer, ApiGateway
from tests.support.charts import action, final, guard, invoke, machine, node, on, parallel, settled


class Trip(BaseModel):
    city: str = ""
    nights: int = 1


class Book(BaseModel):
    price: int


def fail(*_: object) -> bool:
    raise RuntimeError("kaboom")


def answer_later(_call: ServiceCall) -> None:
    return None


TRIP = machine(
    "trip",
    settled(
        "planned",
        on("BOOK", "booked"),
        on("NEVER", "booked", guards=(guard("never", lambda *_: False),)),
        on("BOOM", "booked", guards=(guard("boom", fail),)),
    ),
    parallel(
        "booked",
        node("hotel", settled("wanted", on("ROOM", "booked.hotel.had")), final("had")),
        node("train", settled("wanted", on("SEAT", "booked.train.had")), final("had")),
        on("done.state.booked", "over"),
    ),
    final("over", output={"ok": True}),
    context=Trip,
    events={"BOOK": Book},
)
PICKY = machine(
    "picky",
    settled("start", on("", "no", guards=(guard("bad", lambda context, _: bool(context.get("bad"))),))),
    node("no", tags=frozenset({"rejected"})),
)
BROKEN = machine("broken", settled("start", entry=(action("boom", fail),)))
INSTANCE = "/machines/trip/instances/t1"


@pytest.fixture
def api() -> ApiGateway:
    return ApiGateway(TRIP, PICKY, BROKEN)


def code(answer: Answer) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status, answer.json["code"]


def store(api: ApiGateway, instance: Instance, **changes: Any) -> None:
    """Put a changed instance into the store, as another release or another consumer would."""
    changed = replace(instance, revision=instance.revision + 1, **changes)
    api.system.store.commit(changed, Expected(incarnation=instance.incarnation, revision=instance.revision))


def sleepy(api: ApiGateway) -> None:
    """Have the consumer do nothing while somebody waits."""
    api.clock.while_asleep = lambda: None


# Creating ------------------------------------------------------------------------------------------------------------


def test_an_instance_is_created_once(api: ApiGateway) -> None:
    first = api.put(INSTANCE, {"input": {"city": "Bern"}})
    assert first.status == 201
    assert first.headers["Location"] == INSTANCE
    assert first.json["context"] == {"city": "Bern", "nights": 1}
    again = api.put(INSTANCE, {"input": {"city": "Bern"}})
    assert again.status == 200
    assert again.json == first.json
    assert again.headers["ETag"] == first.headers["ETag"]
    assert code(api.put(INSTANCE, {"input": {"city": "Rome"}})) == (409, "instance_exists")


def test_an_instance_may_be_created_with_its_first_event(api: ApiGateway) -> None:
    answer = api.put(INSTANCE, {"event": {"type": "BOOK", "data": {"price": 3}}})
    assert answer.status == 201
    assert answer.json["value"] == {"booked": {"hotel": "wanted", "train": "wanted"}}
    assert answer.json["event_receipt"]["outcome"] == "applied"
    assert api.get(answer.json["event_receipt"]["location"]).json["version"] == 2


def test_a_first_event_that_is_refused_is_not_silent(api: ApiGateway) -> None:
    answer = api.put(INSTANCE, {"event": {"type": "NEVER"}})
    assert (answer.status, answer.json["value"]) == (201, "planned")
    assert (answer.json["event_receipt"]["outcome"], answer.json["event_receipt"]["code"]) == ("refused", "guard:never")


def test_the_event_belongs_to_the_creation(api: ApiGateway) -> None:
    booked = {"input": {"city": "Bern"}, "event": {"type": "BOOK", "data": {"price": 3}}}
    assert api.put(INSTANCE, booked).status == 201
    assert api.put(INSTANCE, booked).status == 200
    assert api.put(INSTANCE, {"input": {"city": "Bern"}}).status == 200
    other = booked | {"event": {"type": "BOOK", "data": {"price": 4}}}
    assert code(api.put(INSTANCE, other)) == (409, "instance_exists")


def test_an_instance_that_an_event_created_has_no_input(api: ApiGateway) -> None:
    api.post(f"{INSTANCE}/events", {"type": "BOOK", "data": {"price": 3}}, prefer="wait")
    assert api.put(INSTANCE).status == 200
    assert api.put(INSTANCE, {"input": {}}).status == 200
    assert code(api.put(INSTANCE, {"input": {"city": "Bern"}})) == (409, "instance_exists")
    assert code(api.put(INSTANCE, {"event": {"type": "BOOK", "data": {"price": 3}}})) == (409, "instance_exists")


def test_a_creation_that_takes_long_is_answered_with_its_receipt(api: ApiGateway) -> None:
    sleepy(api)
    answer = api.put(INSTANCE, {"event": {"type": "BOOK", "data": {"price": 3}}})
    assert (answer.status, answer.json["outcome"]) == (202, "queued")
    assert answer.headers["Location"] == answer.json["location"]
    assert answer.json["event_receipt"]["outcome"] == "queued"
    assert sum(api.clock.slept) == pytest.approx(10)
    assert api.get(answer.headers["Location"]).json["outcome"] == "queued"
    api.system.pump()
    assert api.get(answer.headers["Location"]).json["outcome"] == "applied"


def test_a_repetition_of_a_creation_under_way_sends_nothing_more(api: ApiGateway) -> None:
    body = {"event": {"type": "BOOK", "data": {"price": 3}}}
    sleepy(api)
    answers = [api.put(INSTANCE, body) for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert len(api.system.polled.receive(max_messages=10, visibility_timeout=0)) == 1


def test_a_creation_that_lost_a_race_is_told_so(api: ApiGateway) -> None:
    sleepy(api)
    api.put(INSTANCE, {"input": {"city": "Bern"}})
    api.clock.while_asleep = api.system.pump
    assert code(api.put(INSTANCE, {"input": {"city": "Rome"}})) == (409, "instance_exists")
    assert api.system.context("trip/t1")["city"] == "Bern"


def test_a_creation_may_find_what_somebody_else_made_meanwhile(api: ApiGateway) -> None:
    sleepy(api)
    api.put(INSTANCE, {"input": {"city": "Bern"}, "event": {"type": "NEVER"}})
    api.clock.while_asleep = api.system.pump
    assert api.put(INSTANCE, {"input": {"city": "Bern"}}).status == 200


def test_a_creation_that_the_machine_refuses_leaves_nothing(api: ApiGateway) -> None:
    path = "/machines/picky/instances/p"
    refused = api.put(path, {"input": {"bad": True}})
    assert code(refused) == (409, "creation_refused")
    assert "node:no" in refused.json["detail"]
    assert code(api.get(path)) == (404, "unknown_instance")
    assert code(api.put(path, {"input": {"bad": True}})) == (409, "creation_refused")
    assert api.put(path).status == 201


def test_a_creation_that_fails_is_kept_for_an_operator(api: ApiGateway) -> None:
    path = "/machines/broken/instances/b"
    answer = api.put(path)
    assert (answer.status, answer.json["outcome"]) == (202, "quarantined")
    found = api.get(path).json
    assert (found["value"], found["states"], found["settled"], found["held"]) == (None, [], None, 1)
    assert found["problem"] == "the machine has not started yet"
    assert found["blocked"]["code"] == "user_code"
    assert "kaboom" in found["blocked"]["traceback"]
    assert api.post(f"{path}/skip", prefer="wait").json["outcome"] == "applied"


@pytest.mark.parametrize(
    ("body", "expected", "paths"),
    [
        ({"input": {"nights": "many"}}, "input_invalid", ["input.nights"]),
        ({"event": {"type": "BOOK"}}, "event_invalid", ["event.data.price"]),
        ({"event": {"type": "BOOKED"}}, "unknown_event", []),
        ({"event": {"type": "done.state.booked"}}, "internal_event", []),
        ({"input": 3}, "request_invalid", ["input"]),
        ({"event": {}}, "request_invalid", ["event.type"]),
        ({"city": "Bern"}, "request_invalid", ["city"]),
        ([], "request_invalid", ["body"]),
    ],
)
def test_what_a_creation_cannot_use_is_refused(api: ApiGateway, body: Any, expected: str, paths: list[str]) -> None:
    answer = api.put(INSTANCE, body)
    assert code(answer) == (422, expected)
    assert [error["path"] for error in answer.json.get("errors", [])] == paths


def test_an_unknown_machine_creates_nothing(api: ApiGateway) -> None:
    assert code(api.put("/machines/trap/instances/t1")) == (404, "unknown_machine")
    assert "did you mean 'trip'?" in api.put("/machines/trap/instances/t1").json["detail"]


# Reading -------------------------------------------------------------------------------------------------------------


def test_an_instance_shows_all_that_is_known(api: ApiGateway) -> None:
    api.put(INSTANCE, {"input": {"city": "Bern"}, "event": {"type": "BOOK", "data": {"price": 3}}})
    api.post(f"{INSTANCE}/events", {"type": "ROOM"}, prefer="wait")
    found = api.get(INSTANCE).json
    assert found.pop("incarnation")
    assert found == {
        "machine": "trip",
        "instance": "t1",
        "version": 3,
        "revision": 2,
        "machine_version": 1,
        "status": "active",
        "value": {"booked": {"hotel": "had", "train": "wanted"}},
        "states": ["booked", "booked.hotel", "booked.hotel.had", "booked.train", "booked.train.wanted"],
        "tags": ["settled"],
        "settled": True,
        "next_events": ["SEAT"],
        "context": {"city": "Bern", "nights": 1},
        "output": None,
        "services": [],
        "timers": [],
        "parent": None,
        "paused": False,
        "held": 0,
        "blocked": None,
        "edits": [],
        "created_at": "2023-11-14T22:13:20.050Z",
        "updated_at": "2023-11-14T22:13:20.100Z",
    }
    api.post(f"{INSTANCE}/events", {"type": "SEAT"}, prefer="wait")
    over = api.get(INSTANCE).json
    assert (over["status"], over["output"], over["next_events"]) == ("done", {"ok": True}, [])


def test_live_services_are_shown() -> None:
    slow = machine("slow", node("busy", invoke("call", answer_later), on("done.invoke.call", "idle")), settled("idle"))
    api = ApiGateway(slow)
    api.put("/machines/slow/instances/s")
    instance = api.system.instance("slow/s")
    invokes = (LiveInvoke(id="call", entry=1, node="busy", src="call"),)
    store(api, instance, snapshot=instance.snapshot._replace(configuration=("busy",), invokes=invokes))
    found = api.get("/machines/slow/instances/s").json
    assert found["services"] == [{"id": "call", "node": "busy", "src": "call", "mode": "inline"}]
    assert found["settled"] is False


def test_an_unchanged_instance_is_not_sent_again(api: ApiGateway) -> None:
    etag = api.put(INSTANCE).headers["ETag"]
    assert etag == '"1.1"'
    same = api.get(INSTANCE, if_none_match=f'"0.0", W/{etag}')
    assert (same.status, same.text, same.headers["ETag"]) == (304, "", etag)
    api.post(f"{INSTANCE}/pause", prefer="wait")
    changed = api.get(INSTANCE, if_none_match=etag)
    assert (changed.status, changed.headers["ETag"]) == (200, '"1.2"')


def test_an_instance_of_an_unknown_version_is_still_readable(api: ApiGateway) -> None:
    api.put(INSTANCE, {"event": {"type": "BOOK", "data": {"price": 3}}})
    instance = api.system.instance("trip/t1")
    store(api, instance, snapshot=instance.snapshot._replace(machine_version=7))
    found = api.get(INSTANCE)
    assert found.status == 200
    assert found.json["value"] == {"booked": {"hotel": "wanted", "train": "wanted"}}
    assert found.json["states"][:2] == ["booked", "booked.hotel"]
    assert (found.json["settled"], found.json["tags"], found.json["next_events"]) == (None, [], [])
    assert "version 7" in found.json["problem"]


def test_an_instance_of_a_machine_that_is_gone_is_still_readable(api: ApiGateway) -> None:
    snapshot = Snapshot(machine="gone", machine_version=1, definition="0", configuration=("a.b",), context={})
    instance = Instance(
        key=InstanceKey("gone", "g"),
        incarnation="i",
        revision=1,
        version=1,
        snapshot=snapshot,
        created_at=0.0,
        updated_at=0.0,
    )
    api.system.store.commit(instance, ABSENT)
    assert api.get("/machines/gone/instances/g").json["value"] == {"a": "b"}
    assert code(api.get("/machines/gone/instances/h")) == (404, "unknown_machine")


@pytest.mark.parametrize("path", [INSTANCE, f"{INSTANCE}/receipts/k{'0' * 32}"])
def test_what_was_never_created_is_not_found(api: ApiGateway, path: str) -> None:
    assert api.get(path).status == 404


@pytest.mark.parametrize("receipt", ["x", "s1", "s1-100", "k1", f"k{'0' * 32}", f"k{'0' * 32}-{'0' * 32}", 's1"2'])
def test_an_unknown_receipt_is_not_found(api: ApiGateway, receipt: str) -> None:
    api.put(INSTANCE)
    status, problem = code(api.get(f"{INSTANCE}/receipts/{receipt}"))
    assert (status, problem) in {(404, "unknown_receipt"), (400, "name_invalid")}


def test_a_receipt_of_long_ago_is_gone(api: ApiGateway) -> None:
    location = api.post(f"{INSTANCE}/events", {"type": "NEVER"}).headers["Location"]
    for _ in range(30):
        api.post(f"{INSTANCE}/events", {"type": "NEVER"})
    api.system.pump()
    assert code(api.get(location)) == (410, "receipt_expired")


# Operating -----------------------------------------------------------------------------------------------------------


def test_a_paused_instance_holds_events_until_it_resumes(api: ApiGateway) -> None:
    api.put(INSTANCE)
    paused = api.post(f"{INSTANCE}/pause", prefer="wait=3")
    assert (paused.status, paused.json["outcome"]) == (200, "applied")
    held = api.post(f"{INSTANCE}/events", {"type": "BOOK", "data": {"price": 1}}, prefer="wait=1")
    assert (held.status, held.json["outcome"]) == (202, "held")
    assert api.get(INSTANCE).json["paused"] is True
    assert api.get(INSTANCE).json["held"] == 1
    resumed = api.post(f"{INSTANCE}/resume", prefer="wait=3")
    assert resumed.json["outcome"] == "applied"
    assert api.get(held.headers["Location"]).json["outcome"] == "applied"


def test_a_control_message_is_not_taken_for_an_event_that_waits(api: ApiGateway) -> None:
    api.put(INSTANCE)
    api.post(f"{INSTANCE}/pause", prefer="wait")
    api.post(f"{INSTANCE}/events", {"type": "BOOK", "data": {"price": 1}}, prefer="wait=1")
    again = api.post(f"{INSTANCE}/pause", prefer="wait=1")
    assert (again.status, again.json["outcome"]) == (200, "ignored")


def test_a_quarantined_event_can_be_retried_and_skipped(api: ApiGateway) -> None:
    api.put(INSTANCE)
    stuck = api.post(f"{INSTANCE}/events", {"type": "BOOM"}, prefer="wait=1", idempotency_key="k")
    assert (stuck.status, stuck.json["outcome"], stuck.json["type"]) == (200, "quarantined", "BOOM")
    unkeyed = api.post(f"{INSTANCE}/events", {"type": "BOOK", "data": {"price": 1}}, prefer="wait=1")
    assert (unkeyed.status, unkeyed.json["outcome"]) == (202, "held")
    assert api.get(INSTANCE).json["blocked"]["event_id"] == stuck.json["event_id"]
    retried = api.post(f"{INSTANCE}/retry", prefer="wait=1")
    assert (retried.status, retried.json["outcome"]) == (200, "applied")
    api.system.pump()
    assert api.get(stuck.headers["Location"]).json["outcome"] == "quarantined"
    assert api.post(f"{INSTANCE}/skip", prefer="wait=1").json["outcome"] == "applied"
    api.system.pump()
    assert api.get(stuck.headers["Location"]).json["outcome"] == "skipped"
    assert api.get(unkeyed.headers["Location"]).json["outcome"] == "applied"
    assert api.get(INSTANCE).json["blocked"] is None


def block_twice(api: ApiGateway) -> list[str]:
    """Send two events that nobody can apply; return the paths of their receipts."""
    api.put(INSTANCE)
    sent = [api.post(f"{INSTANCE}/events", {"type": "BOOM"}, prefer="wait=1", idempotency_key=key) for key in "ab"]
    return [answer.headers["Location"] for answer in sent]


def test_of_two_operators_who_skip_the_same_event_one_is_in_vain(api: ApiGateway) -> None:
    _, second = block_twice(api)
    answers = [api.post(f"{INSTANCE}/skip") for _ in range(2)]  # both have looked before either is heard
    api.system.pump()
    receipts = [api.get(answer.headers["Location"]).json for answer in answers]
    assert [each["outcome"] for each in receipts] == ["applied", "ignored"]
    assert api.get(second).json["outcome"] == "quarantined"


def test_a_skip_that_comes_when_another_event_blocks_is_refused(api: ApiGateway) -> None:
    _, second = block_twice(api)
    blocked = api.get(INSTANCE).json["blocked"]["event_id"]
    api.post(f"{INSTANCE}/skip")
    api.system.pump()
    asked = api.system.control("trip/t1", "skip", event_id=blocked, schema_version=3)
    api.system.pump()
    receipt = api.get(f"{INSTANCE}/receipts/s{asked}-0").json
    assert (receipt["outcome"], receipt["code"]) == ("refused", "event_changed")
    assert api.get(second).json["outcome"] == "quarantined"


def test_a_skip_is_only_of_the_event_that_it_names(api: ApiGateway) -> None:
    block_twice(api)
    seen = {"event_id": api.get(INSTANCE).json["blocked"]["event_id"]}
    assert api.post(f"{INSTANCE}/skip", seen, prefer="wait=1").json["outcome"] == "applied"
    api.system.pump()
    assert code(api.post(f"{INSTANCE}/skip", seen)) == (409, "event_changed")
    assert api.get(INSTANCE).json["blocked"]


@pytest.mark.parametrize("body", [{"event": "x"}, {"event_id": 1}, [], "x", {"event_id": "x" * 129}])
def test_a_skip_says_nothing_but_which_event(api: ApiGateway, body: Any) -> None:
    block_twice(api)
    assert api.post(f"{INSTANCE}/skip", body).status == 422
    assert api.get(INSTANCE).json["blocked"]


def test_control_answers_with_a_receipt(api: ApiGateway) -> None:
    api.put(INSTANCE)
    answer = api.post(f"{INSTANCE}/pause")
    assert (answer.status, answer.json["outcome"]) == (202, "queued")
    api.system.pump()
    assert api.get(answer.headers["Location"]).json["outcome"] == "applied"


@pytest.mark.parametrize("action", ["retry", "skip"])
def test_there_must_be_something_to_retry_or_skip(api: ApiGateway, action: str) -> None:
    api.put(INSTANCE)
    assert code(api.post(f"{INSTANCE}/{action}")) == (409, "not_blocked")


@pytest.mark.parametrize("action", ["pause", "resume", "retry", "skip"])
def test_control_of_an_unknown_instance_is_not_found(api: ApiGateway, action: str) -> None:
    assert code(api.post(f"{INSTANCE}/{action}")) == (404, "unknown_instance")
    assert code(api.post(f"/machines/nope/instances/a/{action}")) == (404, "unknown_machine")


def test_draining_is_not_for_clients(api: ApiGateway) -> None:
    assert code(api.post(f"{INSTANCE}/drain")) == (404, "unknown_path")
