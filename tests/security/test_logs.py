"""What callers send stands in no line of the log, whatever becomes of it: not on success, and on no way to fail."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from functions.logs import LogFormatter, name_error
from settle.core.errors import UserCodeError
from settle.runtime.tokens import Token
from tests.fuzz.loaders import seeds
from tests.fuzz.loaders.world import STRANGER, World, make_world

MARK = "hunter2-7f3a9c"
"""What nobody wants to find in a log."""
EVENTS = "/machines/witness/instances/1/events"
SECRET: dict[str, Any] = {"text": MARK, "more": {MARK: [MARK]}}
KEYED = {"idempotency-key": MARK, "prefer": "wait=0", "x-api-key": MARK, "authorization": f"Bearer {MARK}"}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[World]:
    monkeypatch.setenv("SETTLE_STAGE", "dev")
    logger = logging.getLogger("settle")
    with make_world() as world:
        before = logger.level
        logger.setLevel(logging.DEBUG)
        world.log.keep = True
        yield world
        logger.setLevel(before)
    printed = capsys.readouterr()
    assert MARK not in printed.out + printed.err


def lines(world: World, *said: str) -> None:
    """Nothing of what was sent stands in the log; what an operator looks for does."""
    text = "\n".join(world.log.text)
    assert MARK not in text
    for each in said:
        assert each in text, text[-2000:]


def event(event_type: str, data: Any, machine: str = "witness") -> str:
    return json.dumps(
        {
            "kind": "events",
            "machine": machine,
            "instance": "1",
            "principal": "ada",
            "claims": {"role": MARK},
            "events": [{"type": event_type, "data": data}],
        }
    )


def consume(world: World, *bodies: str, group: str = "witness/1", sender: str = "ingress") -> list[str]:
    return world.consume([world.record(body, group=group, sender=sender) for body in bodies])


def test_requests_that_are_taken(world: World) -> None:
    assert world.ask("POST", EVENTS, {"type": "NOTE", "data": SECRET}, KEYED, role=MARK) == 202
    assert world.ask("PUT", "/machines/witness/instances/2", {"input": {"last": MARK}}, {"prefer": "wait=0"}) in {
        201,
        202,
    }
    lines(world, "accepted")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"type": "NOTE", "data": {"amount": MARK}}, 422),
        ({"type": "NOTE", MARK: MARK}, 422),
        ({"type": MARK}, 422),
        (f'{{"type": "NOTE", "data": "{MARK}'.encode(), 400),
        ([{"type": "NOTE", "data": SECRET}] * 11, 422),
        ({"type": "NOTE", "data": MARK * 30_000}, 413),
    ],
    ids=["model", "field", "type", "json", "list", "size"],
)
def test_requests_that_are_refused(world: World, body: Any, status: int) -> None:
    assert world.ask("POST", EVENTS, body, KEYED, role=MARK) == status
    lines(world, "request refused")


def test_a_key_that_came_with_another_body(world: World) -> None:
    for text in ("a", "b"):
        status = world.ask("POST", EVENTS, {"type": "NOTE", "data": {"text": MARK + text}}, KEYED)
    assert status == 409
    lines(world, "key_reused")


def test_tokens_stand_in_no_line_at_all(world: World) -> None:
    consume(world, event("SERVE", SECRET))
    instance = world.instance()
    assert instance is not None
    ((invoke, secret),) = instance.tokens.items()
    token = str(Token(key=instance.key, incarnation=instance.incarnation, invoke=invoke, secret=secret))
    forged = str(Token(key=instance.key, incarnation=instance.incarnation, invoke=invoke, secret=MARK))
    assert world.ask("POST", f"/callbacks/{forged}", {"result": MARK}) == 404
    assert world.ask("POST", f"/callbacks/{MARK}!", {"result": MARK}) in {400, 404}
    assert world.ask("GET", f"/callbacks/{token}") == 405
    assert world.ask("POST", f"/callbacks/{token}", {"result": MARK}) == 202
    consume(world, *(body.replace("t" * 32, MARK) for body in seeds.envelopes()))
    world.work([world.record(body.replace("t" * 32, secret)) for body in seeds.tasks()])
    lines(world)
    assert not any(each in line for each in (secret, token, forged) for line in world.log.text)


def test_events_that_are_applied_ignored_or_denied(world: World) -> None:
    consume(world, event("NOTE", SECRET), event("UNKNOWN", SECRET), event("BACK", SECRET), event("REACH", SECRET))
    consume(world, event("HELLO", {"raise": MARK}, "other"), group="other/1")
    lines(world, "a permission rule failed", "KeyError")


def test_events_that_make_user_code_raise(world: World) -> None:
    consume(world, event("FAIL", SECRET))
    instance = world.instance()
    assert instance is not None
    assert instance.blocked is not None
    assert MARK in instance.blocked.message, "who may see all of the instance sees why"
    assert MARK in instance.blocked.traceback
    consume(
        world,
        *(
            f'{{"kind":"control","machine":"witness","instance":"1","id":"x","action":"{each}"}}'
            for each in ("retry", "skip")
        ),
    )
    lines(world, "event quarantined", "user_code")


def test_events_whose_data_does_not_fit(world: World) -> None:
    consume(world, event("NOTE", {"amount": MARK}), sender=STRANGER)
    lines(world)


def test_services_that_raise(world: World) -> None:
    for _ in range(4):
        consume(world, event("QUICK", {"raise": MARK}))
    consume(world, event("SERVE", {"raise": MARK}), group="witness/1")
    instance = world.instance()
    assert instance is not None
    lines(world, "event has to wait", "service 'serve' raised ValueError")


def test_a_background_service_that_raises(world: World) -> None:
    consume(world, event("SERVE", {"raise": MARK}))
    task = json.loads(seeds.tasks()[0])
    instance = world.instance()
    assert instance is not None
    ((invoke, token),) = instance.tokens.items()
    task |= {"incarnation": instance.incarnation, "invoke": invoke, "token": token}
    task["event"]["data"] = {"raise": MARK}
    assert len(world.work([world.record(json.dumps(task))])) == 1
    lines(world, "service has to wait")


GARBAGE = {
    "no JSON": f"{{{MARK}",
    "kind": json.dumps({"kind": MARK}),
    "field": json.dumps({"kind": "events", "machine": "witness", "instance": "1", "events": [{"type": "X", MARK: 1}]}),
    "machine": json.dumps({"kind": "events", "machine": MARK, "instance": "1 " + MARK, "events": [{"type": "X"}]}),
    "type": json.dumps({"kind": "events", "machine": "witness", "instance": "1", "events": [{"type": f"{MARK} "}]}),
    "token": json.dumps({"kind": "result", "token": MARK}),
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
def test_what_cannot_be_read(world: World, body: str) -> None:
    for sender in ("ingress", STRANGER):
        assert consume(world, body, sender=sender) == []
        assert world.consume([world.record(body, sender=sender, arn="arn:timers")]) == []
        assert world.work([world.record(body, sender=sender)]) == []
    assert world.buried() >= 5, "an odd type is a stranger's only"
    lines(world, "message buried")


@pytest.mark.parametrize("part", ["v", "t", "n", "o", "r", "b", "w", "j"])
def test_stored_documents_that_are_none(world: World, part: str) -> None:
    document = json.loads(seeds.instances()[2]) | {part: {MARK: MARK}}
    world.put(json.dumps(document))
    consume(world, event("NOTE", SECRET))
    assert world.ask("GET", "/machines/witness/instances/1") == 500
    lines(world, "group failed", "request failed", "SnapshotInvalidError")


def test_a_stored_context_that_fits_no_model(world: World) -> None:
    document = json.loads(seeds.instances()[1])
    document["n"]["x"] = {"events": MARK}
    world.put(json.dumps(document))
    consume(world, event("NOTE", SECRET))
    world.work([world.record(seeds.tasks()[0])])
    lines(world, "context_invalid")


# How exceptions are told ---------------------------------------------------------------------------------------------


def _raise(error: BaseException, cause: BaseException | None = None) -> None:
    if cause is not None:
        error.__cause__ = cause
    raise error


def told(error: BaseException) -> str:
    try:
        _raise(error)
    except BaseException as raised:  # noqa: BLE001 - to have its traceback
        record = logging.LogRecord(
            "settle", logging.ERROR, __file__, 1, "m", (), (type(raised), raised, raised.__traceback__)
        )
    return LogFormatter().format(record)


def chained() -> Exception:
    try:
        try:
            _raise(KeyError(MARK))
        except KeyError as error:
            _raise(ValueError(MARK), error)
    except ValueError as error:
        error.add_note(MARK)
        return error
    raise AssertionError


@pytest.mark.parametrize("make", [chained, lambda: UserCodeError("guard", "is_owner", "idle", KeyError(MARK))])
def test_an_exception_is_told_by_its_types_and_places(make: Callable[[], Exception]) -> None:
    text = told(make())
    assert MARK not in text
    assert "Error" in text
    assert "test_logs.py" in text


def test_causes_are_told_in_their_order() -> None:
    text = json.loads(told(chained()))["exception"]
    assert text.index("builtins.KeyError") < text.index("direct cause") < text.index("builtins.ValueError")


def test_what_aws_answered_is_told_and_what_was_to_be_sent_is_not() -> None:
    answer: Any = {"Error": {"Code": "AccessDenied", "Message": "not authorized to perform dynamodb:PutItem"}}
    assert "dynamodb:PutItem" in name_error(ClientError(answer, "PutItem"))
    assert MARK not in name_error(ParamValidationError(report=MARK))


def test_a_cycle_of_causes_ends() -> None:
    error, other = ValueError(MARK), KeyError(MARK)
    error.__cause__, other.__cause__ = other, error
    assert "KeyError" in told(error)
