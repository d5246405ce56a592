"""Editing the event that blocks an instance: another type or other data, in the same place, from the same sender."""

import logging
from typing import Any

import pytest
from pydantic import BaseModel

from settle.core.definition import Definition
from settle.core.delay import Delay
from settle.core.permission import Principal, SnapshotView, deny
from settle.core.service import ServiceCall
from settle.core.spec import InvokeMode
from settle.runtime.envelope import ControlAction, ControlEnvelope, TimerEnvelope
from settle.runtime.instance import MAX_EDITS
from settle.runtime.open_envelope import open_held
from settle.runtime.permissions import Rules
from settle.runtime.receipt import Outcome
from tests.support.api_gateway import Answer, ApiGateway, make_registry
from tests.support.charts import action, invoke, machine, node, on, settled
from tests.support.system import System

INSTANCE = "/machines/till/instances/t1"
GROUP = "till/t1"


class Pay(BaseModel):
    amount: int


class Till(BaseModel):
    paid: int = 0
    by: list[str] = []
    start: int = 1


def pay(context: Any, event: Any, _do: object) -> None:
    if event.data.amount < 0:
        raise ValueError("a negative amount")
    context.paid += event.data.amount
    context.by.append(event.principal)


def begin(context: Any, *_: object) -> None:
    if context.start < 0:
        raise ValueError("a negative start")


def till(*, version: int = 1, events: dict[str, type[BaseModel]] | None = None) -> Definition:
    return machine(
        "till",
        settled("open", on("PAY", "open", actions=(action("pay", pay),)), on("NOTE"), entry=(action("begin", begin),)),
        version=version,
        context=Till,
        events={"PAY": Pay} if events is None else events,
    )


@pytest.fixture
def api() -> ApiGateway:
    return ApiGateway(till())


def speak_as(api: ApiGateway, name: str) -> None:
    api.authorizer = {"jwt": {"claims": {"sub": name}}}


def block(api: ApiGateway, amount: int = -1, **headers: Any) -> Answer:
    speak_as(api, "client")
    answer = api.post(f"{INSTANCE}/events", {"type": "PAY", "data": {"amount": amount}}, prefer="wait=1", **headers)
    assert answer.json["outcome"] == "quarantined"
    speak_as(api, "ana")
    return answer


def edit(api: ApiGateway, body: Any, **headers: str) -> Answer:
    answer = api.post(f"{INSTANCE}/edit", body, **{"prefer": "wait=1", **headers})
    api.system.pump()
    return answer


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


# ---- what becomes of the event


def test_an_edited_event_is_applied_in_its_place_and_from_its_sender(api: ApiGateway) -> None:
    stuck = block(api)
    speak_as(api, "later")
    later = api.post(f"{INSTANCE}/events", {"type": "PAY", "data": {"amount": 10}}, prefer="wait=1")
    assert later.json["outcome"] == "held"
    speak_as(api, "ana")
    assert edit(api, {"data": {"amount": 5}}).json["outcome"] == "applied"
    assert api.get(stuck.headers["Location"]).json["outcome"] == "applied"
    assert api.get(later.headers["Location"]).json["outcome"] == "applied"
    assert api.get(INSTANCE).json["context"] == {"paid": 15, "by": ["client", "later"], "start": 1}
    assert api.get(INSTANCE).json["blocked"] is None


def test_the_type_alone_may_be_changed(api: ApiGateway) -> None:
    stuck = block(api)
    assert edit(api, {"type": "NOTE"}).json["outcome"] == "applied"
    assert api.get(stuck.headers["Location"]).json["outcome"] == "applied"
    assert api.system.context(GROUP)["paid"] == 0


@pytest.mark.parametrize("headers", [{}, {"idempotency_key": "k"}], ids=["plain", "keyed"])
def test_receipt_and_instance_say_who_edited_what(api: ApiGateway, headers: dict[str, str]) -> None:
    stuck = block(api, -1, **headers)
    was = api.get(f"{INSTANCE}/blocked").json["event"]
    at = api.system.clock.now()
    edit(api, {"data": {"amount": 5}})
    edited = api.get(stuck.headers["Location"]).json["edited"]
    assert {**edited, "at": ""} == {"by": "ana", "at": "", "type": "PAY", "digest": was["digest"], "times": 1}
    assert edited["at"].startswith("2023-11-14T22:13:")
    assert at - 1_700_000_000 < 60
    assert api.get(INSTANCE).json["edits"] == [{"event_id": was["id"], **edited}]


def test_an_event_that_fails_again_stays_edited_and_can_be_edited_again(api: ApiGateway) -> None:
    block(api)
    first = api.get(f"{INSTANCE}/blocked").json["event"]
    edit(api, {"data": {"amount": -2}})
    again = api.get(f"{INSTANCE}/blocked").json
    assert (again["event"]["data"], again["event"]["id"]) == ({"amount": -2}, first["id"])
    assert (again["event"]["principal"], again["event"]["edited"]["by"]) == ("client", "ana")
    speak_as(api, "bo")
    edit(api, {"data": {"amount": 2}})
    (entry,) = api.get(INSTANCE).json["edits"]
    assert (entry["by"], entry["times"], entry["digest"]) == ("bo", 2, first["digest"])
    assert api.system.context(GROUP)["paid"] == 2


def test_a_skipped_event_still_says_that_it_was_edited(api: ApiGateway) -> None:
    stuck = block(api, idempotency_key="k")
    edit(api, {"data": {"amount": -2}})
    api.post(f"{INSTANCE}/skip")
    api.system.pump()
    receipt = api.get(stuck.headers["Location"]).json
    assert (receipt["outcome"], receipt["edited"]["by"]) == ("skipped", "ana")


def test_a_repetition_of_the_request_gets_the_receipt_of_the_edited_event(api: ApiGateway) -> None:
    block(api, idempotency_key="k")
    edit(api, {"data": {"amount": 5}})
    speak_as(api, "client")
    body = {"type": "PAY", "data": {"amount": -1}}
    again = api.post(f"{INSTANCE}/events", body, idempotency_key="k")
    assert (again.json["outcome"], again.headers["Idempotent-Replayed"]) == ("applied", "true")
    assert api.system.context(GROUP)["paid"] == 5


def test_the_log_says_who_edited_and_never_what_the_data_is(api: ApiGateway, caplog: pytest.LogCaptureFixture) -> None:
    block(api, -471147114711)
    with caplog.at_level(logging.INFO, "settle"):
        edit(api, {"data": {"amount": 815815815815}})
    (line,) = (record for record in caplog.records if record.message == "event edited")
    assert (line.__dict__["principal"], line.__dict__["was_type"]) == ("ana", "PAY")
    assert "471147114711" not in str(line.__dict__)
    assert "815815815815" not in str(line.__dict__)


def test_no_more_edits_are_remembered_than_the_latest(api: ApiGateway) -> None:
    for amount in range(1, MAX_EDITS + 3):
        block(api)
        edit(api, {"data": {"amount": amount}})
    assert len(api.get(INSTANCE).json["edits"]) == MAX_EDITS
    assert api.system.context(GROUP)["paid"] == sum(range(1, MAX_EDITS + 3))


def test_a_deleted_instance_remembers_no_edits(api: ApiGateway) -> None:
    block(api)
    edit(api, {"data": {"amount": 1}})
    api.request("DELETE", INSTANCE)
    api.system.pump()
    assert api.system.instance(GROUP).edits == ()


def test_a_paused_instance_takes_the_edit_now_and_the_event_later(api: ApiGateway) -> None:
    block(api)
    api.post(f"{INSTANCE}/pause")
    edit(api, {"data": {"amount": 5}})
    assert api.system.context(GROUP)["paid"] == 0
    api.post(f"{INSTANCE}/resume")
    api.system.pump()
    assert api.system.context(GROUP)["paid"] == 5


def test_a_service_that_has_answered_is_not_called_again_for_the_edited_event() -> None:
    calls: list[str] = []

    def fail(_context: object, event: Any, _do: object) -> None:
        if event.data == "bad":
            raise ValueError("kaboom")

    def first(call: ServiceCall) -> str:
        calls.append(call.key)
        return str(call.event.data["answer"])

    chart = machine(
        "m",
        settled("rest", on("GO", "busy")),
        node("busy", invoke("first", first), on("done.invoke.first", "rest", actions=(action("fail", fail),))),
    )
    system = System(chart)
    system.post("m/1", ("GO", {"answer": "bad"}), key="go")
    system.pump()
    assert system.instance("m/1").blocked is not None
    system.edit("m/1", "go-0", ("GO", {"answer": "bad"}), ("GO", {"answer": "good"}))
    system.settle_down()
    assert system.instance("m/1").blocked is not None
    assert len(calls) == 1


# ---- creations, results, timers


def test_the_input_of_a_creation_may_be_changed(api: ApiGateway) -> None:
    speak_as(api, "client")
    assert api.put(INSTANCE, {"input": {"start": -1}}).json["outcome"] == "quarantined"
    assert code(edit(api, {"type": "PAY"})) == (422, "not_editable")
    assert code(edit(api, {"data": {"start": "x"}})) == (422, "input_invalid")
    assert code(edit(api, {"data": [1]})) == (422, "input_invalid")
    assert edit(api, {"data": {"start": 3}}).json["outcome"] == "applied"
    assert api.get(INSTANCE).json["context"]["start"] == 3
    assert api.put(INSTANCE, {"input": {"start": -1}}).status == 200


def test_the_event_that_a_creation_brings_along_may_be_changed(api: ApiGateway) -> None:
    body = {"input": {"start": 2}, "event": {"type": "PAY", "data": {"amount": -1}}}
    speak_as(api, "client")
    api.put(INSTANCE, body)
    assert edit(api, {"data": {"amount": 7}}).json["outcome"] == "applied"
    assert api.system.context(GROUP) == {"paid": 7, "by": ["client"], "start": 2}
    assert api.put(INSTANCE, body).status == 200


def waiting() -> Definition:
    def take(context: Any, event: Any, _do: object) -> None:
        context["paid"] = event.data["paid"]

    def serve(_call: ServiceCall) -> dict[str, Any]:
        return {"price": 3}

    return machine(
        "w",
        settled("rest", on("GO", "busy"), on("WAIT", "slow")),
        settled(
            "busy",
            invoke("s", serve, mode=InvokeMode.BACKGROUND),
            on("done.invoke.s", "rest", actions=(action("take", take),)),
        ),
        settled("slow", on("", "rest", delay=Delay(name="5s", seconds=5.0), actions=(action("take", take),))),
    )


def test_the_result_of_a_service_may_be_changed_and_its_type_may_not() -> None:
    api = ApiGateway(waiting())
    api.system.post("w/1", "GO")
    api.system.run_all()
    found = api.get("/machines/w/instances/1/blocked").json["event"]
    assert (found["type"], found["data"]) == ("done.invoke.s", {"price": 3})
    assert "token" not in str(found)
    path = "/machines/w/instances/1/edit"
    assert code(api.post(path, {"type": "GO"})) == (422, "not_editable")
    assert api.post(path, {"data": {"paid": 4}}, prefer="wait=1").json["outcome"] == "applied"
    api.system.run_all()
    assert api.system.state("w/1") == ("rest",)
    assert api.system.context("w/1") == {"paid": 4}


def test_a_timer_says_nothing_that_could_be_changed() -> None:
    api = ApiGateway(waiting())
    api.system.post("w/1", "WAIT")
    api.system.advance(6)
    assert api.system.instance("w/1").blocked is not None
    held = api.system.inner_store.load_held(api.system.instance("w/1").key, 5_000_000_000, 1)
    assert isinstance(open_held(held[0]).envelope, TimerEnvelope)
    assert code(api.post("/machines/w/instances/1/edit", {"data": {"paid": 4}})) == (422, "not_editable")


# ---- what is refused


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({}, 422, "request_invalid"),
        ({"event_id": "x"}, 422, "request_invalid"),
        ({"type": ""}, 422, "request_invalid"),
        ({"type": "PAY", "if": 1}, 422, "request_invalid"),
        ({"type": "PAID"}, 422, "unknown_event"),
        ({"type": "done.state.open"}, 422, "internal_event"),
        ({"type": "a b"}, 400, "name_invalid"),
        ({"data": {"amount": "much"}}, 422, "event_invalid"),
        ({"data": {"amount": 1}, "event_id": "another"}, 409, "event_changed"),
        ({"data": {"amount": 1}, "digest": "0" * 32}, 409, "event_changed"),
        ({"type": "NOTE", "data": "x" * 262_000}, 413, "message_too_large"),
    ],
)
def test_what_an_edit_cannot_use_is_refused(api: ApiGateway, body: Any, status: int, expected: str) -> None:
    block(api)
    assert code(edit(api, body)) == (status, expected)
    assert api.sent() == []


def test_without_a_blocked_event_there_is_nothing_to_edit_or_to_show(api: ApiGateway) -> None:
    api.put(INSTANCE)
    assert code(edit(api, {"type": "NOTE"})) == (409, "not_blocked")
    assert code(api.get(f"{INSTANCE}/blocked")) == (409, "not_blocked")
    assert code(api.get("/machines/till/instances/none/blocked")) == (404, "unknown_instance")


def test_a_condition_that_an_edit_would_not_heed_is_refused(api: ApiGateway) -> None:
    block(api)
    assert code(edit(api, {"type": "NOTE"}, if_match='"1"')) == (400, "if_match_invalid")


def test_an_edit_of_what_the_operator_saw_goes_through(api: ApiGateway) -> None:
    block(api)
    seen = api.get(f"{INSTANCE}/blocked").json["event"]
    body = {"data": {"amount": 1}, "event_id": seen["id"], "digest": seen["digest"]}
    assert edit(api, body).json["outcome"] == "applied"


def test_of_two_edits_of_the_same_event_the_second_is_refused(api: ApiGateway) -> None:
    block(api)
    seen = api.get(f"{INSTANCE}/blocked").json["event"]
    body = {"data": {"amount": -2}, "digest": seen["digest"]}
    assert edit(api, body).json["outcome"] == "applied"
    assert code(edit(api, body)) == (409, "event_changed")


def test_the_consumer_decides_which_event_is_meant(api: ApiGateway) -> None:
    block(api)
    locations = [api.post(f"{INSTANCE}/edit", {"data": {"amount": -amount}}).headers["Location"] for amount in (2, 3)]
    api.system.pump()
    receipts = [api.get(each).json for each in locations]
    # By the second one nothing is blocked, or the event is another one: either way it is not touched.
    assert [each["outcome"] for each in receipts] == ["applied", "ignored"]
    assert api.get(f"{INSTANCE}/blocked").json["event"]["data"] == {"amount": -2}


def test_an_edit_of_an_event_that_was_edited_meanwhile_is_refused_and_nothing_changes() -> None:
    system = System(till())
    system.post(GROUP, ("PAY", {"amount": -1}), key="pay")
    system.pump()
    for wrong in (
        system.edit(GROUP, "pay-0", ("PAY", {"amount": -9}), ("PAY", {"amount": 1})),
        system.edit(GROUP, "another", ("PAY", {"amount": -1}), ("PAY", {"amount": 1})),
    ):
        system.pump()
        assert system.receipt(GROUP, wrong).outcome is Outcome.REFUSED
        assert system.receipt(GROUP, wrong).code == "event_changed"
    assert system.instance(GROUP).blocked is not None
    assert system.instance(GROUP).edits == ()


def test_a_consumer_whose_machine_takes_no_such_event_keeps_the_event_blocked() -> None:
    system = System(till())
    system.post(GROUP, ("PAY", {"amount": -1}), key="pay")
    system.pump()
    unfit = system.edit(GROUP, "pay-0", ("PAY", {"amount": -1}), ("PAY", {"amount": "much"}))
    system.pump()
    assert system.receipt(GROUP, unfit).code == "event_invalid"
    assert system.instance(GROUP).blocked is not None


def test_an_edit_with_nothing_to_change_changes_nothing() -> None:
    system = System(till())
    system.post(GROUP, ("PAY", {"amount": -1}), key="pay")
    system.pump()
    empty = system.control(GROUP, "edit")
    system.pump()
    assert system.receipt(GROUP, empty).code == "event_changed"


def test_strangers_cannot_edit(api: ApiGateway) -> None:
    block(api)
    envelope = ControlEnvelope(machine="till", instance="t1", id="x", action=ControlAction.EDIT)
    api.system.send(envelope, stranger=True)
    api.system.pump()
    assert api.system.instance(GROUP).blocked is not None
    (buried,) = api.system.buried()
    assert "only our own functions" in buried.message_attributes["reason"]["StringValue"]


def test_an_event_whose_version_is_gone_may_be_edited_before_it_is_back() -> None:
    api = ApiGateway(till())
    api.put(INSTANCE)
    del api.system.definitions.versions["till", 1]
    api.rewire(registry=make_registry(till(version=2)))
    block(api, 1)
    assert edit(api, {"data": {"amount": 8}}).json["outcome"] == "applied"
    assert api.get(f"{INSTANCE}/blocked").json["event"]["data"] == {"amount": 8}
    assert api.get(INSTANCE).json["blocked"]["code"] == "unknown_version"


# ---- who may


def operators_only(principal: Principal, event: Any, _snapshot: SnapshotView | None) -> object:
    if event.type == "settle.edit":
        fits = event.data["data"] == {"amount": 5} and event.data["type"] == "PAY"
        return (principal.name == "ana" and fits) or deny("operators_only")
    return True


def see_some(principal: Principal, _snapshot: SnapshotView) -> object:
    return principal.name == "ana" or {"paid"}


def test_the_rules_are_asked_with_the_event_as_it_is_to_become() -> None:
    api = ApiGateway(till(), rules={"till": Rules(allow_send=operators_only)})
    block(api)
    speak_as(api, "bo")
    refused = edit(api, {"data": {"amount": 5}})
    assert code(refused) == (403, "denied")
    assert "operators_only" in refused.json["detail"]
    speak_as(api, "ana")
    assert code(edit(api, {"data": {"amount": 6}})) == (403, "denied")
    assert edit(api, {"data": {"amount": 5}}).json["outcome"] == "applied"


def test_the_consumer_asks_the_rules_too() -> None:
    system = System(till())
    system.definitions.rules["till"] = Rules(allow_send=operators_only)
    system.post(GROUP, ("PAY", {"amount": -1}), key="pay")
    system.pump()
    denied = system.edit(GROUP, "pay-0", ("PAY", {"amount": -1}), ("PAY", {"amount": 5}), principal="bo")
    system.pump()
    assert system.receipt(GROUP, denied).outcome is Outcome.DENIED
    assert system.receipt(GROUP, denied).code == "rule:operators_only"
    assert system.instance(GROUP).blocked is not None


def test_who_sees_part_of_an_instance_sees_neither_its_event_nor_its_edits() -> None:
    api = ApiGateway(till(), rules={"till": Rules(allow_read=see_some)})
    block(api)
    edit(api, {"data": {"amount": -2}})
    assert api.get(f"{INSTANCE}/blocked").status == 200
    speak_as(api, "bo")
    assert code(api.get(f"{INSTANCE}/blocked")) == (403, "denied")
    assert api.get(INSTANCE).json["edits"] == []


def test_only_an_edit_is_of_the_newest_schema() -> None:
    system = System(till())
    system.post(GROUP, ("PAY", {"amount": -1}), key="pay")
    system.edit(GROUP, "pay-0", ("PAY", {"amount": -1}), ("PAY", {"amount": 1}))
    received = system.polled.receive(max_messages=10, visibility_timeout=0)
    assert ['"schema_version":3' in each.body for each in received] == [False, True]
    system.control(GROUP, "retry")
    plain = system.polled.receive(max_messages=10, visibility_timeout=0)[-1].body
    assert '"schema_version":1' in plain
    assert '"edit"' not in plain.partition('"action"')[2].partition(",")[2]
