"""What an event costs: requests and billed units, counted on the real handlers, and what AWS would ask for them.

    python -m benchmarks.cost

Units are counted; they do not depend on this machine. Processor times do, and are the smallest of many runs. What is
neither is an assumption with a name, in `prices.json`, beside the list prices.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.aws_meter import Meter, Tally, sqs_requests
from benchmarks.aws_stage import Stage, open_stage
from benchmarks.log_meter import EVENT_OVERHEAD_BYTES
from benchmarks.tables import print_table
from infra.access_log_format import sample_line
from settle.runtime.envelope import EnvelopeEvent, EventsEnvelope, dump_envelope

WARM_UP: Final = 12
"""Passes before anything is counted: until instances exist, connections are open, and the ring of receipts is full."""
COUNTED: Final = 4
TIMED: Final = 25
BATCH: Final = 10
_BOOK: Final[Mapping[str, Any]] = json.loads(Path(__file__).with_name("prices.json").read_text())
PRICES: Final = {name: entry["usd_per_million"] for name, entry in _BOOK["prices"].items()}
ASSUMED: Final = {name: entry["value"] for name, entry in _BOOK["assumptions"].items()}
TARGETS: Final = {name: entry["usd_per_million"] for name, entry in _BOOK["targets"].items()}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One pass: events that are sent, and then consumed as one batch.

    Attributes:
        name: in the tables.
        groups: instance of each message, in order.
        machine: that they belong to.
        event: type.
        keyed: whether each has an idempotency key.
        wait: whether the client waits for the outcome.
        by_sdk: whether producers send to the queue themselves, in one batch.
        target: in `prices.json`; empty for none.
    """

    name: str
    groups: Sequence[int] = (0,)
    machine: str = "flat"
    event: str = "NEXT"
    keyed: bool = False
    wait: bool = False
    by_sdk: bool = False
    target: str = ""


SCENARIOS: Final = (
    Scenario(name="one event alone", target="batch of one"),
    Scenario(name="ten events of one instance", groups=[0] * 10),
    Scenario(name="ten instances", groups=range(10), target="batch of ten instances"),
    Scenario(name="two instances, five events each", groups=[0, 1] * 5, target="five events per instance"),
    Scenario(
        name="the same, sent by SDK in batches", groups=[0, 1] * 5, by_sdk=True, target="producers batching by SDK"
    ),
    Scenario(name="one event with a key", keyed=True),
    Scenario(name="ten keyed events of one instance", groups=[0] * 10, keyed=True),
    Scenario(name="one event, Prefer: wait", wait=True),
    Scenario(name="count: an event with two services", machine="count", event="COUNT"),
)


@dataclass(kw_only=True)
class Measured:
    """What one scenario came to, over all counted passes.

    Attributes:
        passes: that were counted.
        tallies: by role.
        received_bytes: of the message bodies of one pass.
        log_bytes: that functions print, over all passes.
        ingress_cpu: the smallest, in ms of one request.
        consumer_cpu: the smallest, in ms of one batch.
        ingress_wall: the smallest, in ms of one request.
        replies: outcomes of the requests.
    """

    scenario: Scenario
    passes: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict)
    received_bytes: int = 0
    log_bytes: int = 0
    ingress_cpu: float = float("inf")
    consumer_cpu: float = float("inf")
    ingress_wall: float = float("inf")

    @property
    def events(self) -> int:
        """Events in one pass."""
        return len(self.scenario.groups)

    def per_event(self, role: str, name: str) -> float:
        """Return how many of a unit, or of requests whose name ends so, a role used for each event."""
        tally = self.tallies[role]
        total = (
            tally.units[name]
            if name in tally.units
            else sum(count for request, count in tally.requests.items() if request.endswith(name))
        )
        return total / self.passes / self.events


# Measuring -----------------------------------------------------------------------------------------------------------


class Bench:
    """Runs scenarios on a stage."""

    def __init__(self, stage: Stage, meter: Meter) -> None:
        self._stage, self._meter = stage, meter
        self._keys = 0

    def measure(self, scenario: Scenario) -> Measured:
        """Warm up, count, then time; the meter asks more of DynamoDB, so it is off while the clock runs."""
        measured = Measured(scenario=scenario)
        for _ in range(WARM_UP):
            self._run(scenario, measured)
        self._meter.reset()
        self._stage.logs.reset()
        self._meter.active = True
        for _ in range(COUNTED):
            self._run(scenario, measured)
        self._meter.active = False
        measured.passes, measured.tallies = COUNTED, self._meter.tallies
        measured.log_bytes = self._stage.logs.billed.total()
        measured.ingress_cpu = measured.consumer_cpu = measured.ingress_wall = float("inf")
        for _ in range(TIMED):
            self._run(scenario, measured)
        return measured

    def _run(self, scenario: Scenario, measured: Measured) -> None:
        prefix = f"{scenario.machine}/{SCENARIOS.index(scenario)}"
        groups = [f"{prefix}-{number}" for number in scenario.groups]
        if scenario.by_sdk:
            self._send(scenario, groups)
            answers = []
        else:
            answers = [self._stage.post(group, {"type": scenario.event}, self._headers(scenario)) for group in groups]
        if not scenario.wait:
            wait(answers)  # for all: a group whose first message is taken gives no other
        messages = self._stage.receive(len(groups))
        measured.received_bytes = sum(len(message.body.encode()) for message in messages)
        consumed = self._stage.consume(messages, alone=not scenario.wait)
        measured.consumer_cpu = min(measured.consumer_cpu, consumed.cpu_ms)
        for answer in answers:
            posted = answer.result()
            expected = 200 if scenario.wait else 202
            assert posted.answer["statusCode"] == expected, posted.answer
            measured.ingress_cpu = min(measured.ingress_cpu, posted.cpu_ms)
            measured.ingress_wall = min(measured.ingress_wall, posted.wall_ms)

    def _headers(self, scenario: Scenario) -> dict[str, str]:
        headers = {}
        if scenario.keyed:
            self._keys += 1
            headers["idempotency-key"] = f"key-{self._keys}"
        if scenario.wait:
            headers["prefer"] = "wait=10"
        return headers

    def _send(self, scenario: Scenario, groups: Sequence[str]) -> None:
        entries = []
        for group in groups:
            self._keys += 1
            machine, instance = group.split("/")
            event = EnvelopeEvent(id=f"event-{self._keys}", type=scenario.event)
            envelope = EventsEnvelope(machine=machine, instance=instance, events=[event])
            entries.append((group, event.id, dump_envelope(envelope)))
        self._stage.send_batch(entries)


# Dollars -------------------------------------------------------------------------------------------------------------


def poller_units(measured: Measured) -> float:
    """Return what the event source mapping asks of SQS for one batch: one receive and one delete, by chunks."""
    return (sqs_requests(measured.received_bytes) + 1) / measured.events


def log_kilobytes(measured: Measured) -> float:
    """Return what is written down for each event: by the functions, and by the API about each request."""
    return (measured.log_bytes / measured.passes / measured.events + _access_log_bytes(measured)) / 1000


def _access_log_bytes(measured: Measured) -> int:
    return 0 if measured.scenario.by_sdk else len(sample_line()) + EVENT_OVERHEAD_BYTES


def _latency_ms(requests: Counter[str], passes: int) -> float:
    """Return the time that requests one after the other would take on AWS, per pass."""
    total = sum(
        count * ASSUMED["dynamodb_ms" if name.startswith("dynamodb:") else "sqs_ms"] for name, count in requests.items()
    )
    return float(total / passes)


def _busy_ms(cpu_ms: float, gigabytes: float) -> float:
    share = min(1.0, gigabytes / ASSUMED["gb_per_vcpu"])
    return float(cpu_ms * ASSUMED["cpu_ratio"] / share)


def ingress_ms(measured: Measured) -> float:
    """Return how long one invocation of the ingress is billed; a client who waits is measured."""
    if measured.scenario.by_sdk:
        return 0.0
    if measured.scenario.wait:
        return measured.ingress_wall
    waits = _latency_ms(measured.tallies["ingress"].requests, measured.passes) / measured.events
    return _busy_ms(measured.ingress_cpu, ASSUMED["ingress_memory_gb"]) + waits


def consumer_ms(measured: Measured) -> float:
    """Return how long one batch is billed: groups share the processor and wait at the same time."""
    groups = len(set(measured.scenario.groups))
    waits = _latency_ms(measured.tallies["consumer"].requests, measured.passes) / groups
    services = 2 * 20.0 if measured.scenario.machine == "count" else 0.0
    return _busy_ms(measured.consumer_cpu, ASSUMED["consumer_memory_gb"]) + waits + services


def price(measured: Measured) -> dict[str, float]:
    """Return dollars per million events, by part."""
    units: dict[str, float] = defaultdict(float)
    for role in ("ingress", "consumer"):
        for name in ("dynamodb_read_unit", "dynamodb_write_unit", "sqs_fifo_request"):
            units[name] += measured.per_event(role, name)
    by_sdk = measured.scenario.by_sdk
    sends = units["sqs_fifo_request"] + (1 / measured.events if by_sdk else 0.0)
    gb_second = PRICES["lambda_gb_second"] / 1000
    ingress_gb_ms = ingress_ms(measured) * ASSUMED["ingress_memory_gb"]
    consumer_gb_ms = consumer_ms(measured) * ASSUMED["consumer_memory_gb"] / measured.events
    return {
        "API": 0.0 if by_sdk else PRICES["api_request"],
        "ingress": 0.0 if by_sdk else PRICES["lambda_request"] + ingress_gb_ms * gb_second,
        "send": sends * PRICES["sqs_fifo_request"],
        "receive, delete": poller_units(measured) * PRICES["sqs_fifo_request"],
        "consumer": PRICES["lambda_request"] / measured.events + consumer_gb_ms * gb_second,
        "reads": units["dynamodb_read_unit"] * PRICES["dynamodb_read_unit"],
        "writes": units["dynamodb_write_unit"] * PRICES["dynamodb_write_unit"],
        "logs": log_kilobytes(measured) * PRICES["log_gb"] / 1e6,
    }


# Tables --------------------------------------------------------------------------------------------------------------


def _count_row(measured: Measured) -> list[object]:
    counts = [
        measured.per_event("ingress", "dynamodb_write_unit"),
        measured.per_event("ingress", "dynamodb_read_unit"),
        measured.per_event("ingress", "sqs:SendMessage"),
        poller_units(measured) / 2,
        poller_units(measured) / 2,
        measured.per_event("consumer", "dynamodb_read_unit"),
        measured.per_event("consumer", "dynamodb_write_unit"),
    ]
    item = max(tally.largest_item for tally in measured.tallies.values())
    return [measured.scenario.name, measured.events, *(f"{count:.2f}" for count in counts), item]


def _cpu_row(measured: Measured) -> list[object]:
    ingress = 0.0 if measured.scenario.by_sdk else measured.ingress_cpu
    consumer = measured.consumer_cpu / measured.events
    requests = measured.tallies["consumer"].requests.total() / measured.passes / measured.events
    return [
        measured.scenario.name,
        f"{ingress:.2f}",
        f"{consumer:.2f}",
        f"{ingress + consumer:.2f}",
        f"{requests:.2f}",
        f"{ingress_ms(measured):.0f}",
        f"{consumer_ms(measured):.0f}",
    ]


def _price_row(measured: Measured) -> list[object]:
    parts = price(measured)
    target = TARGETS.get(measured.scenario.target)
    total = sum(parts.values())
    return [
        measured.scenario.name,
        *(f"{part:.2f}" for part in parts.values()),
        f"{total:.2f}",
        "-" if target is None else f"{target:.2f}",
    ]


def _explain(measured: Measured) -> str:
    """Return the arithmetic behind a row of the dollar table."""
    parts = price(measured)
    reads = sum(measured.per_event(role, "dynamodb_read_unit") for role in measured.tallies)
    writes = sum(measured.per_event(role, "dynamodb_write_unit") for role in measured.tallies)
    sends = parts["send"] / PRICES["sqs_fifo_request"]
    request, second = PRICES["lambda_request"], PRICES["lambda_gb_second"]
    return f"""
{measured.scenario.name}: ${sum(parts.values()):.2f} per million
  API       {parts["API"]:.2f}
  ingress   {request} + {ingress_ms(measured) / 1000:.4f} s x {ASSUMED["ingress_memory_gb"]} GB x {second}\
 = {parts["ingress"]:.2f}
  SQS       ({sends:.2f} sends + {poller_units(measured):.2f} receives and deletes) x {PRICES["sqs_fifo_request"]}\
 = {parts["send"] + parts["receive, delete"]:.2f}
  consumer  ({request} + {consumer_ms(measured) / 1000:.4f} s x {ASSUMED["consumer_memory_gb"]} GB x {second})\
 / {measured.events} = {parts["consumer"]:.2f}
  DynamoDB  {reads:.2f} reads x {PRICES["dynamodb_read_unit"]} + {writes:.2f} writes x {PRICES["dynamodb_write_unit"]}\
 = {parts["reads"] + parts["writes"]:.2f}
  logs      {log_kilobytes(measured):.2f} KB, {_access_log_bytes(measured)} bytes of it by the API, \
x {PRICES["log_gb"] / 1e6:.2f} $/GB = {parts["logs"]:.2f}"""


def _print_agreement(all_measured: Sequence[Measured]) -> None:
    ours = sum(
        tally.units["dynamodb_read_unit"] + tally.units["dynamodb_write_unit"]
        for measured in all_measured
        for tally in measured.tallies.values()
    )
    reported = sum(tally.reported for measured in all_measured for tally in measured.tallies.values())
    verdict = "agrees" if ours == reported else "does not follow the rules of billing, so ours count"
    print(f"\nDynamoDB units by the rules {ours}, by ReturnConsumedCapacity {reported:g}: moto {verdict}")


def main() -> None:
    """Print the tables."""
    meter = Meter()
    meter.install()
    with open_stage() as stage:
        bench = Bench(stage, meter)
        results = [bench.measure(scenario) for scenario in SCENARIOS]
    print_table(
        "Units per event",
        [
            "scenario",
            "events",
            "ingress WRU",
            "RRU",
            "send",
            "receive",
            "delete",
            "consumer RRU",
            "WRU",
            "largest item, bytes",
        ],
        [_count_row(measured) for measured in results],
    )
    print_table(
        "Processor time per event, ms (smallest of many), and what AWS would bill as duration, ms",
        ["scenario", "ingress", "consumer", "both", "consumer requests", "request billed", "batch billed"],
        [_cpu_row(measured) for measured in results],
    )
    print_table(
        f"Dollars per million events, {_BOOK['region']}, {_BOOK['date']}, no tracing",
        ["scenario", *price(results[0]), "total", "at most"],
        [_price_row(measured) for measured in results],
    )
    for measured in results:
        print(_explain(measured))
    _print_agreement(results)


if __name__ == "__main__":
    main()
