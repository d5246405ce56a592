"""The ingress in front of a system in memory, called with the events that API Gateway's HTTP API gives to Lambda."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from functions.ingress.routes import Api
from settle.core.definition import Definition
from settle.local.http_event import HttpRequest, to_event
from settle.local.lambda_context import LambdaContext
from settle.runtime.envelope import parse_envelope
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.permissions import Rules
from settle.runtime.poll import Pauses
from settle.runtime.registry import Registry
from tests.support.system import System


@dataclass(frozen=True)
class Answer:
    """What a client gets."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class WaitingClock:
    """The clock of a system whose consumer works whenever somebody waits."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.slept: list[float] = []
        self.while_asleep: Callable[[], None] = system.pump

    def now(self) -> float:
        return self._system.clock.now()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._system.clock.sleep(seconds)
        self.while_asleep()


class Broken:
    """A port whose every method raises."""

    arn = "arn:broken"

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def fail(*_args: Any, **_named: Any) -> Any:
            raise self._error

        return fail


class ApiGateway:
    """An HTTP API over a system in memory.

    Args:
        definitions: the machines, current versions.
        older: other versions of them.
        rules: the permission rules of machines that have some.
    """

    def __init__(
        self, *definitions: Definition, older: tuple[Definition, ...] = (), rules: Mapping[str, Rules] | None = None
    ) -> None:
        self.system = System(*definitions)
        self.system.definitions.rules.update(rules or {})
        self.clock = WaitingClock(self.system)
        self.registry = replace(make_registry(*definitions, older=older), rules=dict(rules or {}))
        self.ports = IngressPorts(
            registry=self.registry,
            store=self.system.store,
            queue=self.system.queue,
            clock=self.clock,
            pauses=Pauses(first=0.05, longest=1.0),
            new_id=self.system.new_id,
        )
        self.api = Api(self.ports)
        self.context: Any = LambdaContext(function_name="ingress", request_id="request", memory_mb=512, timeout=29)
        self.authorizer: dict[str, Any] = {}

    def sent(self) -> list[tuple[str, Any]]:
        """Look at what waits in the queue: deduplication id and envelope of each message."""
        received = self.system.polled.receive(max_messages=10, visibility_timeout=0)
        return [(message.attributes["MessageDeduplicationId"], parse_envelope(message.body)) for message in received]

    def rewire(self, **ports: Any) -> None:
        """Put other ports in place of some."""
        self.ports = replace(self.ports, **ports)
        self.api = Api(self.ports)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        content: bytes | None = None,
    ) -> Answer:
        """Send one request; `body` as JSON, or `content` as it is."""
        if content is None:
            content = b"" if body is None else json.dumps(body).encode()
            headers = {"content-type": "application/json", **(headers or {})} if body is not None else headers
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
        route, _, query = path.partition("?")
        request = HttpRequest(
            method=method,
            path=route,
            query=query,
            headers=raw,
            body=content,
            protocol="HTTP/1.1",
            source_ip="127.0.0.1",
        )
        event = to_event(request, request_id="request", now=self.clock.now())
        if self.authorizer:
            event["requestContext"]["authorizer"] = self.authorizer
        answer = self.api.resolve(event, self.context)
        return Answer(answer["statusCode"], answer["headers"], answer["body"] or "")

    def get(self, path: str, **headers: str) -> Answer:
        """GET, with underscores in the names of headers."""
        return self.request("GET", path, headers=_headers(headers))

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.request("POST", path, body, _headers(headers))

    def put(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.request("PUT", path, body, _headers(headers))


def make_registry(*definitions: Definition, older: tuple[Definition, ...] = ()) -> Registry:
    versions: dict[str, dict[int, Definition]] = {}
    for definition in (*older, *definitions):
        versions.setdefault(definition.machine, {})[definition.version] = definition
    machines = {each.machine: each for each in definitions}
    return Registry(machines=machines, versions=versions, files={name: Path(f"{name}.py") for name in machines})


def _headers(named: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in named.items()}
