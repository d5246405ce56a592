"""The stored form of instances: small, complete, and refused when it is not ours to read."""

import contextlib
import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settle.core.errors import ContextInvalidError, SnapshotInvalidError, SnapshotTooNewError
from settle.runtime import ring as ring_module
from settle.runtime.errors import InstanceTooNewError
from settle.runtime.instance import Instance, Watermark
from settle.runtime.instance_codec import decode_instance, encode_instance
from settle.runtime.receipt import Outcome, Position, ShortReceipt
from settle.runtime.ring import trim_ring
from tests.support.instances import KEY, QUEUE, SEQUENCE, instances, json_data, make_instance

GOLDEN = Path(__file__).parents[1] / "golden"
ONE_WRITE_UNIT = 1024


def read_back(instance: Instance) -> Instance:
    document = encode_instance(instance)
    ring_module._memo.clear()  # another process reads it
    return decode_instance(instance.key, instance.incarnation, instance.revision, document)


@given(instances)
def test_what_is_stored_comes_back_equal(instance: Instance) -> None:
    assert read_back(instance) == instance


@given(instances)
def test_every_document_is_text_that_utf8_can_carry(instance: Instance) -> None:
    assert encode_instance(instance).encode().decode() == encode_instance(instance)


def test_a_small_instance_with_a_full_ring_takes_about_half_a_write_unit() -> None:
    ring: tuple[ShortReceipt, ...] = ()
    for version in range(1, 201):
        position = Position(SEQUENCE + version * 10**12)
        ring = trim_ring(ring, [ShortReceipt(position=position, outcome=Outcome.APPLIED, version=version)])
    instance = make_instance(
        version=200, input_hash="9f86d081884c7d65", watermark=Watermark(queue=QUEUE, position=position), ring=ring
    )

    document = encode_instance(instance)

    assert len(document.encode()) <= 600 < ONE_WRITE_UNIT
    assert len(encode_instance(make_instance()).encode()) <= 160


def test_text_stays_as_it_is_unless_utf8_cannot_carry_it() -> None:
    assert "größer 日本" in encode_instance(make_instance(context={"note": "größer 日本"}))
    assert r"\ud800" in encode_instance(make_instance(context={"note": "\ud800"}))


@pytest.mark.parametrize(
    "context", [{"x": float("nan")}, {"x": float("inf")}, {"x": object()}, {"x": ["NaN", float("nan")]}]
)
def test_a_context_that_is_not_json_is_refused(context: object) -> None:
    with pytest.raises(ContextInvalidError):
        encode_instance(make_instance(context=context))


def test_a_context_that_contains_itself_is_refused() -> None:
    context: dict[str, object] = {}
    context["self"] = context
    with pytest.raises(ContextInvalidError):
        encode_instance(make_instance(context=context))


def decode(document: str) -> Instance:
    return decode_instance(KEY, "01JAB3C4D5E6F7G8", 1, document)


def test_an_instance_of_a_newer_release_is_left_for_it() -> None:
    with pytest.raises(InstanceTooNewError, match="format 3"):
        decode('{"s":3,"everything else":"is different"}')


def test_a_snapshot_of_a_newer_release_is_left_for_it() -> None:
    document = json.loads(encode_instance(make_instance()))
    document["n"] = {"s": 3}
    with pytest.raises(SnapshotTooNewError, match="format 3"):
        decode(json.dumps(document))


@pytest.mark.parametrize(
    "document",
    ["", "x", "null", "[]", "7", '"s"', "{}", '{"s":"1"}', '{"s":true}', '{"s":1}', '{"s":1,"v":NaN}', "[" * 100_000],
)
def test_what_is_no_instance_is_invalid(document: str) -> None:
    with pytest.raises(SnapshotInvalidError, match="count/order-4711"):
        decode(document)


EVERYTHING = {
    **json.loads((GOLDEN / "instance-schema-1.json").read_text(encoding="utf-8"))["document"],
    "e": [["id", 1, 0, "ana", 1.5, "PAY", "digest", 1]],
}
WRONG = [
    ("v", "1"),
    ("v", True),
    ("v", 1.0),
    ("t", [1]),
    ("t", ["1", "2"]),
    ("n", []),
    ("n", {}),
    ("i", 1),
    ("w", []),
    ("w", ["arn"]),
    ("w", ["arn", "1"]),
    ("w", ["arn", 1, 0, 0]),
    ("p", "yes"),
    ("b", ["id"]),
    ("h", [1, 2]),
    ("f", [1]),
    ("f", 1),
    ("j", {}),
    ("j", {"e": "id", "t": 1, "d": "hash", "r": {"key": []}}),
    ("o", [["x", "id"]]),
    ("o", [["m", "id", "group"]]),
    ("o", [["f", "id", ["event", "hash"]]]),
    ("o", [["f", "id", ["event", "hash", 1, {"t": "ADD", "o": "eaten", "v": 1}]]]),
    ("e", [["id", 1, 0, "ana", 1.5, "PAY", "digest"]]),
    ("e", [["id", 1, 0, "ana", "1", "PAY", "digest", 1]]),
    ("r", []),
    ("r", "a1,"),
    ("r", "?1"),
    ("r", "z1"),
    ("r", "a1 a1"),
    ("n.c", "counting"),
    ("n.c", [1]),
    ("n.a", "asleep"),
    ("n.h", {"node": "leaf"}),
    ("n.i", [["id"]]),
    ("n.e", "1"),
]


@pytest.mark.parametrize(("path", "wrong"), WRONG, ids=lambda value: value if isinstance(value, str) else None)
def test_a_field_of_the_wrong_form_is_invalid(path: str, wrong: object) -> None:
    with pytest.raises(SnapshotInvalidError):
        decode(damaged(path, wrong))


@given(st.sampled_from([*EVERYTHING, *(f"n.{name}" for name in EVERYTHING["n"])]), json_data)
def test_a_damaged_document_is_read_or_refused_and_never_anything_else(path: str, value: object) -> None:
    with contextlib.suppress(SnapshotInvalidError, SnapshotTooNewError, InstanceTooNewError):
        decode(damaged(path, value))


def damaged(path: str, value: object) -> str:
    document = copy.deepcopy(EVERYTHING)
    *outer, name = path.split(".")
    place = document[outer[0]] if outer else document
    assert name in place
    place[name] = value
    return json.dumps(document)
