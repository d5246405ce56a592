"""Events as clients send them, and what the clients saw."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.load.http_client import Answer, Connection, NoAnswerError

MACHINE: Final = "load"
WAIT_SECONDS: Final = 20
CREATION_VERSION: Final = 1
"""Version of an instance that its first event made, before that event is applied."""
_NOT_ACCEPTED: Final = {429, 503}
"""Answers that say for certain that the event was not taken."""


@dataclass(slots=True, kw_only=True, eq=False)
class Instance:
    """One instance, and what was sent to it. Whoever sends to it holds the lock, so that its events have an order.

    Attributes:
        name: instance id.
        event: type of the events that it gets.
        seconds: that the service of each takes, if the type has one.
        sent: events that were accepted.
        doubtful: events of which nobody knows whether they were; after the first, nothing more is sent.
        receipts: ids of the receipts.
        lock: of the sender.
    """

    name: str
    event: str = "COUNT"
    seconds: float = 0.0
    sent: int = 0
    doubtful: int = 0
    receipts: list[str] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/machines/{MACHINE}/instances/{self.name}"


@dataclass(kw_only=True)
class Traffic:
    """What the clients saw. Latencies are in milliseconds, and begin when a request was meant to go out.

    Attributes:
        accepted: latencies of requests that asked for nothing more than to be accepted.
        applied: latencies of requests that asked to wait, and were answered when the event was applied.
        late: how long after its time each request went out.
        unsettled: requests that asked to wait, and were answered sooner.
        errors: requests that were not accepted, by what was wrong.
        problems: answers that may not be.
        answered: when the last answer came (monotonic).
    """

    accepted: list[float] = field(default_factory=list)
    applied: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    unsettled: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    answered: float = field(default_factory=time.monotonic)

    @property
    def events(self) -> int:
        """How many were accepted."""
        return len(self.accepted) + len(self.applied) + self.unsettled


async def send(connection: Connection, instance: Instance, traffic: Traffic, *, wait: bool, due: float) -> bool:
    """Send the next event of an instance, whose lock is held; return whether it was accepted.

    Args:
        connection: that nobody else uses.
        instance: that gets it.
        traffic: where to note what came of it.
        wait: whether to wait until the event is applied.
        due: when it was meant to go out (monotonic).
    """
    if instance.doubtful:
        return False
    document = {"type": instance.event, "data": {"n": instance.sent, "seconds": instance.seconds}}
    headers = {"Prefer": f"wait={WAIT_SECONDS}"} if wait else {}
    traffic.late.append((time.monotonic() - due) * 1000)
    try:
        answer = await connection.request("POST", f"{instance.path}/events", document, headers)
    except NoAnswerError as error:
        traffic.errors[type(error.__cause__).__name__] += 1
        instance.doubtful += 1
        return False
    now = time.monotonic()
    traffic.answered = now
    if answer.status not in {200, 202}:
        traffic.errors[str(answer.status)] += 1
        instance.doubtful += answer.status not in _NOT_ACCEPTED
        return False
    latency = (now - due) * 1000
    if not wait:
        traffic.accepted.append(latency)
    elif answer.status == 200:
        traffic.applied.append(latency)
    else:
        traffic.unsettled += 1
    traffic.problems += _note(instance, answer)
    return True


def _note(instance: Instance, answer: Answer) -> Sequence[str]:
    """Note that an event was accepted; return what is wrong with a receipt that says more."""
    receipt: dict[str, Any] = answer.json()
    instance.sent += 1
    instance.receipts.append(receipt["id"])
    wanted = ("applied", CREATION_VERSION + instance.sent)
    if answer.status == 200 and (receipt["outcome"], receipt.get("version")) != wanted:
        return [f"event {instance.sent - 1} of {instance.name}: {receipt}, not {wanted}"]
    return []
