"""The lane itself is checked: it notices a loader that lets out what it should not, or in what it should not."""

import json
from random import Random
from typing import Any

import pytest

from settle.core.errors import SnapshotInvalidError
from settle.core.snapshot_codec import unpack_snapshot
from settle.runtime.envelope import parse_envelope
from settle.runtime.open_envelope import as_from_stranger
from tests.fuzz.loaders import handlers
from tests.fuzz.loaders.targets import STORED_ERRORS, TARGETS, Target, check_envelope, check_snapshot
from tests.fuzz.loaders.world import make_world

TRIES = 400


def tries(target: Target) -> None:
    """Run a target as the lane does."""
    for number in range(TRIES):
        target.run(target.draw(Random(f"{target.name}-{number}")))  # noqa: S311 - to be had again


def careless_snapshot(text: str) -> Any:
    """A loader that forgets what `json` and a lookup raise."""
    try:
        return unpack_snapshot(json.loads(text))
    except (TypeError, AttributeError, ValueError) as error:
        raise SnapshotInvalidError("no snapshot") from error


def test_a_loader_that_lets_out_a_key_error_is_found() -> None:
    target = Target(
        name="snapshot",
        draw=TARGETS["snapshot"].draw,
        load=careless_snapshot,
        errors=STORED_ERRORS,
        check=check_snapshot,
    )
    with pytest.raises((KeyError, RecursionError)):
        tries(target)


def test_a_loader_that_lets_in_what_cannot_be_read_again_is_found() -> None:
    def forgetful(body: str) -> Any:
        return parse_envelope(body).model_copy(update={"accepted_at": float("nan")})

    found = TARGETS["envelope"]
    target = Target(name="envelope", draw=found.draw, load=forgetful, errors=found.errors, check=check_envelope)
    with pytest.raises((AssertionError, *found.errors)):
        tries(target)


def test_a_stranger_who_is_believed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def gullible(envelope: Any, sender: str, *place: str) -> Any:
        return as_from_stranger(envelope, sender, *place).model_copy(update={"origin": envelope.origin})

    monkeypatch.setattr("settle.runtime.open_envelope.as_from_stranger", gullible)
    with pytest.raises(AssertionError):
        tries(TARGETS["message-of-a-stranger"])


def test_an_exception_that_only_the_last_net_catches_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(_message: object) -> Any:
        raise KeyError("machine")

    monkeypatch.setattr("settle.runtime.open_group.open_message", careless)
    with make_world() as world, pytest.raises(AssertionError, match="KeyError"):
        handlers.play_ours(Random(1), world)  # noqa: S311 - to be had again
