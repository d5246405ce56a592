"""Requests made from the document: what it allows, what it forbids, and both aimed at what there is."""

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core import NOT_SET
from schemathesis.schemas import APIOperation

from tests.fuzz.http.hostile import BODIES, GATEWAY, HEADERS
from tests.fuzz.http.world import ANA, MANAGER, Exchange, World

Operation = APIOperation[Any, Any, Any, Any]
CALLERS: Final[tuple[Mapping[str, Any] | None, ...]] = (
    MANAGER,
    ANA,
    None,
    {"iam": {"userArn": "arn:aws:sts::1:assumed-role/ops/session"}},
    {"jwt": {"claims": {"sub": "bo", "role": "bookkeeper"}, "scopes": None}},
)
GOALS: Final = (
    "settled",
    "done",
    "tag:settled",
    "state:open",
    "state:nowhere",
    "version:2",
    "version:99",
    "x:y",
    "tag:",
)
PREFERENCES: Final = ("wait", "wait=0", "wait=5", "wait=999", "respond-async, wait=2")
CONDITIONS: Final = ('"1"', '"2"', "2.1", '"99"', "*", 'W/"1"', "")
KEYS: Final = ("a key", "another key", "k" * 255)
NAMES: Final = ("note.x", "FAIL", "CLOSE", "SEND", "ODD", "COUNT", "increment", "AUTH", "VERIFY", "RESEND", "APPROVE")
MODES: Final = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


Aim = Mapping[str, Any]
"""What takes the place of what is in a case; None for what stays."""


def aims_for(world: World, operation: Operation) -> dict[str, Sequence[Any]]:
    """Return what there is to aim at; about three in four requests name something that stands in the world."""
    known = world.known
    on_machine = operation.path.split("/")[2:3]
    wanted = [each for each in known.instances if on_machine in ([each[0]], ["{machine}"])] or list(known.instances)
    return {
        "instance": [*[None] * (len(wanted) // 4 + 1), *wanted],
        "receipt": _seldom(known.receipts, 1),
        "token": _seldom([*known.tokens, *known.tokens, known.tokens[0][:-2], known.tokens[0] + "A"], 1),
        "for": _seldom(GOALS, 1),
        "timeout": _seldom(("0", "1", "25", "30", "0.5"), 1),
        "status": [None, "blocked", "blocked", "blocked"],
        "cursor": _seldom([*known.cursors, known.cursors[0][:-1], "x"], 2),
        "if-match": _seldom(CONDITIONS, 2),
        "if-none-match": _seldom([*known.etags, "*", "x"], 2),
        "prefer": _seldom(PREFERENCES, 2),
        "idempotency-key": _seldom(KEYS, 2),
        "hostile headers": _seldom(tuple(HEADERS), 10),
        "hostile body": _seldom(tuple(BODIES), 6),
        "gateway": _seldom(tuple(GATEWAY), 10),
        "event": _seldom(NAMES, 2),
        "caller": CALLERS,
    }


def requests_for(world: World, operation: Operation, mode: GenerationMode) -> st.SearchStrategy["Aimed"]:
    """Return requests for an operation."""
    aims = {name: st.sampled_from(values) for name, values in aims_for(world, operation).items()}
    return st.builds(Aimed, operation.as_strategy(generation_mode=mode), st.fixed_dictionaries(aims))


def _seldom(values: Sequence[str], one_in: int) -> Sequence[str | None]:
    """Return some values, and None so often that it is taken all but once in so many times; with 1 hardly ever."""
    nothing = max(1, len(values) * (one_in - 1))
    return [*[None] * nothing, *values]


class Aimed:
    """A case of schemathesis, with some of it replaced.

    Args:
        case: as it was made from the document.
        aim: at what stands in the world.
    """

    def __init__(self, case: Case[Any], aim: Aim) -> None:
        self._case, self._aim = case, aim

    def __repr__(self) -> str:
        chosen = {name: value for name, value in self._aim.items() if value is not None}
        return f"Aimed({self._case!r}, {chosen!r})"

    def again(self, choose: random.Random, aims: Mapping[str, Sequence[Any]]) -> "Aimed":
        """Return the same case, aimed at something else: that takes a tenth of the time of making another case."""
        return Aimed(self._case, {name: choose.choice(values) for name, values in aims.items()})

    def send(self, world: World) -> Exchange:
        """Send it."""
        event = world.event(
            self._case.method.upper(), self._path(), query=self._query(), headers=self._headers(), body=self._body()
        )
        if self._aim["caller"] is not None:
            event["requestContext"]["authorizer"] = self._aim["caller"]
        if self._aim["gateway"] is not None:
            GATEWAY[self._aim["gateway"]][0](event)
        return world.resolve(event)

    def _path(self) -> str:
        given = {name: str(value) for name, value in (self._case.path_parameters or {}).items()}
        if self._aim["instance"] is not None:
            given |= {"machine": self._aim["instance"][0], "instance": self._aim["instance"][1]}
        given |= {name: self._aim[name] for name in ("receipt", "token") if self._aim[name] is not None}
        path = self._case.path
        for name, value in given.items():
            path = path.replace(f"{{{name}}}", value if "%" in value else quote(value, safe="/@:"))
        return unquote(path, errors="replace")

    def _query(self) -> str:
        query = dict(self._case.query or {})
        for name in ("for", "timeout", "status", "cursor"):
            # Also where it does not belong, now and then.
            if self._aim[name] is not None and (name in query or name in self._names("query")):
                query[name] = self._aim[name]
        return urlencode(query, doseq=True, errors="replace")

    def _headers(self) -> tuple[tuple[bytes, bytes], ...]:
        headers = {name.lower(): str(value) for name, value in (self._case.headers or {}).items()}
        described = self._names("header")
        if self._aim["if-match"] is None and self._aim["event"] is not None:
            headers.pop("if-match", None)  # a condition made at random is never met, and hides what lies behind it
        for name in ("if-match", "if-none-match", "prefer", "idempotency-key"):
            if self._aim[name] is not None and name in described:
                headers[name] = self._aim[name]
        if self._case.media_type:
            headers["content-type"] = self._case.media_type
        raw = tuple(
            (name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers.items()
        )
        return raw if self._aim["hostile headers"] is None else (*raw, *HEADERS[self._aim["hostile headers"]][0])

    def _names(self, location: str) -> set[str]:
        found = self._case.operation.headers if location == "header" else self._case.operation.query
        return {each.name.lower() for each in found}

    def _body(self) -> bytes:
        if self._aim["hostile body"] is not None and self._case.method.upper() in {"POST", "PUT"}:
            return BODIES[self._aim["hostile body"]][0]
        body = self._case.body
        if body is NOT_SET:
            return b""
        if isinstance(body, bytes):
            return body
        if self._aim["event"] is not None and self._case.path.startswith("/callbacks/"):
            return b'{"result": {"method": "card"}}'
        if self._aim["event"] is not None and isinstance(body, dict) and "type" in body:
            body = {**body, "type": self._aim["event"]}
        return json.dumps(body).encode()
