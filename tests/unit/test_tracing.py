"""Segments are what X-Ray's daemon takes: one for each event, in the trace of its own request."""

import json
from typing import Any

import pytest

from functions.tracing import HEADER, draw, find_parent
from settle.runtime.envelope import TraceContext
from settle.runtime.receipt import Outcome
from settle.runtime.tally import Taken
from settle.runtime.trace import segment_id

ROOT = "1-6565c1a2-0123456789abcdef01234567"


def taken(header: str | None = f"Root={ROOT};Parent=00000000000000aa;Sampled=1", **fields: Any) -> Taken:
    known: dict[str, Any] = {
        "group": "door/d1",
        "event_id": "e1",
        "type": "OPEN",
        "outcome": Outcome.APPLIED,
        "version": 3,
        "trace": TraceContext(correlation_id="case-7", parent=header),
        "began_at": 100.5,
        "ended_at": 100.75,
    }
    return Taken(**{**known, **fields})


def read(datagram: bytes | None) -> Any:
    assert datagram is not None
    assert datagram.startswith(HEADER)
    return json.loads(datagram.removeprefix(HEADER))


def test_a_segment_says_what_became_of_the_event() -> None:
    assert read(draw(taken())) == {
        "name": "settle/door",
        "id": segment_id("door/d1", "e1"),
        "trace_id": ROOT,
        "parent_id": "00000000000000aa",
        "start_time": 100.5,
        "end_time": 100.75,
        "fault": False,
        "annotations": {
            "machine_id": "door",
            "instance_id": "d1",
            "event_id": "e1",
            "event_type": "OPEN",
            "outcome": "applied",
            "snapshot_version": 3,
            "correlation_id": "case-7",
        },
    }


def test_an_event_that_blocks_its_instance_is_our_fault() -> None:
    assert read(draw(taken(outcome=Outcome.QUARANTINED)))["fault"] is True


@pytest.mark.parametrize(
    "fields",
    [
        {"trace": None},
        {"trace": TraceContext(correlation_id="case-7")},
        {"trace": TraceContext(parent=f"Root={ROOT};Parent=00000000000000aa;Sampled=0")},
    ],
)
def test_what_is_not_sampled_is_not_drawn(fields: dict[str, Any]) -> None:
    assert draw(taken(**fields)) is None


def test_the_parent_of_a_request_is_what_lambda_says() -> None:
    header = f"Root={ROOT};Parent=00000000000000aa;Sampled=1;Lineage=a:1"
    assert find_parent({"_X_AMZN_TRACE_ID": header}) == header
    assert find_parent({"_X_AMZN_TRACE_ID": "Root=nonsense"}) is None
    assert find_parent({}) is None
