"""Permission rules: the ingress asks as a courtesy, the consumer decides, and a rule that fails lets nobody in."""

from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from settle.core.definition import Definition
from settle.core.event import Event
from settle.core.interpreter import start
from settle.core.permission import Denial, Principal, SnapshotView, deny
from settle.runtime.envelope import EnvelopeEvent, EventsEnvelope
from settle.runtime.permissions import (
    NO_RULES,
    AllowRead,
    AllowSend,
    Rules,
    RuleSignatureError,
    read_rules,
)
from settle.runtime.receipt import Outcome
from tests.support.api_gateway import ApiGateway
from tests.support.charts import action, final, machine, on, settled

PATH = "/machines/door/instances/d1"
GROUP = "door/d1"
ANA, BO = Principal(name="ana"), Principal(name="bo")


class Door(BaseModel):
    keeper: str = "ana"
    code: str = "1234"
    opened: int = 0


class Turn(BaseModel):
    times: int


def count(context: Door, *_: object) -> None:
    context.opened += 1


def explode(*_: object) -> None:
    raise RuntimeError("the code is 1234")


DOOR = machine(
    "door",
    settled(
        "closed",
        on("OPEN", "open", actions=(action("count", count),)),
        on("TURN", "closed"),
        on("BOOM", "open", actions=(action("explode", explode),)),
    ),
    settled("open", on("CLOSE", "closed"), on("TEAR_DOWN", "gone")),
    final("gone"),
    context=Door,
    events={"TURN": Turn},
)


def keeper_only(principal: Principal, _event: Event, snapshot: SnapshotView | None) -> object:
    return snapshot is None or snapshot.context.keeper == principal.name or deny("keeper_only")


def of_door(allow_send: AllowSend | None = None, allow_read: AllowRead | None = None) -> ApiGateway:
    return ApiGateway(DOOR, rules={"door": Rules(allow_send=allow_send, allow_read=allow_read)})


def become(api: ApiGateway, principal: Principal) -> ApiGateway:
    claims = {"sub": principal.name, **principal.claims}
    api.authorizer = {"jwt": {"claims": claims}} if principal.name else {}
    return api


def view(definition: Definition = DOOR, context: Mapping[str, Any] | None = None) -> SnapshotView:
    return SnapshotView(definition, start(definition, input=dict(context or {})).snapshot, 3)


def judge(rule: AllowSend, event: Event, snapshot: SnapshotView | None = None) -> str:
    return Rules(allow_send=rule).judge(ANA, event, DOOR, snapshot)


# What a rule says ----------------------------------------------------------------------------------------------------


def test_without_rules_everybody_may_everything() -> None:
    assert NO_RULES.judge(ANA, Event(type="OPEN"), DOOR, view()) == ""
    assert NO_RULES.filter_events(ANA, ["A", "B"], None) == ("A", "B")
    assert NO_RULES.sight(ANA, view()).whole


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (True, ""),
        ("yes", ""),
        (1, ""),
        (False, "rule:allow_send"),
        (None, "rule:allow_send"),
        ([], "rule:allow_send"),
        (deny("why"), "rule:why"),
    ],
)
def test_whatever_is_not_a_yes_is_a_no(answer: object, code: str) -> None:
    assert judge(lambda *_: answer, Event(type="OPEN")) == code


def test_a_denial_is_false_and_has_a_name() -> None:
    assert not deny("some_rule")
    assert deny("some_rule") == Denial("some_rule")
    with pytest.raises(ValueError, match="1 to 64 characters"):
        deny("")
    with pytest.raises(ValueError, match="1 to 64 characters"):
        deny("x" * 65)


def test_a_rule_that_fails_lets_nobody_in(caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object) -> bool:
        raise RuntimeError("no directory")

    assert judge(fail, Event(type="OPEN")) == "rule_failed:allow_send"
    assert Rules(allow_read=fail).sight(ANA, view()).denied == "rule_failed:allow_read"
    assert "no directory" in caplog.text


def test_a_rule_sees_the_sender_the_event_as_its_model_and_the_instance() -> None:
    seen: list[Any] = []

    def look(principal: Principal, event: Event, snapshot: SnapshotView | None) -> bool:
        assert snapshot is not None
        seen.extend((principal.claims, event.principal, event["times"], snapshot.context.keeper, snapshot.version))
        seen.extend((snapshot.states, snapshot.tags, snapshot.in_state("closed"), snapshot.in_state("open")))
        return True

    principal = Principal(name="ana", claims={"role": "x"})
    event = Event(type="TURN", data={"times": 2})
    assert Rules(allow_send=look).judge(principal, event, DOOR, view(context={"keeper": "mia"})) == ""
    assert seen == [{"role": "x"}, "ana", 2, "mia", 3, ("closed",), frozenset({"settled"}), True, False]


def test_a_state_that_is_not_there_is_named() -> None:
    with pytest.raises(LookupError, match="door has no state 'shut'"):
        view().in_state("shut")


def test_what_a_rule_changes_changes_nothing() -> None:
    seen = view()
    seen.context.keeper = "me"
    assert seen.context.keeper == "ana"


def test_next_events_leave_out_what_is_denied_and_keep_what_depends_on_data() -> None:
    def rule(_principal: Principal, event: Event, _snapshot: SnapshotView | None) -> object:
        return event["amount"] < 5 if event.type == "PAY" else event.type == "OPEN"

    assert Rules(allow_send=rule).filter_events(ANA, ["CLOSE", "OPEN", "PAY"], view()) == ("OPEN", "PAY")


# What a file exports -------------------------------------------------------------------------------------------------


def test_rules_are_found_by_name() -> None:
    module = ModuleType("door")
    assert read_rules(module) == NO_RULES
    vars(module).update(allow_send=keeper_only)
    assert read_rules(module) == Rules(allow_send=keeper_only)


async def waiting(_principal: object, _snapshot: object) -> bool:
    return True


@pytest.mark.parametrize(
    ("name", "rule"), [("allow_read", True), ("allow_read", lambda _: True), ("allow_send", lambda: 1)]
)
def test_what_is_no_rule_is_refused_with_the_way_to_write_it(name: str, rule: object) -> None:
    module = ModuleType("door")
    setattr(module, name, rule)
    with pytest.raises(RuleSignatureError, match=rf"write `def {name}\(principal, "):
        read_rules(module)


def test_a_rule_cannot_wait() -> None:
    module = ModuleType("door")
    vars(module)["allow_read"] = waiting
    with pytest.raises(RuleSignatureError, match="allow_read"):
        read_rules(module)


# Sending -------------------------------------------------------------------------------------------------------------


def test_the_ingress_refuses_at_once_and_names_the_rule() -> None:
    api = of_door(keeper_only)
    assert become(api, BO).post(f"{PATH}/events", {"type": "OPEN"}, prefer="wait=5").json["outcome"] == "applied"
    answer = api.post(f"{PATH}/events", {"type": "CLOSE"})
    assert (answer.status, answer.json["code"]) == (403, "denied")
    assert "'CLOSE' is denied by rule:keeper_only" in answer.json["detail"]
    assert api.sent() == []


def test_a_denied_request_with_a_key_leaves_nothing_behind() -> None:
    api = of_door(keeper_only)
    api.post(f"{PATH}/events", {"type": "OPEN"}, prefer="wait=5")
    assert become(api, BO).post(f"{PATH}/events", {"type": "CLOSE"}, idempotency_key="k").status == 403
    assert become(api, ANA).post(f"{PATH}/events", {"type": "CLOSE"}, idempotency_key="k").status == 202


def events(*types: str, principal: Principal = BO, **fields: Any) -> EventsEnvelope:
    items = [EnvelopeEvent(id=f"e-{each}", type=each) for each in types]
    who = {"principal": principal.name, "claims": dict(principal.claims)}
    return EventsEnvelope(machine="door", instance="d1", events=items, **who, **fields)


def test_the_consumer_decides_on_what_the_event_meets() -> None:
    system = of_door(keeper_only).system
    opening = system.send(events("OPEN"))  # nobody is the keeper of what does not exist
    closing = system.send(events("CLOSE"))
    system.pump()
    assert system.receipt(GROUP, opening).outcome is Outcome.APPLIED
    assert system.receipt(GROUP, closing).outcome is Outcome.DENIED
    assert system.receipt(GROUP, closing).code == "rule:keeper_only"
    assert (system.state(GROUP), system.instance(GROUP).version) == (("open",), 2)


def test_it_decides_on_the_claims_that_travelled() -> None:
    def admins(principal: Principal, _event: Event, _snapshot: SnapshotView | None) -> bool:
        return principal.claims.get("role") == "admin"

    system = of_door(admins).system
    allowed = system.send(events("OPEN", principal=Principal(name="ana", claims={"role": "admin"})))
    denied = system.send(events("CLOSE", principal=ANA))
    system.pump()
    assert [system.receipt(GROUP, each).outcome for each in (allowed, denied)] == [Outcome.APPLIED, Outcome.DENIED]


def test_whoever_sends_to_the_queue_itself_brings_no_claims_but_a_name() -> None:
    names: list[str] = []

    def note(principal: Principal, _event: Event, _snapshot: SnapshotView | None) -> bool:
        names.append(principal.name)
        return not principal.claims

    system = of_door(note).system
    system.send(events("OPEN", principal=Principal(name="root", claims={"role": "admin"})), stranger=True)
    system.pump()
    assert (system.state(GROUP), names) == (("open",), ["stranger"])


def test_messages_of_instances_are_not_asked_about() -> None:
    system = of_door(lambda *_: False).system
    system.send(events("OPEN", origin="house/h1"))
    system.pump()
    assert system.state(GROUP) == ("open",)


def test_an_event_that_was_held_is_asked_about_when_it_is_applied() -> None:
    system = of_door(keeper_only).system
    system.send(events("OPEN", principal=ANA))
    del system.definitions.rules["door"]
    system.control(GROUP, "pause")
    held = system.send(events("CLOSE", principal=BO))
    system.pump()
    assert system.receipt(GROUP, held).outcome is Outcome.HELD
    system.control(GROUP, "resume")
    system.definitions.rules["door"] = Rules(
        allow_send=lambda p, e, s: e.type == "settle.resume" or keeper_only(p, e, s)
    )
    system.pump()
    assert system.receipt(GROUP, held).outcome is Outcome.DENIED
    assert system.state(GROUP) == ("open",)


def test_a_denied_event_with_a_key_has_a_receipt() -> None:
    system = of_door(lambda *_: deny("never")).system
    system.post(GROUP, "OPEN", key="k")
    system.pump()
    entries = system.inner_store.find_entries(system.instance(GROUP).key, ["k-0"], system.clock.now())
    receipt = entries["k-0"].receipt
    assert receipt is not None
    assert (receipt.outcome, receipt.code) == (Outcome.DENIED, "rule:never")


def test_data_that_does_not_fit_is_refused_before_the_rule_is_asked() -> None:
    system = of_door(explode).system
    sequence = system.post(GROUP, ("TURN", {"times": "often"}))
    system.pump()
    assert (system.receipt(GROUP, sequence).outcome, system.receipt(GROUP, sequence).code) == (
        Outcome.REFUSED,
        "event_invalid",
    )


# Creating and controlling --------------------------------------------------------------------------------------------


def no_type(refused: str) -> AllowSend:
    return lambda _principal, event, _snapshot: event.type != refused or deny("no_" + refused.partition(".")[2])


def test_creating_is_asked_about() -> None:
    api = of_door(no_type("settle.create"))
    answer = api.put(PATH, {})
    assert (answer.status, "its creation is denied by rule:no_create" in answer.json["detail"]) == (403, True)
    sequence = api.system.create(GROUP)
    api.system.pump()
    assert api.system.receipt(GROUP, sequence).code == "rule:no_create"
    assert not api.system.instance(GROUP).snapshot.started


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_operators_are_asked_about(verb: str) -> None:
    api = of_door(no_type(f"settle.{verb}"))
    api.put(PATH, {})
    answer = api.post(f"{PATH}/{verb}")
    assert (answer.status, f"rule:no_{verb}" in answer.json["detail"]) == (403, True)
    sequence = api.system.control(GROUP, verb)
    api.system.pump()
    assert api.system.receipt(GROUP, sequence).outcome is Outcome.DENIED
    assert not api.system.instance(GROUP).paused


def test_deleting_is_asked_about() -> None:
    api = of_door(no_type("settle.delete"))
    api.put(PATH, {})
    assert api.request("DELETE", PATH).status == 403
    api.system.control(GROUP, "delete")
    api.system.pump()
    assert not api.system.instance(GROUP).deleted


def test_an_instance_of_a_version_that_is_gone_can_still_be_controlled() -> None:
    seen: list[object] = []

    def look(_principal: Principal, _event: Event, snapshot: SnapshotView | None) -> bool:
        seen.append(snapshot)
        return True

    api = of_door(look)
    api.put(PATH, {})
    api.system.definitions.versions.clear()
    sequence = api.system.control(GROUP, "pause")
    api.system.pump()
    assert api.system.receipt(GROUP, sequence).outcome is Outcome.APPLIED
    assert seen[-1] is None


# Reading -------------------------------------------------------------------------------------------------------------


def keeper_sees(principal: Principal, snapshot: SnapshotView) -> object:
    if principal.name == snapshot.context.keeper:
        return True
    return {"opened"} if principal.name == "bo" else deny("keeper_only")


@pytest.fixture
def seen() -> ApiGateway:
    api = of_door(allow_read=keeper_sees)
    api.post(f"{PATH}/events", {"type": "OPEN"}, prefer="wait=5")
    return api


def test_a_reader_sees_the_fields_that_are_allowed(seen: ApiGateway) -> None:
    assert become(seen, ANA).get(PATH).json["context"] == {"keeper": "ana", "code": "1234", "opened": 1}
    assert become(seen, BO).get(PATH).json["context"] == {"opened": 1}


def test_a_reader_who_may_see_some_is_told_no_output_and_no_errors() -> None:
    api = of_door(allow_read=keeper_sees)
    api.post(f"{PATH}/events", {"type": "BOOM"}, prefer="wait=5")
    whole, part = become(api, ANA).get(PATH).json["blocked"], become(api, BO).get(PATH).json["blocked"]
    assert "1234" in whole["traceback"]
    assert set(part) == {"receipt", "event_id", "type", "code", "at"}
    assert become(api, BO).get(PATH).json["output"] is None


@pytest.mark.parametrize("path", ["", "/diagram", "/wait?for=state:open", "/wait?for=state:closed&timeout=0"])
def test_whoever_may_see_nothing_is_told_the_rule_and_nothing_else(seen: ApiGateway, path: str) -> None:
    answer = become(seen, Principal(name="eve")).get(f"{PATH}{path}")
    assert (answer.status, answer.json["code"]) == (403, "denied")
    assert answer.json["detail"] == "door/d1: reading is denied by rule:keeper_only"


def test_a_tag_of_a_state_is_not_for_everybody(seen: ApiGateway) -> None:
    etag = become(seen, ANA).get(PATH).headers["ETag"]
    assert become(seen, ANA).get(PATH, if_none_match=etag).status == 304
    assert become(seen, Principal(name="eve")).get(PATH, if_none_match=etag).status == 403


def test_a_receipt_tells_strangers_what_became_of_the_event_only(seen: ApiGateway) -> None:
    answer = become(seen, Principal(name="eve")).post(f"{PATH}/events", {"type": "CLOSE"}, prefer="wait=5")
    assert set(answer.json) == {"id", "outcome", "location", "version"}
    assert set(seen.get(answer.json["location"]).json) == {"id", "outcome", "location", "version"}
    assert {"after", "next_events"} <= set(become(seen, ANA).get(answer.json["location"]).json)


@pytest.mark.parametrize(("name", "told"), [("ana", True), ("bo", False), ("eve", False)])
def test_who_edited_an_event_is_told_to_those_who_see_all(name: str, told: bool) -> None:
    api = of_door(allow_read=keeper_sees)
    become(api, ANA).post(f"{PATH}/events", {"type": "BOOM"}, prefer="wait=5")
    receipt = api.get(PATH).json["blocked"]["receipt"]
    api.post(f"{PATH}/edit", {"type": "OPEN"}, prefer="wait=5")
    api.system.pump()
    for _ in range(2):  # with the details of the state after it, and once the instance has gone on
        assert ("edited" in become(api, Principal(name=name)).get(receipt).json) is told
        become(api, ANA).post(f"{PATH}/events", {"type": "CLOSE"}, prefer="wait=5")


def test_whoever_creates_an_instance_need_not_be_somebody_who_may_see_it() -> None:
    api = become(of_door(allow_read=keeper_sees), Principal(name="eve"))
    answer = api.put(PATH, {})
    assert (answer.status, answer.json) == (201, {"machine": "door", "instance": "d1", "version": 1})


def test_a_receipt_lists_the_events_that_its_reader_may_send() -> None:
    api = of_door(lambda _principal, event, _snapshot: event.type != "TEAR_DOWN")
    answer = api.post(f"{PATH}/events", {"type": "OPEN"}, prefer="wait=5")
    assert answer.json["next_events"] == ["CLOSE"]


def test_an_instance_that_the_rules_cannot_read_is_hardly_shown(seen: ApiGateway) -> None:
    seen.rewire(registry=replace(seen.registry, versions={"door": {}}))
    document = become(seen, ANA).get(PATH).json
    assert (document["context"], document["output"], document["states"]) == ({}, None, ["open"])


# What a refusal gives away -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rest", ["retry", "skip", "edit"])
@pytest.mark.parametrize("blocked", [True, False])
def test_whoever_may_not_ask_does_not_learn_whether_an_event_blocks_the_instance(rest: str, blocked: bool) -> None:
    api = of_door(lambda principal, event, _: principal.name == "ana" or not event.type.startswith("settle."))
    become(api, ANA).post(f"{PATH}/events", {"type": "BOOM" if blocked else "OPEN"}, prefer="wait=5")
    answer = become(api, BO).post(f"{PATH}/{rest}", {"type": "OPEN"} if rest == "edit" else {})
    assert (answer.status, answer.json["code"]) == (403, "denied")


def test_whoever_may_not_edit_cannot_try_out_what_blocks_the_instance() -> None:
    api = of_door(lambda principal, event, _: principal.name == "ana" or not event.type.startswith("settle."))
    become(api, ANA).post(f"{PATH}/events", {"type": "BOOM"}, prefer="wait=5")
    shown = api.get(f"{PATH}/blocked").json["event"]
    for digest in (shown["digest"], "0" * 32):
        answer = become(api, BO).post(f"{PATH}/edit", {"type": "OPEN", "event_id": shown["id"], "digest": digest})
        assert (answer.status, answer.json["code"]) == (403, "denied")


def test_whoever_may_not_create_an_instance_cannot_try_out_what_it_was_made_from() -> None:
    api = of_door(lambda principal, _event, _snapshot: principal.name == "ana")
    assert become(api, ANA).put(PATH, {"input": {"code": "1234"}}).status == 201
    for code in ("1234", "0000"):
        answer = become(api, BO).put(PATH, {"input": {"code": code}})
        assert (answer.status, answer.json["code"]) == (403, "denied")
    assert become(api, ANA).put(PATH, {"input": {"code": "1234"}}).status == 200
