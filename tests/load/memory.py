"""Whether the functions stay as large as they are while events go through: `make memory`.

    python -m tests.load.memory --backend embedded --events 100000

Runs the real handlers of ingress and consumer in this process, over SQLite on disk or over botocore against moto in a
process of its own, and counts what they hold after a fifth of the events, and after each further fifth. Ends with
status 1 when anything grew with the events, and says where.

Two memories are bounded by design but take long to fill: the rings of receipts that the runtime remembers, and the
strings that pydantic's parser does. They are brought to the same state before each reading, else they would look like
a leak, or hide one.
"""

import argparse
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic_core import from_json, to_json

from settle.runtime import ring
from tests.load.handlers import Functions, open_functions
from tests.load.memory_meter import Reading, describe, find_growth, read, where

INSTANCES: Final = 100
ROUND: Final = 10
"""Events between two invocations of the consumer."""
LISTED: Final = 5
"""Events of a round that come as one list."""
STEPS: Final = 5
REMEMBERED_STRINGS: Final = 16_384
"""Places of the table in which pydantic's parser keeps the short strings that it reads:
https://docs.rs/jiter/latest/src/jiter/py_string_cache.rs.html"""
OVERWRITE: Final = 12
"""So many times as many strings leave none of the old ones: each place is missed with a chance of e to the minus 12."""
_FILLING: Final = to_json([f"filling-{number:08}" for number in range(OVERWRITE * REMEMBERED_STRINGS)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run came to.

    Attributes:
        readings: in order.
        problems: what grew.
        lines: of code whose memory grew most, when anything did.
    """

    readings: Sequence[Reading]
    problems: Sequence[str]
    lines: Sequence[str] = ()


def measure(go: Callable[[int, int], None], events: int, forget: Callable[[], None] = lambda: None) -> Result:
    """Have so many events go through, in five steps, and read after each what the process holds.

    Args:
        go: has events go through, from one number to another.
        events: all in all.
        forget: brings what is bounded to the same state before each reading.
    """
    tracemalloc.start()
    try:
        readings = []
        for number in range(STEPS):
            go(number * events // STEPS, (number + 1) * events // STEPS)
            forget()
            readings.append(read((number + 1) * events // STEPS))
        problems = find_growth(readings[0], readings[-1])
        return Result(readings=readings, problems=problems, lines=_find_lines(go, events, forget) if problems else ())
    finally:
        tracemalloc.stop()


def _find_lines(go: Callable[[int, int], None], events: int, forget: Callable[[], None]) -> list[str]:
    """Say where memory grows in one step more. Snapshots are large, so none is taken while all is well."""
    before = tracemalloc.take_snapshot()
    go(events, events + events // STEPS)
    forget()
    return where(before, tracemalloc.take_snapshot())


class Traffic:
    """Requests of every kind: lists, keys and their repetitions, messages between instances, refusals, reads."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def go(self, first: int, last: int) -> None:
        """Send the events from one number to another, and have them consumed."""
        for number in range(first, last, ROUND):
            self._send(number)
            self._functions.consume()

    def _send(self, number: int) -> None:
        instances = [f"/machines/flat/instances/i{(number + more) % INSTANCES}" for more in range(ROUND)]
        send, event = self._functions.request, {"type": "NEXT"}
        send(202, "POST", f"{instances[0]}/events", [event] * LISTED)
        for _ in range(2):
            send(202, "POST", f"{instances[5]}/events", event, {"idempotency-key": f"key-{number}"})
        for instance in instances[6:9]:
            send(202, "POST", f"{instance}/events", event)
        send(202, "POST", "/machines/effects/instances/e/events", {"type": "SEND"})
        send(422, "POST", f"{instances[9]}/events", {"type": f"NOBODY-{number}"})
        send(404, "GET", f"/machines/nobody-{number}/instances/i")
        if number:
            send(200, "GET", f"/machines/flat/instances/i{(number - ROUND) % INSTANCES}")


def forget() -> None:
    """Bring what is bounded by design to the same state."""
    assert len(ring._memo) <= ring.MEMO_RINGS
    ring._memo.clear()
    from_json(_FILLING, cache_strings="all")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print the readings, and say by the exit status whether all is flat."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.memory", description=__doc__)
    parser.add_argument("--backend", choices=("embedded", "moto"), default="embedded")
    parser.add_argument("--events", type=int, default=100_000)
    given = parser.parse_args(arguments)
    with open_functions(given.backend) as functions:
        result = measure(Traffic(functions).go, given.events, forget)
    for line in (*describe(result.readings), *result.problems, *result.lines):
        sys.stdout.write(f"{line}\n")
    return 1 if result.problems else 0


if __name__ == "__main__":
    sys.exit(main())
