"""What the API says about itself, and what it says when a request fits nothing or something breaks."""

import json
import logging
import re
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from settle.core.errors import SnapshotInvalidError
from settle.runtime.errors import InstanceTooNewError, QueueUnavailableError, StoreUnavailableError
from tests.support.api_gateway import Answer, ApiGateway, Broken
from tests.support.charts import machine, on, settled


class Address(BaseModel):
    street: str


class ByMail(BaseModel):
    by: Literal["mail"]
    address: Address


class ByHand(BaseModel):
    by: Literal["hand"]


class Send(BaseModel):
    parcels: list[ByMail | ByHand]


class Desk(BaseModel):
    name: str = ""
    home: Address | None = None


DESK = machine(
    "post-desk",
    settled("open", on("SEND", "open"), on("CLOSE", "shut"), on("note.*")),
    settled("shut"),
    context=Desk,
    events={"SEND": Send},
)
ANY = machine("any", settled("open", on("*")), create_on_event=False)
PLAIN = machine("plain", settled("open", on("GO", "open")))
EVENTS = "/machines/post-desk/instances/d1/events"


@pytest.fixture
def api() -> ApiGateway:
    return ApiGateway(DESK, ANY, PLAIN)


def code(answer: Answer) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status, answer.json["code"]


# Machines ------------------------------------------------------------------------------------------------------------


def test_the_machines_are_listed(api: ApiGateway) -> None:
    machines = api.get("/machines").json["machines"]
    assert [(each["machine"], each["event_types"], each["create_on_event"]) for each in machines] == [
        ("any", ["*"], False),
        ("plain", ["GO"], True),
        ("post-desk", ["CLOSE", "SEND", "note.*"], True),
    ]


def test_a_machine_is_shown_as_data(api: ApiGateway) -> None:
    found = api.get("/machines/post-desk").json
    assert (found["machine"], found["version"], found["hash"]) == ("post-desk", 1, DESK.hash)
    assert found["definition"] == json.loads(json.dumps(DESK.table))
    assert found["events"]["SEND"]["properties"]["parcels"]["type"] == "array"
    assert found["context"]["properties"]["name"]["type"] == "string"
    assert all(set(warning) == {"code", "message", "node"} for warning in found["warnings"])


def test_an_unknown_machine_is_not_found(api: ApiGateway) -> None:
    assert code(api.get("/machines/nope")) == (404, "unknown_machine")
    assert code(api.get("/machines/NO")) == (400, "name_invalid")


# OpenAPI -------------------------------------------------------------------------------------------------------------


def test_every_reference_of_the_description_leads_somewhere(api: ApiGateway) -> None:
    document = api.get("/openapi.json").json
    assert document["openapi"] == "3.1.0"
    references = set(re.findall(r'"(#/[^"]*)"', json.dumps(document)))
    assert "#/components/schemas/post-desk.events.SEND.Data.ByMail" in references
    for reference in references:
        found = document
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in document["components"]["schemas"])


def test_every_operation_is_complete(api: ApiGateway) -> None:
    document = api.get("/openapi.json").json
    parameters = document["components"]["parameters"]
    names = []
    for path, operations in document["paths"].items():
        for operation in operations.values():
            names.append(operation["operationId"])
            declared = [parameters[each["$ref"].rpartition("/")[2]] for each in operation["parameters"]]
            assert {each["name"] for each in declared if each["in"] == "path"} == set(re.findall(r"{(\w+)}", path))
            assert "default" in operation["responses"]
            assert all("description" in answer or "$ref" in answer for answer in operation["responses"].values())
    assert len(names) == len(set(names))


def test_every_route_is_described(api: ApiGateway) -> None:
    document = api.get("/openapi.json").json
    routes = {(method.lower(), re.sub(r"<(\w+)>", r"{\1}", rule)) for method, rule, _ in api.api._routes}
    described = {(method, path) for path, operations in document["paths"].items() for method in operations}
    assert routes <= described
    assert {path for _, path in described - routes} == {
        f"/machines/{name}/instances/{{instance}}{rest}"
        for name in ("any", "plain", "post-desk")
        for rest in ("", "/events")
    }


def test_each_machine_says_which_events_it_takes(api: ApiGateway) -> None:
    document = api.get("/openapi.json").json
    schemas = document["components"]["schemas"]
    operation = document["paths"]["/machines/post-desk/instances/{instance}/events"]["post"]
    one, many = operation["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
    assert one == many["items"] == {"$ref": "#/components/schemas/post-desk.Event"}
    choices = schemas["post-desk.Event"]["oneOf"]
    assert [each.get("$ref", "").rpartition(".")[2] for each in choices] == ["CLOSE", "SEND", ""]
    send = schemas["post-desk.events.SEND"]
    assert send["properties"]["type"] == {"const": "SEND"}
    assert send["properties"]["data"] == {"$ref": "#/components/schemas/post-desk.events.SEND.Data"}
    family = choices[2]["properties"]["type"]
    assert re.match(family["pattern"], "note.x")
    assert not re.match(family["pattern"], "notes")
    (anything,) = schemas["any.Event"]["oneOf"]
    assert "pattern" not in anything["properties"]["type"]


# Requests that fit nothing -------------------------------------------------------------------------------------------


def test_the_health_check_needs_nothing(api: ApiGateway) -> None:
    api.rewire(store=Broken(StoreUnavailableError("down")), queue=Broken(QueueUnavailableError("down")))
    assert api.get("/health").json == {"status": "ok"}


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", EVENTS, "POST"),
        ("PATCH", "/machines/post-desk/instances/d1", "DELETE, GET, PUT"),
        ("POST", "/machines", "GET"),
        ("PUT", "/machines/post-desk/instances/d1/pause", "POST"),
        ("POST", "/health", "GET"),
        ("OPTIONS", "/machines/post-desk", "GET"),
    ],
)
def test_another_method_is_told_which_are_allowed(api: ApiGateway, method: str, path: str, allow: str) -> None:
    answer = api.request(method, path)
    assert code(answer) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == allow


@pytest.mark.parametrize("path", ["/", "/machine", "/machines/", "/machines/post-desk/x", f"{EVENTS}/x"])
def test_an_unknown_path_is_not_found(api: ApiGateway, path: str) -> None:
    assert code(api.get(path)) == (404, "unknown_path")


# What is not the caller's fault --------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [StoreUnavailableError("table x is down"), InstanceTooNewError("schema 9")])
def test_a_store_that_is_down_answers_503(api: ApiGateway, error: Exception) -> None:
    api.rewire(store=Broken(error))
    answer = api.get("/machines/post-desk/instances/d1")
    assert code(answer) == (503, error.code)  # type: ignore[attr-defined]
    assert answer.headers["Retry-After"] == "1"
    assert str(error) not in answer.text


def test_a_queue_that_is_down_answers_503_and_the_key_can_be_used_again(api: ApiGateway) -> None:
    queue = api.ports.queue
    api.rewire(queue=Broken(QueueUnavailableError("down")))
    assert code(api.post(EVENTS, {"type": "CLOSE"}, idempotency_key="k")) == (503, "queue_unavailable")
    api.rewire(queue=queue)
    assert api.post(EVENTS, {"type": "CLOSE"}, idempotency_key="k").status == 202


@pytest.mark.parametrize("error", [RuntimeError("secret"), SnapshotInvalidError("secret")])
def test_what_nobody_expected_is_logged_and_not_told(
    api: ApiGateway, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    api.rewire(store=Broken(error))
    answer = api.get("/machines/post-desk/instances/d1")
    assert answer.status == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert (vars(record)["machine_id"], vars(record)["instance_id"]) == ("post-desk", "d1")


def test_no_data_is_logged_at_info(api: ApiGateway, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    api.post(EVENTS, {"type": "SEND", "data": {"parcels": [{"by": "secret"}]}})
    api.post(EVENTS, {"type": "SEND", "data": {"parcels": [{"by": "mail", "address": {"street": "secret"}}]}})
    api.system.pump()
    assert caplog.records
    shown: list[Any] = [str(vars(record)) for record in caplog.records]
    assert not any("secret" in each for each in shown)


# Diagrams ------------------------------------------------------------------------------------------------------------


def test_a_machine_and_an_instance_can_be_drawn(api: ApiGateway) -> None:
    drawn = api.get("/machines/post-desk/diagram")
    assert drawn.status == 200
    assert drawn.headers["Content-Type"].startswith("text/vnd.mermaid")
    assert "stateDiagram-v2" in drawn.text
    api.post("/machines/plain/instances/p1/events", {"type": "GO"}, prefer="wait=5")
    marked = api.get("/machines/plain/instances/p1/diagram")
    assert marked.status == 200
    assert marked.text != api.get("/machines/plain/diagram").text


def test_what_is_not_there_cannot_be_drawn(api: ApiGateway) -> None:
    assert code(api.get("/machines/none/diagram")) == (404, "unknown_machine")
    assert code(api.get("/machines/plain/instances/none/diagram")) == (404, "unknown_instance")
