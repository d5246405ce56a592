"""The journal of a run: outcomes of its services, kept so that a finished one is not called again.

A run is a pure function of the snapshot, the event and these outcomes, so it can be computed anew at any time.
"""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, replace
from typing import Final

from settle.core.definition import Definition
from settle.core.event import Event
from settle.core.service import ServiceCall
from settle.core.snapshot import LiveInvoke, Snapshot
from settle.core.spec import InvokeSpec
from settle.core.stored_data import load_context, load_plain
from settle.runtime.call_service import call_service, failure_outcome
from settle.runtime.errors import DeadlineError, ServiceFailedError
from settle.runtime.ids import service_key
from settle.runtime.instance import Run, ServiceOutcome
from settle.runtime.tally import Tally
from settle.runtime.turn import Turn

RESERVE_SECONDS: Final = 1.0
"""Time that must be left after a service for the write and the relay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """When this invocation must be over.

    Attributes:
        remaining: seconds left, asked anew each time.
    """

    remaining: Callable[[], float]

    def check(self, invoke: InvokeSpec) -> None:
        """Raise `DeadlineError` unless a call can end in time."""
        left = self.remaining()
        if left < invoke.timeout + RESERVE_SECONDS:
            raise DeadlineError(f"{left:.1f} s are left, and service {invoke.src!r} may take {invoke.timeout} s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What calling services needs in one invocation.

    Attributes:
        deadline: of the invocation.
        known: outcomes that voided turns of this invocation came to, by key; filled further by each run.
        new_token: makes tokens that nobody can guess.
        tally: counts the calls.
    """

    deadline: Deadline
    known: MutableMapping[str, ServiceOutcome]
    new_token: Callable[[], str]
    tally: Tally


class Journal:
    """Answers the services of one run, from what was recorded or by calling them.

    Args:
        turn: the instance; its working copy holds everything that was folded before this run.
        definition: that the run is computed with.
        event: the external event of the run.
        now: time at which the run begins, unless an earlier attempt recorded one.
        services: what calling them needs.
    """

    def __init__(self, turn: Turn, definition: Definition, event: Event, now: float, services: Services) -> None:
        self._turn, self._definition, self._event = turn, definition, event
        self._deadline, self._known, self._tally = services.deadline, services.known, services.tally
        stored = turn.existing.run
        if stored is None or stored.event_id != event.id or stored.definition != definition.hash:
            stored = Run(event_id=event.id, now=now, definition=definition.hash)
        self.now = stored.now
        self._begun_at = now
        self._results = dict(stored.results)
        self._attempts = dict(stored.attempts)
        self._unrecorded = False

    def answer(self, live: LiveInvoke, snapshot: Snapshot) -> ServiceOutcome:
        """Return how a service ended, calling it only if nobody knows yet.

        What this run learned so far is stored before another service starts, together with what was folded before.

        Raises:
            ServiceFailedError: it failed, and may be called again later.
            DeadlineError: it could not end in time.
        """
        key = service_key(self._turn.existing.incarnation, self._event.id, live)
        if key not in self._results:
            if key not in self._known:
                if self._unrecorded or self._turn.folded:
                    self.record()
                self._known[key] = self._call(key, live, snapshot)
            self._results[key] = self._known[key]
            self._unrecorded = True
        return self._results[key]

    def _call(self, key: str, live: LiveInvoke, snapshot: Snapshot) -> ServiceOutcome:
        invoke = self._definition.invokes[live.id]
        self._deadline.check(invoke)
        attempt = self._attempts.get(key, 0) + 1
        call = ServiceCall(
            key=key,
            context=load_context(self._definition, snapshot),
            machine=self._turn.key.machine,
            instance=self._turn.key.instance,
            invoke=live.id,
            input=load_plain(live.input),
            event=replace(self._event, data=load_plain(self._event.data)),
            attempt=attempt,
            now=self.now,
        )
        try:
            return call_service(invoke, call, self._tally)
        except ServiceFailedError as error:
            self._attempts[key] = attempt
            if attempt >= invoke.attempts:
                return failure_outcome(error)
            raise

    def record(self) -> None:
        """Store what this run learned, beside the unchanged snapshot, with all that was folded before."""
        self._turn.update(run=self._as_run(), failing=None)
        self._turn.commit(self._begun_at)
        self._unrecorded = False

    def keep(self) -> None:
        """Put what this run learned on the working copy, for the next commit."""
        if self._results or self._attempts:
            self._turn.update(run=self._as_run(), failing=None)

    def _as_run(self) -> Run:
        return Run(
            event_id=self._event.id,
            now=self.now,
            definition=self._definition.hash,
            results=self._results,
            attempts=self._attempts,
        )
