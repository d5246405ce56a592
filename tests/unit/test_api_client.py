"""The client of the HTTP API: what it tries again, what it says, and how it proves who calls."""

import http.client
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import NoRegionError
from botocore.session import Session

from settle.adapters.operator_errors import NoCredentialsError
from settle.adapters.operator_session import RequestSigner, find_region
from settle.cli.api_client import TRIES, Answer, ApiClient, ApiRefusedError, ApiUnavailableError, HttpSender
from settle.cli.operators import make_sign

AWS_URL = "https://abc.execute-api.eu-central-1.amazonaws.com"


class Scripted:
    """Answers one after the other."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self._answers = list(answers)
        self.sent: list[tuple[str, str, dict[str, str], bytes]] = []
        self.slept: list[float] = []
        self.client = ApiClient(self, self.slept.append)

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        self.sent.append((method, path, headers, body))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


BUSY = Answer(503, '{"code": "queue_unavailable", "detail": "try again"}')
LOST = ApiUnavailableError("reset")


def test_what_passes_by_itself_is_tried_again_with_growing_pauses() -> None:
    scripted = Scripted(BUSY, LOST, Answer(429, ""), Answer(200, '{"a": 1}'))
    assert scripted.client.get("/x") == {"a": 1}
    assert scripted.slept == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(("last", "error"), [(BUSY, ApiRefusedError), (LOST, ApiUnavailableError)])
def test_what_does_not_pass_is_said_in_the_end(last: Answer | Exception, error: type[Exception]) -> None:
    scripted = Scripted(*[last] * TRIES)
    with pytest.raises(error):
        scripted.client.post("/x")
    assert len(scripted.sent) == TRIES


def test_a_request_says_how_long_it_waits_and_what_it_carries() -> None:
    scripted = Scripted(Answer(202, "{}"), Answer(202, ""))
    scripted.client.post("/x", {"n": 1}, wait=10)
    assert scripted.client.post("/x") == {}
    assert scripted.sent == [
        ("POST", "/x", {"prefer": "wait=10", "content-type": "application/json"}, b'{"n": 1}'),
        ("POST", "/x", {}, b""),
    ]


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        (Answer(409, '{"code": "not_blocked", "detail": "nothing to retry"}'), "not_blocked", "nothing to retry"),
        (Answer(403, '{"message": "Forbidden"}'), "", "Forbidden"),
        (Answer(500, "<html>"), "", "status 500"),
        (Answer(400, "[]"), "", "status 400"),
    ],
)
def test_a_refusal_says_what_the_api_says(answer: Answer, code: str, text: str) -> None:
    with pytest.raises(ApiRefusedError) as refused:
        Scripted(answer).client.get("/x")
    assert (refused.value.status, refused.value.code, str(refused.value)) == (answer.status, code, text)


# ---- sending


class Wire:
    """In place of a connection."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.requests: list[tuple[Any, ...]] = []
        self.closed = 0
        self.error: Exception | None = None
        self.status = 200

    def request(self, *arguments: Any) -> None:
        self.requests.append(arguments)
        if self.error is not None:
            raise self.error

    def getresponse(self) -> "Wire":
        return self

    def read(self) -> bytes:
        return "ö".encode()

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire()
    monkeypatch.setattr(http.client, "HTTPSConnection", lambda *_arguments, **_named: made)
    return made


def test_requests_are_signed_for_the_whole_address(wire: Wire) -> None:
    signed: list[str] = []

    def sign(_method: str, url: str, headers: dict[str, str], _body: bytes) -> dict[str, str]:
        signed.append(url)
        return {**headers, "authorization": "me"}

    sender = HttpSender("https://api.example.com/prod/", sign)
    assert sender("GET", "/machines?a=b", {"x": "y"}, b"") == Answer(200, "ö")
    assert signed == ["https://api.example.com/prod/machines?a=b"]
    assert wire.requests == [("GET", "/prod/machines?a=b", None, {"x": "y", "authorization": "me"})]


@pytest.mark.parametrize("error", [ConnectionResetError("reset"), http.client.RemoteDisconnected("closed")])
def test_a_broken_connection_is_closed_and_said(wire: Wire, error: Exception) -> None:
    sender = HttpSender("https://api.example.com", lambda _m, _u, headers, _b: headers)
    wire.error = error
    with pytest.raises(ApiUnavailableError):
        sender("GET", "/", {}, b"")
    assert wire.closed == 1


@pytest.mark.parametrize("url", ["", "api.example.com", "ftp://x", "https://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is not the address of an API"):
        HttpSender(url, lambda _m, _u, headers, _b: headers)


# ---- who calls


@pytest.mark.parametrize(
    ("url", "region"),
    [
        (AWS_URL, "eu-central-1"),
        (f"{AWS_URL}.cn/x", "eu-central-1"),
        ("https://api.example.com", ""),
        ("https://execute-api.eu-central-1.amazonaws.com", ""),
        ("https://a.execute-api.eu-central-1.example.com", ""),
    ],
)
def test_the_region_stands_in_an_address_of_api_gateway(url: str, region: str) -> None:
    assert find_region(url) == region


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    made = Session()
    monkeypatch.setattr(made, "get_credentials", lambda: Credentials("AKID", "secret", "session"))
    return made


def test_a_signature_is_for_api_gateway_in_its_region(session: Session) -> None:
    signed = RequestSigner(session, "eu-central-1").sign("POST", f"{AWS_URL}/x?b=1&a=2", {"prefer": "wait=1"}, b"{}")
    assert "/eu-central-1/execute-api/aws4_request, SignedHeaders=" in signed["Authorization"]
    assert "host;prefer;x-amz-date;x-amz-security-token" in signed["Authorization"]
    assert (signed["X-Amz-Security-Token"], signed["prefer"]) == ("session", "wait=1")


def test_no_signature_without_credentials(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "get_credentials", lambda: None)
    with pytest.raises(NoCredentialsError, match="AWS_PROFILE"):
        RequestSigner(session, "eu-central-1").sign("GET", AWS_URL, {}, b"")


def test_credentials_that_cannot_be_had_are_said(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise NoRegionError

    monkeypatch.setattr(session, "get_credentials", fail)
    with pytest.raises(NoCredentialsError, match="region"):
        RequestSigner(session, "eu-central-1").sign("GET", AWS_URL, {}, b"")


def test_a_token_goes_before_a_signature_and_nobody_signs_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    local, custom = "http://localhost:8000", "https://api.example.com"
    assert make_sign(local, None, "")("GET", local, {}, b"") == {}
    assert make_sign(AWS_URL, None, "t")("GET", AWS_URL, {}, b"") == {"authorization": "Bearer t"}
    assert "eu-central-1" in make_sign(AWS_URL, None, "")("GET", AWS_URL, {}, b"")["Authorization"]
    assert "eu-west-1" in make_sign(custom, "eu-west-1", "")("GET", custom, {}, b"")["Authorization"]
