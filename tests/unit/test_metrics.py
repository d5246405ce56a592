"""A batch becomes one line of metrics, whatever happened in it, and none where nothing did."""

import json
from typing import Any

import pytest

from functions.metrics import OUTCOME_METRICS, count, emit_metrics, measure
from settle.runtime.receipt import Outcome
from settle.runtime.tally import Taken, Tally


def taken(outcome: Outcome, **fields: Any) -> Taken:
    return Taken(group="door/d1", event_id="e", type="OPEN", outcome=outcome, **fields)


def test_every_outcome_that_an_event_can_come_to_is_counted_or_left_out_on_purpose() -> None:
    assert set(OUTCOME_METRICS) == set(Outcome) - {Outcome.QUEUED, Outcome.GONE, Outcome.SKIPPED}


def test_counts_are_added_up_over_the_groups_of_a_batch() -> None:
    events = [taken(Outcome.APPLIED), taken(Outcome.APPLIED), taken(Outcome.REFUSED)]
    first = Tally(taken=events, conflicts=1, services=2)
    second = Tally(taken=[taken(Outcome.APPLIED), taken(Outcome.GONE)], late=1, buried=1, service_errors=1)
    assert count([first, second]) == {
        "Applied": 3,
        "Refused": 1,
        "Conflicts": 1,
        "Services": 2,
        "ServiceErrors": 1,
        "LateResults": 1,
        "Buried": 1,
    }


def test_durations_are_milliseconds_and_never_negative() -> None:
    events = [
        taken(Outcome.APPLIED, accepted_at=100.0, ended_at=100.25),
        taken(Outcome.APPLIED, accepted_at=101.0, ended_at=100.9),
        taken(Outcome.APPLIED, ended_at=100.9),
        taken(Outcome.HELD, accepted_at=100.0, ended_at=100.9),
    ]
    tallies = [Tally(taken=events, settle_seconds=0.0123), Tally(timer_lateness=[2.0])]
    assert measure(tallies) == {"Lag": [250.0, 0.0], "SettleTime": [12.3], "TimerLateness": [2000.0]}


def test_a_batch_is_one_line_in_embedded_metric_format(capsys: pytest.CaptureFixture[str]) -> None:
    event = taken(Outcome.APPLIED, accepted_at=100.0, ended_at=100.25)
    emit_metrics("dev", [Tally(taken=[event], settle_seconds=0.01), Tally(settle_seconds=0.02)])
    (line,) = capsys.readouterr().out.splitlines()
    document = json.loads(line)
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"], document["stage"]) == ("Settle", [["stage"]], "dev")
    assert directive["Metrics"] == [
        {"Name": "Applied", "Unit": "Count"},
        {"Name": "Lag", "Unit": "Milliseconds"},
        {"Name": "SettleTime", "Unit": "Milliseconds"},
    ]
    assert (document["Applied"], document["Lag"], document["SettleTime"]) == ([1.0], [250.0], [10.0, 20.0])


@pytest.mark.parametrize(("stage", "tallies"), [("dev", []), ("dev", [Tally()]), ("", [Tally(conflicts=1)])])
def test_there_is_no_line_without_a_stage_or_anything_to_say(
    stage: str, tallies: list[Tally], capsys: pytest.CaptureFixture[str]
) -> None:
    emit_metrics(stage, tallies)
    assert not capsys.readouterr().out


def test_more_values_than_a_line_takes_become_more_lines(capsys: pytest.CaptureFixture[str]) -> None:
    events = [taken(Outcome.APPLIED, accepted_at=1.0, ended_at=2.0)] * 150
    emit_metrics("dev", [Tally(taken=events)])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(len(line.get("Lag", [])) for line in lines) == 150
    assert sum(sum(line.get("Applied", [])) for line in lines) == 150
