"""The clients of the acceptance run: those of the load, which try again until an event is accepted."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

from tests.e2e.workload import MACHINE, Sent, Workload, body
from tests.load.http_client import Answer, Connection, NoAnswerError

GIVE_UP_SECONDS: Final = 120.0
"""How long one request is tried again before the run fails."""
PAUSE_SECONDS: Final = 0.25
_TRY_AGAIN: Final = {429, 500, 502, 503, 504}


class RequestFailedError(Exception):
    """A request that may not be repeated had no answer, or the wrong one."""


@dataclass(kw_only=True)
class Traffic:
    """What all clients saw.

    Attributes:
        seconds: latency of each accepted request.
        accepted: answers by status.
        refused: answers that asked to try again, by status.
        unanswered: requests whose connection failed.
        last: when the last request was accepted (monotonic).
    """

    seconds: list[float] = field(default_factory=list)
    accepted: dict[int, int] = field(default_factory=dict)
    refused: dict[int, int] = field(default_factory=dict)
    unanswered: int = 0
    last: float = 0.0


async def send_all(port: int, workload: Workload, clients: int, traffic: Traffic) -> None:
    """Send everything, with so many clients at a time."""

    async def run(number: int) -> None:
        async with Connection(port) as connection:
            for event, is_repetition in workload.share(number, clients):
                await _send(connection, event, traffic, is_repetition=is_repetition)

    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(run(number))


async def _send(connection: Connection, event: Sent, traffic: Traffic, *, is_repetition: bool) -> None:
    """Send one request until it is accepted. Without a key it goes out only once."""
    path = f"/machines/{MACHINE}/instances/{event.instance}/events"
    headers = {"idempotency-key": event.key} if event.key else {}
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while True:
        begin = time.monotonic()
        answer = await _try(connection, path, headers, traffic)
        if answer is not None and answer.status in {200, 202}:
            break
        said = "no answer" if answer is None else f"{answer.status} {answer.body.decode()}"
        if not event.key or time.monotonic() > deadline or (answer and answer.status not in _TRY_AGAIN):
            raise RequestFailedError(f"event {event.number} of {event.instance}, key {event.key!r}: {said}")
        event.retries += 1
        await asyncio.sleep(PAUSE_SECONDS)
    traffic.last = time.monotonic()
    traffic.seconds.append(traffic.last - begin)
    traffic.accepted[answer.status] = traffic.accepted.get(answer.status, 0) + 1
    document = answer.json()
    event.receipts.append(document["id"])
    event.statuses.append(answer.status)
    if is_repetition and len(set(event.receipts)) > 1:
        raise RequestFailedError(f"a repetition was answered with another receipt: {event.receipts}")


async def _try(connection: Connection, path: str, headers: dict[str, str], traffic: Traffic) -> Answer | None:
    try:
        answer = await connection.request("POST", path, body(), headers)
    except NoAnswerError:
        traffic.unanswered += 1
        return None
    if answer.status in _TRY_AGAIN:
        traffic.refused[answer.status] = traffic.refused.get(answer.status, 0) + 1
    return answer
