"""Whether slow and poisoned instances delay the others: rounds with and without them, in turn, in one system.

Healthy instances are sent to at a fixed rate, and what is measured is how long after its time each of their events was
applied. In every other round there are bad instances beside them: slow ones, whose service takes seconds while their
events pile up, and poisoned ones, whose guard raises whenever it is asked. In the rounds without them as many events
go to other healthy instances, so that only the badness differs. Between two rounds everything is worked off.
"""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from benchmarks.tables import print_table
from tests.load.comparison import compare, spread
from tests.load.http_client import Connection
from tests.load.load import check_machine
from tests.load.loops import run_open
from tests.load.processes import read_counters
from tests.load.summary import SHARES, percentile, print_facts, print_latencies
from tests.load.target import Target
from tests.load.traffic import Instance, Traffic
from tests.load.verify import verify

PROMISED_SECONDS: Final = 1.5
"""A second, and a batch: what another instance may add (docs/guarantees.md)."""
WARM_UP_SECONDS: Final = 2.0
COMPARED: Final = ("p50", "p90", "p99")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do.

    Attributes:
        pairs: of rounds, one without and one with bad instances.
        round_seconds: of sending.
        healthy: instances that are measured.
        rate: of their events per second.
        clients: connections for them. Fewer than may wait at the same time, so that each is waited out.
        slow: instances whose service takes `slow_seconds`.
        slow_seconds: as said.
        poisoned: instances whose guard raises.
        bad_rate: events per second for all bad instances together.
    """

    pairs: int = 6
    round_seconds: float = 5.0
    healthy: int = 200
    rate: float = 80.0
    clients: int = 24
    slow: int = 6
    slow_seconds: float = 1.5
    poisoned: int = 6
    bad_rate: float = 12.0

    @property
    def seconds(self) -> float:
        """How long sending takes."""
        return 2 * self.pairs * self.round_seconds + WARM_UP_SECONDS


@dataclass(kw_only=True)
class Seen:
    """What came of it.

    Attributes:
        plan: as asked for.
        quiet: latencies of the healthy instances in each round without bad ones, in milliseconds.
        disturbed: in each round with them.
        unsettled: requests that were not waited out.
        late: how long after its time each request went out, in milliseconds.
        blocked: poisoned instances that were blocked, as they must be.
        problems: everything that is not as it must be.
    """

    plan: Plan
    quiet: list[list[float]] = field(default_factory=list)
    disturbed: list[list[float]] = field(default_factory=list)
    unsettled: int = 0
    late: list[float] = field(default_factory=list)
    blocked: int = 0
    problems: list[str] = field(default_factory=list)


async def run(plan: Plan, target: Target) -> Seen:
    """Run all rounds.

    Raises:
        DeadSystemError: nothing answers any more.
        WrongMachinesError: the system serves other machines.
    """
    await check_machine(target.port)
    seen = Seen(plan=plan)
    prefix = f"{time.monotonic_ns():x}"
    await _round(plan, target, Seen(plan=plan), f"{prefix}-warm", bad=False, seconds=WARM_UP_SECONDS)
    for number in range(plan.pairs):
        # Neither kind always comes first: what the other one left behind would count as its own.
        for bad in (False, True) if number % 2 == 0 else (True, False):
            name = f"{prefix}-{number}-{'bad' if bad else 'quiet'}"
            latencies = await _round(plan, target, seen, name, bad=bad, seconds=plan.round_seconds)
            (seen.disturbed if bad else seen.quiet).append(latencies)
    seen.problems += _broken_promise(seen)
    return seen


async def _round(plan: Plan, target: Target, seen: Seen, name: str, *, bad: bool, seconds: float) -> list[float]:
    """Send for a while, have everything worked off and checked; return the latencies of the healthy instances."""
    healthy = [Instance(name=f"{name}-{number}") for number in range(plan.healthy)]
    slow = [
        Instance(name=f"{name}-slow-{number}", event="SLOW" if bad else "COUNT", seconds=plan.slow_seconds * bad)
        for number in range(plan.slow)
    ]
    poisoned = [
        Instance(name=f"{name}-poisoned-{number}", event="BAD" if bad else "COUNT") for number in range(plan.poisoned)
    ]
    traffic, beside = Traffic(), Traffic()
    async with Connection(target.port) as connection:
        before = await read_counters(connection)
    async with asyncio.TaskGroup() as group:
        group.create_task(
            run_open(target.port, healthy, traffic, clients=plan.clients, seconds=seconds, rate=plan.rate, wait_every=1)
        )
        group.create_task(
            run_open(
                target.port,
                [*slow, *poisoned],
                beside,
                clients=plan.clients,
                seconds=seconds,
                rate=plan.bad_rate,
                wait_every=0,
            )
        )
    sound = [*healthy, *slow, *(() if bad else poisoned)]
    findings = await verify(target.port, sound, before, target.data, retries=bad)
    seen.problems += [*findings.problems, *traffic.problems, *beside.problems]
    seen.problems += [f"{number} x {error}" for error, number in (traffic.errors + beside.errors).items()]
    seen.unsettled += traffic.unsettled
    seen.late += traffic.late
    if bad:
        seen.blocked += await _count_blocked(target.port, poisoned, seen)
    return traffic.applied


async def _count_blocked(port: int, poisoned: Sequence[Instance], seen: Seen) -> int:
    """Count the instances that are blocked with all their events kept; note those that are not."""
    blocked = 0
    async with Connection(port) as connection:
        for instance in poisoned:
            document = (await connection.request("GET", instance.path)).json()
            if document.get("blocked") and document["held"] == instance.sent:
                blocked += 1
            else:
                seen.problems.append(f"{instance.name} is not blocked with {instance.sent} events kept: {document}")
    return blocked


def _broken_promise(seen: Seen) -> list[str]:
    usual, disturbed = (
        percentile([ms for one in rounds for ms in one], SHARES["p99"]) for rounds in (seen.quiet, seen.disturbed)
    )
    if disturbed <= usual + PROMISED_SECONDS * 1000:
        return []
    return [f"p99 of the healthy instances is {disturbed:.0f} ms beside bad ones, {usual:.0f} ms without"]


def report(seen: Seen) -> None:
    """Print what came of it."""
    plan = seen.plan
    print_facts(
        [
            ("rounds", f"{plan.pairs} pairs, {plan.round_seconds:g} s each"),
            ("healthy", f"{plan.healthy} instances, {plan.rate:g} events per second, each waited for"),
            ("slow", f"{plan.slow} instances, {plan.slow_seconds:g} s for each event"),
            ("poisoned", f"{plan.poisoned} instances, {seen.blocked} times one was blocked"),
            ("events for the bad ones", f"{plan.bad_rate:g} per second"),
            ("not waited out", seen.unsettled),
        ]
    )
    print_latencies(
        "Latency until applied, of the healthy instances, ms",
        [
            ("without bad instances", [ms for one in seen.quiet for ms in one]),
            ("beside them", [ms for one in seen.disturbed for ms in one]),
            ("sent late, both", seen.late),
        ],
    )
    rows = []
    for name in COMPARED:
        quiet, disturbed = (
            [percentile(one, SHARES[name]) for one in rounds] for rounds in (seen.quiet, seen.disturbed)
        )
        noise = compare(list(pairwise(quiet))) if len(quiet) > 1 else math.nan
        rows.append([name, compare(list(zip(quiet, disturbed, strict=True))), noise, f"{spread(quiet):.2f}"])
    print_table(
        "Beside bad instances, times as long as without (95 % of bootstraps over the rounds)",
        ["", "with / without", "without / without", "largest / smallest"],
        rows,
    )
    print()
