"""What the clients of the acceptance run send: decided beforehand by a seed, so that a run can be had again."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

MACHINE: Final = "count"
EVENT: Final = "COUNT"


@dataclass(kw_only=True)
class Sent:
    """One event of one instance, and what became of its requests.

    Attributes:
        instance: its instance id.
        number: its place among the events of its instance, from 0.
        key: idempotency key; empty for none.
        repeated_after: how many later events of the instance go out before the repetition; None for no repetition.
        receipts: ids of the receipts that its requests were answered with, the first one first.
        statuses: of the answers that were accepted.
        retries: requests that had no answer, or an answer that asks to try again.
    """

    instance: str
    number: int
    key: str = ""
    repeated_after: int | None = None
    receipts: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    retries: int = 0


@dataclass(frozen=True, kw_only=True)
class Workload:
    """All events, by instance and in order.

    Attributes:
        events: by instance id.
    """

    events: dict[str, list[Sent]]

    @classmethod
    def plan(cls, seed: int, *, instances: int, events: int, keyed: float, repeated: float) -> "Workload":
        """Decide what is sent.

        Args:
            seed: of every decision.
            instances: how many.
            events: to each of them.
            keyed: share of the events that have a key without being repeated.
            repeated: share of the events that are sent twice, under one key.
        """
        choice = random.Random(seed)  # noqa: S311 - a plan, not a secret
        planned: dict[str, list[Sent]] = {}
        for index in range(instances):
            name = f"load-{seed}-{index:03}"
            planned[name] = [_plan_event(choice, name, number, keyed, repeated) for number in range(events)]
        return cls(events=planned)

    def share(self, client: int, clients: int) -> Iterator[tuple[Sent, bool]]:
        """Yield what one client sends, in order, and whether it is a repetition.

        An instance has one client, or nobody could say in which order its events were sent. A client goes round its
        instances, so that their events lie apart.
        """
        mine = [events for index, events in enumerate(self.events.values()) if index % clients == client]
        for number in range(max((len(events) for events in mine), default=0)):
            for events in mine:
                yield events[number], False
                for earlier in events[: number + 1]:
                    if earlier.repeated_after is not None and earlier.number + earlier.repeated_after == number:
                        yield earlier, True

    def __iter__(self) -> Iterator[Sent]:
        return (event for events in self.events.values() for event in events)


def _plan_event(choice: random.Random, instance: str, number: int, keyed: float, repeated: float) -> Sent:
    drawn = choice.random()
    after = choice.choice((0, 0, 1, 3)) if drawn < repeated else None
    key = f"{instance}-{number}" if drawn < repeated + keyed else ""
    return Sent(instance=instance, number=number, key=key, repeated_after=after)


def body() -> dict[str, Any]:
    return {"type": EVENT}
