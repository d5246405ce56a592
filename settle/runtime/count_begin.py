"""Counting how often an event was begun, so that one that kills the process is found out."""

from typing import Final

from settle.runtime.errors import AttemptsExhaustedError
from settle.runtime.incoming import IncomingEvent
from settle.runtime.instance import Failing
from settle.runtime.turn import Turn

MAX_BEGUN: Final = 5
"""Times that a message may be begun again without an end before its event is quarantined."""


def count_begin(turn: Turn, event: IncomingEvent, now: float) -> AttemptsExhaustedError | None:
    """Count that an event is begun, and store the count before it runs; return the error when that was too often."""
    failing = turn.existing.failing
    sequence = event.position.sequence
    count = failing.count if failing is not None and failing.sequence == sequence else 0
    if count >= MAX_BEGUN:
        return AttemptsExhaustedError(f"event {event.type!r} was begun {count + 1} times and never finished")
    turn.update(failing=Failing(sequence=sequence, count=count + 1))
    turn.commit(now)
    return None
