"""What effects add to the cost of an event: requests and units of their whole life, counted on the real handlers.

    python -m benchmarks.effects

Each row is everything that follows from one request of a client, or from two where something is cancelled: through
outbox, relay, queues, forwarder and worker, until all is quiet. The difference to the first row is what an effect adds.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.aws_meter import Meter
from benchmarks.aws_stage import Stage, open_stage
from benchmarks.tables import print_table

WARM_UP: Final = 1
COUNTED: Final = 2
ROLES: Final = ("ingress", "consumer", "worker")
_BOOK: Final[Mapping[str, Any]] = json.loads(Path(__file__).with_name("prices.json").read_text())
PRICES: Final = {name: entry["usd_per_million"] for name, entry in _BOOK["prices"].items()}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One pass.

    Attributes:
        name: in the table.
        events: types, each sent when everything before it is quiet, but for those of `at_once`.
        at_once: whether nothing is waited for between them: what is due soon comes after it was cancelled.
    """

    name: str
    events: Sequence[str]
    at_once: bool = False


SCENARIOS: Final = (
    Scenario(name="an event without effects", events=["PLAIN"]),
    Scenario(name="one message to another instance", events=["SEND"]),
    Scenario(name="a timer of one second, fired", events=["SOON"]),
    Scenario(name="a timer of one second, cancelled (two events)", events=["SOON", "BACK"], at_once=True),
    Scenario(name="a timer of two hours, cancelled (two events)", events=["LATER", "BACK"]),
    Scenario(name="a background service", events=["SERVE"]),
)


def count(stage: Stage, meter: Meter, number: int, scenario: Scenario) -> dict[str, float]:
    """Return units per pass."""
    group = f"effects/{number}"
    for _ in range(WARM_UP):
        _run(stage, group, scenario)
    meter.reset()
    meter.active = True
    batches: Counter[str] = Counter()
    for _ in range(COUNTED):
        batches += _run(stage, group, scenario)
    meter.active = False
    units: Counter[str] = Counter()
    for role in ROLES:
        units += meter.tallies[role].units
        units["schedules"] += meter.tallies[role].requests["scheduler:CreateSchedule"]
    # A poller asks once for a batch and deletes it once; what waits in between is not billed.
    units["sqs_fifo_request"] += 2 * batches["events"]
    units["sqs_standard_request"] += 2 * (batches["timers"] + batches["tasks"])
    units["lambda_request"] = batches.total() + COUNTED * len(scenario.events)
    return {name: total / COUNTED for name, total in units.items()}


def _run(stage: Stage, group: str, scenario: Scenario) -> Counter[str]:
    batches: Counter[str] = Counter()
    for event in scenario.events:
        posted = stage.post(group, {"type": event}, {}).result()
        assert posted.answer["statusCode"] == 202, posted.answer
        if not scenario.at_once:
            batches += stage.settle_down()
    return batches + stage.settle_down()


def price(units: Mapping[str, float]) -> float:
    """Return dollars per million passes for what is counted here; `benchmarks.cost` has duration and API requests."""
    billed = ("dynamodb_read_unit", "dynamodb_write_unit", "sqs_fifo_request", "sqs_standard_request", "lambda_request")
    return float(sum(units.get(name, 0.0) * PRICES[name] for name in billed))


def main() -> None:
    """Print the table."""
    meter = Meter()
    meter.install()
    rows = []
    with open_stage() as stage:
        for number, scenario in enumerate(SCENARIOS):
            units = count(stage, meter, number, scenario)
            columns = ("dynamodb_read_unit", "dynamodb_write_unit", "sqs_fifo_request", "sqs_standard_request")
            counts = [units.get(name, 0.0) for name in (*columns, "schedules", "lambda_request")]
            rows.append([scenario.name, *(f"{each:.2f}" for each in counts), f"{price(units):.2f}"])
    print_table(
        f"Units of everything that follows from a request, and dollars per million, {_BOOK['region']}, {_BOOK['date']}",
        ["scenario", "RRU", "WRU", "FIFO", "standard", "schedules made", "invocations", "$ without duration and API"],
        rows,
    )
    fired = PRICES["schedule_fired"] + 4 * PRICES["sqs_standard_request"]
    print(
        f"\nThe deadline of a background service comes 15 minutes later, like a cancelled timer, and is not in its row."
        f"\nA schedule that fires adds {fired:.2f}: Scheduler's invocation, and a second way through the timers queue."
    )


if __name__ == "__main__":
    main()
