"""What must be true when everything has settled, asked over HTTP and read from the services' own log."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from tests.e2e.workload import MACHINE, Sent, Workload

SERVICES_PER_EVENT: Final = 2
STALLED_SECONDS: Final = 150.0
"""Without any progress for so long, the run has failed: five visibility timeouts."""
READERS: Final = 8
"""Instances whose receipts are read at the same time."""
_GONE: Final = 410


@dataclass(kw_only=True)
class Findings:
    """What the checks came to.

    Attributes:
        problems: everything that is not as it must be.
        settled_at: when the last instance was complete (monotonic).
        receipts: by what reading them said.
        calls: of services, all lines of their log.
        repeated_calls: lines beyond the first of each key.
    """

    problems: list[str] = field(default_factory=list)
    settled_at: float = 0.0
    receipts: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    repeated_calls: int = 0


def expected_count(events: int) -> int:
    """The first COUNT only wakes the machine; every other counts twice."""
    return 2 * (events - 1)


async def wait_until_complete(client: httpx.AsyncClient, workload: Workload, findings: Findings) -> None:
    """Wait until every instance has counted as far as it must; give up when nothing moves any more."""
    waiting = {name: expected_count(len(events)) for name, events in workload.events.items()}
    counts = dict.fromkeys(waiting, -1)
    moved = time.monotonic()
    while waiting and time.monotonic() - moved < STALLED_SECONDS:
        for name in list(waiting):
            document = await _read(client, f"/machines/{MACHINE}/instances/{name}")
            count = document.get("context", {}).get("count", -1)
            if count != counts[name]:
                counts[name], moved = count, time.monotonic()
            if count >= waiting[name] or document.get("blocked"):
                del waiting[name]
        if waiting:
            await asyncio.sleep(0.2)
    findings.settled_at = moved
    findings.problems += [f"{name} stays at {counts[name]}, not {count}" for name, count in waiting.items()]


async def check_instances(client: httpx.AsyncClient, workload: Workload, findings: Findings) -> None:
    """Check that each count is exact and each instance rests."""
    for name, events in workload.events.items():
        document = await _read(client, f"/machines/{MACHINE}/instances/{name}")
        count, wanted = document["context"]["count"], expected_count(len(events))
        if count != wanted:
            findings.problems.append(f"{name} counted {count}, not {wanted}")
        if (document["value"], document["settled"], document["held"]) != ("even", True, 0) or document["blocked"]:
            findings.problems.append(f"{name} does not rest: {document}")


async def check_receipts(client: httpx.AsyncClient, workload: Workload, findings: Findings) -> None:
    """Check every receipt that can still be read: each event applied once, in the order sent."""
    turn = asyncio.Semaphore(READERS)

    async def check(name: str, events: Sequence[Sent]) -> None:
        async with turn:
            versions = [(event, await _read_version(client, event, findings)) for event in events]
        findings.problems += _out_of_order(name, [(event, version) for event, version in versions if version])

    async with asyncio.TaskGroup() as group:
        for name, events in workload.events.items():
            group.create_task(check(name, events))


async def _read_version(client: httpx.AsyncClient, event: Sent, findings: Findings) -> int:
    """Return the version that an event made; 0 when its receipt is not kept any more, or is not as it must be."""
    answer = await _get(client, f"/machines/{MACHINE}/instances/{event.instance}/receipts/{event.receipts[0]}")
    if answer.status_code == _GONE:
        findings.receipts["gone"] += 1
        return 0
    document = answer.json()
    findings.receipts[str(document.get("outcome"))] += 1
    if answer.status_code != 200 or document["outcome"] != "applied":
        findings.problems.append(f"event {event.number} of {event.instance}: {answer.status_code} {document}")
        return 0
    version: int = document["version"]
    return version


def _out_of_order(name: str, versions: Sequence[tuple[Sent, int]]) -> list[str]:
    """Each applied event raises the version by one, so the versions tell the places, even of events in between."""
    base = versions[0][1] - versions[0][0].number if versions else 0
    return [
        f"event {event.number} of {name} made version {version}, not {base + event.number}"
        for event, version in versions
        if version != base + event.number
    ]


def check_services(log: Path, workload: Workload, findings: Findings) -> None:
    """Check that each service run had a key of its own, and that calls beyond them are repetitions under the same."""
    lines = [line.split() for line in log.read_text().splitlines()]
    findings.calls = len(lines)
    findings.repeated_calls = len(lines) - len({key for key, *_ in lines})
    keys: dict[str, set[str]] = {}
    owners: dict[str, tuple[str, ...]] = {}
    for key, instance, invoke, *_ in lines:
        keys.setdefault(instance, set()).add(key)
        if owners.setdefault(key, (instance, invoke)) != (instance, invoke):
            findings.problems.append(f"key {key} stands for {owners[key]} and for {(instance, invoke)}")
    for name, events in workload.events.items():
        found, wanted = len(keys.get(f"{MACHINE}/{name}", ())), SERVICES_PER_EVENT * (len(events) - 1)
        if found != wanted:
            findings.problems.append(f"{name} has {found} service keys, not {wanted}")


async def _read(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    answer = await _get(client, path)
    document: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
    return document


async def _get(client: httpx.AsyncClient, path: str) -> httpx.Response:
    """Read, trying again while the system is being started anew."""
    for _ in range(60):
        try:
            answer = await client.get(path)
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.status_code < 500:
            return answer
        await asyncio.sleep(0.5)
    raise RuntimeError(f"GET {path} gets no answer")
