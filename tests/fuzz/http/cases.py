"""Requests made from the document: what it allows, what it forbids, and both aimed at what there is."""

import json
from collections.abc import Collection, Mapping
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


def requests_for(world: World, operation: Operation, mode: GenerationMode) -> st.SearchStrategy["Aimed"]:
    """Return requests for an operation; about three in four name something that stands in the world."""
    known = world.known
    on_machine = operation.path.split("/")[2:3]
    wanted = [each for each in known.instances if on_machine in ([each[0]], ["{machine}"])] or list(known.instances)
    aim = st.fixed_dictionaries(
        {
            "instance": st.sampled_from([*[None] * (len(wanted) // 4 + 1), *wanted]),
            "receipt": _seldom(known.receipts, 1),
            "token": _seldom([*known.tokens, *known.tokens, known.tokens[0][:-2], known.tokens[0] + "A"], 1),
            "for": _seldom(GOALS, 1),
            "timeout": _seldom(("0", "1", "25", "30", "0.5"), 1),
            "status": st.sampled_from([None, "blocked", "blocked", "blocked"]),
            "cursor": st.none() | st.sampled_from([*known.cursors, known.cursors[0][:-1], "x"]),
            "if-match": _seldom(CONDITIONS, 2),
            "if-none-match": st.none() | st.sampled_from([*known.etags, "*", "x"]),
            "prefer": st.none() | st.sampled_from(PREFERENCES),
            "idempotency-key": st.none() | st.sampled_from(KEYS),
            "hostile headers": _seldom(HEADERS, 10),
            "hostile body": _seldom(BODIES, 6),
            "gateway": _seldom(GATEWAY, 10),
            "event": _seldom(NAMES, 2),
            "caller": st.sampled_from(CALLERS),
        }
    )
    return st.builds(Aimed, operation.as_strategy(generation_mode=mode), aim)


def _seldom(values: Collection[str], one_in: int) -> st.SearchStrategy[str | None]:
    """Return one of some values about once in so many times, else None; with 1 nearly always."""
    nothing = max(1, len(values) * (one_in - 1))
    return st.sampled_from([*[None] * nothing, *values])


class Aimed:
    """A case of schemathesis, with some of it replaced.

    Args:
        case: as it was made from the document.
        aim: what takes the place of what is in it; None for what stays.
    """

    def __init__(self, case: Case[Any], aim: Mapping[str, Any]) -> None:
        self._case, self._aim = case, aim

    def __repr__(self) -> str:
        chosen = {name: value for name, value in self._aim.items() if value is not None}
        return f"Aimed({self._case!r}, {chosen!r})"

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
