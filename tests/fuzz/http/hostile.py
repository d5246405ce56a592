"""Requests that somebody wrote who means no good, by name."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from settle.runtime.limits import MAX_MESSAGE_BYTES

DEEP: Final = 100_000
LONG: Final = 5_000
JSON: Final = ((b"content-type", b"application/json"),)
DESK: Final = "/machines/desk/instances/settled"
BLOCKED: Final = "/machines/desk/instances/blocked"
EVENTS: Final = f"{DESK}/events"
Headers = tuple[tuple[bytes, bytes], ...]
Change = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """One request.

    Attributes:
        name: what is bad about it.
        status: that it is answered with; 0 for any refusal or acceptance that keeps to the rules.
        change: what is done to API Gateway's event before the function gets it.
    """

    name: str
    method: str = "POST"
    path: str = EVENTS
    query: str = ""
    headers: Headers = JSON
    body: bytes = b""
    status: int = 0
    change: Change | None = field(default=None)


def _event(data: bytes, event_type: bytes = b'"note.x"') -> bytes:
    return b'{"type": ' + event_type + b', "data": ' + data + b"}"


def _with(*headers: tuple[bytes, bytes]) -> Headers:
    return (*JSON, *headers)


BODIES: Final[Mapping[str, tuple[bytes, int]]] = {
    "empty": (b"", 400),
    "no JSON": (b"hello", 400),
    "cut off": (b'{"type": "note.x"', 400),
    "two documents": (b"{}{}", 400),
    "NaN": (_event(b"NaN"), 400),
    "minus infinity": (_event(b"-Infinity"), 400),
    "a number beyond all floats": (_event(b"1e400"), 422),
    "an integer of 4,300 digits": (_event(b"9" * 4_300), 0),
    "an integer of 5,000 digits": (_event(b"9" * LONG), 400),
    "a very small number": (_event(b"1e-400"), 202),
    "minus nothing": (_event(b"-0.0"), 202),
    "nested arrays": (b"[" * DEEP, 400),
    "nested arrays that end": (_event(b"[" * DEEP + b"]" * DEEP), 400),
    "nested objects": (b'{"a":' * (DEEP // 2), 400),
    "nested as deep as the parser goes": (_event(b"[" * 199 + b"]" * 199), 0),
    "nested less deep than that": (_event(b"[" * 190 + b"]" * 190), 0),
    "a key twice": (b'{"type": "FAIL", "type": "note.x"}', 202),
    "a high surrogate alone": (_event(rb'"\ud800"'), 400),
    "a low surrogate alone": (_event(rb'"\udc00"'), 400),
    "a surrogate in a key": (_event(rb'{"\ud800": 1}'), 400),
    "a NUL": (_event(rb'"\u0000"'), 0),
    "a bare NUL": (_event(b'"\x00"'), 400),
    "no UTF-8": (_event(b'"\xff\xfe"'), 400),
    "overlong UTF-8": (_event(b'"\xc0\xaf"'), 400),
    "UTF-16": ('{"type": "note.x"}'.encode("utf-16"), 400),
    "a byte order mark": (b'\xef\xbb\xbf{"type": "note.x"}', 400),
    "a character that SQS refuses": (_event('"\uffff"'.encode()), 400),
    "a character that SQS refuses, escaped": (_event(rb'"\uffff"'), 400),
    "null": (b"null", 422),
    "a text": (b'"note.x"', 422),
    "an empty list": (b"[]", 422),
    "eleven events": (b"[" + b",".join([b'{"type": "note.x"}'] * 11) + b"]", 422),
    "a list in a list": (b'[[{"type": "note.x"}]]', 422),
    "a type that is none": (_event(b"1", b"null"), 422),
    "a type that is the runtime's": (_event(b"{}", b'"done.invoke.x"'), 422),
    "a control message for a type": (_event(b"{}", b'"settle.delete"'), 422),
    "a long type": (_event(b"{}", b'"' + b"x" * LONG + b'"'), 422),
    "a type with a line break": (_event(b"{}", rb'"note.x\n"'), 400),
    "a type with markup": (_event(b"{}", b'"<script>"'), 400),
    "inner fields": (b'{"type": "note.x", "id": "1", "origin": "a/b", "kind": "control"}', 422),
    "many unknown fields": (b"{" + b",".join(b'"%d":0' % at for at in range(20_000)) + b"}", 422),
    "a long unknown field": (b'{"' + b"k" * 200_000 + b'": 0}', 422),
    "an unknown field full of control characters": (b'{"' + rb"\u0001" * 40_000 + b'": 0}', 422),
    "many bad items": (_event(b'{"parcels": [' + b",".join([b"0"] * 100_000) + b"]}", b'"SEND"'), 422),
    "a long unknown field in a model": (
        _event(b'{"parcels": [{"by": "mail", "address": {"street": "s", "' + b"k" * 100_000 + b'": 0}}]}', b'"SEND"'),
        422,
    ),
    "data that breaks the model": (_event(b'{"value": "unknown"}', b'"ODD"'), 422),
    "too large": (_event(b'"' + b"x" * MAX_MESSAGE_BYTES + b'"'), 413),
    "too large once it is in its envelope": (_event(b'"' + b"x" * (MAX_MESSAGE_BYTES - 100) + b'"'), 413),
    "too large and no JSON": (b"[" * (MAX_MESSAGE_BYTES + 1), 413),
}
"""Of an event; and what they are answered."""

HEADERS: Final[Mapping[str, tuple[Headers, int]]] = {
    "a content type that is none": (((b"content-type", b"x" * LONG),), 415),
    "a form": (((b"content-type", b"multipart/form-data; boundary=x"),), 415),
    "two content types": (_with((b"content-type", b"text/plain")), 415),
    "If-Match of a text": (_with((b"if-match", b'"abc"')), 400),
    "If-Match of any": (_with((b"if-match", b"*")), 400),
    "If-Match that is empty": (_with((b"if-match", b"")), 400),
    "If-Match of blanks": (_with((b"if-match", b"   ")), 400),
    "If-Match that is weak": (_with((b"if-match", b'W/"3"')), 400),
    "If-Match twice": (_with((b"if-match", b'"3"'), (b"if-match", b'"4"')), 400),
    "If-Match of a huge number": (_with((b"if-match", b"9" * LONG)), 400),
    "If-Match in another script": (_with((b"if-match", "\u0663".encode())), 400),
    "If-Match of another version": (_with((b"if-match", b'"99"')), 412),
    "a key that is empty": (_with((b"idempotency-key", b"")), 400),
    "a long key": (_with((b"idempotency-key", b"k" * 256)), 400),
    "a key with a tab": (_with((b"idempotency-key", b"a\tb")), 400),
    "a key that is not ASCII": (_with((b"idempotency-key", "k\u00e9".encode())), 400),
    "a key twice": (_with((b"idempotency-key", b"a"), (b"idempotency-key", b"b")), 202),
    "Prefer of a huge number": (_with((b"prefer", b"wait=" + b"9" * LONG)), 202),
    "Prefer below nothing": (_with((b"prefer", b"wait=-1")), 202),
    "Prefer of many blanks": (_with((b"prefer", b"wait" + b" " * 9_000 + b"x")), 202),
    "Prefer of many commas": (_with((b"prefer", b"," * 9_000)), 202),
    "Prefer twice": (_with((b"prefer", b"wait=1"), (b"prefer", b"wait=2")), 200),
    "a correlation id that breaks lines": (_with((b"x-correlation-id", b"a\r\nSet-Cookie: b=c")), 202),
    "a long correlation id": (_with((b"x-correlation-id", b"a" * LONG)), 202),
    "a correlation id with quotes": (_with((b"x-correlation-id", b'","level":"ERROR')), 202),
    "headers that speak for others": (
        _with((b"x-forwarded-for", b"1.1.1.1"), (b"x-amzn-trace-id", b"Root=1;Parent=2"), (b"x-dev-principal", b"mia")),
        202,
    ),
}
"""Of an event that is fine; and what they are answered."""

PATHS: Final[Mapping[str, tuple[str, str, int]]] = {
    "nothing": ("GET", "", 404),
    "the root": ("GET", "/", 404),
    "an empty instance": ("GET", "/machines/desk/instances/", 404),
    "an empty machine": ("GET", "/machines//instances/settled", 404),
    "a slash too many": ("GET", f"{DESK}/", 404),
    "two slashes": ("GET", f"/{DESK}", 404),
    "a line break at the end": ("GET", f"{DESK}\n", 400),
    "a line break at the end of what is there": ("GET", "/health\n", 404),
    "dot segments": ("GET", "/machines/desk/instances/../../../openapi.json", 404),
    "dot segments, encoded": ("GET", "/machines/desk/instances/%2e%2e", 0),
    "a name that is encoded twice": ("GET", "/machines/%64esk/instances/settled", 400),
    "a slash, encoded": ("GET", "/machines/desk/instances/a%2fb", 400),
    "a callback that is another call": ("POST", "/callbacks/../machines/desk/instances/settled/pause", 404),
    "a NUL in a name": ("GET", "/machines/desk/instances/a\x00b", 400),
    "a NUL in a name, encoded": ("GET", "/machines/desk/instances/a%00b", 400),
    "no UTF-8 in a name, encoded": ("GET", "/machines/desk/instances/%ff", 400),
    "a surrogate in a name": ("GET", "/machines/desk/instances/\ud800", 400),
    "a long name": ("GET", f"/machines/desk/instances/{'a' * LONG}", 400),
    "a long machine": ("GET", f"/machines/{'a' * LONG}", 400),
    "a long path": ("GET", "/" + "a/" * LONG, 404),
    "a machine in capitals": ("GET", "/machines/DESK", 400),
    "digits of another script": ("GET", "/machines/desk/instances/\u0663", 400),
    "another method": ("PATCH", DESK, 405),
    "a method that nobody knows": ("PROPFIND", DESK, 405),
    "a method in small letters": ("get", "/health", 200),
    "a preflight": ("OPTIONS", EVENTS, 405),
    "a receipt that is none": ("GET", f"{DESK}/receipts/x", 404),
    "a long receipt": ("GET", f"{DESK}/receipts/{'s' * LONG}", 404),
    "a receipt of the far future": ("GET", f"{DESK}/receipts/s{'9' * 40}-99", 200),
    "a receipt that was never": ("GET", f"{DESK}/receipts/k{'0' * 32}", 404),
    "a receipt of nobody": ("GET", f"/machines/desk/instances/nobody/receipts/k{'0' * 32}-{'0' * 32}", 404),
    "a token that is none": ("POST", "/callbacks/abc", 404),
    "a long token": ("POST", f"/callbacks/{'A' * LONG}", 404),
    "a token of nothing": ("POST", "/callbacks/" + "WyIiLCIiLCIiLCIiLCIiXQ", 404),
    "a token that is deep": ("POST", "/callbacks/" + base64.urlsafe_b64encode(b"[" * 1_200).decode().rstrip("="), 404),
}
"""Method, path, and what they are answered."""

QUERIES: Final[Mapping[str, tuple[str, str, int]]] = {
    "version of many digits": (f"{DESK}/wait", f"for=version:{'9' * LONG}&timeout=0", 422),
    "version of fifteen digits": (f"{DESK}/wait", f"for=version:{'9' * 15}&timeout=0", 204),
    "version in another script": (f"{DESK}/wait", "for=version:%D9%A3&timeout=0", 422),
    "version below nothing": (f"{DESK}/wait", "for=version:-1", 422),
    "a long state": (f"{DESK}/wait", f"for=state:{'a' * 9_000}", 422),
    "a goal that is none": (f"{DESK}/wait", "for=", 422),
    "a long goal": (f"{DESK}/wait", f"for={'a' * 9_000}", 422),
    "a timeout that is none": (f"{DESK}/wait", "timeout=NaN", 400),
    "a timeout of inf": (f"{DESK}/wait", "timeout=inf", 400),
    "a timeout of many digits": (f"{DESK}/wait", f"timeout={'9' * LONG}", 400),
    "a timeout of months": (f"{DESK}/wait", "timeout=999999&for=version:99", 204),
    "a timeout twice": (f"{DESK}/wait", "timeout=1&timeout=2", 400),
    "what nobody knows": (f"{DESK}/wait", "".join(f"a{at}=&" for at in range(1_000)), 400),
    "no status": ("/machines/desk/instances", "", 400),
    "another status": ("/machines/desk/instances", f"status={'a' * LONG}", 400),
    "no limit": ("/machines/desk/instances", "status=blocked&limit=0", 400),
    "a large limit": ("/machines/desk/instances", "status=blocked&limit=101", 400),
    "a huge limit": ("/machines/desk/instances", f"status=blocked&limit={'9' * LONG}", 400),
    "a cursor that is none": ("/machines/desk/instances", "status=blocked&cursor=x", 400),
    "a cursor that is not ASCII": ("/machines/desk/instances", "status=blocked&cursor=%C3%A9", 400),
    "a long cursor": ("/machines/desk/instances", f"status=blocked&cursor={'W' * 9_000}", 400),
}
"""Path, query, and what they are answered."""

CURSORS: Final[Mapping[str, bytes]] = {
    "of another machine": b'[1700000000.0,"expense/claimed"]',
    "of no machine": b'[1700000000.0,"desk"]',
    "of a machine that begins alike": b'[1700000000.0,"desk2/a"]',
    "with a prefix": b'[1700000000.0,"desk/../expense/a"]',
    "of a time that is none": b'[1e999,"desk/a"]',
    "of a time below nothing": b'[-1,"desk/a"]',
    "of a huge time": b"[" + b"9" * 4_000 + b',"desk/a"]',
    "of a text for a time": b'["1","desk/a"]',
    "of a flag for a time": b'[true,"desk/a"]',
    "that is an object": b'{"a":1,"b":2}',
    "that is deep": b"[" * 4_000,
    "that is injected": b'[1700000000.0,"desk/\' OR 1=1 --"]',
}
"""Forged: JSON in place of the JSON that a cursor is; all of them are refused."""


def _body_of(text: str, *, encoded: bool = False) -> Change:
    def change(event: dict[str, Any]) -> None:
        event["body"], event["isBase64Encoded"] = text, encoded

    return change


def _called_by(authorizer: Any) -> Change:
    def change(event: dict[str, Any]) -> None:
        event["requestContext"]["authorizer"] = authorizer

    return change


def _put(**fields: Any) -> Change:
    return lambda event: event.update(fields)


GATEWAY: Final[Mapping[str, tuple[Change, int]]] = {
    "base64 that is none": (_body_of("***", encoded=True), 400),
    "base64 that is cut off": (_body_of("eyJ0e", encoded=True), 400),
    "base64 that is not ASCII": (_body_of("\u00e9", encoded=True), 400),
    "base64 that is too large": (_body_of("A" * (2 * MAX_MESSAGE_BYTES), encoded=True), 413),
    "base64 of an event": (_body_of(base64.b64encode(_event(b"1")).decode(), encoded=True), 202),
    "a surrogate in the body": (_body_of('{"type": "note.\ud800"}'), 400),
    "no headers": (_put(headers=None), 0),
    "no body": (_put(body=None), 400),
    "no authorizer": (_called_by(None), 202),
    "an empty authorizer": (_called_by({}), 202),
    "no JWT": (_called_by({"jwt": None}), 202),
    "no claims": (_called_by({"jwt": {"claims": None}}), 202),
    "claims of other kinds": (_called_by({"jwt": {"claims": {"sub": "a", "roles": ["a"], "at": 1.5, "x": None}}}), 202),
    "a subject that is a number": (_called_by({"jwt": {"claims": {"sub": 42}}}), 400),
    "a subject that is an object": (_called_by({"jwt": {"claims": {"sub": {"a": 1}}}}), 400),
    "a subject with half a character": (_called_by({"jwt": {"claims": {"sub": "\ud800"}}}), 400),
    "a claim with half a character": (_called_by({"jwt": {"claims": {"sub": "a", "x": "\ud800"}}}), 400),
    "a long subject": (_called_by({"jwt": {"claims": {"sub": "s" * LONG}}}), 202),
    "IAM without an ARN": (_called_by({"iam": {"userArn": None, "accountId": "1"}}), 202),
    "IAM with a number": (_called_by({"iam": {"userArn": 1}}), 400),
    "both authorizers": (_called_by({"iam": {"userArn": "arn:a"}, "jwt": {"claims": {"sub": "b"}}}), 202),
    "claims too large for a message": (
        _called_by({"jwt": {"claims": {"sub": "a", "x": "y" * MAX_MESSAGE_BYTES}}}),
        413,
    ),
}
"""What is done to the event of a request that is fine; and what comes of it."""


def hostile_requests() -> Iterator[Hostile]:
    """Yield all of them."""
    fine = _event(b"1")
    for name, (body, status) in BODIES.items():
        yield Hostile(name=f"body: {name}", body=body, status=status)
    for name, (body, _) in BODIES.items():
        for path in (f"{BLOCKED}/edit", "/machines/desk/instances/new"):
            yield Hostile(
                name=f"body of {path}: {name}", method="PUT" if "new" in path else "POST", path=path, body=body
            )
    for name, (headers, status) in HEADERS.items():
        yield Hostile(name=f"headers: {name}", headers=headers, body=fine, status=status)
    for name, (method, path, status) in PATHS.items():
        yield Hostile(
            name=f"path: {name}",
            method=method,
            path=path,
            body=b'{"result": 1}' if method == "POST" else b"",
            status=status,
        )
    for name, (path, query, status) in QUERIES.items():
        yield Hostile(name=f"query: {name}", method="GET", path=path, query=query, status=status)
    for name, cursor in CURSORS.items():
        text = base64.urlsafe_b64encode(cursor).decode().rstrip("=")
        query = f"status=blocked&cursor={text}"
        yield Hostile(name=f"cursor: {name}", method="GET", path="/machines/desk/instances", query=query, status=400)
    for name, (change, status) in GATEWAY.items():
        yield Hostile(name=f"gateway: {name}", body=fine, change=change, status=status)
        yield Hostile(
            name=f"gateway, keyed: {name}",
            headers=_with((b"idempotency-key", b"k")),
            body=fine,
            change=change,
            status=status,
        )


def show(body: Any) -> bytes:
    """Write a body."""
    return json.dumps(body).encode()
