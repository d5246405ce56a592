"""The acceptance run: a real system under load from outside, and everything exact afterwards.

    python -m tests.e2e.acceptance --backend embedded|moto [--kill-consumers | --kill-system] [--advance-clock]

16 clients send 20 COUNT events to each of 200 instances of `count`; some under an idempotency key, some twice. With
`--kill-consumers` consumers at work are killed, with `--kill-system` every process at once, several times, and with
`--advance-clock` the clock is advanced. Then all must be as if nothing had happened: counts, receipts, order, and one
key for each run of a service.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from tests.e2e.advances import advance_clock
from tests.e2e.checks import (
    Findings,
    check_instances,
    check_receipts,
    check_services,
    wait_until_complete,
)
from tests.e2e.clients import Traffic, send_all
from tests.e2e.killers import Kills, kill_consumers, kill_system
from tests.e2e.local_system import LocalSystem
from tests.e2e.workload import Workload

LIMIT_SECONDS: Final = 15 * 60
REQUEST_SECONDS: Final = 30.0
SHOWN_PROBLEMS: Final = 20


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to run.

    Attributes:
        backend: of the system.
        seed: of everything that is chosen.
        instances: how many.
        events: to each.
        clients: at a time.
        consumer_kills: consumers to kill with messages in flight.
        system_kills: times that everything is killed.
        advances: of the clock.
        visibility: visibility timeout of the queue, in seconds.
        keep: folder for data and logs; None for one that is removed afterwards.
    """

    backend: str = "embedded"
    seed: int = 1
    instances: int = 200
    events: int = 20
    clients: int = 16
    consumer_kills: int = 0
    system_kills: int = 0
    advances: int = 0
    visibility: int = 30
    keep: Path | None = None


@dataclass(kw_only=True)
class Result:
    """What a run came to."""

    options: Options
    traffic: Traffic
    findings: Findings
    kills: Kills
    repetitions: int
    retries: int
    sending_seconds: float
    settling_seconds: float
    crashed_in_flight: int

    def lines(self) -> list[tuple[str, object]]:
        """Return what there is to tell."""
        options, findings = self.options, self.findings
        total = options.instances * options.events
        latencies = sorted(self.traffic.seconds)
        return [
            ("backend", options.backend),
            ("seed", options.seed),
            ("events", f"{options.instances} x {options.events} = {total}"),
            ("requests accepted", dict(sorted(self.traffic.accepted.items()))),
            ("repetitions among them", self.repetitions),
            ("requests refused, tried again", dict(sorted(self.traffic.refused.items()))),
            ("requests without an answer", self.traffic.unanswered),
            ("retries under the same key", self.retries),
            ("consumers killed", f"{self.kills.consumers}, with {self.kills.in_flight} messages in flight"),
            ("invocations that crashed", self.crashed_in_flight),
            ("systems killed", self.kills.systems),
            ("advances of the clock", options.advances),
            ("sent in", f"{self.sending_seconds:.1f} s, {len(latencies) / self.sending_seconds:.0f} requests/s"),
            ("latency p50, p99", f"{_at(latencies, 0.5):.0f} ms, {_at(latencies, 0.99):.0f} ms"),
            ("settled in", f"{self.settling_seconds:.1f} s, {total / self.settling_seconds:.0f} events/s"),
            ("receipts", dict(findings.receipts)),
            ("service calls", f"{findings.calls}, {findings.repeated_calls} of them repeated under the same key"),
            ("problems", len(findings.problems)),
        ]


def _at(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))] * 1000 if values else 0.0


async def run(options: Options, folder: Path) -> Result:
    """Run it once, in an empty folder."""
    kills_anything = bool(options.consumer_kills or options.system_kills)
    workload = Workload.plan(
        options.seed,
        instances=options.instances,
        events=options.events,
        keyed=0.95 if kills_anything else 0.25,
        repeated=0.05,
    )
    arguments = ["--backend", options.backend, "--visibility-timeout", str(options.visibility)]
    with LocalSystem(folder / "data", *arguments) as system:
        async with httpx.AsyncClient(base_url=system.url, timeout=REQUEST_SECONDS) as client:
            return await _run(options, workload, system, client)


async def _run(options: Options, workload: Workload, system: LocalSystem, client: httpx.AsyncClient) -> Result:
    traffic, findings, kills = Traffic(), Findings(), Kills()
    begin = time.monotonic()
    over = asyncio.Event()
    total = options.instances * options.events

    def progress() -> float:
        return len(traffic.seconds) / total

    async with asyncio.TaskGroup() as group:
        if options.consumer_kills:
            group.create_task(kill_consumers(client, options.seed, options.consumer_kills, kills, over.is_set))
        if options.system_kills:
            group.create_task(kill_system(system, options.seed, options.system_kills, kills, progress))
        if options.advances:
            group.create_task(advance_clock(client, options.seed, options.advances, progress))
        await send_all(system.port, workload, options.clients, traffic)
        await wait_until_complete(client, workload, findings)
        over.set()
    if not findings.problems:
        await check_instances(client, workload, findings)
        await check_receipts(client, workload, findings)
    check_services(system.data / "services.log", workload, findings)
    report = (await client.get("/dev/processes")).json()
    crashed = report["counters"]["consumer"]["crashed_in_flight"]
    findings.problems += _missed_kills(options, kills, crashed)
    if options.advances and not options.consumer_kills and findings.repeated_calls:
        findings.problems.append(f"{findings.repeated_calls} services were called again though nothing had failed")
    return Result(
        options=options,
        traffic=traffic,
        findings=findings,
        kills=kills,
        repetitions=sum(len(event.receipts) - 1 for event in workload),
        retries=sum(event.retries for event in workload),
        sending_seconds=traffic.last - begin,
        settling_seconds=findings.settled_at - begin,
        crashed_in_flight=crashed,
    )


def _missed_kills(options: Options, kills: Kills, crashed: int) -> list[str]:
    """A run in which nothing died proves nothing."""
    missed = []
    if crashed < options.consumer_kills:
        missed.append(f"only {crashed} of {options.consumer_kills} consumers died with messages in flight")
    if kills.systems < options.system_kills:
        missed.append(f"only {kills.systems} of {options.system_kills} times the system was killed")
    return missed


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the flags."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.acceptance", description=__doc__)
    parser.add_argument("--backend", choices=("embedded", "moto"), default="embedded")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--instances", type=int, default=200)
    parser.add_argument("--events", type=int, default=20)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--visibility", type=int, default=30)
    parser.add_argument("--keep", type=Path, help="folder for data and logs, which are left there")
    parser.add_argument("--kill-consumers", action="store_true", help="15 of them, with messages in flight")
    parser.add_argument("--kill-system", action="store_true", help="five times; embedded only")
    parser.add_argument("--advance-clock", action="store_true", help="ten times, by 20 minutes")
    given = parser.parse_args(arguments)
    if given.kill_system and given.backend != "embedded":
        parser.error("only the embedded backend survives --kill-system: moto keeps its state in memory")
    return Options(
        backend=given.backend,
        seed=given.seed,
        instances=given.instances,
        events=given.events,
        clients=given.clients,
        visibility=given.visibility,
        consumer_kills=15 if given.kill_consumers else 0,
        system_kills=5 if given.kill_system else 0,
        advances=10 if given.advance_clock else 0,
        keep=given.keep,
    )


def main() -> int:
    """Run, print the summary, and say by the exit status whether all is well."""
    options = parse()
    with tempfile.TemporaryDirectory(prefix="settle-load-") as folder:
        if options.keep is not None:
            options.keep.mkdir(parents=True)
        result = asyncio.run(asyncio.wait_for(run(options, options.keep or Path(folder)), LIMIT_SECONDS))
    for name, value in result.lines():
        sys.stdout.write(f"{name:<32} {value}\n")
    for problem in result.findings.problems[:SHOWN_PROBLEMS]:
        sys.stdout.write(f"  ! {problem}\n")
    return 1 if result.findings.problems else 0


if __name__ == "__main__":
    sys.exit(main())
