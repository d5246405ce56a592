"""A system in memory with every machine and instances in every status, which can be put back to where it began.

The ingress, the queue, the store and the consumer are the real ones. Each request that is tried begins from the same
state, so that one which fails fails again alone.
"""

import json
import logging
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from machines import auth_server, count
from settle.local.http_event import HttpRequest, to_event
from settle.local.lambda_context import LambdaContext
from settle.runtime.registry import load_machines
from tests.fuzz.http.machines import make_desk
from tests.support.api_gateway import Answer, ApiGateway

ANA: Final[Mapping[str, Any]] = {"jwt": {"claims": {"sub": "ana"}, "scopes": None}}
MANAGER: Final[Mapping[str, Any]] = {"jwt": {"claims": {"sub": "mia", "role": "manager"}, "scopes": None}}
RECEIPT: Final = re.compile(r'"location": "([^"]*/receipts/[^"]*)"')
LONG_AGO: Final = "9" * 40

_JSON = ((b"content-type", b"application/json"),)
_INSTANCE: Final = "/machines/{}/instances/{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request, as Lambda was given it, and its answer.

    Attributes:
        event: API Gateway's event.
        answer: of the ingress.
        raw: the answer as Lambda passes it on.
    """

    event: Mapping[str, Any]
    answer: Answer
    raw: Mapping[str, Any]

    @property
    def method(self) -> str:
        return str(self.event["requestContext"]["http"]["method"]).upper()

    @property
    def path(self) -> str:
        return str(self.event["rawPath"])


@dataclass(slots=True, kw_only=True)
class Known:
    """What stands in the world, for those who make requests."""

    machines: tuple[str, ...] = ()
    instances: tuple[tuple[str, str], ...] = ()
    receipts: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    cursors: list[str] = field(default_factory=list)
    etags: list[str] = field(default_factory=list)


class _Errors(logging.Handler):
    """Keeps what was logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        told = self.format(record) if record.exc_info else record.getMessage()
        self.messages.append(told)


@contextmanager
def open_world(outside: Path) -> Iterator["World"]:
    """Make a world whose services write into a folder, and take no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SETTLE_LOCAL_DIR", str(outside))
        patch.setattr(auth_server, "SECONDS", 0.0)
        patch.setattr(count, "SECONDS_PER_COUNT", 0.0)
        world = World(outside)
        try:
            yield world
        finally:
            world.close()


class World:
    """Every machine, instances in every status, and the API in front of them.

    Args:
        outside: where the services of the machines write.
    """

    def __init__(self, outside: Path) -> None:
        self._outside = outside
        registry = load_machines()
        desk = make_desk()
        older = tuple(each for versions in registry.versions.values() for each in versions.values())
        current = [*(registry.get(name) for name in registry.names()), desk]
        # Every version is known to the consumer, the newest under each name.
        self.gateway = ApiGateway(*current, older=older, rules=registry.rules)
        self.system = self.gateway.system
        self.system.definitions.versions.update({(each.machine, each.version): each for each in older})
        # As the local system tells it: only services that have begun may be waited for.
        self.gateway.clock.while_asleep = self.system.run_all
        self.known = Known(machines=(*registry.names(), desk.machine))
        self._errors = _Errors()
        self._populate()
        self._image = sqlite3.connect(":memory:")
        with self.system.database.reading() as connection:
            connection.backup(self._image)
        self._ids, self._now = self.system._ids, self.system.clock.now()
        self._latest_now = self.system.inner_store._latest_now

    def close(self) -> None:
        """Forget where it began."""
        self._image.close()

    def put_back(self) -> None:
        """Make everything as it was in the beginning."""
        with self.system.database.reading() as connection:
            self._image.backup(connection)
        self.system._ids, self.system.clock._now = self._ids, self._now
        self.system.inner_store._latest_now = self._latest_now
        self.system.batches.clear()
        self.system.tallies.clear()

    # Asking ----------------------------------------------------------------------------------------------------------

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: tuple[tuple[bytes, bytes], ...] = _JSON,
        body: bytes = b"",
        authorizer: Mapping[str, Any] | None = MANAGER,
    ) -> Exchange:
        """Send one request, as the HTTP front hands it over."""
        event = self.event(method, path, query=query, headers=headers, body=body)
        if authorizer is not None:
            event["requestContext"]["authorizer"] = authorizer
        return self.resolve(event)

    def event(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: tuple[tuple[bytes, bytes], ...] = _JSON,
        body: bytes = b"",
    ) -> dict[str, Any]:
        """Return the event that API Gateway makes of a request."""
        request = HttpRequest(
            method=method, path=path, query=query, headers=headers, body=body, protocol="HTTP/1.1", source_ip="::1"
        )
        return to_event(request, request_id="request", now=self.system.clock.now())

    def resolve(self, event: Mapping[str, Any]) -> Exchange:
        """Have the ingress answer an event of any shape."""
        context: Any = LambdaContext(function_name="ingress", request_id="request", memory_mb=512, timeout=29)
        raw = self.gateway.api.resolve(event, context)
        return Exchange(event=event, raw=raw, answer=Answer(raw["statusCode"], raw["headers"], raw["body"] or ""))

    @contextmanager
    def heard(self) -> Iterator[list[str]]:
        """Yield what is logged as an error meanwhile."""
        logger = logging.getLogger("settle")
        self._errors.messages = []
        logger.addHandler(self._errors)
        try:
            yield self._errors.messages
        finally:
            logger.removeHandler(self._errors)

    # Populating ------------------------------------------------------------------------------------------------------

    def _populate(self) -> None:
        self._outside.mkdir(parents=True, exist_ok=True)
        self._desks()
        self._make("count/settled", "COUNT", "COUNT")
        self._make("counter/settled", "increment")
        self._make("approval/asked", ("SUBMIT", {"author": "ana", "reviewer": "bo", "text": "a text"}))
        self._make("auth/asking", "AUTH")
        self._put("signup/waiting", {"email": "ada@example.com"})
        self._put("onboarding/waiting", {"email": "ada@example.com"})
        self._put("payment/waiting", {"amount": 12, "purpose": "a walk"})
        order = {"restaurant": "roma", "kind": "partner", "food": "pizza", "address": "here", "amount": 7}
        self._make("order/paying", ("SUBMIT", order))
        self._make("expense/claimed", ("SUBMIT", {"amount": 42, "purpose": "a train"}), authorizer=ANA)
        self.system.run_all()
        mails = sorted(self._outside.glob("outbox/*.txt"))
        found = re.findall(r"/callbacks/([A-Za-z0-9_-]+)", "".join(each.read_text() for each in mails))
        self.known.tokens += sorted(set(found))
        page = self.ask("GET", "/machines/desk/instances", query="status=blocked&limit=1").answer.json
        self.known.cursors.append(page["cursor"])
        self.known.receipts = sorted(set(self.known.receipts))

    def _desks(self) -> None:
        self._make("desk/settled", "note.one", "note.two")
        self._make("desk/blocked", "note.one", "FAIL", "CLOSE")
        self._make("desk/stuck", "FAIL")
        self._make("desk/done", "CLOSE")
        self._make("desk/held", "note.one")
        self._control("desk/held", "POST", "/pause")
        self._make("desk/held", "CLOSE")
        self._make("desk/deleted", "note.one")
        self._control("desk/deleted", "DELETE", "")
        self._make("desk/unstarted", "CLOSE", "CLOSE", key=b"a key")

    def _make(
        self, group: str, *events: str | tuple[str, Any], authorizer: Mapping[str, Any] = MANAGER, key: bytes = b""
    ) -> None:
        for each in events:
            event_type, data = each if isinstance(each, tuple) else (each, {})
            headers = (*_JSON, *(((b"idempotency-key", key),) if key else ()))
            body = json.dumps({"type": event_type, "data": data}).encode()
            self._note(
                group, self.ask("POST", f"{_path(group)}/events", body=body, headers=headers, authorizer=authorizer)
            )

    def _put(self, group: str, given: Mapping[str, Any]) -> None:
        self._note(group, self.ask("PUT", _path(group), body=json.dumps({"input": given}).encode()))

    def _control(self, group: str, method: str, rest: str) -> None:
        self._note(group, self.ask(method, f"{_path(group)}{rest}"))

    def _note(self, group: str, made: Exchange) -> None:
        assert made.answer.status in {200, 201, 202}, made.answer.text
        self.system.run_all()
        machine, instance = group.split("/")
        if (machine, instance) not in self.known.instances:
            self.known.instances = (*self.known.instances, (machine, instance))
        self.known.receipts += [each.rpartition("/")[2] for each in RECEIPT.findall(made.answer.text)]
        if "ETag" in made.answer.headers:
            self.known.etags.append(str(made.answer.headers["ETag"]))


def _path(group: str) -> str:
    return _INSTANCE.format(*group.split("/"))
