"""Each request has a name by which everything that follows from it is found: the client's own, or the API's."""

import logging

import pytest

from functions.ingress.routes import Api
from settle.runtime.envelope import TraceContext
from tests.support.api_gateway import ApiGateway
from tests.support.charts import machine, on, settled

PATH = "/machines/door/instances/d1"
HEADER = "Root=1-6565c1a2-0123456789abcdef01234567;Parent=00000000000000aa;Sampled=1"
OPEN = {"type": "OPEN"}


@pytest.fixture
def api() -> ApiGateway:
    return ApiGateway(machine("door", settled("closed", on("OPEN", "open")), settled("open")))


def trace(api: ApiGateway) -> TraceContext | None:
    ((_, envelope),) = api.sent()
    return envelope.trace  # type: ignore[no-any-return]


def test_the_name_that_a_client_gives_travels_and_comes_back(api: ApiGateway) -> None:
    answer = api.post(f"{PATH}/events", OPEN, x_correlation_id="case-7")
    assert answer.headers["x-correlation-id"] == "case-7"
    assert trace(api) == TraceContext(correlation_id="case-7")


@pytest.mark.parametrize("given", ["", "two words", "x" * 65, "<script>"])
def test_without_one_that_fits_it_is_the_id_of_the_request(api: ApiGateway, given: str) -> None:
    answer = api.post(f"{PATH}/events", OPEN, x_correlation_id=given)
    assert answer.headers["x-correlation-id"] == "request"
    assert trace(api) == TraceContext(correlation_id="request")


def test_refusals_have_it_too(api: ApiGateway, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="settle"):
        answer = api.post(f"{PATH}/events", {"type": "NO"}, x_correlation_id="case-7")
    assert (answer.status, answer.headers["x-correlation-id"]) == (422, "case-7")
    keys = ("machine_id", "instance_id", "correlation_id", "code", "status")
    assert [vars(caplog.records[-1])[key] for key in keys] == ["door", "d1", "case-7", "unknown_event", 422]


def test_a_traced_request_is_the_parent_of_its_event(api: ApiGateway) -> None:
    api.api = Api(api.ports, lambda: HEADER)
    api.post(f"{PATH}/events", OPEN)
    assert trace(api) == TraceContext(correlation_id="request", parent=HEADER)
