"""One load: clients send for a while, everything is measured meanwhile and checked afterwards."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.tables import print_table
from tests.load.http_client import Connection
from tests.load.loops import run_closed, run_open
from tests.load.processes import Watch, machine_seconds, read_counters, watched
from tests.load.summary import print_facts, print_latencies
from tests.load.target import Target
from tests.load.traffic import MACHINE, Instance, Traffic
from tests.load.verify import Findings, verify


class WrongMachinesError(Exception):
    """The system does not serve the machine that the load is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to do.

    Attributes:
        seconds: for how long.
        instances: how many.
        clients: requests at a time.
        rate: requests per second; 0 for as many as the clients get answered.
        wait_every: each how manieth request waits until its event is applied; 0 for none.
    """

    seconds: float = 30.0
    instances: int = 1000
    clients: int = 32
    rate: float = 0.0
    wait_every: int = 2


@dataclass(kw_only=True)
class Outcome:
    """What came of it.

    Attributes:
        load: as asked for.
        traffic: what the clients saw.
        watch: over the processes.
        findings: of the checks.
        seconds: until the last answer.
        applied_seconds: until the last event was applied, as far as the checks saw.
        client_cpu: processor seconds of the clients, this process.
        neighbours: share of the machine that neither they nor the system used.
    """

    load: Load
    traffic: Traffic
    watch: Watch
    findings: Findings
    seconds: float
    applied_seconds: float
    client_cpu: float
    neighbours: float

    @property
    def problems(self) -> Sequence[str]:
        """Everything that is not as it must be."""
        lost = [] if self.traffic.events else ["no event was accepted"]
        return [*lost, *self.traffic.problems, *self.findings.problems]


async def run(load: Load, target: Target) -> Outcome:
    """Run it.

    Raises:
        DeadSystemError: nothing answers any more.
        WrongMachinesError: the system serves other machines.
    """
    await check_machine(target.port)
    prefix = f"{time.monotonic_ns():x}"
    instances = [Instance(name=f"{prefix}-{number}") for number in range(load.instances)]
    traffic = Traffic()
    async with Connection(target.port) as connection:
        before = await read_counters(connection)
    async with watched(target.port) as watch:
        begin, cpu, machine = time.monotonic(), time.process_time(), machine_seconds()
        if load.rate:
            await run_open(
                target.port,
                instances,
                traffic,
                clients=load.clients,
                seconds=load.seconds,
                rate=load.rate,
                wait_every=load.wait_every,
            )
        else:
            await run_closed(
                target.port,
                instances,
                traffic,
                clients=load.clients,
                seconds=load.seconds,
                wait_every=load.wait_every,
            )
        client_cpu = time.process_time() - cpu
        busy, available = (after - earlier for after, earlier in zip(machine_seconds(), machine, strict=True))
        seconds = traffic.answered - begin
        findings = await verify(target.port, instances, before, target.data)
    return Outcome(
        load=load,
        traffic=traffic,
        watch=watch,
        findings=findings,
        seconds=seconds,
        applied_seconds=max(traffic.answered, findings.settled) - begin,
        client_cpu=client_cpu,
        neighbours=max(0.0, busy - watch.cpu_seconds - client_cpu) / available,
    )


async def check_machine(port: int) -> None:
    """Raise unless the machine is served."""
    async with Connection(port) as connection:
        answer = await connection.request("GET", f"/machines/{MACHINE}")
    if answer.status != 200:
        raise WrongMachinesError(
            f"the system on port {port} does not serve the machine {MACHINE!r}: "
            "start it with `--machines benchmarks/machines`"
        )


def report(outcome: Outcome) -> None:
    """Print what came of a load."""
    load, traffic, findings = outcome.load, outcome.traffic, outcome.findings
    events = max(1, traffic.events)
    print_facts(
        [
            ("instances, clients", f"{load.instances}, {load.clients}"),
            ("requests", f"{load.rate:g} per second" if load.rate else "each client without a pause"),
            ("events accepted", f"{traffic.events} in {outcome.seconds:.1f} s"),
            ("accepted per second", f"{traffic.events / outcome.seconds:.0f}"),
            ("applied per second", f"{traffic.events / outcome.applied_seconds:.0f}"),
            ("errors", dict(traffic.errors) or "none"),
            ("asked to wait, did not", traffic.unsettled),
            ("processor ms per event", f"{outcome.watch.cpu_seconds / events * 1000:.2f}"),
            (
                "of the clients",
                f"{outcome.client_cpu / events * 1000:.2f}, {outcome.client_cpu / outcome.seconds:.0%} of a core",
            ),
            ("neighbours", f"{outcome.neighbours:.0%} of the machine"),
            ("receipts", findings.receipts),
            ("dead letters", "not seen from outside" if findings.dead_letters is None else findings.dead_letters),
        ]
    )
    print_latencies(
        "Latency, ms",
        [
            ("accepted", traffic.accepted),
            ("applied (Prefer: wait)", traffic.applied),
            ("sent late", traffic.late),
        ],
    )
    print_table(
        "Resident memory, MB",
        ["role", "processes", "before", "peak", "after", "largest process"],
        outcome.watch.rows(),
    )
    print()
