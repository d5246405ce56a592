"""What is too much is told so, by an error of its own: the limits of docs/security.md that no other test reaches."""

import json
from typing import Any

import pytest

from settle.core.errors import SettleError, SnapshotInvalidError
from settle.core.json_text import LARGEST_COUNT, LAST_MOMENT
from settle.core.snapshot_codec import decode_snapshot
from settle.runtime.envelope import LATEST_SCHEMA, MAX_COMPLAINTS, MAX_EVENTS_PER_REQUEST, parse_envelope
from settle.runtime.errors import EnvelopeInvalidError, EnvelopeTooNewError
from settle.runtime.instance import LARGEST_NUMBER, InstanceKey
from settle.runtime.instance_codec import decode_instance
from settle.runtime.limits import MAX_NESTING
from settle.runtime.message import Message
from settle.runtime.names import check_event_type, check_instance_id, check_machine_name
from settle.runtime.open_envelope import open_message
from settle.runtime.tokens import MAX_TOKEN, parse_token
from tests.fuzz.loaders import seeds

SNAPSHOT: dict[str, Any] = {"s": 1, "v": 1, "d": "d", "m": "m", "c": ["a"]}
INSTANCE: dict[str, Any] = {"s": 1, "v": 1, "t": [1.0, 2.0], "n": {**SNAPSHOT, "m": "witness"}}
EVENTS: dict[str, Any] = {"kind": "events", "machine": "m", "instance": "1", "events": [{"type": "X"}]}


EVENTS_AROUND = 3
"""Brackets around the data of an event: the envelope, its list, the event."""


def read_instance(revision: int = 1, written: str = "", **parts: Any) -> Any:
    document = json.dumps(INSTANCE | parts).replace('"@"', written)
    return decode_instance(InstanceKey("witness", "1"), "i", revision, document)


@pytest.mark.parametrize("count", [-1, LARGEST_COUNT + 1, 1.5, "1", True, None])
def test_what_is_counted_is_a_number_that_can_have_been_reached(count: Any) -> None:
    with pytest.raises(SnapshotInvalidError):
        decode_snapshot(json.dumps(SNAPSHOT | {"v": count}))
    with pytest.raises(SnapshotInvalidError):
        read_instance(v=count)
    if isinstance(count, int):
        with pytest.raises(SnapshotInvalidError):
            read_instance(revision=count if count is not True else -5)
    assert read_instance(revision=LARGEST_COUNT, v=LARGEST_COUNT).version == LARGEST_COUNT


@pytest.mark.parametrize("moment", ["1e999", "NaN", "-1", str(LAST_MOMENT + 1), "9" * 400, '"now"', "true"])
def test_a_moment_is_one_that_a_date_can_be_made_of(moment: str) -> None:
    with pytest.raises(SnapshotInvalidError):
        decode_instance(
            InstanceKey("witness", "1"), "i", 1, json.dumps(INSTANCE | {"t": "@"}).replace('"@"', f"[1,{moment}]")
        )


@pytest.mark.parametrize("held", [[2, 1, 0], [-1, 1, 0], [1, LARGEST_NUMBER + 1, 0], [1.5, 2, 0]])
def test_held_events_are_numbered_within_ten_digits(held: list[Any]) -> None:
    with pytest.raises(SnapshotInvalidError):
        read_instance(h=held)
    assert len(read_instance(h=[1, LARGEST_NUMBER, 0]).held) == LARGEST_NUMBER - 1


@pytest.mark.parametrize("depth", [1, MAX_NESTING, MAX_NESTING + 1, 1000, 100_000])
def test_a_message_is_nested_so_deep_and_no_deeper(depth: int) -> None:
    within = depth - EVENTS_AROUND
    body = json.dumps(EVENTS | {"events": [{"type": "X", "data": "@"}]}).replace(
        '"@"', "[" * within + "]" * within or "1"
    )
    if depth <= MAX_NESTING:
        assert parse_envelope(body).kind == "events"
    else:
        with pytest.raises(EnvelopeInvalidError, match="recursion limit"):
            parse_envelope(body)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-1e999"])
@pytest.mark.parametrize("place", ["data", "accepted_at", "claims"])
def test_a_message_has_no_number_that_json_has_not(number: str, place: str) -> None:
    at: Any = {
        "data": {"events": [{"type": "X", "data": {"a": ["@"]}}]},
        "accepted_at": {"accepted_at": "@"},
        "claims": {"claims": {"a": "@"}},
    }[place]
    with pytest.raises(EnvelopeInvalidError, match="finite"):
        parse_envelope(json.dumps(EVENTS | at).replace('"@"', number))


def test_no_data_is_data_without_fields_also_when_it_is_written_and_read_again() -> None:
    envelope = parse_envelope(json.dumps(EVENTS | {"events": [{"type": "X", "data": None}]}))
    assert envelope.events[0].data == {}  # type: ignore[union-attr]


def test_a_message_has_a_number_of_events_and_its_complaints_are_few() -> None:
    with pytest.raises(EnvelopeInvalidError):
        parse_envelope(json.dumps(EVENTS | {"events": [{"type": "X"}] * (MAX_EVENTS_PER_REQUEST + 1)}))
    with pytest.raises(EnvelopeInvalidError) as caught:
        parse_envelope(json.dumps(EVENTS | {"k" * 5000 + str(number): 1 for number in range(50)}))
    assert str(caught.value).count(";") == MAX_COMPLAINTS - 1
    assert len(str(caught.value)) < 500


def test_a_release_that_is_ahead_of_us_is_not_ahead_by_much() -> None:
    with pytest.raises(EnvelopeTooNewError):
        parse_envelope(json.dumps(EVENTS | {"schema_version": LATEST_SCHEMA}))
    with pytest.raises(EnvelopeInvalidError):
        parse_envelope(json.dumps(EVENTS | {"schema_version": LATEST_SCHEMA + 1}))


def test_a_token_has_a_length() -> None:
    with pytest.raises(SettleError):
        parse_token("A" * (MAX_TOKEN + 1))


@pytest.mark.parametrize(
    "change",
    [
        {"i": [["nobody", 1, "idle", "serve"]]},
        {"i": [["job", 1, "nowhere", "serve"]]},
        {"t": [["x", 1, 1.0, "settle.after.x", "nowhere"]]},
        {"t": [["x", 1, 1.0, "NOTE", "idle", "other/1", {}]]},
        {"c": ["nowhere"]},
        {"c": ["idle", "serving"]},
        {"d": "0000000000000000"},
        {"v": 7},
        {"h": {"idle": "idle"}},
    ],
    ids=str,
)
def test_a_snapshot_that_no_release_can_have_written_is_refused(change: dict[str, Any]) -> None:
    from tests.fuzz.loaders.targets import step_on  # noqa: PLC0415 - loads machines

    document = json.loads(seeds.snapshots()[0]) | change
    with pytest.raises(SettleError):
        step_on(json.dumps(document))


@pytest.mark.parametrize(
    ("machine", "instance", "event_type"),
    [
        ("a/b", "1", "X"),
        ("m", "a/b", "X"),
        ("M", "1", "X"),
        ("m", "1", "two words"),
        ("m", "1", "X\n"),
        ("m", "1", "*"),
    ],
)
def test_names_have_the_same_rules_on_both_ways_in(machine: str, instance: str, event_type: str) -> None:
    body = json.dumps(EVENTS | {"machine": machine, "instance": instance, "events": [{"type": event_type}]})
    where: dict[str, Any] = {"message_id": "m", "receipt_handle": "h", "queue": "q", "group": f"{machine}/{instance}"}
    with pytest.raises(EnvelopeInvalidError, match="rules for names"):
        open_message(Message(**where, sequence=1, receives=1, sender="stranger", trusted=False, body=body))
    for rule, name in ((check_machine_name, machine), (check_instance_id, instance), (check_event_type, event_type)):
        try:
            rule(name)
        except SettleError:
            return
    raise AssertionError("the API would have taken it")
