"""Metrics: what a batch came to, as one line in CloudWatch's embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
A count of zero is left out: it would cost bytes in every line, and alarms take what is missing for well. There is one
dimension, the stage. CloudWatch asks for every combination of names and dimensions by the month, so machines are told
apart by the log, not by metrics.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from settle.runtime.receipt import Outcome
from settle.runtime.tally import Tally

NAMESPACE: Final = "Settle"
STAGE_DIMENSION: Final = "stage"
MILLISECONDS: Final = 1000

OUTCOME_METRICS: Final[Mapping[str, str]] = {
    Outcome.APPLIED: "Applied",
    Outcome.IGNORED: "Ignored",
    Outcome.REFUSED: "Refused",
    Outcome.PRECONDITION_FAILED: "Refused",
    Outcome.DENIED: "Denied",
    Outcome.DUPLICATE: "Duplicates",
    Outcome.HELD: "Held",
    Outcome.QUARANTINED: "Quarantined",
}
"""Metric that counts each outcome; the others are counted by none."""
LAG: Final = "Lag"
SETTLE_TIME: Final = "SettleTime"
TIMER_LATENESS: Final = "TimerLateness"


def count(tallies: Sequence[Tally]) -> dict[str, int]:
    """Return the counts of a batch, by metric; those of zero are left out."""
    counts: Counter[str] = Counter(
        metric for tally in tallies for taken in tally.taken if (metric := OUTCOME_METRICS.get(taken.outcome))
    )
    for tally in tallies:
        counts["Conflicts"] += tally.conflicts
        counts["Services"] += tally.services
        counts["ServiceErrors"] += tally.service_errors
        counts["ServicesAbandoned"] += tally.services_abandoned
        counts["LateResults"] += tally.late
        counts["Buried"] += tally.buried
    return {name: number for name, number in counts.items() if number}


def measure(tallies: Sequence[Tally]) -> dict[str, list[float]]:
    """Return the durations of a batch in milliseconds, by metric; those that never occurred are left out."""
    lags = [
        taken.ended_at - taken.accepted_at
        for tally in tallies
        for taken in tally.taken
        if taken.outcome == Outcome.APPLIED and taken.accepted_at
    ]
    settled = [tally.settle_seconds for tally in tallies if tally.settle_seconds is not None]
    late = [seconds for tally in tallies for seconds in tally.timer_lateness]
    found = {LAG: lags, SETTLE_TIME: settled, TIMER_LATENESS: late}
    return {name: [_milliseconds(each) for each in seconds] for name, seconds in found.items() if seconds}


def _milliseconds(seconds: float) -> float:
    """Return a duration; clocks of two machines may make it look as if it had ended before it began."""
    return round(max(0.0, seconds) * MILLISECONDS, 1)


def emit_metrics(stage: str, tallies: Sequence[Tally]) -> None:
    """Print the line of a batch. There is none where nothing happened, or where no stage asks for it."""
    if not stage:
        return
    counts, durations = count(tallies), measure(tallies)
    if not (counts or durations):
        return
    from aws_lambda_powertools.metrics import MetricUnit  # noqa: PLC0415 - not before the first batch is done
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (  # noqa: PLC0415
        AmazonCloudWatchEMFProvider,
    )

    metrics = AmazonCloudWatchEMFProvider(namespace=NAMESPACE)
    metrics.service = ""  # else POWERTOOLS_SERVICE_NAME would become a second dimension, and alarms look at one
    metrics.add_dimension(STAGE_DIMENSION, stage)
    for name, number in counts.items():
        metrics.add_metric(name, MetricUnit.Count, number)
    for name, values in durations.items():
        for value in values:
            metrics.add_metric(name, MetricUnit.Milliseconds, value)
    metrics.flush_metrics()
