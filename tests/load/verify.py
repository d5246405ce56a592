"""Whether everything is exact afterwards: each accepted event once, in order, with one receipt, and nothing given up.

The machine `load` counts its events and those that came out of turn, so its context answers for all of them, also for
those whose receipts are not kept any more.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from settle.adapters.sqlite_database import SqliteDatabase
from settle.runtime.errors import StoreUnavailableError
from tests.load.http_client import Connection
from tests.load.processes import read_counters
from tests.load.traffic import CREATION_VERSION, Instance

READERS: Final = 8
STALLED_SECONDS: Final = 60.0
"""Without any progress for so long, what is missing is lost: two visibility timeouts."""
PAUSE_SECONDS: Final = 0.1
FAULTS: Final = {
    "ingress": ("errors", "timeouts", "crashed_in_flight"),
    "consumer": ("errors", "timeouts", "crashed_in_flight"),
}
"""Counters of the system that have to stay where they are."""
RETRIES: Final = {"mapping": ("failed_batches", "failed_messages")}
"""The same where nothing is slow. An event that was tried again is not lost, but why was it?"""

Counters = Mapping[str, Mapping[str, int]]


@dataclass(kw_only=True)
class Findings:
    """What the checks came to.

    Attributes:
        problems: everything that is not as it must be.
        settled: when the last event was seen applied (monotonic).
        receipts: distinct ones.
        dead_letters: in every dead-letter queue; None where they cannot be counted from outside.
    """

    problems: list[str] = field(default_factory=list)
    settled: float = 0.0
    receipts: int = 0
    dead_letters: int | None = None


async def verify(
    port: int, instances: Sequence[Instance], before: Counters, data: Path | None, *, retries: bool = False
) -> Findings:
    """Wait until everything is applied, and check it.

    Args:
        port: of the system.
        instances: that were sent to.
        before: counters of the system before the load.
        data: its data directory; None when that is not ours to read.
        retries: whether messages may have been tried again, as those of slow instances are: no service is begun that
            could not end before its invocation does.
    """
    findings = Findings(settled=time.monotonic())
    used = [instance for instance in instances if instance.sent]

    async def check(number: int) -> None:
        async with Connection(port) as connection:
            for instance in used[number::READERS]:
                findings.problems += await _check(connection, instance, findings)

    async with asyncio.TaskGroup() as group:
        for number in range(READERS):
            group.create_task(check(number))
    ids = [receipt for instance in used for receipt in instance.receipts]
    findings.receipts = len(set(ids))
    if findings.receipts != len(ids):
        findings.problems.append(f"{len(ids)} accepted events have only {findings.receipts} receipts")
    async with Connection(port) as connection:
        findings.problems += _faults(before, await read_counters(connection), {} if retries else RETRIES)
    if data is not None:
        findings.dead_letters = count_dead_letters(data)
        if findings.dead_letters:
            findings.problems.append(f"{findings.dead_letters} messages ended as dead letters")
    return findings


async def _check(connection: Connection, instance: Instance, findings: Findings) -> list[str]:
    document = await _wait(connection, instance, findings)
    answer = await connection.request("GET", f"{instance.path}/receipts/{instance.receipts[-1]}")
    return [*find_faults(instance, document), *find_receipt_faults(instance, answer.json())]


async def _wait(connection: Connection, instance: Instance, findings: Findings) -> dict[str, Any]:
    """Wait until an instance has counted as far as it must; give up when it does not move any more."""
    count, moved = -1, time.monotonic()
    while True:
        document: dict[str, Any] = (await connection.request("GET", instance.path)).json()
        now = document.get("context", {}).get("count", -1)
        if now != count:
            count, moved = now, time.monotonic()
        # What was applied before anybody looked does not tell when that was.
        if count >= instance.sent and document["settled"]:
            return document
        if document.get("blocked") or time.monotonic() - moved > STALLED_SECONDS:
            return document
        await asyncio.sleep(PAUSE_SECONDS)
        findings.settled = time.monotonic()


def find_faults(instance: Instance, document: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with an instance to which so many events were sent."""
    context = document.get("context", {})
    count, misplaced = context.get("count", 0), context.get("misplaced", 0)
    faults = []
    if not instance.sent <= count <= instance.sent + instance.doubtful:
        faults.append(f"{instance.name} counted {count} events; {instance.sent} were accepted")
    if misplaced:
        faults.append(f"{misplaced} events of {instance.name} came out of turn")
    if document.get("version") != CREATION_VERSION + count:
        faults.append(f"{instance.name} has version {document.get('version')} after {count} events")
    if not document.get("settled") or document.get("held") or document.get("blocked"):
        faults.append(f"{instance.name} does not rest: {document}")
    return faults


def find_receipt_faults(instance: Instance, receipt: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the receipt of the last event of an instance."""
    wanted = ("applied", CREATION_VERSION + instance.sent)
    if (receipt.get("outcome"), receipt.get("version")) == wanted:
        return []
    return [f"the last receipt of {instance.name} is {dict(receipt)}, not {wanted}"]


def _faults(before: Counters, after: Counters, more: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        f"{grown} {name.replace('_', ' ')} of the {part}"
        for part, names in {**FAULTS, **more}.items()
        for name in names
        if (grown := after[part][name] - before[part][name])
    ]


def count_dead_letters(data: Path) -> int | None:
    """Return how many messages lie in dead-letter queues; None where no file holds them."""
    path = data / "settle.db"
    if not path.exists():
        return None
    database = SqliteDatabase(str(path))
    try:
        with database.reading(StoreUnavailableError) as connection:
            row = connection.execute("SELECT count(*) FROM queue_message WHERE queue LIKE '%dead-letters%'").fetchone()
            return int(row[0])
    finally:
        database.close()
