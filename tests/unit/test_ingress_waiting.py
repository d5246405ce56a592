"""Waiting for an instance, callbacks, and deleting, over HTTP."""

from typing import Any

import pytest
from pydantic import BaseModel

from settle.core.service import WAIT_FOR_CALLBACK, ServiceCall
from settle.core.spec import InvokeMode
from tests.support.api_gateway import Answer, ApiGateway
from tests.support.charts import action, final, invoke, machine, node, on, settled

INSTANCE = "/machines/job/instances/j1"


class Paid(BaseModel):
    """What the result of the service has to be."""

    amount: int


class Desk:
    """A service that hands its token out."""

    def __init__(self) -> None:
        self.tokens: list[str] = []

    def __call__(self, call: ServiceCall) -> Any:
        self.tokens.append(call.token)
        return WAIT_FOR_CALLBACK


def note(context: dict[str, Any], event: Any, _do: object) -> None:
    data = event.data
    context["outcome"] = data.model_dump() if isinstance(data, BaseModel) else data


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def api(desk: Desk) -> ApiGateway:
    gateway = ApiGateway(
        machine(
            "job",
            settled("idle", on("GO", "paying"), on("END", "over")),
            settled(
                "paying",
                invoke("pay", desk, mode=InvokeMode.BACKGROUND, deadline=3600.0),
                on("done.invoke.pay", "paid", actions=(action("note", note),)),
                on("error.invoke.pay", "unpaid", actions=(action("note", note),)),
                on("STOP", "idle"),
            ),
            node("paid", on("", "idle")),
            settled("unpaid", on("END", "over")),
            final("over"),
            events={"done.invoke.pay": Paid},
        )
    )
    gateway.clock.while_asleep = gateway.system.run_all
    return gateway


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json.get("code", "")


def begin(api: ApiGateway, desk: Desk) -> str:
    api.post(f"{INSTANCE}/events", {"type": "GO"})
    api.system.run_all()
    return desk.tokens[-1]


# Callbacks -----------------------------------------------------------------------------------------------------------


def test_a_callback_completes_the_service(api: ApiGateway, desk: Desk) -> None:
    token = begin(api, desk)
    answer = api.post(f"/callbacks/{token}", {"result": {"amount": 7}}, prefer="wait")
    assert (answer.status, answer.json["outcome"]) == (200, "applied")
    found = api.get(INSTANCE).json
    assert (found["value"], found["context"]) == ("idle", {"outcome": {"amount": 7}})


def test_a_callback_may_say_that_it_failed(api: ApiGateway, desk: Desk) -> None:
    token = begin(api, desk)
    answer = api.post(f"/callbacks/{token}", {"error": {"code": "declined", "message": "no money"}}, prefer="wait")
    assert answer.status == 200
    found = api.get(INSTANCE).json
    assert found["value"] == "unpaid"
    assert found["context"]["outcome"] == {"code": "declined", "message": "no money", "data": {}}


def test_the_same_callback_again_is_safe_and_another_one_is_refused(api: ApiGateway, desk: Desk) -> None:
    token = begin(api, desk)
    first = api.post(f"/callbacks/{token}", {"result": {"amount": 7}}, prefer="wait")
    again = api.post(f"/callbacks/{token}", {"result": {"amount": 7}})
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.json == {"outcome": "applied"}, "whoever has a token need not know more"
    assert again.json == first.json
    assert code(api.post(f"/callbacks/{token}", {"result": {"amount": 8}})) == (409, "token_used")
    assert api.get(INSTANCE).json["context"] == {"outcome": {"amount": 7}}


def test_two_callbacks_before_either_is_applied_are_told_apart(api: ApiGateway, desk: Desk) -> None:
    token = begin(api, desk)
    assert api.post(f"/callbacks/{token}", {"result": {"amount": 7}}).status == 202
    assert code(api.post(f"/callbacks/{token}", {"result": {"amount": 8}})) == (409, "token_used")
    api.system.run_all()
    assert api.get(INSTANCE).json["context"] == {"outcome": {"amount": 7}}


@pytest.mark.parametrize("how", ["left", "deadline", "deleted", "recreated"])
def test_a_token_whose_service_is_over_has_expired(api: ApiGateway, desk: Desk, how: str) -> None:
    token = begin(api, desk)
    if how == "left":
        api.post(f"{INSTANCE}/events", {"type": "STOP"}, prefer="wait")
    elif how == "deadline":
        api.system.advance(3602)
        assert api.get(INSTANCE).json["context"]["outcome"]["code"] == "deadline_exceeded"
    else:
        api.request("DELETE", INSTANCE, headers={"prefer": "wait"})
        if how == "recreated":
            api.put(INSTANCE, {"event": {"type": "GO"}})
    assert code(api.post(f"/callbacks/{token}", {"result": {"amount": 7}})) == (410, "token_expired")


def test_what_the_consumer_finds_too_late_is_gone(api: ApiGateway, desk: Desk) -> None:
    token = begin(api, desk)
    api.post(f"{INSTANCE}/events", {"type": "STOP"})
    answer = api.post(f"/callbacks/{token}", {"result": {"amount": 7}}, prefer="wait")
    assert (answer.status, answer.json["outcome"]) == (200, "gone")
    assert api.get(INSTANCE).json["value"] == "idle"


@pytest.mark.parametrize("change", [lambda token: token[:-6] + "AAAAAA", lambda _: "forged", lambda _: "bnVsbA"])
def test_a_forged_token_is_unknown(api: ApiGateway, desk: Desk, change: Any) -> None:
    token = begin(api, desk)
    status, problem = code(api.post(f"/callbacks/{change(token)}", {"result": {"amount": 7}}))
    assert (status, problem) == (404, "token_invalid")
    assert api.get(INSTANCE).json["value"] == "paying"


def test_a_result_that_does_not_fit_its_model_is_refused_and_the_token_stays_good(api: ApiGateway, desk: Desk) -> None:
    token = begin(api, desk)
    refused = api.post(f"/callbacks/{token}", {"result": {"amount": "much"}})
    assert code(refused) == (422, "event_invalid")
    assert [error["path"] for error in refused.json["errors"]] == ["result.amount"]
    assert api.post(f"/callbacks/{token}", {"result": {"amount": 7}}, prefer="wait").json["outcome"] == "applied"


@pytest.mark.parametrize(
    "body",
    [{}, {"result": {"amount": 1}, "error": {"code": "x"}}, {"error": {}}, {"amount": 1}, {"error": {"code": ""}}],
)
def test_a_callback_that_says_nothing_clear_is_refused(api: ApiGateway, desk: Desk, body: Any) -> None:
    token = begin(api, desk)
    assert code(api.post(f"/callbacks/{token}", body)) == (422, "request_invalid")


def test_a_callback_larger_than_a_message_is_refused(api: ApiGateway, desk: Desk) -> None:
    token = begin(api, desk)
    answer = api.post(f"/callbacks/{token}", {"result": {"amount": 1, "text": "x" * 262_000}})
    assert code(answer) == (413, "message_too_large")


def test_the_token_stands_in_no_log_line_and_no_document(
    api: ApiGateway, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", logger="settle"):
        token = begin(api, desk)
        (secret,) = api.system.instance("job/j1").tokens.values()
        document = api.get(INSTANCE).text
        api.post(f"/callbacks/{token}", {"result": {"amount": "much"}})
        api.post(f"/callbacks/{token}", {"result": {"amount": 7}}, prefer="wait")
    lines = " ".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert token not in lines + document
    assert secret not in lines + document


# Waiting -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("goal", ["state:paying", "tag:settled", "settled", "version:2"])
def test_who_waits_is_answered_when_the_instance_is_there(api: ApiGateway, goal: str) -> None:
    api.post(f"{INSTANCE}/events", {"type": "GO"})
    answer = api.get(f"{INSTANCE}/wait?for={goal}&timeout=5")
    assert (answer.status, answer.json["value"]) == (200, "paying")
    assert answer.headers["ETag"]


def test_waiting_until_it_is_done(api: ApiGateway) -> None:
    api.post(f"{INSTANCE}/events", {"type": "END"})
    answer = api.get(f"{INSTANCE}/wait?for=done")
    assert (answer.status, answer.json["status"]) == (200, "done")


def test_nothing_happens_while_somebody_waits(api: ApiGateway) -> None:
    api.put(INSTANCE)
    answer = api.get(f"{INSTANCE}/wait?for=state:paying&timeout=2")
    assert (answer.status, answer.text) == (204, "")
    assert sum(api.clock.slept) <= 3


def test_what_cannot_come_any_more_is_not_waited_for(api: ApiGateway) -> None:
    api.put(INSTANCE, {"event": {"type": "END"}})
    assert code(api.get(f"{INSTANCE}/wait?for=state:paying")) == (412, "wait_impossible")
    assert code(api.get(f"{INSTANCE}/wait?for=version:99")) == (412, "wait_impossible")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("for=state:payed", (422, "wait_invalid")),
        ("for=tag:urgent", (422, "wait_invalid")),
        ("for=version:many", (422, "wait_invalid")),
        ("for=soon", (422, "wait_invalid")),
        ("for=state:", (422, "wait_invalid")),
        ("timeout=long", (400, "timeout_invalid")),
        ("timeout=-1", (400, "timeout_invalid")),
        ("form=done", (400, "parameter_unknown")),
    ],
)
def test_what_nobody_can_wait_for_is_refused(api: ApiGateway, query: str, expected: tuple[int, str]) -> None:
    api.put(INSTANCE)
    assert code(api.get(f"{INSTANCE}/wait?{query}")) == expected


def test_a_state_that_is_almost_right_is_suggested(api: ApiGateway) -> None:
    assert "did you mean 'paying'?" in api.get(f"{INSTANCE}/wait?for=state:payng").json["detail"]


def test_an_instance_that_never_appears_is_unknown(api: ApiGateway) -> None:
    assert code(api.get(f"{INSTANCE}/wait?timeout=1")) == (404, "unknown_instance")
    assert code(api.get("/machines/nope/instances/x/wait?timeout=1")) == (404, "unknown_machine")


# Deleting ------------------------------------------------------------------------------------------------------------


def test_a_deleted_instance_is_gone_until_it_is_created_again(api: ApiGateway) -> None:
    api.put(INSTANCE)
    answer = api.request("DELETE", INSTANCE, headers={"prefer": "wait"})
    assert (answer.status, answer.json["outcome"]) == (200, "applied")
    assert code(api.get(INSTANCE)) == (410, "gone")
    assert code(api.get(f"{INSTANCE}/wait")) == (410, "gone")
    assert code(api.post(f"{INSTANCE}/pause")) == (410, "gone")
    assert code(api.request("DELETE", INSTANCE)) == (410, "gone")
    assert code(api.post(f"{INSTANCE}/events", {"type": "GO"}, prefer="wait")) == (410, "gone")
    posted = api.post(f"{INSTANCE}/events", {"type": "GO"})
    api.system.run_all()
    assert api.get(posted.headers["Location"]).json["outcome"] == "gone"
    assert api.put(INSTANCE).status == 201
    assert api.post(f"{INSTANCE}/events", {"type": "GO"}, prefer="wait").json["outcome"] == "applied"


def test_deleting_what_never_was_is_refused(api: ApiGateway) -> None:
    assert code(api.request("DELETE", INSTANCE)) == (404, "unknown_instance")


def test_live_services_timers_and_children_are_shown(api: ApiGateway, desk: Desk) -> None:
    begin(api, desk)
    found = api.get(INSTANCE).json
    assert found["services"] == [{"id": "pay", "node": "paying", "src": "pay", "mode": "background"}]
    assert found["timers"] == []
    assert found["parent"] is None


@pytest.mark.parametrize(("method", "path"), [("DELETE", INSTANCE), ("PUT", INSTANCE), ("POST", f"{INSTANCE}/pause")])
def test_a_condition_that_would_not_be_heeded_is_refused(api: ApiGateway, method: str, path: str) -> None:
    api.put(INSTANCE)
    assert code(api.request(method, path, headers={"if-match": "99"})) == (400, "if_match_invalid")
    assert api.get(INSTANCE).status == 200


@pytest.mark.parametrize("path", ["/callbacks/SECRET/", "/callbacks/SECRET/more", "/callbacks/SEC%20RET"])
def test_a_token_in_a_path_that_leads_nowhere_is_not_repeated(api: ApiGateway, path: str) -> None:
    assert "SEC" not in api.post(path, {"result": 1}).text


def test_what_only_the_runtime_sends_is_not_offered_to_clients(api: ApiGateway) -> None:
    assert api.get("/machines/job").json["event_types"] == ["END", "GO", "STOP"]
