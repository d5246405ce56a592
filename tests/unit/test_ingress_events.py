"""POST .../events: what a client is told, and what reaches the instance."""

from typing import Any

import pytest
from pydantic import BaseModel, Field

from settle.runtime.envelope import parse_envelope
from settle.runtime.instance import MAX_HELD_EVENTS, HeldRange, InstanceKey
from settle.runtime.limits import MAX_MESSAGE_BYTES
from settle.runtime.ports import Expected
from settle.runtime.receipt import Position
from tests.support.api_gateway import Answer, ApiGateway
from tests.support.charts import action, guard, machine, on, settled


class Line(BaseModel):
    sku: str
    count: int = Field(ge=1)


class Fill(BaseModel):
    lines: list[Line]


def add(context: dict[str, Any], *_: object) -> None:
    context["count"] = context.get("count", 0) + 1


def explode(*_: object) -> bool:
    raise RuntimeError("kaboom")


CART = machine(
    "cart",
    settled(
        "open",
        on("ADD", actions=(action("add", add),)),
        on("FILL", "full"),
        on("NO", "full", guards=(guard("never", lambda *_: False),)),
        on("BOOM", guards=(guard("explode", explode),)),
        on("item.*"),
    ),
    settled("full", on("EMPTY", "open")),
    events={"FILL": Fill},
)
BOOKED = machine("booked", settled("open", on("GO", "shut")), settled("shut"), create_on_event=False)
EVENTS = "/machines/cart/instances/c1/events"


@pytest.fixture
def api() -> ApiGateway:
    return ApiGateway(CART, BOOKED)


def code(answer: Answer) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["status"] == answer.status
    assert answer.json["type"] == "/problems/" + answer.json["code"].replace("_", "-")
    return answer.status, answer.json["code"]


def bodies(api: ApiGateway) -> list[Any]:
    received = api.system.polled.receive(max_messages=10, visibility_timeout=0)
    return [parse_envelope(message.body) for message in received]


# Accepting -----------------------------------------------------------------------------------------------------------


def test_an_event_is_accepted_and_its_receipt_is_where_the_answer_says(api: ApiGateway) -> None:
    answer = api.post(EVENTS, {"type": "ADD"})
    assert answer.status == 202
    assert answer.json["outcome"] == "queued"
    assert answer.headers["Location"] == answer.json["location"]
    assert api.get(answer.headers["Location"]).json["outcome"] == "queued"
    api.system.pump()
    receipt = api.get(answer.headers["Location"])
    assert receipt.status == 200
    assert receipt.json["outcome"] == "applied"
    assert receipt.json["after"] == ["open"]


def test_a_list_is_one_message_and_each_event_has_its_receipt(api: ApiGateway) -> None:
    answer = api.post(EVENTS, [{"type": "ADD"}, {"type": "NO"}, {"type": "EMPTY"}])
    receipts = answer.json["receipts"]
    assert answer.status == 202
    assert answer.headers["Location"] == receipts[-1]["location"]
    assert len(bodies(api)) == 1
    api.system.clock.sleep(1)
    api.system.pump()
    found = [api.get(receipt["location"]).json for receipt in receipts]
    assert [receipt["outcome"] for receipt in found] == ["applied", "refused", "ignored"]
    assert found[1]["code"] == "guard:never"


def test_an_event_known_by_its_family_is_accepted(api: ApiGateway) -> None:
    assert api.post(EVENTS, {"type": "item.added"}).status == 202


def test_an_event_that_only_an_older_version_knows_is_accepted() -> None:
    older = machine("cart", settled("open", on("OLD")))
    newer = machine("cart", settled("open", on("NEW")), version=2)
    api = ApiGateway(newer, older=(older,))
    assert api.post(EVENTS, {"type": "OLD"}).status == 202
    assert code(api.post(EVENTS, {"type": "NONE"})) == (422, "unknown_event")


def test_who_sends_is_what_the_authorizer_says(api: ApiGateway) -> None:
    api.authorizer = {"iam": {"userArn": "arn:aws:iam::1:user/ana"}}
    api.post("/machines/cart/instances/a/events", {"type": "ADD"})
    api.authorizer = {"jwt": {"claims": {"sub": "bo", "scope": "write"}, "scopes": None}}
    api.post("/machines/cart/instances/b/events", {"type": "ADD"})
    first, second = bodies(api)
    assert (first.principal, first.claims) == ("arn:aws:iam::1:user/ana", {})
    assert (second.principal, second.claims) == ("bo", {"sub": "bo", "scope": "write"})


def test_names_in_the_path_are_decoded(api: ApiGateway) -> None:
    assert api.post("/machines/cart/instances/a%40b%3A1/events", {"type": "ADD"}).status == 202
    api.system.pump()
    assert api.system.exists("cart/a@b:1")
    assert api.get("/machines/cart/instances/a%40b:1").json["instance"] == "a@b:1"


def test_a_body_without_a_content_type_is_taken_for_json(api: ApiGateway) -> None:
    assert api.request("POST", EVENTS, content=b'{"type": "ADD"}').status == 202


# Waiting -------------------------------------------------------------------------------------------------------------


def test_a_wait_answers_with_what_became_of_the_event(api: ApiGateway) -> None:
    answer = api.post(EVENTS, {"type": "ADD"}, prefer="wait=5")
    assert (answer.status, answer.json["outcome"]) == (200, "applied")
    assert answer.headers["Preference-Applied"] == "wait=5"
    assert answer.json["next_events"] == ["ADD", "BOOM", "FILL", "NO", "item.*"]
    assert api.clock.slept == [0.05]


def test_a_wait_answers_202_when_time_runs_out(api: ApiGateway) -> None:
    api.clock.while_asleep = lambda: None
    answer = api.post(EVENTS, {"type": "ADD"}, prefer="wait=2")
    assert (answer.status, answer.json["outcome"]) == (202, "queued")
    assert api.clock.slept == [0.05, 0.1, 0.2, 0.4, 0.8, pytest.approx(0.45)]


def test_a_wait_ends_when_the_event_is_quarantined(api: ApiGateway) -> None:
    answer = api.post(EVENTS, [{"type": "BOOM"}, {"type": "ADD"}], prefer="wait=5")
    assert answer.status == 200
    assert [receipt["outcome"] for receipt in answer.json["receipts"]] == ["quarantined", "held"]
    assert answer.json["receipts"][0]["code"] == "user_code"


@pytest.mark.parametrize(
    ("preference", "applied"),
    [
        ("wait", "wait=10"),
        ("wait=99", "wait=25"),
        ('respond-async, wait="3"', "wait=3"),
        ("wait=0", None),
        ("respond-async", None),
        ("wait=soon", None),
        ("await=3", None),
    ],
)
def test_a_wait_is_what_the_client_prefers_within_limits(api: ApiGateway, preference: str, applied: str | None) -> None:
    answer = api.post(EVENTS, {"type": "ADD"}, prefer=preference)
    assert answer.headers.get("Preference-Applied") == applied
    assert answer.status == (202 if applied is None else 200)


# Idempotency keys ----------------------------------------------------------------------------------------------------


def test_a_repetition_is_sent_once_and_then_answered_with_the_first_receipt(api: ApiGateway) -> None:
    first = api.post(EVENTS, {"type": "ADD"}, idempotency_key="k")
    again = api.post(EVENTS, {"type": "ADD"}, idempotency_key="k")
    assert first.status == again.status == 202
    assert first.json == again.json
    assert len(bodies(api)) == 1
    api.system.clock.sleep(1)
    api.system.pump()
    replayed = api.post(EVENTS, {"type": "ADD"}, idempotency_key="k")
    assert (replayed.status, replayed.headers["Idempotent-Replayed"]) == (200, "true")
    assert replayed.json["outcome"] == "applied"
    assert replayed.json["id"] == first.json["id"]
    assert (replayed.json["before"], replayed.json["after"], replayed.json["effects"]) == ([], ["open"], [])
    assert api.system.context("cart/c1") == {"count": 1}


def test_a_repetition_after_the_queue_forgot_is_applied_once(api: ApiGateway) -> None:
    api.post(EVENTS, {"type": "ADD"}, idempotency_key="k")
    api.system.clock.sleep(400)
    api.post(EVENTS, {"type": "ADD"}, idempotency_key="k")
    assert len(bodies(api)) == 2
    api.system.clock.sleep(1)
    api.system.pump()
    assert api.system.context("cart/c1") == {"count": 1}


def test_a_list_under_a_key_is_replayed_whole(api: ApiGateway) -> None:
    events = [{"type": "ADD"}, {"type": "NO"}]
    first = api.post(EVENTS, events, idempotency_key="k")
    queued = [api.get(receipt["location"]) for receipt in first.json["receipts"]]
    assert [(each.status, each.json["outcome"]) for each in queued] == [(200, "queued"), (200, "queued")]
    again = api.post(EVENTS, events, idempotency_key="k", prefer="wait=5")
    replayed = api.post(EVENTS, events, idempotency_key="k")
    assert [receipt["outcome"] for receipt in again.json["receipts"]] == ["applied", "refused"]
    assert replayed.json == again.json
    assert api.get(replayed.headers["Location"]).json["code"] == "guard:never"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"type": "ADD", "data": {"n": 2}}, {}),
        ([{"type": "ADD"}, {"type": "ADD"}], {}),
        ({"type": "ADD"}, {"if_match": "1"}),
    ],
)
def test_a_key_with_another_request_is_a_conflict(api: ApiGateway, body: Any, headers: dict[str, str]) -> None:
    api.post(EVENTS, {"type": "ADD"}, idempotency_key="k", prefer="wait")
    assert code(api.post(EVENTS, body, idempotency_key="k", **headers)) == (409, "key_reused")


def test_the_same_key_is_another_one_for_another_principal_or_instance(api: ApiGateway) -> None:
    api.post(EVENTS, {"type": "ADD"}, idempotency_key="k")
    assert api.post("/machines/cart/instances/c2/events", {"type": "NO"}, idempotency_key="k").status == 202
    api.authorizer = {"jwt": {"claims": {"sub": "bo"}}}
    assert api.post(EVENTS, {"type": "NO"}, idempotency_key="k").status == 202


def test_a_key_is_forgotten_after_a_day(api: ApiGateway) -> None:
    api.post(EVENTS, {"type": "ADD"}, idempotency_key="k", prefer="wait")
    api.system.clock.sleep(24 * 60 * 60 + 1)
    assert api.post(EVENTS, {"type": "NO"}, idempotency_key="k").status == 202


def test_a_repetition_is_not_asked_for_a_version_that_it_changed_itself(api: ApiGateway) -> None:
    api.post(EVENTS, {"type": "ADD"}, prefer="wait")
    first = api.post(EVENTS, {"type": "ADD"}, idempotency_key="k", if_match='"2"', prefer="wait")
    again = api.post(EVENTS, {"type": "ADD"}, idempotency_key="k", if_match='"2"', prefer="wait")
    assert (first.status, again.status) == (200, 200)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_what_is_refused_leaves_the_key_free(api: ApiGateway) -> None:
    refused = api.post(EVENTS, {"type": "ADD"}, idempotency_key="k", if_match='"7"')
    assert code(refused) == (412, "precondition_failed")
    assert api.post(EVENTS, {"type": "ADD"}, idempotency_key="k").status == 202


@pytest.mark.parametrize("key", ["x" * 256, "käse", "a\tb"])
def test_a_key_has_its_rules(api: ApiGateway, key: str) -> None:
    assert code(api.post(EVENTS, {"type": "ADD"}, idempotency_key=key)) == (400, "name_invalid")


# Conditions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", ['"2"', '"2.1"', "2"])
def test_an_event_for_the_present_version_is_accepted(api: ApiGateway, tag: str) -> None:
    api.post(EVENTS, {"type": "ADD"}, prefer="wait")
    assert api.post(EVENTS, {"type": "ADD"}, if_match=tag).status == 202
    assert bodies(api)[0].if_match == 2


def test_an_event_for_another_version_is_refused(api: ApiGateway) -> None:
    assert code(api.post(EVENTS, {"type": "ADD"}, if_match='"2"')) == (412, "precondition_failed")
    api.post(EVENTS, {"type": "ADD"}, prefer="wait")
    assert code(api.post(EVENTS, {"type": "ADD"}, if_match='"1"')) == (412, "precondition_failed")
    assert bodies(api) == []


def test_the_consumer_has_the_last_word_on_the_version(api: ApiGateway) -> None:
    api.post(EVENTS, {"type": "ADD"}, prefer="wait")
    answers = [api.post(EVENTS, {"type": "ADD"}, if_match='"2"') for _ in range(2)]
    api.system.pump()
    outcomes = [api.get(answer.headers["Location"]).json["outcome"] for answer in answers]
    assert outcomes == ["applied", "precondition_failed"]


@pytest.mark.parametrize("tag", ["*", 'W/"2"', '"1", "2"', '"x"'])
def test_a_version_is_one_number(api: ApiGateway, tag: str) -> None:
    assert code(api.post(EVENTS, {"type": "ADD"}, if_match=tag)) == (400, "if_match_invalid")


def test_a_version_goes_with_a_single_event(api: ApiGateway) -> None:
    api.post(EVENTS, {"type": "ADD"}, prefer="wait")
    several = api.post(EVENTS, [{"type": "ADD"}, {"type": "ADD"}], if_match='"2"')
    assert code(several) == (400, "if_match_invalid")
    assert "a single event" in several.json["detail"]
    assert "cannot be foreseen" in several.json["detail"]
    assert bodies(api) == []
    assert api.post(EVENTS, [{"type": "ADD"}], if_match='"2"').status == 202


def test_a_machine_may_want_its_instances_created_first(api: ApiGateway) -> None:
    path = "/machines/booked/instances/b"
    refused = api.post(f"{path}/events", {"type": "GO"})
    assert code(refused) == (404, "unknown_instance")
    assert "PUT" in refused.json["detail"]
    assert api.put(path).status == 201
    assert api.post(f"{path}/events", {"type": "GO"}, prefer="wait").json["outcome"] == "applied"


def test_an_instance_that_holds_all_it_may_takes_no_more(api: ApiGateway) -> None:
    api.post(EVENTS, {"type": "ADD"}, prefer="wait")
    fill_up(api)
    refused = api.post(EVENTS, {"type": "ADD"}, prefer="wait")
    assert code(refused) == (429, "too_many_held")
    assert refused.headers["Retry-After"] == "1"
    assert api.post(EVENTS, {"type": "ADD"}).status == 202


def fill_up(api: ApiGateway) -> None:
    instance = api.system.instance("cart/c1")
    held = HeldRange(first=1, next=1 + MAX_HELD_EVENTS, floor=Position(10**21))
    changed = {"held": held, "paused": True, "revision": instance.revision + 1}
    expected = Expected(incarnation=instance.incarnation, revision=instance.revision)
    api.system.store.commit(type(instance)(**{**fields(instance), **changed}), expected)


def fields(instance: Any) -> dict[str, Any]:
    return {name: getattr(instance, name) for name in instance.__dataclass_fields__}


# Refusals ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"type": "done.state.open"}, (422, "internal_event")),
        ({"type": "error.execution"}, (422, "internal_event")),
        ({"type": "settle.start"}, (422, "internal_event")),
        ({"type": "ADDD"}, (422, "unknown_event")),
        ({"type": "items.added"}, (422, "unknown_event")),
        ({"type": "with space"}, (400, "name_invalid")),
        ({"type": "*"}, (400, "name_invalid")),
    ],
)
def test_event_types_have_their_rules(api: ApiGateway, event: dict[str, Any], expected: tuple[int, str]) -> None:
    assert code(api.post(EVENTS, event)) == expected
    assert code(api.post(EVENTS, [{"type": "ADD"}, event])) == expected
    assert bodies(api) == []


def test_a_misspelt_event_type_is_told_the_right_one(api: ApiGateway) -> None:
    assert "did you mean 'ADD'?" in api.post(EVENTS, {"type": "ADDD"}).json["detail"]
    assert "it knows ADD, BOOM" in api.post(EVENTS, {"type": "zzzzzz"}).json["detail"]


def test_data_that_does_not_fit_is_told_field_by_field(api: ApiGateway) -> None:
    answer = api.post(EVENTS, {"type": "FILL", "data": {"lines": [{"sku": "a", "count": 0}, {}]}})
    assert code(answer) == (422, "event_invalid")
    assert answer.json["errors"] == [
        {
            "path": "data.lines.0.count",
            "message": "Input should be greater than or equal to 1",
            "type": "greater_than_equal",
        },
        {"path": "data.lines.1.sku", "message": "Field required", "type": "missing"},
        {"path": "data.lines.1.count", "message": "Field required", "type": "missing"},
    ]


def test_in_a_list_the_path_begins_with_the_place_of_the_event(api: ApiGateway) -> None:
    answer = api.post(EVENTS, [{"type": "FILL"}, {"type": "ADD"}, {"type": "FILL", "data": 3}])
    assert [error["path"] for error in answer.json["errors"]] == ["0.data.lines", "2.data"]


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({}, ["type"]),
        ({"type": ""}, ["type"]),
        ({"type": "x" * 129}, ["type"]),
        ({"type": 3}, ["type"]),
        ({"type": "ADD", "amount": 3, "id": "x"}, ["amount", "id"]),
        ([], ["body"]),
        ([{"type": "ADD"}] * 11, ["body"]),
        ([{"type": "ADD"}, {}, 3], ["1.type", "2"]),
        ("ADD", ["body"]),
        (None, ["body"]),
    ],
)
def test_a_body_is_an_event_or_a_list_of_them(api: ApiGateway, body: Any, paths: list[str]) -> None:
    answer = api.request("POST", EVENTS, body) if body is not None else api.request("POST", EVENTS, content=b"null")
    assert code(answer) == (422, "request_invalid")
    assert [error["path"] for error in answer.json["errors"]] == paths


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b'{"type": "ADD", "data": NaN}',
        b'{"type": "ADD", "data": "\\ud800"}',
        b"[" * 500 + b"]" * 500,
    ],
)
def test_what_is_not_json_is_malformed(api: ApiGateway, content: bytes) -> None:
    assert code(api.request("POST", EVENTS, content=content)) == (400, "malformed_body")


def test_numbers_are_finite(api: ApiGateway) -> None:
    answer = api.request("POST", EVENTS, content=b'[{"type": "ADD", "data": {"n": [1, 1e999]}}]')
    assert code(answer) == (422, "request_invalid")
    assert answer.json["errors"][0]["path"] == "0.data"


@pytest.mark.parametrize("data", [b'"\\uffff"', b"[" * 199 + b"]" * 199])
def test_what_the_queue_or_the_consumer_could_not_take_is_refused(api: ApiGateway, data: bytes) -> None:
    answer = api.request("POST", EVENTS, content=b'{"type": "ADD", "data": %b}' % data)
    assert code(answer) == (400, "envelope_invalid")


def test_a_body_over_the_limit_is_refused(api: ApiGateway) -> None:
    content = b'{"type": "ADD", "data": "%b"}' % (b"x" * MAX_MESSAGE_BYTES)
    assert code(api.request("POST", EVENTS, content=content)) == (413, "message_too_large")


def test_a_message_over_the_limit_is_refused_before_anything_is_done(api: ApiGateway) -> None:
    data = "x" * (MAX_MESSAGE_BYTES - 100)
    refused = api.post(EVENTS, {"type": "ADD", "data": data}, idempotency_key="k")
    assert code(refused) == (413, "message_too_large")
    assert api.post(EVENTS, {"type": "ADD"}, idempotency_key="k").status == 202


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "text/plain", "application/xml", "json"])
def test_a_body_that_says_it_is_not_json_is_refused(api: ApiGateway, content_type: str) -> None:
    answer = api.request("POST", EVENTS, content=b'{"type": "ADD"}', headers={"content-type": content_type})
    assert code(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8",
        "application/cloudevents+json",
        "text/json",
        "application/x-www-form-urlencoded",
    ],
)
def test_json_has_several_names(api: ApiGateway, content_type: str) -> None:
    answer = api.request("POST", EVENTS, content=b'{"type": "ADD"}', headers={"content-type": content_type})
    assert answer.status == 202


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/machines/nope/instances/c1/events", (404, "unknown_machine")),
        ("/machines/CART/instances/c1/events", (400, "name_invalid")),
        (f"/machines/{'a' * 32}/instances/c1/events", (400, "name_invalid")),
        ("/machines/cart/instances/a b/events", (400, "name_invalid")),
        ("/machines/cart/instances/a%2Fb/events", (400, "name_invalid")),
        ("/machines/cart/instances/ä/events", (400, "name_invalid")),
        ('/machines/cart/instances/a"b/events', (400, "name_invalid")),
        (f"/machines/cart/instances/{'a' * 97}/events", (400, "name_invalid")),
        ("/machines/cart/instances//events", (404, "unknown_path")),
    ],
)
def test_names_have_their_rules(api: ApiGateway, path: str, expected: tuple[int, str]) -> None:
    assert code(api.post(path, {"type": "ADD"})) == expected


def test_the_longest_names_are_taken() -> None:
    name, instance = "m" * 31, "i" * 96
    api = ApiGateway(machine(name, settled("open", on("GO"))))
    path = f"/machines/{name}/instances/{instance}/events"
    answer = api.post(path, {"type": "GO"}, idempotency_key="k" * 255, prefer="wait")
    assert answer.json["outcome"] == "applied"
    assert api.system.store.load(InstanceKey(name, instance)) is not None
