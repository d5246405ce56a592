"""Development identities come from headers, where the local system was told to heed them."""

import asyncio
from typing import Any

import pytest

from settle.local.dev_identity import IdentityError, read_identity
from settle.local.dev_routes import DevRoutes
from settle.local.http_front import HttpFront
from settle.local.options import parse
from tests.support.queues import MovableClock
from tests.unit.test_local_http_front import Clock, Ingress, request

HEADERS = [(b"x-dev-principal", b"ana"), (b"x-dev-claims", b'{"role": "manager"}')]


def authorizer(*, identities: bool) -> Any:
    ingress = Ingress()
    dev = DevRoutes(dict, Clock())
    front = HttpFront(ingress, max_waiting=1, dev=dev, clock=MovableClock(), identities=identities)
    asyncio.run(request(front, headers=HEADERS))
    return ingress.events[0]["requestContext"].get("authorizer")


def test_headers_say_who_asks_only_where_that_was_chosen() -> None:
    assert authorizer(identities=False) is None
    assert authorizer(identities=True) == {"jwt": {"claims": {"sub": "ana", "role": "manager"}, "scopes": None}}


def test_nobody_named_is_nobody() -> None:
    assert read_identity({}) is None


def test_claims_arrive_as_text_as_they_do_behind_the_api() -> None:
    claims = '{"age": 42, "admin": true, "groups": ["red", "green"], "name": "Ana"}'
    identity = read_identity({"x-dev-principal": "ana", "x-dev-claims": claims})
    assert identity is not None
    assert identity["jwt"]["claims"] == {
        "sub": "ana",
        "age": "42",
        "admin": "true",
        "groups": "[red green]",
        "name": "Ana",
    }


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"x-dev-claims": "{}"}, "x-dev-claims goes with x-dev-principal"),
        ({"x-dev-principal": "ana", "x-dev-claims": "role=x"}, "x-dev-claims is a JSON object"),
        ({"x-dev-principal": "ana", "x-dev-claims": "[1]"}, "x-dev-claims is a JSON object"),
    ],
)
def test_what_makes_no_identity_is_refused(headers: dict[str, str], message: str) -> None:
    with pytest.raises(IdentityError, match=message):
        read_identity(headers)


def test_a_client_is_told_so() -> None:
    ingress = Ingress()
    front = HttpFront(ingress, max_waiting=1, dev=DevRoutes(dict, Clock()), clock=MovableClock(), identities=True)
    status, _, body = asyncio.run(request(front, headers=[(b"x-dev-claims", b"{}")]))
    assert (status, b"x-dev-principal" in body, ingress.events) == (400, True, [])


@pytest.mark.parametrize(
    ("arguments", "environment", "chosen"),
    [
        ([], {}, False),
        ([], {"DEV_IDENTITIES": "1"}, True),
        ([], {"DEV_IDENTITIES": "0"}, False),
        (["--dev-identities"], {}, True),
        (["--no-dev-identities"], {"DEV_IDENTITIES": "1"}, False),
    ],
)
def test_they_are_off_unless_chosen(arguments: list[str], environment: dict[str, str], chosen: bool) -> None:
    assert parse(arguments, environment).dev_identities is chosen
