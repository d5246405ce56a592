"""Counting how often an event was begun, so that one that kills the process is found out."""

import logging
from typing import Final

from settle.runtime.errors import AttemptsExhaustedError, ConflictError, UnavailableError
from settle.runtime.incoming import Incoming
from settle.runtime.instance import Failing, InstanceKey
from settle.runtime.log_keys import make_log_keys
from settle.runtime.ports import Clock, InstanceStore
from settle.runtime.receipt import Position
from settle.runtime.turn import Turn

_logger = logging.getLogger("settle")

MAX_BEGUN: Final = 5
"""Times that a message may be begun again without an end before its event is quarantined."""


class BeginCounter:
    """Counts the begins of one group in one invocation: an event once, however many turns it takes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun: set[Position] = set()

    def begin(self, turn: Turn, event: Incoming) -> AttemptsExhaustedError | None:
        """Count an event that begins, and store the count before it runs; return the error when that was too often."""
        if event.position in self._begun:
            return None
        failing = turn.existing.failing
        sequence = event.position.sequence
        count = failing.count if failing is not None and failing.sequence == sequence else 0
        if count >= MAX_BEGUN:
            return AttemptsExhaustedError(f"event {event.type!r} was begun {count + 1} times and never finished")
        self._begun.add(event.position)
        turn.update(failing=Failing(sequence=sequence, count=count + 1))
        turn.commit(self._clock.now())
        return None

    def forget(self, store: InstanceStore, key: InstanceKey, queue: str) -> None:
        """Clear the count, as far as the store can be reached: what ended the run was the world, not the event."""
        if not self._begun:
            return
        try:
            turn = Turn(store, key, queue)
            failing = turn.instance.failing if turn.instance else None
            if failing is not None and failing.sequence in {position.sequence for position in self._begun}:
                turn.update(failing=None)
                turn.commit(self._clock.now())
        except (ConflictError, UnavailableError) as error:
            _logger.warning("a begin stays counted: %s", error.summary, extra=make_log_keys(key.machine, key.instance))
